# SPDX-License-Identifier: GPL-2.0-only
"""The Cython half in the common form, read by Cython's own parser."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from Cython.Compiler import Errors, ExprNodes, Nodes, Parsing
from Cython.Compiler.Scanning import PyrexScanner, StringSourceDescriptor
from Cython.Compiler.TreeFragment import StringParseContext

from .form import Expression, Function, Statement, Unreadable, joined
from .steps import step_finder

# what a node has is given when it is made, so that its class does not say it
Node = Any

# the function of our own that every mirrored file has
NOT_OF_THE_KERNEL = {"enter"}
_LABEL = re.compile(r"    # (\w+):")


def cython_functions(text: str, *, declarations: bool = False) -> list[Function]:
    """Functions of the kernel that a Cython text defines, in its order.

    declarations   the text is a .pxd
    raises         Unreadable: no Cython, or Cython that no mirrored function may hold
    """
    tree = _parsed(text, declarations)
    _refuse_renaming(tree)
    reader = _Reader(text, cdivision=bool(tree.directive_comments.get("cdivision")))
    return [reader.function(node) for node in _all(tree, Nodes.CFuncDefNode)
            if _name_of(node.declarator) not in NOT_OF_THE_KERNEL]


def names_in_c(pxd: Path) -> dict[str, str]:
    """Types that a .pxd declares under a name that is not C's -> C's name."""
    tree = _parsed(pxd.read_text(encoding="utf-8"), True)
    return {node.name: node.cname for node in _all(tree, Nodes.CStructOrUnionDefNode)
            if node.cname and node.cname != node.name}


def renamed(text: str) -> list[str]:
    """Functions and constants that a .pxd gives another name than C's, and C text it brings."""
    tree = _parsed(text, True)
    names = [node.name for node in _all(tree, Nodes.CNameDeclaratorNode) if node.cname]
    texts = [f"text in line {node.pos[1]}" for node in _all(tree, Nodes.CDefExternNode)
             if node.verbatim_include]
    return names + texts


def _parsed(text: str, declarations: bool) -> Node:
    Errors.init_thread()
    try:
        with Errors.local_errors() as errors:
            tree = Parsing.p_module(_scanner(text), declarations, "twin")
        wrong = errors[0] if errors else None
    except Errors.CompileError as error:
        wrong = error
    if wrong:
        raise Unreadable(wrong.position[1] if wrong.position else 1,
                         f"this is no Cython: {wrong.message_only}")
    return tree


def _scanner(text: str) -> PyrexScanner:
    context = StringParseContext("twin")
    return PyrexScanner(StringIO(text), StringSourceDescriptor("twin", text),
                        source_encoding="UTF-8", scope=context.find_module("twin"),
                        context=context, initial_pos=("twin", 1, 0))


def _refuse_renaming(tree: Node) -> None:
    for node in _all(tree, Nodes.FromCImportStatNode):
        for position, name, other, *_ in node.imported_names:
            if other and other != name:
                raise Unreadable(position[1], f"{name} is given a name of its own: {other}")
    for node in _all(tree, Nodes.CImportStatNode):
        if node.as_name:
            raise Unreadable(node.pos[1], f"{node.module_name} is given a name of its own")


def _children(node: Node) -> list[Node]:
    values = [getattr(node, name, None) for name in node.child_attrs or []]
    flat = [v for value in values for v in (value if isinstance(value, list) else [value])]
    return [v for v in flat if isinstance(v, Nodes.Node)]


def _all(node: Node, kind: type) -> list[Node]:
    found = [node] if isinstance(node, kind) else []
    return found + [inner for child in _children(node) for inner in _all(child, kind)]


def _first_line(node: Node) -> int:
    """Where a node begins; Cython's own position is often that of an operator inside."""
    return min([node.pos[1], *map(_first_line, _children(node))])


def _name_of(declarator: Node) -> str:
    while not isinstance(declarator, Nodes.CNameDeclaratorNode):
        declarator = declarator.base
    return declarator.name


