# SPDX-License-Identifier: GPL-2.0-only
"""Where Cython's statements stand otherwise than C's: the ladder, and locals of inner blocks."""

from __future__ import annotations

from dataclasses import replace

from .form import Expression, Function, Statement

Block = tuple[Statement, ...]
AT: Expression = ("name", "at")
TOP = "top"


def _label(e: Expression) -> str | None:
    """x of L_x."""
    return e[1][2:] if e[0] == "name" and e[1].startswith("L_") else None


def _rung(s: Statement) -> str | None:
    """The label that a loop is the rung of."""
    asked = s.parts[0] if s.kind == "while" else ("",)
    return _label(asked[3]) if asked[:3] == ("binary", "==", AT) else None


def _heading(s: Statement) -> str | None:
    """The label that a statement makes `at` head for."""
    return _label(s.parts[1]) if s.kind == "set" and s.word == "=" and s.parts[0] == AT else None


def _with_gotos(block: Block, reachable: set[str]) -> Block:
    """`at = L_x; continue` is `goto x`, where the ladder can go there: not back above its rung."""
    found: list[Statement] = []
    for s in block:
        before = found[-1] if found else None
        to = _heading(before) if before else None
        if s.kind == "continue" and before and to in reachable and s.line == before.line:
            found[-1] = replace(before, kind="goto", word=to or "", parts=())
        elif s.kind == "if":
            found.append(replace(s, body=_with_gotos(s.body, reachable),
                                 other=_with_gotos(s.other, reachable)))
        else:
            # in a loop of its own `continue` would go on with that loop
            found.append(s)
    return tuple(found)


def _opened_rung(s: Statement, reachable: set[str], following: str | None) -> Block:
    """What a rung says: it must head for the next one, or leave."""
    body = _with_gotos(s.body, reachable)
    if body and _heading(body[-1]) == following is not None:
        return body[:-1]
    leaves = body and body[-1].kind in ("return", "goto")
    end = body[-1] if body else s
    return body if leaves else (*body, replace(end, kind="again", parts=(), body=(), other=()))


def opened_ladder(function: Function) -> Function:
    """The rungs one after the other, with labels and gotos; any fault of the ladder stays seen."""
    rungs = [label for s in function.body if (label := _rung(s))]
    starts = [s for s in function.body if s.kind == "declare" and s.word == AT[1]]
    if rungs[:1] != [TOP] or [_label(s.parts[0]) for s in starts if s.parts] != [TOP]:
        return function
    places = [place for place, s in enumerate(function.body) if _rung(s)]
    first, end = places[0], places[-1]
    last = [s.word for s in function.body[end + 1:end + 2] if s.kind == "label"]
    labels = rungs + last
    found: list[Statement] = []
    for place, s in enumerate(function.body):
        label = _rung(s)
        if label:
            at = rungs.index(label)
            if label != TOP:
                found.append(replace(s, kind="label", word=label, parts=(), body=()))
            following = labels[at + 1] if at + 1 < len(labels) else None
            found += _opened_rung(s, set(labels[at:]), following)
        elif first < place < end:
            # whoever goes to a label below passes here too
            found.append(replace(s, kind="outside", parts=(), body=(s,), other=()))
        elif s not in starts:
            found.append(s)
    return replace(function, body=tuple(found))


def _without_declarations(block: Block) -> tuple[Block, list[Statement]]:
    """Statements whose locals are only set, and the locals."""
    found: list[Statement] = []
    declared: list[Statement] = []
    for s in block:
        body, inner = _without_declarations(s.body)
        other, more = _without_declarations(s.other)
        s = replace(s, body=body, other=other)
        if s.kind == "declare":
            declared.append(replace(s, parts=()))
            if s.parts:
                found.append(replace(s, kind="set", word="=", type="",
                                     parts=(("name", s.word), *s.parts)))
        else:
            found.append(s)
        declared += inner + more
    return tuple(found), declared


def with_locals_at_the_top(function: Function) -> Function:
    """Locals of inner blocks declared below those of the function, and set where they were."""
    body = list(function.body)
    top = next((at for at, s in enumerate(body) if s.kind != "declare"), len(body))
    rest, declared = _without_declarations(tuple(body[top:]))
    return replace(function, body=(*body[:top], *declared, *rest))
