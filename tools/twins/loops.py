# SPDX-License-Identifier: GPL-2.0-only
"""Statements of C that Cython has not, opened to those that both have; names of types."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from pykmm import paths

from .form import Expression, Statement, contains, every
from .read_cython import names_in_c

# A macro that loops, as LOOP(v, iterator, ...): the calls for the first v, and for the next one.
FOREACH = {"vma_prio_tree_foreach": ("vma_prio_tree_first", "vma_prio_tree_next")}

Block = tuple[Statement, ...]
ENDS = ("return", "goto")


@cache
def _types_in_c() -> dict[str, str]:
    return names_in_c(paths.package() / "machine.pxd")


def type_in_c(kind: str) -> str:
    """A type of Cython as C calls it, by machine.pxd."""
    base = kind.rstrip("*")
    return _types_in_c().get(base, base) + kind[len(base):]


def _leaves_by(body: Block, kind: str) -> bool:
    """Is there a `break` or `continue` that belongs to the loop around these statements?"""
    around = ("while", "do while", "switch") if kind == "break" else ("while", "do while")
    return any(s.kind == kind or (s.kind not in around and _leaves_by(s.body + s.other, kind))
               for s in body)


def _opened_one(s: Statement) -> Block:
    called = s.parts[0] if s.kind == "while" else ("",)
    if called[0] != "call" or called[1][-1] not in FOREACH or _leaves_by(s.body, "continue"):
        return (s,)
    first, following = FOREACH[called[1][-1]]
    _, _, variable, iterator, *more = called
    last = every(s.body)[-1] if s.body else s

    def set_to(where: Statement, *call: Expression) -> Statement:
        return replace(where, kind="set", word="=", parts=(variable, ("call", *call)), body=(),
                       other=())

    return (set_to(s, ("name", first), iterator, *more),
            replace(s, parts=(variable,),
                    body=(*s.body, set_to(last, ("name", following), iterator))))


def opened_foreach(block: Block) -> Block:
    """`loop(v, i, x) body` is `v = first(i, x); while (v) { body; v = next(i) }`."""
    return tuple(opened for s in block for opened in _opened_one(s))


def opened_do_while(block: Block) -> Block:
    """`do body while (c)` is `while (True) { body; if (not c) break }`."""
    def one(s: Statement) -> Statement:
        if s.kind != "do while" or _leaves_by(s.body, "continue"):
            return s
        *body, until = s.body
        leave = replace(until, kind="if", parts=(("not", until.parts[0]),),
                        body=(replace(until, kind="break", parts=()),))
        return replace(s, kind="while", parts=(("name", "True"),), body=(*body, leave))

    return tuple(one(s) for s in block)


def _cases(s: Statement) -> list[Statement] | None:
    """The cases of a switch, the default last, if what is asked can be asked again."""
    if s.kind != "switch" or contains(s.parts[0], ("call", "assign")) or len(s.body) < 2:
        return None
    plain = all(case.kind == "case" and case.body for case in s.body)
    values = [bool(case.parts) for case in s.body]
    return list(s.body) if plain and values == [True] * (len(values) - 1) + [False] else None


def _own(case: Statement) -> Block | None:
    """What a case does, or None if it goes on into the next one."""
    *before, last = case.body
    body = tuple(before) if last.kind == "break" else case.body
    ends = last.kind == "break" or last.kind in ENDS
    return body if ends and not _leaves_by(body, "break") else None


def _test(s: Statement, case: Statement, sign: str, body: Block, other: Block) -> Statement:
    return Statement("if", case.line, case.step, parts=(("binary", sign, s.parts[0],
                                                         case.parts[0]),), body=body, other=other)


def opened_switch(block: Block) -> Block:
    """Cases that all end are `if`, `else if` and `else`."""
    def one(s: Statement) -> Statement:
        cases = _cases(s)
        bodies = [_own(case) for case in cases or ()]
        # the last may also just end
        if cases and bodies[-1] is None and not _leaves_by(cases[-1].body, "break"):
            bodies[-1] = cases[-1].body
        if not cases or None in bodies:
            return s
        other = bodies[-1] or ()
        for case, body in reversed(list(zip(cases[:-1], bodies[:-1], strict=True))):
            other = (_test(s, case, "==", body or (), other),)
        return other[0]

    return tuple(one(s) for s in block)


def opened_falling_switch(block: Block) -> Block:
    """`A: f (falls) B: g; break; default: leave` is `if A f else if not B leave; g`."""
    found: list[Statement] = []
    for s in block:
        cases = _cases(s)
        fits = (cases and len(cases) == 3 and not _leaves_by(cases[0].body, "break")
                and _own(cases[1]) is not None and cases[2].body[-1].kind in ENDS
                and not _leaves_by(cases[2].body, "break"))
        if not fits or not cases:
            found.append(s)
            continue
        first, second, default = cases
        # Cython leaves before the second case's step begins, C below it
        leave = tuple(replace(d, step=second.step) for d in default.body)
        other = (_test(s, second, "!=", leave, ()),)
        found += [_test(s, first, "==", first.body, other), *(_own(second) or ())]
    return tuple(found)


def _assigned(e: Expression) -> tuple[Expression | None, Expression]:
    """An assignment that is the first thing a condition does, and the condition without it."""
    if e[0] == "assign":
        return e, e[1]
    at = {"not": 1, "and": 1, "or": 1, "binary": 2}.get(e[0])
    if at is None:
        return None, e
    found, rest = _assigned(e[at])
    # what is compared has no order in C, so the other side must not tell
    if e[0] == "binary" and found and contains(e[3], ("call", "assign")):
        return None, e
    return found, (*e[:at], rest, *e[at + 1:])


def assigned_before(block: Block) -> Block:
    """`if (!(p = f()))` is `p = f(); if (!p)`."""
    found: list[Statement] = []
    for s in block:
        if s.kind == "if":
            assigned, rest = _assigned(s.parts[0])
            if assigned:
                found.append(replace(s, kind="set", word="=", parts=assigned[1:], body=(),
                                     other=()))
                s = replace(s, parts=(rest,))
        found.append(s)
    return tuple(found)


def added_one(block: Block) -> Block:
    """`a++;` is `a += 1`."""
    return tuple(replace(s, word=f"{s.word[0]}=", parts=(*s.parts, ("number", 1)))
                 if s.word in ("++", "--") else s for s in block)


