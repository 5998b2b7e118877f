# SPDX-License-Identifier: GPL-2.0-only
"""Of each unit a run that goes wrong without it: which scenario that is, and what came of it.

`found` runs it with every unit on and with the one off, by all halves, and says from
both runs what is different: nothing of it is written down beforehand.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..engine import properties
from ..errors import BadInput
from ..patch.table import UNITS, tomllib
from ..scenario import meaning, parse
from ..scenario.model import Scenario
from ..scenario.run import Halves, Variant
from .state import pages_text, state_of

PATH = Path(__file__).with_name("witnesses.toml")
FOLDER = Path(__file__).with_name("witnesses")
ALL_UNITS = 0x7F


@dataclass(frozen=True)
class Witness:
    """One row of witnesses.toml.

    breaks : str         what goes wrong without the unit, in a sentence
    bound : str | None   up to where an exploration found nothing shorter
    """

    unit: str
    file: Path
    breaks: str
    bound: str | None = None

    @property
    def text(self) -> str:
        return parse.read(self.file)


@cache
def witnesses() -> dict[str, Witness]:
    """The witness of each unit that has one."""
    said = tomllib.loads(PATH.read_text(encoding="utf-8"))
    return {unit: Witness(unit, FOLDER / one["file"], one["breaks"], one.get("bound"))
            for unit, one in said.items()}


def mask_without(unit: str) -> int:
    """All units but one, as a mask."""
    return ALL_UNITS & ~(1 << list(UNITS).index(unit))


class _Watched(Variant):
    """A variant that keeps the state after each operation, and the properties that it breaks."""

    def __init__(self, scenario: Scenario, mask: int, halves: Halves):
        super().__init__(scenario, mask, halves, detail=True)
        self.states = [self._state()]
        self.broken = [self._broken(properties.ALL)]

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
                self.broken.append(self._broken(properties.ALL))


def found(witness: Witness, halves: Halves) -> dict:
    """Run a witness with all units on and with its unit off.

    returns dict   title, text (of the file), operations and lines (what each says, and where),
                   ok (all its expectations hold), runs {"with": run, "without": run}, parts (number
                   of the first operation after which results or states differ, or None), property
                   (the first that is broken without the unit and not with it, or None), differs
                   (sentences on results, disks, locks and properties); a run has states and
                   broken (names of properties), one more than there are operations, and results
                   and steps, one an operation
    raises BadInput   the scenario does not run with and without the unit
    """
    scenario = parse.parse(witness.text, witness.file.name)
    meaning.check(scenario)
    masks = {"with": ALL_UNITS, "without": mask_without(witness.unit)}
    if not set(masks.values()) <= set(scenario.masks()):
        raise BadInput(f"{witness.file.name}: a witness of {witness.unit} must say: units all, "
                       f"-{witness.unit}")
    watched = {name: _Watched(scenario, mask, halves) for name, mask in masks.items()}
    results = [one.run() for one in watched.values()]
    done = [entry for entry in results[0]["entries"] if "state" in entry]
    runs = {name: _told(one) for name, one in watched.items()}
    return {
        "title": scenario.title, "text": witness.text,
        "operations": [entry["text"] for entry in done], "lines": [entry["line"] for entry in done],
        "ok": all(one["ok"] for one in results), "runs": runs, "parts": _parts(runs),
        "property": next((name for name, _ in _broken_without(runs)), None),
        "differs": list(_differs(witness.unit, done, runs)),
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


def _broken_without(runs: dict) -> list[tuple[str, int]]:
    """Properties that the second run alone breaks, and after how many operations, first first."""
    kept = {name for names in runs["with"]["broken"] for name in names}
    found: dict[str, int] = {}
    for number, names in enumerate(runs["without"]["broken"]):
        for name in names:
            found.setdefault(name, number)
    return [(name, number) for name, number in found.items() if name not in kept]


def _differs(unit: str, done: list[dict], runs: dict) -> Iterator[str]:
    """Results of operations, the disks at the end, and what else only one of them does."""
    one, other = runs.values()
    for entry, a, b in zip(done, one["results"], other["results"], strict=False):
        if a != b:
            yield f"{entry['text']} gives {a} with {unit}, {b} without"
    last, others = one["states"][-1], other["states"][-1]
    for disk, its in zip(last["disks"], others["disks"], strict=False):
        if disk != its:
            yield (f"at the end the disk has {pages_text(disk['pages'])} of {disk['file']} with "
                   f"{unit}, {pages_text(its['pages'])} without")
    yield from (f"without {unit}: {fault}" for fault in others["faults"]
                if fault not in last["faults"])
    for name, number in _broken_without(runs):
        yield f"without {unit} the property {name} is broken after operation {number}"
