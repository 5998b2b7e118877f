# SPDX-License-Identifier: GPL-2.0-only
"""How far nothing shorter goes wrong: whole alphabets beside kernels without a unit, and a record.

In each scope of scopes.WHOLE every operation with every value is tried, by v8 and by the seven kernels
that lack a unit, one operation short of the shortest run that is known of each, or as deep as the
scope goes.  That takes some minutes; so what it came to is in shortest/whole.toml, and "shortest" is said
of a run only where that says that it was looked at.  tools/witnesses.py makes it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ..engine import halves
from ..patch.table import UNITS, tomllib
from .ablation import NO_END, SINGLES, USER, WRONG, Ablation, Ablations, Found, kernel_without
from .scopes import WHOLE

RECORD = Path(__file__).with_name("shortest") / "whole.toml"
WAYS = (WRONG, USER)
# of each unit the length of its shortest run in each way; None: none is known
Lengths = dict[str, dict[str, int | None]]


@dataclass(frozen=True)
class Row:
    """One scope, and how far it was looked at.

    within : dict   unit -> way -> operations: all runs so long were looked at, and none goes wrong
    closed : bool   there are no more worlds in it
    """

    scope: str
    worlds: int
    transitions: int
    closed: bool
    within: dict[str, dict[str, int]]


def lengths_of(ablations: Iterable[Ablation]) -> Lengths:
    return {one.kernel.name: {WRONG: one.wrong.length, USER: one.seen.length} for one in ablations}


def look(name: str, lengths: Lengths, depth: int | None = None,
         tell: Callable[[], None] = lambda: None) -> tuple[Row, dict[tuple[str, str], Found]]:
    """One scope: how far, and what is shorter than what was known.

    depth : int   no deeper than this; None: as deep as the scope goes
    """
    scope = WHOLE[name]
    if depth is not None:
        scope = replace(scope, depth=min(depth, scope.depth))
    kernels = [kernel_without(units) for units in SINGLES]
    known = {unit: {way: length for way, length in of.items() if length is not None}
             for unit, of in lengths.items()}
    found: dict[tuple[str, str], Found] = {}
    within: dict[str, dict[str, int]] = {}
    worlds = transitions = 0
    closed = True
    for one in Ablations(halves.c_half(), {name: scope}, tell, NO_END).each(kernels, known):
        unit = one.kernel.name
        within[unit] = {WRONG: 0, USER: 0}
        for way, sought in ((WRONG, one.wrong), (USER, one.seen)):
            for looked in sought.looked:
                within[unit][way] = looked.depth
                worlds, transitions = looked.worlds, looked.transitions
                closed &= looked.closed
            if sought.found:
                found[unit, way] = sought.found
    return Row(name, worlds, transitions, closed, within), found


# What is saved.

@cache
def saved() -> tuple[Row, ...]:
    """The rows of the record."""
    return parse(RECORD.read_text(encoding="utf-8"))


def parse(text: str) -> tuple[Row, ...]:
    return tuple(Row(one["scope"], one["worlds"], one["transitions"], one["closed"],
                     {unit: dict(zip(WAYS, one["within"][unit], strict=True)) for unit in UNITS})
                 for one in tomllib.loads(text).get("whole", []))


def text_of(rows: Iterable[Row]) -> str:
    """The file of the record: the same on every machine."""
    lines = ["# SPDX-License-Identifier: GPL-2.0-only",
             "# Written by tools/witnesses.py: how far whole alphabets were looked at.",
             "# within: of each unit operations, for what goes wrong and for what a user sees."]
    for row in rows:
        scope = WHOLE[row.scope]
        lines += ["", "[[whole]]", f'scope = "{row.scope}"', f'words = "{scope.words()}"',
                  f"left_out = [{', '.join(_quoted(text) for text in scope.left_out)}]",
                  f"operations = {len(scope.actions())}", f"worlds = {row.worlds}",
                  f"transitions = {row.transitions}",
                  f"closed = {'true' if row.closed else 'false'}",
                  "within = { " + ", ".join(
                      f"{unit} = [{of[WRONG]}, {of[USER]}]" for unit, of in row.within.items())
                  + " }"]
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    return f'"{text}"'


# What may be said of a run.

@dataclass(frozen=True)
class Shown:
    """What the record says of a run of some length.

    proven : tuple   rows in which every run that is one operation shorter was looked at
    less : tuple     those in which only shorter ones were
    """

    length: int | None
    way: str
    unit: str
    proven: tuple[Row, ...]
    less: tuple[Row, ...]

    @property
    def is_shortest(self) -> bool:
        return bool(self.proven)

    def text(self) -> str:
        """In a sentence."""
        if self.length == 1:
            return "shortest: no run has less than one operation"
        if self.proven and self.length:
            return (f"shortest in {_scopes(self.proven)}: every operation with every value, within "
                    f"{self.length - 1} {_operations(self.length - 1)}{_rest(self)}")
        deepest = max((row.within[self.unit][self.way] for row in self.less), default=0)
        rows = [row for row in self.less if row.within[self.unit][self.way] == deepest]
        said = "not proven shortest" if self.length else "none is known"
        if not deepest:
            return said
        return (f"{said}: nothing in {_scopes(rows)}, every operation with every value, within "
                f"{deepest} {_operations(deepest)}")


def _operations(number: int) -> str:
    return "operation" if number == 1 else "operations"


def _scopes(rows: Iterable[Row]) -> str:
    rows = list(rows)
    return (f"{len(rows)} {'scope' if len(rows) == 1 else 'scopes'} "
            f"({sum(row.worlds for row in rows):,} worlds, "
            f"{sum(row.transitions for row in rows):,} transitions)")


def _rest(shown: Shown) -> str:
    if not shown.less:
        return ""
    depths = sorted({row.within[shown.unit][shown.way] for row in shown.less})
    return f"; within {' or '.join(map(str, depths))} in {len(shown.less)} more"


def shown(unit: str, way: str, length: int | None, rows: Iterable[Row] | None = None) -> Shown:
    """What the record says of a unit's run; length: None, if none is known."""
    rows = saved() if rows is None else tuple(rows)
    proven = tuple(row for row in rows
                   if length is not None and row.within[unit][way] >= length - 1)
    return Shown(length, way, unit, proven, tuple(row for row in rows if row not in proven))
