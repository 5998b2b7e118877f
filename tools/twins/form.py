# SPDX-License-Identifier: GPL-2.0-only
"""The form that both readers produce, and what rewriting it takes.

Expressions are tuples (kind, ...), whose tuples are expressions again:

    ("name", n)  ("number", n)  ("call", f, argument...)  ("field", e, n)  ("arrow", e, n)
    ("index", e, i)  ("address", e)  ("pointee", e)  ("cast", type, e)  ("choose", test, a, b)
    ("and", e, ...)  ("or", e, ...)  ("not", e)  ("is", a, b)  ("is not", a, b)
    ("assign", target, e)  ("unary", operator, e)  ("binary", operator, a, b)

Names, types and operators in them are texts; a number is an int.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

Expression = tuple
NULL: Expression = ("name", "NULL")
PREFIXES = ("address", "pointee", "not", "unary")


class Unreadable(Exception):
    """A source says what no reader knows.

    line : int   1-based, in the text that was read
    """

    def __init__(self, line: int, what: str):
        super().__init__(what)
        self.line = line


@dataclass(frozen=True)
class Statement:
    """One statement, or a word of one that has a line of its own.

    kind    declare, set, do, if, while, do while, until, switch, case, goto, label, return, break,
            continue or pass
    line    1-based: where it begins
    step    the step that the line belongs to, "" above the first
    word    set: the operator (=, +=); goto, label: the label; declare: the name
    type    declare: the type
    parts   its expressions
    body    what it holds
    other   if: what stands below `else`
    """

    kind: str
    line: int
    step: str = ""
    word: str = ""
    type: str = ""
    parts: tuple[Expression, ...] = ()
    body: tuple[Statement, ...] = ()
    other: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Function:
    """A function of either half, as it was read or as it was rewritten.

    arguments   (type, name) of each
    line, last  1-based: of its name, and the last it has
    """

    name: str
    returns: str
    arguments: tuple[tuple[str, str], ...]
    line: int
    last: int
    body: tuple[Statement, ...]


OnExpression = Callable[[Expression, bool], Expression]
OnBlock = Callable[[tuple[Statement, ...]], tuple[Statement, ...]]


def map_expression(e: Expression, change: OnExpression, condition: bool = False) -> Expression:
    """An expression with `change` applied to each part, inner ones first.

    `change` is also told whether the part is a condition: only its truth counts.
    """
    def inner(part: object, at: int) -> object:
        if not isinstance(part, tuple):
            return part
        tested = e[0] in ("and", "or", "not") or (e[0] == "choose" and (at == 1 or condition))
        return map_expression(part, change, tested)

    return change(tuple(inner(part, at) for at, part in enumerate(e)), condition)


def joined(kind: str, first: Expression, second: Expression) -> Expression:
    """`and` or `or`: one expression for a chain of them, which the parsers nest apart."""
    parts = [part for e in (first, second) for part in (e[1:] if e[0] == kind else (e,))]
    return (kind, *parts)


def contains(e: Expression, kinds: tuple[str, ...]) -> bool:
    """Is there an expression of one of these kinds in it?"""
    return e[0] in kinds or any(contains(part, kinds) for part in e if isinstance(part, tuple))


def map_blocks(body: tuple[Statement, ...], change: OnBlock) -> tuple[Statement, ...]:
    """Statements with `change` applied to each block of them, inner blocks first."""
    return change(tuple(replace(s, body=map_blocks(s.body, change),
                                other=map_blocks(s.other, change)) for s in body))


def every(body: tuple[Statement, ...]) -> list[Statement]:
    """All statements, those in blocks too, in the order of the text."""
    return [found for s in body for found in (s, *every(s.body), *every(s.other))]


def on_expressions(change: OnExpression) -> Callable[[Function], Function]:
    """`change` applied to all expressions of a function."""
    def one(s: Statement) -> Statement:
        tested = s.kind in ("if", "while", "until")
        return replace(s, parts=tuple(map_expression(e, change, tested) for e in s.parts))

    return on_blocks(lambda block: tuple(one(s) for s in block))


def on_blocks(change: OnBlock) -> Callable[[Function], Function]:
    """`change` applied to all blocks of a function."""
    return lambda function: replace(function, body=map_blocks(function.body, change))


def on_types(change: Callable[[str], str]) -> Callable[[Function], Function]:
    """`change` applied to all types of a function: of its result, arguments, locals and casts."""
    def cast(e: Expression, condition: bool) -> Expression:
        return ("cast", change(e[1]), e[2]) if e[0] == "cast" else e

    def whole(function: Function) -> Function:
        function = on_blocks(lambda block: tuple(replace(s, type=change(s.type)) for s in block))(
            on_expressions(cast)(function))
        return replace(function, returns=change(function.returns),
                       arguments=tuple((change(kind), name) for kind, name in function.arguments))

    return whole


def text_of(e: Expression) -> str:
    """An expression as text; different expressions have different texts."""
    kind, *parts = e
    if kind in ("name", "number"):
        return str(parts[0])
    texts = [text_of(part) if isinstance(part, tuple) else str(part) for part in parts]
    if kind in ("call", "field", "arrow", "index") and parts[0][0] in PREFIXES:
        texts[0] = f"({texts[0]})"
    if kind == "call":
        return f"{texts[0]}({', '.join(texts[1:])})"
    if kind in ("field", "arrow"):
        return texts[0] + {"field": ".", "arrow": "->"}[kind] + texts[1]
    if kind == "index":
        return f"{texts[0]}[{texts[1]}]"
    if kind == "cast":
        return f"(({texts[0]}){texts[1]})"
    if kind == "choose":
        return f"({texts[0]} ? {texts[1]} : {texts[2]})"
    if kind in ("address", "pointee", "not"):
        return {"address": "&", "pointee": "*", "not": "not "}[kind] + texts[0]
    if kind == "unary":
        return texts[0] + texts[1]
    if kind == "binary":
        return f"({texts[1]} {texts[0]} {texts[2]})"
    if kind == "assign":
        return f"({texts[0]} = {texts[1]})"
    return f"({f' {kind} '.join(texts)})"
