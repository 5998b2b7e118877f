# SPDX-License-Identifier: GPL-2.0-only
"""What explorations without units found, as facts, as scenarios, and as the files of witnesses."""

import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from ..engine import core
from ..errors import HarnessError
from ..patch.table import UNITS, tomllib
from ..scenario.ablated import Ablated, said
from ..scenario.run import Halves
from . import proof, witnesses
from .ablation import (
    HOW,
    PAIRS,
    SINGLES,
    USER,
    WRONG,
    Ablation,
    Ablations,
    Found,
    Sought,
    kernel_without,
    mask_without,
)
from .drawn import Sequences
from .scopes import OF_UNITS, WHOLE

FOLDER = Path(__file__).with_name("shortest")
TABLE = "shortest.toml"
SAYS = {
    "synced": "fsync returns 0 in both, and without {units} the disk has an older store",
    "rest": "all have gone and all is written, and the disk has an older store without {units}",
    "result": "an operation gives another answer without {units}",
    "outcome": "the kernel ends in another way without {units}",
}
# of whole alphabets, unless it is said for how long: --seconds
AGAIN_WITHIN = 1


@cache
def saved() -> dict[str, dict]:
    """Of each unit what an exploration found last: property, length, scope, and seen of a user."""
    return tomllib.loads((FOLDER / TABLE).read_text(encoding="utf-8"))


def facts(ablations: Ablations, halves: Halves | None = None,
          sequences: Sequences | None = None, seconds: float | None = None) -> dict:
    """Units and pairs of units, as JSON has them.

    halves : Halves         to find where both runs part first
    sequences : Sequences   which are run without them as well
    seconds : float         whole alphabets are looked at again for so long; None: within
                            AGAIN_WITHIN operations
    """
    singles = {one.kernel.name: one for one in ablations.singles()}
    rows = _again(singles, seconds, ablations.tell)
    pairs = {one.kernel.name: one for one in ablations.pairs()}
    return {
        "scopes": [{"name": name, **scope_facts(name), "depth": scope.depth}
                   for name, scope in ablations.scopes.items()],
        "whole": [_row(row) for row in proof.saved()],
        "again": [_row(row) for row in rows],
        "units": {name: {**_unit(one, halves), **_drawn(sequences, (name,))}
                  for name, one in singles.items()},
        "pairs": {"+".join(pair): {**_pair(ablations, pairs["+".join(pair)], singles),
                                   **_drawn(sequences, pair)} for pair in PAIRS},
    }


def scope_facts(name: str) -> dict:
    """A scope of the tables, as JSON has it."""
    scope = {**OF_UNITS, **WHOLE}[name]
    return {"ops": list(scope.ops), "processes": scope.processes, "files": list(scope.kinds),
            "file_pages": scope.file_pages, "blocks": scope.blocks, "pages": scope.pages,
            "vmas": scope.vmas, "places": scope.nr_places, "descriptors": scope.nr_descriptors,
            "start": list(scope.start), "left_out": list(scope.left_out)}


def _row(row: proof.Row) -> dict:
    return {"name": row.scope, **scope_facts(row.scope), "worlds": row.worlds,
            "transitions": row.transitions, "closed": row.closed, "within": row.within}


def _again(singles: dict[str, Ablation], seconds: float | None,
           tell: Callable[[], None]) -> list[proof.Row]:
    """Whole alphabets once more: one operation further and another, as long as there is time.

    raises HarnessError   a run is shorter than what was found
    """
    end = None if seconds is None else time.monotonic() + seconds
    lengths = proof.lengths_of(singles.values())
    rows: dict[str, proof.Row] = {}
    for depth in range(1, (AGAIN_WITHIN if end is None else max(
            scope.depth for scope in WHOLE.values())) + 1):
        for name, scope in WHOLE.items():
            if depth > scope.depth or (end is not None and time.monotonic() > end):
                continue
            row, found = proof.look(name, lengths, depth, tell)
            for (unit, way), one in found.items():
                raise HarnessError(f"without {unit} {one.what} is there after {one.length} "
                                   f"operations of {name} ({way}): python tools/witnesses.py")
            rows[name] = row
    return list(rows.values())


def _drawn(sequences: Sequences | None, units: tuple[str, ...]) -> dict:
    return {"drawn": vars(sequences.without(units))} if sequences else {}


def _unit(one: Ablation, halves: Halves | None) -> dict:
    """A unit; bound, seen_bound: what may be said of how short its runs are."""
    shown = {way: proof.shown(one.kernel.name, way, sought.length)
             for way, sought in ((WRONG, one.wrong), (USER, one.seen))}
    return {**_both(one, halves), "bound": shown[WRONG].text(), "seen_bound": shown[USER].text(),
            "shortest": shown[WRONG].is_shortest, "seen_shortest": shown[USER].is_shortest}


