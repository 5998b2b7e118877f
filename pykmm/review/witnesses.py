# SPDX-License-Identifier: GPL-2.0-only
"""Runs that go wrong without a unit, and runs that go wrong with the patch, and what came of them.

Each is a scenario.  It is run with every unit on and with fewer, by all halves, and from
both runs is said what is different: nothing of that is written down beforehand.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..engine import properties
from ..errors import BadInput, Lacking
from ..patch.table import UNITS, tomllib
from ..scenario import meaning, parse
from ..scenario.model import Scenario, units_of, units_text
from ..scenario.run import Halves, Variant
from .state import pages_text, state_of

PATH = Path(__file__).with_name("witnesses.toml")
FINDINGS = Path(__file__).with_name("findings.toml")
FOLDER = Path(__file__).with_name("witnesses")
ALL_UNITS = 0x7F


@dataclass(frozen=True)
class Witness:
    """One row of witnesses.toml.

    breaks : str         what goes wrong without the unit, in a sentence
    """

    unit: str
    file: Path
    breaks: str

    @property
    def text(self) -> str:
        return parse.read(self.file)


@cache
def witnesses() -> dict[str, Witness]:
    """The witness of each unit that has one."""
    said = tomllib.loads(PATH.read_text(encoding="utf-8"))
    return {unit: Witness(unit, FOLDER / one["file"], one["breaks"])
            for unit, one in said.items()}


def mask_without(unit: str) -> int:
    """All units but one, as a mask."""
    return ALL_UNITS & ~(1 << list(UNITS).index(unit))


class _Watched(Variant):
    """A variant that keeps the state after each operation, and the properties that it breaks."""

    def __init__(self, scenario: Scenario, mask: int, halves: Halves, judged: int):
        super().__init__(scenario, mask, halves, detail=True)
        self.judged = judged
        self.states = [self._state()]
        self.broken = [self._broken(judged)]

    def _state(self) -> dict:
        return state_of(self.block.words(), self.files)

    def _line(self, line) -> None:
        before = len(self.entries)
        try:
            super()._line(line)
        finally:
            done = [entry for entry in self.entries[before:] if entry["kind"] != "expect"]
            # what opens a file first is no line of its own
            for entry in done[:-1]:
                self.entries.remove(entry)
            if done:
                done[-1]["state"] = len(self.states)
                self.states.append(self._state())
                self.broken.append(self._broken(self.judged))


@dataclass(frozen=True)
class Finding:
    """One row of findings.toml; less: a mask of units with which it does not happen."""

    name: str
    says: str
    document: str
    scenario: str
    less: int

    @property
    def without(self) -> str:
        """What the other kernel lacks: U6, or the patch."""
        return units_text(self.less).strip("-") if self.less else "the patch"


@cache
def findings() -> dict[str, Finding]:
    """What the patch brought, by id."""
    said = tomllib.loads(FINDINGS.read_text(encoding="utf-8"))
    return {name: Finding(name, one["says"], one["document"], one["scenario"],
                          units_of(one["less"])) for name, one in said.items()}


def file_of(name: str, folder: Path | None) -> Path | None:
    """The scenario of a unit or of a finding, in any case of letters: U3, f2.

    folder : Path | None   tests/scenarios, where those of findings lie
    returns None           nothing is called so
    raises Lacking         it is a finding's, and there is no such folder
    """
    name = name.upper()
    if name in witnesses():
        return witnesses()[name].file
    if name not in findings():
        return None
    if folder is None:
        raise Lacking(f"the scenario of {name} is not installed here: run this in a checkout of "
                      "pykmm")
    return folder / findings()[name].scenario


def found(witness: Witness, halves: Halves) -> dict:
    """Run a witness with all units on and with its unit off; see `compared`."""
    return compared(witness.file, witness.unit, mask_without(witness.unit), halves)


def shown(finding: Finding, folder: Path, halves: Halves) -> dict:
    """Run a finding's scenario with all units on and with fewer; folder: tests/scenarios."""
    return compared(folder / finding.scenario, finding.without, finding.less, halves, bad="with")


