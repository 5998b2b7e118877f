# SPDX-License-Identifier: GPL-2.0-only
"""Every small change of a function of the patch in C: of each condition, call, argument and order.

A change says its function, its step and what becomes of which text, and keeps that name when lines
around it move.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter
import tree_sitter_c

from pykmm.engine import core
from pykmm.source import anchors

Node = tree_sitter.Node
_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_c.language()))

# calls that an event tells of: of others it makes no difference whether, or when, they are asked
_EVENTS = frozenset(name for name, *_ in core.EVENTS)
FUNCTIONS = frozenset(anchors.FUNCTION_OF.values())
# what stands for what: a flag for its neighbour, an error for another one
_SIBLINGS = {
    "VM_READ": "VM_MAYREAD", "VM_WRITE": "VM_MAYWRITE", "VM_EXEC": "VM_MAYEXEC",
    "VM_SHARED": "VM_MAYSHARE", "VM_MAYREAD": "VM_READ", "VM_MAYWRITE": "VM_WRITE",
    "VM_MAYEXEC": "VM_EXEC", "VM_MAYSHARE": "VM_SHARED", "VM_PFNMAP": "VM_NONLINEAR",
    "VM_NONLINEAR": "VM_PFNMAP", "VM_ACCOUNT": "VM_LOCKED", "VM_LOCKED": "VM_ACCOUNT",
    "VM_DENYWRITE": "VM_EXECUTABLE", "VM_EXECUTABLE": "VM_DENYWRITE",
    "VM_NORESERVE": "VM_ACCOUNT", "VM_GROWSDOWN": "VM_GROWSUP", "VM_GROWSUP": "VM_GROWSDOWN",
    "PROT_READ": "PROT_WRITE", "PROT_WRITE": "PROT_READ", "PROT_EXEC": "PROT_WRITE",
    "MAP_SHARED": "MAP_PRIVATE", "MAP_PRIVATE": "MAP_SHARED", "MAP_FIXED": "MAP_LOCKED",
    "MAP_POPULATE": "MAP_NONBLOCK", "MAP_NONBLOCK": "MAP_POPULATE", "MAP_LOCKED": "MAP_FIXED",
    "FMODE_READ": "FMODE_WRITE", "FMODE_WRITE": "FMODE_READ",
    "FOLL_TOUCH": "FOLL_GET", "FOLL_GET": "FOLL_TOUCH", "FOLL_WRITE": "FOLL_TOUCH",
    "FOLL_ANON": "FOLL_TOUCH",
    "EINVAL": "EPERM", "EPERM": "EINVAL", "ENOMEM": "EINVAL", "EACCES": "EPERM",
    "EAGAIN": "EINVAL", "ENODEV": "EPERM", "EOVERFLOW": "ENOMEM", "EFAULT": "EINVAL",
    "VM_FAULT_MINOR": "VM_FAULT_MAJOR", "VM_FAULT_MAJOR": "VM_FAULT_MINOR",
    "VM_FAULT_OOM": "VM_FAULT_SIGBUS", "VM_FAULT_SIGBUS": "VM_FAULT_OOM",
    "VM_FAULT_WRITE": "VM_FAULT_MINOR",
    "TASK_SIZE": "TASK_UNMAPPED_BASE", "RLIMIT_MEMLOCK": "RLIMIT_AS", "RLIMIT_AS": "RLIMIT_DATA",
    "PAGECACHE_TAG_DIRTY": "PAGECACHE_TAG_WRITEBACK", "NR_FILE_DIRTY": "NR_WRITEBACK",
}
_SIBLINGS |= {f"KMM_U{n}": f"KMM_U{n % 7 + 1}" for n in range(1, 8)}
# a predicate of a vma's flags, and weaker and stronger ones
_PREDICATES = {
    "is_shared_writable": (
        "(({0}) & (VM_SHARED | VM_PFNMAP)) == VM_SHARED",
        "(({0}) & (VM_WRITE | VM_PFNMAP)) == VM_WRITE",
        "(({0}) & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE)",
        "(({0}) & (VM_SHARED | VM_MAYWRITE | VM_PFNMAP)) == (VM_SHARED | VM_MAYWRITE)",
        "(({0}) & (VM_MAYSHARE | VM_WRITE | VM_PFNMAP)) == (VM_MAYSHARE | VM_WRITE)",
    ),
}
_OPERATORS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&": "|",
              "|": "&", "+": "-", "-": "+", "<<": ">>", ">>": "<<"}
_ASSIGNMENTS = {"+=": "-=", "-=": "+=", "|=": "&=", "&=": "|="}
_LOGICAL = {"&&": "||", "||": "&&"}


@dataclass(frozen=True)
class Change:
    """One change of a function.

    file : str       below cref/
    step : str       in whose lines it begins
    first, last      bytes of the file's text that `new` takes the place of
    number : int     of those that are told alike, which; from 1
    """

    file: str
    function: str
    step: str
    first: int
    last: int
    old: str
    new: str
    number: int = 1

    @property
    def name(self) -> str:
        def short(text: str) -> str:
            return " ".join(text.split())

        which = f" ({self.number})" if self.number > 1 else ""
        return f"{self.step}: {short(self.old)} -> {short(self.new) or 'nothing'}{which}"

    def applied_to(self, text: str) -> str:
        data = text.encode()
        # lines behind it stay where they are: they say which steps events are of
        lines = "\n" * (self.old.count("\n") - self.new.count("\n"))
        return (data[:self.first] + (self.new + lines).encode() + data[self.last:]).decode()


def changes_of(file: str, text: str) -> list[Change]:
    """All changes of the functions of the patch in one file; file: below cref/."""
    steps = anchors.anchors_of(text, cython=False)
    found: list[Change] = []
    seen: set[tuple] = set()
    alike: Counter[tuple] = Counter()
    for function, node, old, new in _all(text.encode()):
        line = node.start_point[0] + 1
        own = [a for a in steps if a.function == function]
        step = next((a.step for a in reversed(own) if a.line <= line), own[0].step)
        first, last = node.start_byte, node.start_byte + len(old.encode())
        if old == new or (first, last, new) in seen:
            continue
        seen.add((first, last, new))
        told = (step, " ".join(old.split()), " ".join(new.split()))
        alike[told] += 1
        found.append(Change(file, function, step, first, last, old, new, alike[told]))
    return found


def _all(data: bytes) -> Iterator[tuple[str, Node, str, str]]:
    # a header's functions stand inside of its #ifndef
    todo = list(reversed(_PARSER.parse(data).root_node.children))
    while todo:
        node = todo.pop()
        if node.type.startswith("preproc_if"):
            todo += reversed(node.children)
        if node.type != "function_definition":
            continue
        name = _name(node)
        if name in FUNCTIONS:
            for at, old, new in _of(node.child_by_field_name("body")):
                yield name, at, old, new


def _name(function: Node) -> str:
    return re.search(r"(\w+)\s*\(", function.child_by_field_name("declarator").text.decode())[1]


def _text(node: Node) -> str:
    return node.text.decode()


def _of(node: Node) -> Iterator[tuple[Node, str, str]]:
    """(where, old, new) of every change below a node."""
    kind = node.type
    if kind in ("if_statement", "while_statement", "do_statement", "for_statement",
                "conditional_expression"):
        condition = node.child_by_field_name("condition")
        if condition is not None:
            yield from _condition(condition)
    elif kind == "binary_expression":
        yield from _operator(node)
    elif kind == "assignment_expression":
        operator = node.child_by_field_name("operator")
        if _text(operator) in _ASSIGNMENTS:
            yield operator, _text(operator), _ASSIGNMENTS[_text(operator)]
    elif kind == "expression_statement":
        yield node, _text(node), ";"
    elif kind == "call_expression":
        yield from _call(node)
    elif kind == "identifier" and _text(node) in _SIBLINGS:
        yield node, _text(node), _SIBLINGS[_text(node)]
    elif kind == "number_literal":
        yield node, _text(node), f"({_text(node)} + 1)"
    elif kind == "return_statement" and node.named_child_count:
        value = node.named_children[0]
        yield value, _text(value), f"({_text(value)}) + 1"
    elif kind == "goto_statement":
        yield node, _text(node), ";"
    if kind == "compound_statement":
        yield from _neighbours(node)
    for child in node.named_children:
        yield from _of(child)


def _condition(node: Node) -> Iterator[tuple[Node, str, str]]:
    """Each operand of && and || always so and never so, asked and not; those of one asked in
    another order."""
    bare = node
    while bare.type == "parenthesized_expression":
        bare = bare.named_children[0]
    if bare.type == "binary_expression" and _text(bare.child_by_field_name("operator")) in _LOGICAL:
        left, right = bare.child_by_field_name("left"), bare.child_by_field_name("right")
        operator = bare.child_by_field_name("operator")
        yield operator, _text(operator), _LOGICAL[_text(operator)]
        if all(_tells(side) or "->" in _text(side) for side in (left, right)):
            yield bare, _text(bare), f"{_grouped(right)} {_text(operator)} {_grouped(left)}"
        yield from _condition(left)
        yield from _condition(right)
        return
    if bare.type == "unary_expression" and _text(bare).startswith("!"):
        yield from _condition(bare.child_by_field_name("argument"))
        return
    text = _text(bare)
    wrapped = re.fullmatch(r"(?:un)?likely\((.*)\)", text, re.DOTALL)
    if wrapped and bare.type == "call_expression":
        yield from _condition(bare.child_by_field_name("arguments").named_children[0])
        return
    for answer in "10":
        yield bare, text, answer
        if _tells(bare):        # asked all the same, for its event
            yield bare, text, f"(({text}), {answer})"


def _tells(node: Node) -> bool:
    """Is there a call below that an event tells of?"""
    return any(word in _EVENTS for word in re.findall(r"(\w+)\s*\(", _text(node)))


def _grouped(node: Node) -> str:
    return f"({_text(node)})"


def _operator(node: Node) -> Iterator[tuple[Node, str, str]]:
    operator = node.child_by_field_name("operator")
    word = _text(operator)
    left, right = (_text(node.child_by_field_name(side)) for side in ("left", "right"))
    if word in _OPERATORS:
        yield operator, word, _OPERATORS[word]
    if word in _LOGICAL:        # outside of conditions: a number made of it
        yield operator, word, _LOGICAL[word]
        yield node, _text(node), f"({right}) {word} ({left})"
    if word in ("&", "|", "+", "-", "&&", "||"):
        yield node, _text(node), f"({left})"
        if word != "-":
            yield node, _text(node), f"({right})"


def _call(node: Node) -> Iterator[tuple[Node, str, str]]:
    name = _text(node.child_by_field_name("function"))
    arguments = [_text(one) for one in node.child_by_field_name("arguments").named_children]
    for other in _PREDICATES.get(name, ()):
        yield node, _text(node), f"({other.format(*arguments)})"
    if name in ("likely", "unlikely", "unit"):
        return
    for i, one in enumerate(arguments):
        changed = "1" if one == "0" else "0"
        others = ", ".join([*arguments[:i], changed, *arguments[i + 1:]])
        yield node, _text(node), f"{name}({others})"


def _neighbours(node: Node) -> Iterator[tuple[Node, str, str]]:
    """Two calls that stand one after the other, the other way round.

    The order of stores to memory of a function's own shows nowhere: no event is of it.
    """
    data = node.text
    for first, second in zip(node.named_children, node.named_children[1:], strict=False):
        if all(one.type == "expression_statement" and "(" in _text(one)
               for one in (first, second)):
            between = data[first.end_byte - node.start_byte:second.start_byte - node.start_byte]
            old = data[first.start_byte - node.start_byte:second.end_byte - node.start_byte]
            yield first, old.decode(), (second.text + between + first.text).decode()