class _Reader:
    """What reads the functions of one text."""

    def __init__(self, text: str, *, cdivision: bool):
        self.lines = text.splitlines()
        self.cdivision = cdivision
        self.step_at: Callable[[int, int], str] = step_finder(text, cython=True)
        self.first = 1

    def function(self, node: Node) -> Function:
        self.first = node.pos[1]
        stars, declarator = "", node.declarator
        while isinstance(declarator, Nodes.CPtrDeclaratorNode):
            stars, declarator = stars + "*", declarator.base
        first = node.body.pos[1]
        # to the next line at the left margin
        last = next((number for number, line in enumerate(self.lines[first:], first)
                     if line[:1].strip()), len(self.lines))
        arguments = tuple(self.declared(a.base_type, a.declarator) for a in declarator.args)
        body = self.with_labels(self.block(node.body), first, last)
        return Function(_name_of(declarator), self.type(node.base_type) + stars, arguments,
                        node.pos[1], last, body)

    def with_labels(self, body: tuple[Statement, ...], first: int,
                    last: int) -> tuple[Statement, ...]:
        """The label without a loop, which is a comment, put where it stands."""
        labels = [Statement("label", number, self.step_at(number, self.first), word=found[1])
                  for number in range(first, last + 1)
                  if (found := _LABEL.fullmatch(self.lines[number - 1]))]
        return tuple(sorted((*body, *labels), key=lambda s: s.line)) if labels else body

    def type(self, node: Node) -> str:
        if not isinstance(node, Nodes.CSimpleBaseTypeNode) or node.module_path:
            raise Unreadable(node.pos[1], "no spelling is known for this type")
        if not node.is_basic_c_type:
            return node.name
        sign = {0: "unsigned ", 1: "", 2: "signed "}[node.signed]
        size = {-1: "short", 0: node.name, 1: "long", 2: "long long"}[node.longness]
        return sign + size

    def declared(self, base: Node, declarator: Node) -> tuple[str, str]:
        stars = ""
        while isinstance(declarator, Nodes.CPtrDeclaratorNode):
            stars, declarator = stars + "*", declarator.base
        if not isinstance(declarator, Nodes.CNameDeclaratorNode):
            raise Unreadable(declarator.pos[1], "no spelling is known for this declaration")
        return self.type(base) + stars, declarator.name

    # -- statements

    def block(self, node: Node) -> tuple[Statement, ...]:
        if isinstance(node, Nodes.StatListNode):
            return tuple(s for child in node.stats for s in self.block(child))
        read = getattr(self, f"_{type(node).__name__}", None)
        if read is None:
            raise Unreadable(node.pos[1], f"no spelling is known for a {type(node).__name__}")
        return tuple(read(node))

    def _say(self, line: int, kind: str, **more) -> list[Statement]:
        return [Statement(kind, line, self.step_at(line, self.first), **more)]

    def _CVarDefNode(self, node: Node) -> list[Statement]:
        found: list[Statement] = []
        for declarator in node.declarators:
            kind, name = self.declared(node.base_type, declarator)
            named = declarator
            while not isinstance(named, Nodes.CNameDeclaratorNode):
                named = named.base
            parts = () if named.default is None else (self.expression(named.default),)
            found += self._say(node.pos[1], "declare", word=name, type=kind, parts=parts)
        return found

    def _SingleAssignmentNode(self, node: Node) -> list[Statement]:
        return self._set(node, "=")

    def _InPlaceAssignmentNode(self, node: Node) -> list[Statement]:
        return self._set(node, f"{node.operator}=")

    def _set(self, node: Node, sign: str) -> list[Statement]:
        return self._say(_first_line(node.lhs), "set", word=sign,
                         parts=(self.expression(node.lhs), self.expression(node.rhs)))

    def _ExprStatNode(self, node: Node) -> list[Statement]:
        return self._say(_first_line(node.expr), "do", parts=(self.expression(node.expr),))

    def _IfStatNode(self, node: Node) -> list[Statement]:
        other = self.block(node.else_clause) if node.else_clause else ()
        for clause in reversed(node.if_clauses):
            # only an `elif` has no position of its own
            line = (node.pos[1] if clause is node.if_clauses[0]
                    else _first_line(clause.condition))
            other = tuple(self._say(line, "if", parts=(self.expression(clause.condition),),
                                    body=self.block(clause.body), other=other))
        return list(other)

    def _WhileStatNode(self, node: Node) -> list[Statement]:
        if node.else_clause:
            raise Unreadable(node.pos[1], "no spelling is known for the `else` of a loop")
        return self._say(node.pos[1], "while", parts=(self.expression(node.condition),),
                         body=self.block(node.body))

    def _ReturnStatNode(self, node: Node) -> list[Statement]:
        return self._say(node.pos[1], "return",
                         parts=(self.expression(node.value),) if node.value else ())

    def _BreakStatNode(self, node: Node) -> list[Statement]:
        return self._say(node.pos[1], "break")

    def _ContinueStatNode(self, node: Node) -> list[Statement]:
        return self._say(node.pos[1], "continue")

    def _PassStatNode(self, node: Node) -> list[Statement]:
        return self._say(node.pos[1], "pass")

    # -- expressions

    def expression(self, node: Node) -> Expression:
        of = self.expression
        if isinstance(node, ExprNodes.NameNode):
            return ("name", node.name)
        if isinstance(node, ExprNodes.NullNode):
            return ("name", "NULL")
        if isinstance(node, ExprNodes.BoolNode):
            return ("name", str(node.value))
        if isinstance(node, ExprNodes.IntNode):
            return self._number(node)
        if isinstance(node, ExprNodes.SimpleCallNode):
            return ("call", of(node.function), *map(of, node.args))
        if isinstance(node, ExprNodes.AttributeNode):
            return ("field", of(node.obj), node.attribute)
        if isinstance(node, ExprNodes.IndexNode):
            return ("index", of(node.base), of(node.index))
        if isinstance(node, ExprNodes.AmpersandNode):
            return ("address", of(node.operand))
        if isinstance(node, ExprNodes.TypecastNode):
            kind, _ = self.declared(node.base_type, node.declarator)
            return ("cast", kind, of(node.operand))
        if isinstance(node, ExprNodes.CondExprNode):
            # in this order in every version of Cython, under other names
            return ("choose", *map(of, _children(node)))
        return self._operator(node)

    def _operator(self, node: Node) -> Expression:
        of = self.expression
        if isinstance(node, ExprNodes.NotNode):
            return ("not", of(node.operand))
        if isinstance(node, ExprNodes.UnopNode):
            return ("unary", node.operator, of(node.operand))
        if isinstance(node, ExprNodes.BoolBinopNode):
            return joined(node.operator, of(node.operand1), of(node.operand2))
        if isinstance(node, ExprNodes.PrimaryCmpNode) and node.cascade is None:
            sign = {"is_not": "is not"}.get(node.operator, node.operator)
            pair = of(node.operand1), of(node.operand2)
            return (sign, *pair) if sign in ("is", "is not") else ("binary", sign, *pair)
        if isinstance(node, ExprNodes.BinopNode):
            self._refuse_division(node)
            return ("binary", node.operator, of(node.operand1), of(node.operand2))
        raise Unreadable(node.pos[1], f"no spelling is known for a {type(node).__name__}")

    def _refuse_division(self, node: Node) -> None:
        """Only `//` and `%`, and only with cdivision, are what they are in C."""
        if node.operator in ("/", "**") or (node.operator in ("//", "%") and not self.cdivision):
            raise Unreadable(node.pos[1], f"`{node.operator}` is not what it is in C here")

    def _number(self, node: Node) -> Expression:
        sign, text = ("-", node.value[1:]) if node.value.startswith("-") else ("", node.value)
        if node.unsigned or node.longness or not re.fullmatch(
                r"0x[0-9a-fA-F]+|0|[1-9][0-9]*", text):
            raise Unreadable(node.pos[1], f"no spelling is known for the number {node.value}")
        number = ("number", int(text, 0))
        return ("unary", sign, number) if sign else number
