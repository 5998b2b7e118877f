# SPDX-License-Identifier: GPL-2.0-only
"""A drawn direct case run as a scenario: one call in a world of another size."""

from functools import cache

from ..engine import core, finding, properties
from ..report import world as rendering
from ..report.paths import Map
from . import expectations, fields, results
from .block import Moment, Ran
from .drawn import case_of
from .expectations import Asked
from .facts import Missing, View
from .model import Expect, Line, Scenario, Value, units_text
from .outcome import differs, ended
from .placed import at_line
from .words import Known, Place, Unmeant, integer


@cache
def _where() -> Map:
    return Map(core.Runner.of(bytes(core.CASE_BYTES)))


def path_of(text: str, where: Map | None = None) -> str:
    return fields.path_of(text, [], where or _where())


def check(scenario: Scenario) -> None:
    """Raises BadInput if an expectation of the case cannot be meant."""
    case_of(scenario)
    known = Known()
    for line in scenario.said:
        if isinstance(line.statement, Expect):
            at_line(scenario, line, lambda said: expectations.check(said, known, path_of))


class _Direct:
    """One case in a block of its own."""

    def __init__(self, scenario: Scenario, halves, *, detail: bool):
        self.scenario, self.halves, self.detail = scenario, halves, detail
        self.case = case_of(scenario)
        self.runner = core.Runner.of(self.case)
        self.where = Map(self.runner)
        self.start = self.runner.image()
        self.entries: list[dict] = []

    def run(self) -> dict:
        text = finding.call_text(self.runner, self.case, self.where)
        world = rendering.text(self.where, self.start)
        runs = [self._run_half(half) for half in self.halves.halves]
        events = [finding.events_of(ran.words, ran.places, half, self.where, self.halves.mail)
                  for half, ran in zip(self.halves.halves, runs, strict=True)]
        first = runs[0]
        function = core.FUNCTIONS[self.case[0]]
        gives = "page" if function == "follow_page" else "number"
        self.moment = Moment(self.where, self.start, first.image, first.outcome, first.value,
                             events[0], gives, self._run_half)
        self._call_entry(text, runs, events)
        for line in self.scenario.said:
            if isinstance(line.statement, Expect):
                self._expect(line, line.statement)
        return {"units": units_text(self.case[1]), "world": world, "entries": self.entries,
                "ok": all(entry["ok"] is not False for entry in self.entries)}

    def _run_half(self, half: core.Half) -> Ran:
        self.halves.before(half.name)
        self.runner.build(self.case)
        outcome, value, fault = self.runner.run(half)
        words, places = self.runner.trace()
        self.runner.forget_trace()
        return Ran(outcome, value, fault, words, places, self.runner.image())

    def _call_entry(self, text: str, runs: list[Ran], events: list[list[dict]]) -> None:
        halves = self.halves.halves
        apart = ""
        for half, ran in zip(halves[1:], runs[1:], strict=True):
            what = differs([runs[0]], [ran], self.where)
            apart = apart or (what and f"{halves[0].name} and {half.name} differ: {what}")
        told = [{"name": half.name, "ended": ended(ran), "events": said}
                for half, ran, said in zip(halves, runs, events, strict=True)]
        self.entries.append({
            "line": self.scenario.said[0].number, "kind": "call", "text": text,
            "ok": False if apart else None, "found": "", "expected": "",
            "result": results.result_text(self.moment), "halves": told * self.detail,
            "disagreement": apart,
            "difference": rendering.difference(self.where, self.start, self.moment.after)
            if self.detail else []})

    def _expect(self, line: Line, expect: Expect) -> None:
        if expect.condition and not expect.condition.holds(self.case[1] & 0x7F):
            return
        asked = Asked(self.moment, View(self.moment.words(), [], {}), self._page, self._place,
                      lambda text: path_of(text, self.where), self._broken)
        so, found = expectations.holds(expect.what, asked)
        self.entries.append({"line": line.number, "kind": "expect", "text": str(expect), "ok": so,
                             "found": found, "expected": str(expect.what)})

    def _page(self, value: Value) -> int:
        if value.kind != "number":
            raise Missing("pages of a drawn case are known by their numbers")
        return integer(value.text)

    def _place(self, value: Value) -> int:
        return Place().number(value, _Nothing(), 0)

    def _broken(self, mask: int) -> list[str]:
        self.runner.restore(self.moment.after)
        return properties.names(self.runner.broken(mask))


class _Nothing:
    """Names stand for nothing here (words.Now)."""

    def place(self, name: str) -> int:
        raise Unmeant(f"{name} has no value here")


def run_direct(scenario: Scenario, halves, *, detail: bool = False) -> dict:
    """Run the case; what comes out is that of run.run_variant."""
    return _Direct(scenario, halves, detail=detail).run()