def compared(file: Path, name: str, less: int, halves: Halves, bad: str = "without") -> dict:
    """Run a scenario by v8 and by a kernel with fewer units.

    name : str     what the other kernel lacks: U3, the patch
    less : int     its units, a mask
    bad : str      which of both goes wrong: with, without
    returns dict   title, text (of the file), operations and lines (what each says, and where),
                   ok (all its expectations hold), runs {"with": run, "without": run}, parts (number
                   of the first operation after which results or states differ, or None), property
                   (the first that only the one that goes wrong breaks, or None) and broken_after
                   (how many operations), differs (sentences on results, disks, locks and
                   properties); a run has states and broken (names of properties), one more than
                   there are operations, and results and steps, one an operation
    raises BadInput   the scenario does not run with both sets of units
    """
    scenario = parse.parse(parse.read(file), file.name)
    meaning.check(scenario)
    masks = {"with": ALL_UNITS, "without": less}
    if not set(masks.values()) <= set(scenario.masks()):
        raise BadInput(f"{file.name}: to compare with what has not {name} it must say: units all, "
                       f"{units_text(less)}")
    # a kernel that is right is judged by what it is meant to keep, not by what the patch is for
    every = properties.ALL & ~properties.SAID_BY_UNITS
    judged = {which: every if which == bad else properties.expected(every, mask)
              for which, mask in masks.items()}
    watched = {which: _Watched(scenario, mask, halves, judged[which])
               for which, mask in masks.items()}
    results = [one.run() for one in watched.values()]
    done = [entry for entry in results[0]["entries"] if "state" in entry]
    runs = {which: _told(one) for which, one in watched.items()}
    broken = _broken_only(runs, bad)
    return {
        "title": scenario.title, "text": parse.read(file),
        "operations": [entry["text"] for entry in done], "lines": [entry["line"] for entry in done],
        "ok": all(one["ok"] for one in results), "runs": runs, "parts": _parts(runs),
        "property": broken[0][0] if broken else None,
        "broken_after": broken[0][1] if broken else None,
        "differs": [*_differs(name, done, runs),
                    *(f"{bad} {name} the property {one} is broken after operation {number}"
                      for one, number in broken)],
    }


def _told(watched: _Watched) -> dict:
    done = [entry for entry in watched.entries if "state" in entry]
    return {"states": watched.states, "broken": watched.broken,
            "results": [entry.get("result", "") for entry in done],
            "steps": [_steps(entry) for entry in done]}


def _steps(entry: dict) -> list[str]:
    """Steps of the mirrored functions that an operation took, each once, in order."""
    halves = entry.get("halves") or [{"events": []}]
    return list(dict.fromkeys(event["step"] for event in halves[0]["events"] if event["step"]))


def _parts(runs: dict) -> int | None:
    one, other = runs.values()
    after = zip(one["results"], one["states"][1:], other["results"], other["states"][1:],
                strict=False)
    return next((i for i, (a, state, b, other_state) in enumerate(after)
                 if a != b or state != other_state), None)


def _broken_only(runs: dict, bad: str) -> list[tuple[str, int]]:
    """Properties that one run alone breaks, and after how many operations, first ones first."""
    kept = {name for which, run in runs.items() if which != bad
            for names in run["broken"] for name in names}
    found: dict[str, int] = {}
    for number, names in enumerate(runs[bad]["broken"]):
        for name in names:
            found.setdefault(name, number)
    return [(name, number) for name, number in found.items() if name not in kept]


def _differs(name: str, done: list[dict], runs: dict) -> Iterator[str]:
    """Results of operations, the disks at the end, and what only the second does with locks."""
    one, other = runs.values()
    for entry, a, b in zip(done, one["results"], other["results"], strict=False):
        if a != b:
            yield f"{entry['text']} gives {a} with {name}, {b} without"
    last, others = one["states"][-1], other["states"][-1]
    for disk, its in zip(last["disks"], others["disks"], strict=False):
        if disk != its:
            yield (f"at the end the disk has {pages_text(disk['pages'])} of {disk['file']} with "
                   f"{name}, {pages_text(its['pages'])} without")
    yield from (f"without {name}: {fault}" for fault in others["faults"]
                if fault not in last["faults"])
