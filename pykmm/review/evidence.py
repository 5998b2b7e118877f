# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts by running: a claim is what the scenarios say that are named in its row.

An expectation is named by its text.  It must be in the scenario, be asked with
the units of the row, and come true: for `fails` as for `holds`, since both say
what the kernel does.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from .. import paths
from ..errors import Lacking
from ..patch.table import UNITS
from ..scenario import meaning, parse
from ..scenario.model import Act, Call, Expect, Line, Scenario, units_of, units_text
from ..scenario.run import Halves, run_variant
from .claims import Claim, Shown, verdict


@dataclass(frozen=True)
class Judged:
    """A claim after its scenarios ran.

    verdict  by what came true; one of claims.VERDICTS
    wrong    what did not, one line each: the file and line, what was found and what expected
    """

    verdict: str
    wrong: tuple[str, ...]


def folder() -> Path | None:
    """Where the scenarios lie; None in an installed wheel, which has none."""
    found = paths.package().parent / "tests" / "scenarios"
    return found if found.is_dir() else None


def judge(claim: Claim, halves: Halves) -> Judged:
    """Run all that the row names.

    raises BadInput  a scenario cannot be read
    raises Lacking   the scenarios are not installed here
    """
    wrong: list[str] = []
    holds = fails = False
    for shown in claim.shown:
        found = _Run(shown, halves)
        wrong += found.wrong()
        holds |= any(found.is_so(text) for text in shown.holds)
        fails |= any(found.is_so(text) for text in shown.fails)
    return Judged(verdict(holds, fails), tuple(wrong))


def units_of_claim(claim: Claim, halves: Halves) -> tuple[str, ...]:
    """The units without which something that the row names is not so any more.

    Each is turned off alone, and what is named is asked for whatever its condition says.
    """
    needed = set()
    for shown in claim.shown:
        for unit in UNITS:
            found = _Run(shown, halves, without=units_of(unit))
            if not all(map(found.is_so, (*shown.holds, *shown.fails))):
                needed.add(unit)
    return tuple(unit for unit in UNITS if unit in needed)


class _Run:
    """A scenario of a row, run once."""

    def __init__(self, shown: Shown, halves: Halves, without: int = 0):
        self.shown = shown
        scenario = _read(shown.scenario)
        if without:
            scenario = _without_conditions(scenario, (*shown.holds, *shown.fails))
        self._known = {name_of(line) for line in scenario.said}
        mask = units_of(shown.units)
        self._runs_so = mask in scenario.masks()
        found = run_variant(scenario, mask & ~without, halves)
        self._entries = found["entries"]
        self._by_text: dict[str, list[dict]] = {}
        for entry in self._entries:
            self._by_text.setdefault(entry["text"].removeprefix("expect "), []).append(entry)

    def is_so(self, text: str) -> bool:
        """Whether all lines of this text were asked for, and came true."""
        entries = self._by_text.get(text, ())
        return bool(entries) and all(entry["ok"] for entry in entries)

    def wrong(self) -> list[str]:
        """What keeps the scenario from showing what the row says."""
        name, units = self.shown.scenario, units_text(units_of(self.shown.units))
        if not self._runs_so:
            return [f"{name}: it does not run with units {units}"]
        found = [f"{name}:{entry['line']}: {entry['text']}: "
                 f"{entry.get('disagreement') or 'found ' + entry['found']}"
                 for entry in self._entries if entry["ok"] is False]
        for text in (*self.shown.holds, *self.shown.fails):
            if text not in self._known:
                found.append(f"{name}: no line says: {text}")
            elif text not in self._by_text:
                found.append(f"{name}: with units {units} nobody asks: {text}")
        return found


def name_of(line: Line) -> str:
    """What a row calls a line of a scenario by."""
    return str(line.statement).removeprefix("expect ")


def _read(name: str) -> Scenario:
    where = folder()
    if where is None:
        raise Lacking("the scenarios are not installed here: run this in a checkout of pykmm")
    scenario = parse.parse(parse.read(where / name), f"tests/scenarios/{name}")
    meaning.check(scenario)
    return scenario


def _without_conditions(scenario: Scenario, names: tuple[str, ...]) -> Scenario:
    """The same, with these expectations asked for in any case, by the names that they had."""
    return replace(scenario, lines=tuple(
        replace(line, statement=_Unconditional.of(line.statement))
        if line.statement is not None and name_of(line) in names else line
        for line in scenario.lines))


@dataclass(frozen=True)
class _Unconditional(Expect):
    """An expectation without its condition that still says it."""

    name: str = ""

    @classmethod
    def of(cls, statement: object) -> object:
        if isinstance(statement, Act | Call):
            return statement
        return cls(statement.what, None, str(statement))

    def __str__(self) -> str:
        return self.name