def _both(one: Ablation, halves: Halves | None) -> dict:
    units = tuple(one.kernel.name.split("+"))
    wrong, seen = one.wrong.found, one.seen.found
    return {
        "property": wrong and wrong.what,
        "statement": wrong and core.PROPERTIES.get(wrong.what),
        "witness": wrong and _told(units, wrong, halves),
        "seen": seen and {"how": seen.what, **_told(units, seen, halves)},
    }


def _told(units: tuple[str, ...], found: Found, halves: Halves | None) -> dict:
    text = scenario(units, found)
    told = {
        "length": found.length, "scope": found.scope, "seconds": found.seconds,
        "operations": [str(said(action[0])) for action in found.actions], "scenario": text,
    }
    return {**told, **_outcomes(text, units, halves)} if halves else told


def _outcomes(text: str, units: tuple[str, ...], halves: Halves) -> dict:
    """Both runs of a scenario: the first operation after which they differ, and how."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "witness.kmm"
        file.write_text(text, encoding="utf-8")
        run = witnesses.compared(file, "+".join(units), mask_without(units), halves)
    parts = run["parts"]
    return {"ok": run["ok"], "differs": run["differs"],
            "first_difference": None if parts is None else run["operations"][parts]}


def first(ablations: Ablations) -> dict[str, dict]:
    """Of each unit the property that breaks first, its length, scope, and seconds to find it."""
    found = {}
    for one in ablations.each([kernel_without(units) for units in SINGLES]):
        wrong = one.wrong.found
        if wrong:
            found[one.kernel.name] = {"property": wrong.what, "length": wrong.length,
                                      "scope": wrong.scope, "seconds": wrong.seconds}
    return found


def scenario(units: tuple[str, ...], found: Found) -> str:
    """The text of a scenario that shows it by v8 and without these units."""
    if any(fail or pauses for _, fail, pauses in found.actions):
        raise HarnessError("a run with an allocation that fails or with another actor is no "
                           "scenario of two kernels")
    run = Ablated({**OF_UNITS, **WHOLE}[found.scope], found.actions, units)
    names = " and ".join(units)
    if found.what in HOW:
        if found.what in ("rest", "synced"):
            run.expect_disks()
        return run.text(f"{_sentence(SAYS[found.what].format(units=names))}.")
    run.expect_property(found.what)
    return run.text(f"Without {names} this breaks {found.what}: {core.PROPERTIES[found.what]}.")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _pair(ablations: Ablations, one: Ablation, singles: dict[str, Ablation]) -> dict:
    """A pair of units; `as`: the unit alone that gives the same; `heals`: the units whose
    property holds in the scope of its witness when the other one is off as well."""
    pair = one.kernel.name.split("+")
    alone = next((unit for unit in pair if _same(one.wrong, singles[unit].wrong)), None)
    heals = [unit for unit in pair if _heals(ablations, one, singles[unit].wrong.found)]
    return {**_both(one, None), "as": alone, "heals": heals}


def _same(one: Sought, other: Sought) -> bool:
    return ((one.found and (one.found.what, one.length))
            == (other.found and (other.found.what, other.length)))


def _heals(ablations: Ablations, one: Ablation, found: Found | None) -> bool:
    return found is not None and ablations.keeps(one.kernel, found.what, found.scope)


def files(told: dict) -> dict[str, str]:
    """{name: text} of all files of runs in FOLDER: the same on every machine."""
    found = {}
    for name, one in {**told["units"], **told["pairs"]}.items():
        if one.get("as"):
            continue
        if one["witness"]:
            found[f"{name}.kmm"] = one["witness"]["scenario"]
        if one["seen"]:
            found[f"{name}-seen.kmm"] = one["seen"]["scenario"]
    found[TABLE] = _table(told)
    return found


def _table(told: dict) -> str:
    lines = ["# SPDX-License-Identifier: GPL-2.0-only",
             "# Written by tools/witnesses.py: what explorations without a unit found."]
    for unit in UNITS:
        one = told["units"][unit]
        witness, seen = one["witness"] or {}, one["seen"] or {}
        lines += ["", f"[{unit}]"]
        for key, value in (("property", one["property"]), ("length", witness.get("length")),
                           ("scope", witness.get("scope")), ("seen", seen.get("how")),
                           ("seen_length", seen.get("length"))):
            if value is not None:
                lines.append(f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}")
    return "\n".join([*lines, ""])
