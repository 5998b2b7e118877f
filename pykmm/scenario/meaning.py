# SPDX-License-Identifier: GPL-2.0-only
"""Does a scenario make sense, before anything runs?  Names are known, numbers in range."""

import contextlib
import re

from ..errors import BadInput
from ..report import bits
from . import build, calls, direct, drawn, expectations, facts, fields, operations, results, twice
from .model import (
    Act,
    BuffersLine,
    Call,
    CaseLine,
    Choice,
    Clock,
    Expect,
    Fact,
    Fail,
    FileLine,
    Hold,
    Limit,
    Line,
    PageLine,
    Pause,
    PteLine,
    Scenario,
    Set,
    Spare,
    Units,
    VmaLine,
    Wanted,
)
from .placed import at_line
from .words import Known, Number, Page, Place, Unmeant, integer

_PAGES, _VMAS, _ANON_VMAS = 16, 14, 8
_PAUSE_OPTIONS = {"every": Number(1, 65535), "more": Number(0, 65535)}


class _Checking:
    """A walk over the statements of a scenario, with what is known so far."""

    def __init__(self, scenario: Scenario):
        self.scenario = scenario
        self.known = Known()
        self.begun = False          # something has been done in the world
        self.masks = scenario.masks()

    def line(self, line: Line) -> None:
        at_line(self.scenario, line, getattr(self, f"_{type(line.statement).__name__.lower()}"))

    def _units(self, units: Units) -> None:
        if self.begun or self.known.files:
            raise Unmeant("units come before everything else", units.columns[0])
        seen = set()
        for text, mask, column in zip(units.sets, self.masks, units.columns, strict=True):
            if mask in seen:
                raise Unmeant(f"{text} is there twice", column)
            seen.add(mask)

    def _fileline(self, file: FileLine) -> None:
        if self.begun:
            raise Unmeant("files come before whatever is done", 1)
        build.check_file(file, self.known)
        self.known.files.append(file.name)

    def _limit(self, limit: Limit) -> None:
        build.check_options(limit.options, {name: row[0] for name, row in build.LIMITS.items()},
                            "limit", self.known)

    def _clock(self, clock: Clock) -> None:
        if self.begun:
            raise Unmeant("the clock is said before whatever is done", clock.column)

    def _fail(self, fail: Fail) -> None:
        self._number(fail.allocation, 1, 65535, fail.column)

    def _number(self, text: str, low: int, high: int, column: int) -> None:
        if not low <= integer(text) <= high:
            raise Unmeant(f"found {text}, expected a number from {low} to {high}", column)

    def _pause(self, pause: Pause) -> None:
        self._number(pause.at, 1, 65535, pause.column)
        build.check_options(pause.options, _PAUSE_OPTIONS, "pause", self.known)
        if pause.act.name or pause.act.results:
            raise Unmeant("what another actor does at a pause has no result to be named or "
                          "expected", pause.act.column)
        if pause.act.operation == "complete" and pause.act.operands and \
                pause.act.operands[0].text == "all":
            raise Unmeant("at a pause there is one operation: say which page", pause.act.column)
        operations.check(pause.act, self.known)

    def _act(self, act: Act) -> None:
        self.begun = True
        operations.check(act, self.known)
        self.results_of(act.results)
        if act.name is not None:
            if act.name in (*self.known.files, "heap", "anon", "all", "none"):
                raise Unmeant(f"{act.name!r} has a meaning already", act.name_column)
            self.known.results.append(act.name)

    def _call(self, call: Call) -> None:
        self.begun = True
        calls.check(call, self.known)
        self.results_of(call.results)

    def results_of(self, wanted: tuple[Wanted, ...]) -> None:
        for i, one in enumerate(wanted):
            results.check_result(one.text, one.column, self.known)
            if one.condition is None and i + 1 < len(wanted):
                raise Unmeant(f"{one.text} is meant always, so nothing after it ever is",
                              one.column)
        twice.check_results(wanted)

    def _pageline(self, page: PageLine) -> None:
        self._number(page.number, 0, _PAGES - 1, page.column)
        for fact in page.facts:
            self._page_fact(fact)

    def _page_fact(self, fact: Fact) -> None:
        words = fact.words
        if words[0] == "anon":
            if not re.fullmatch(r"anon( [0-7])?( at (\d+|0x[0-9a-f]+))", " ".join(words)):
                raise Unmeant("say of which anon_vma (0 to 7), and where: anon 0 at 0", fact.column)
            return
        facts.check("page", fact, self.known)
        no = {"absent", "free", "pagevec", "writing", "index", "pinned", "buffers", "flying", "no"}
        if no & set(words):
            raise Unmeant(f"found {str(fact)!r}, which can be expected of a page, and not said",
                          fact.column)

    def _vmaline(self, line: VmaLine) -> None:
        self._number(line.number, 0, _VMAS - 1, line.column)
        vma, words = line.vma, list(line.vma.words)
        Place().check(vma.start, self.known)
        Place(24).check(vma.end, self.known)
        what = words[:1]
        if what == ["anon"]:
            words = words[1:]
        elif what and what[0] in self.known.files and words[1:2] == ["at"] and words[2:]:
            words = words[3:]
        else:
            raise Unmeant("say what it maps: FILE at N, or anon", vma.column)
        self._vma_words(words, vma.column)

    def _vma_words(self, words: list[str], column: int) -> None:
        at = 0
        while at < len(words):
            two = " ".join(words[at:at + 2])
            if two in ("prot RW", "prot RO", "prot NONE") or re.fullmatch("anon_vma [0-7]", two) \
                    or (words[at] == "no" and words[at + 1:at + 2] in bits.VM_FLAGS):
                at += 2
            elif words[at] in bits.VM_FLAGS or words[at] == "no":
                at += 1
            else:
                raise Unmeant(f"found {words[at]!r}, expected prot RW, RO or NONE, anon_vma N, or "
                              f"flags: {', '.join(bits.VM_FLAGS)}", column)

    def _pteline(self, pte: PteLine) -> None:
        Place().check(pte.place, self.known)
        if len(pte.facts) != 1 or pte.facts[0].negative:
            raise Unmeant("say the whole pte: page 0 RW D A", pte.facts[0].column)
        fact = pte.facts[0]
        facts.check_pte(fact)
        kind = fact.words[0]
        if kind not in ("none", "swap", "file") and not {"RW", "RO", "NONE"} & set(fact.words):
            raise Unmeant("say its protection: RW, RO or NONE", fact.column)
        if kind in ("page", "swap"):
            self._number(fact.words[1], int(kind == "swap"), 3 if kind == "swap" else _PAGES - 1,
                         fact.column)

    def _buffersline(self, line: BuffersLine) -> None:
        Page().check(line.page, self.known)
        if len(line.buffers) > 4:
            raise Unmeant("a page has at most 4 buffers", line.buffers[4].column)
        for buffer in line.buffers:
            for word in buffer.words:
                if word not in (*bits.B_STATE, "-"):
                    raise Unmeant(f"found {word!r}, expected -, or flags of a buffer: "
                                  f"{', '.join(bits.B_STATE)}", buffer.column)

    def _hold(self, hold: Hold) -> None:
        fields.lock_of(hold.path, self.known.files)

    def _set(self, setting: Set) -> None:
        path = fields.path_of(setting.path, self.known.files)
        with contextlib.suppress(BadInput):     # a bit
            if fields.sequence_map().place(path).form == "ptr":
                raise Unmeant(f"{setting.path} is a pointer: it cannot be set by hand",
                              setting.column)

    def _expect(self, expect: Expect) -> None:
        expectations.check(expect, self.known, lambda text: fields.path_of(text, self.known.files))

    def _caseline(self, _: CaseLine) -> None:
        raise Unmeant("a case is said in its first line, before anything else")

    def _choice(self, _: Choice) -> None:
        raise Unmeant("choices are of a case: begin with `case direct`")

    def _spare(self, _: Spare) -> None:
        raise Unmeant("this is of a case: begin with `case sequence`")


def check(scenario: Scenario) -> None:
    """Look at every statement of a scenario.

    raises BadInput   naming the place, what was found there and what was expected
    """
    twice.check(scenario)
    if scenario.case:
        _check_drawn(scenario)
        return
    checking = _Checking(scenario)
    for line in scenario.said:
        checking.line(line)
    if not any(isinstance(line.statement, Act | Call) for line in scenario.said):
        raise BadInput(f"{scenario.name}: nothing is done in it: say an operation, as "
                       "p0: store a, or a call")


def _check_drawn(scenario: Scenario) -> None:
    if scenario.case.kind == "direct":
        direct.check(scenario)
        return
    drawn.case_of(scenario)
    checking = _Checking(scenario)
    for line in scenario.said:
        if isinstance(line.statement, FileLine):
            checking.known.files.append(line.statement.name)
        elif isinstance(line.statement, Act):
            at_line(scenario, line, lambda act: checking.results_of(act.results))
        elif isinstance(line.statement, Expect):
            checking.line(line)
