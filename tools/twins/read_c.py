# SPDX-License-Identifier: GPL-2.0-only
"""Half C in the common form, read by tree-sitter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import tree_sitter
import tree_sitter_c

from pykmm.source.operands import matching_bracket

from .form import Expression, Function, Statement, Unreadable, joined
from .steps import step_finder

_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_c.language()))
# macros that a mirrored file may define: its constant, and a header's guard
_OWN_MACRO = re.compile(rb"KMM_FILE|_LINUX_\w+_H")

Node = tree_sitter.Node


def c_functions(text: str, loops: Iterable[str] = ()) -> list[Function]:
    """Functions that a C text defines, in its order.

    loops    names of macros that are loops, as `loop(v, ...) { ... }`
    raises   Unreadable: a line that is no C, or C that no mirrored function may hold
    """
    tree = _PARSER.parse(_with_loops(text, loops).encode())
    wrong = _first(tree.root_node, lambda node: node.type == "ERROR" or node.is_missing)
    if wrong:
        raise Unreadable(_line(wrong), "this is no C")
    _refuse_macros(tree.root_node)
    steps = step_finder(text, cython=False)
    return [_Reader(steps).function(node) for node in _all(tree.root_node, "function_definition")]


def _with_loops(text: str, loops: Iterable[str]) -> str:
    """Macros that loop made `while (loop(v, ...))`, which a parser of C can read."""
    for name in loops:
        for found in reversed(list(re.finditer(rf"\b{name}(?=\()", text))):
            end = matching_bracket(text, found.end())
            text = f"{text[:found.start()]}while ({text[found.start():end + 1]}){text[end + 1:]}"
    return text


def _refuse_macros(root: Node) -> None:
    for node in _all(root, "preproc_def", "preproc_function_def", "preproc_if", "preproc_ifdef"):
        name = node.child_by_field_name("name")
        if node.type not in ("preproc_def", "preproc_ifdef") or not (
                name and _OWN_MACRO.fullmatch(name.text or b"")):
            raise Unreadable(_line(node), "a mirrored file has no macro or #if of its own")


def _line(node: Node) -> int:
    return node.start_point[0] + 1


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _children(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type != "comment"]


def _first(node: Node, wanted: Callable[[Node], bool]) -> Node | None:
    if wanted(node):
        return node
    return next((found for child in node.children if (found := _first(child, wanted))), None)


def _all(node: Node, *types: str) -> list[Node]:
    own = [node] if node.type in types else []
    return own + [found for child in node.named_children for found in _all(child, *types)]


def _field(node: Node, name: str) -> Node:
    found = node.child_by_field_name(name)
    if found is None:
        raise Unreadable(_line(node), f"a {node.type} without its {name}")
    return found


class _Reader:
    """What reads one function."""

    def __init__(self, step_at: Callable[[int, int], str]):
        self.step_at = step_at
        self.first = 1

    def function(self, node: Node) -> Function:
        self.first = _line(node)
        base = self._base(node)
        declarator = _field(node, "declarator")
        stars = ""
        while declarator.type == "pointer_declarator":
            stars, declarator = stars + "*", _field(declarator, "declarator")
        name = _field(declarator, "declarator")
        arguments = [self._declared(p) for p in _children(_field(declarator, "parameters"))
                     if p.child_by_field_name("declarator")]
        return Function(_text(name), base + stars, tuple(arguments), _line(name),
                        node.end_point[0] + 1, self.block(_field(node, "body")))

    def _base(self, node: Node) -> str:
        """The type that a declaration begins with, qualifiers first."""
        qualifiers = [_text(child) for child in node.children if child.type == "type_qualifier"]
        return " ".join([*qualifiers, *_text(_field(node, "type")).split()])

    def _declared(self, node: Node, declarator: Node | None = None) -> tuple[str, str]:
        """(type, name) of a declaration's only declarator, or of the one given."""
        kind, at = self._base(node), declarator or _field(node, "declarator")
        while at.type == "pointer_declarator":
            qualifiers = [_text(c) for c in at.children if c.type == "type_qualifier"]
            kind, at = " ".join([*qualifiers, kind + "*"]), _field(at, "declarator")
        if at.type != "identifier":
            raise Unreadable(_line(at), f"a {at.type} is no way to declare a local or an argument")
        return kind, _text(at)

    # -- statements

    def block(self, node: Node) -> tuple[Statement, ...]:
        """The statements of a block, or of the one statement in place of it."""
        if node.type == "compound_statement":
            return tuple(s for child in _children(node) for s in self.statements(child))
        return tuple(self.statements(node))

    def statements(self, node: Node) -> list[Statement]:
        """A statement; two and more for a label, or several names in one declaration."""
        read = getattr(self, "_" + node.type, None)
        if read is None:
            raise Unreadable(_line(node), f"no spelling is known for a {node.type}")
        return read(node)

    def _say(self, node: Node, kind: str, **more) -> list[Statement]:
        line = _line(node)
        return [Statement(kind, line, self.step_at(line, self.first), **more)]

    def _declaration(self, node: Node) -> list[Statement]:
        found: list[Statement] = []
        for declarator in node.children_by_field_name("declarator"):
            parts: tuple[Expression, ...] = ()
            if declarator.type == "init_declarator":
                parts = (self.expression(_field(declarator, "value")),)
                declarator = _field(declarator, "declarator")
            kind, name = self._declared(node, declarator)
            found += self._say(node, "declare", word=name, type=kind, parts=parts)
        return found

    def _expression_statement(self, node: Node) -> list[Statement]:
        children = _children(node)
        if not children:
            return self._say(node, "pass")
        inner = children[0]
        if inner.type == "assignment_expression":
            parts = self.expression(_field(inner, "left")), self.expression(_field(inner, "right"))
            return self._say(node, "set", word=_text(_field(inner, "operator")), parts=parts)
        if inner.type == "update_expression":
            return self._say(node, "set", word=_text(_field(inner, "operator")),
                             parts=(self.expression(_field(inner, "argument")),))
        return self._say(node, "do", parts=(self.expression(inner),))

    def _if_statement(self, node: Node) -> list[Statement]:
        other = node.child_by_field_name("alternative")
        below = () if other is None else tuple(
            s for child in _children(other) for s in self.block(child))
        return self._say(node, "if", parts=(self.expression(_field(node, "condition")),),
                         body=self.block(_field(node, "consequence")), other=below)

    def _while_statement(self, node: Node) -> list[Statement]:
        return self._say(node, "while", parts=(self.expression(_field(node, "condition")),),
                         body=self.block(_field(node, "body")))

    def _do_statement(self, node: Node) -> list[Statement]:
        condition = _field(node, "condition")
        until = self._say(condition, "until", parts=(self.expression(condition),))
        return self._say(node, "do while", body=(*self.block(_field(node, "body")), *until))

    def _switch_statement(self, node: Node) -> list[Statement]:
        return self._say(node, "switch", parts=(self.expression(_field(node, "condition")),),
                         body=self.block(_field(node, "body")))

    def _case_statement(self, node: Node) -> list[Statement]:
        value = node.child_by_field_name("value")
        body = [child for child in _children(node) if child != value]
        return self._say(node, "case", parts=(self.expression(value),) if value else (),
                         body=tuple(s for child in body for s in self.statements(child)))

    def _labeled_statement(self, node: Node) -> list[Statement]:
        label, *rest = _children(node)
        return [*self._say(node, "label", word=_text(label)),
                *(s for child in rest for s in self.statements(child))]

    def _goto_statement(self, node: Node) -> list[Statement]:
        return self._say(node, "goto", word=_text(_field(node, "label")))

    def _return_statement(self, node: Node) -> list[Statement]:
        return self._say(node, "return", parts=tuple(map(self.expression, _children(node))))

    def _break_statement(self, node: Node) -> list[Statement]:
        return self._say(node, "break")

    def _continue_statement(self, node: Node) -> list[Statement]:
        return self._say(node, "continue")

    # -- expressions

    def expression(self, node: Node) -> Expression:
        def of(name: str) -> Expression:
            return self.expression(_field(node, name))

        kind = node.type
        if kind == "parenthesized_expression":
            return self.expression(_children(node)[0])
        if kind in ("identifier", "null"):
            return ("name", _text(node))
        if kind == "number_literal":
            return self._number(node)
        if kind == "call_expression":
            return ("call", of("function"),
                    *(self.expression(a) for a in _children(_field(node, "arguments"))))
        if kind == "field_expression":
            access = {".": "field", "->": "arrow"}[_text(_field(node, "operator"))]
            return (access, of("argument"), _text(_field(node, "field")))
        if kind == "subscript_expression":
            return ("index", of("argument"), of("index"))
        if kind == "pointer_expression":
            access = {"&": "address", "*": "pointee"}[_text(_field(node, "operator"))]
            return (access, of("argument"))
        if kind == "unary_expression":
            sign = _text(_field(node, "operator"))
            return ("not", of("argument")) if sign == "!" else ("unary", sign, of("argument"))
        if kind == "binary_expression":
            sign = _text(_field(node, "operator"))
            if sign in ("&&", "||"):
                return joined({"&&": "and", "||": "or"}[sign], of("left"), of("right"))
            return ("binary", sign, of("left"), of("right"))
        if kind == "conditional_expression":
            return ("choose", of("condition"), of("consequence"), of("alternative"))
        if kind == "cast_expression":
            return ("cast", " ".join(_text(_field(node, "type")).replace(" *", "*").split()),
                    of("value"))
        if kind == "assignment_expression" and _text(_field(node, "operator")) == "=":
            return ("assign", of("left"), of("right"))
        raise Unreadable(_line(node), f"no spelling is known for a {kind}: {_text(node)}")

    def _number(self, node: Node) -> Expression:
        text = _text(node)
        if not re.fullmatch(r"0x[0-9a-fA-F]+|0|[1-9][0-9]*", text):
            raise Unreadable(_line(node), f"no spelling is known for the number {text}")
        return ("number", int(text, 0))
