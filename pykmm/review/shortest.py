# SPDX-License-Identifier: GPL-2.0-only
"""What explorations without units found, as facts, as scenarios, and as the files of witnesses."""

import tempfile
from functools import cache
from itertools import combinations
from pathlib import Path

from ..engine import core, properties
from ..patch.table import UNITS, tomllib
from ..scenario.ablated import Ablated, said
from ..scenario.run import Halves
from . import witnesses
from .ablation import SEEN, Ablation, Ablations, Found, Looked, mask_without
from .drawn import Sequences

FOLDER = Path(__file__).with_name("shortest")
TABLE = "shortest.toml"
HOW = {
    "synced": "fsync returns 0 in both, and without {units} the disk has an older store",
    "rest": "when all have gone and all is written, the disk has an older store without {units}",
    "result": "an operation gives another answer without {units}",
    "outcome": "the kernel ends in another way without {units}",
}


@cache
def saved() -> dict[str, dict]:
    """Of each unit what an exploration found last: property, length, bound, and seen of a user."""
    return tomllib.loads((FOLDER / TABLE).read_text(encoding="utf-8"))


def facts(ablations: Ablations, halves: Halves | None = None,
          sequences: Sequences | None = None) -> dict:
    """Units and pairs of units, as JSON has them.

    halves : Halves         to find where both runs part first
    sequences : Sequences   which are run without them as well
    """
    singles = {one.units[0]: one for one in ablations.singles()}
    return {
        "scopes": [{"name": name, "ops": list(scope.ops), "processes": scope.processes,
                    "files": list(scope.kinds), "file_pages": scope.file_pages,
                    "blocks": scope.blocks, "pages": scope.pages, "vmas": scope.vmas,
                    "depth": scope.depth, "kept": properties.names(ablations.kept[name])}
                   for name, scope in ablations.scopes.items()],
        "units": {unit: {**_unit(ablations, one, halves), **_drawn(sequences, (unit,))}
                  for unit, one in singles.items()},
        "pairs": {"+".join(pair): {**_pair(ablations, pair, singles), **_drawn(sequences, pair)}
                  for pair in combinations(UNITS, 2)},
    }


def _drawn(sequences: Sequences | None, units: tuple[str, ...]) -> dict:
    return {"drawn": vars(sequences.without(units))} if sequences else {}


def _unit(ablations: Ablations, one: Ablation, halves: Halves | None) -> dict:
    return {**_both(ablations, one, halves), "bound": bound(one),
            "seen_bound": bound_text(one.pairs, one.seen, "pair")}


def _both(ablations: Ablations, one: Ablation, halves: Halves | None) -> dict:
    return {
        "property": one.property and one.property.what,
        "statement": one.property and core.PROPERTIES[one.property.what],
        "witness": one.property and _told(ablations, one, one.property, halves),
        "seen": one.seen and {"how": one.seen.what, **_told(ablations, one, one.seen, halves)},
    }


def _told(ablations: Ablations, one: Ablation, found: Found, halves: Halves | None) -> dict:
    text = scenario(ablations, one.units, found)
    told = {
        "length": found.length, "scope": found.scope, "seconds": found.seconds,
        "operations": [str(said(action[0])) for action in found.actions], "scenario": text,
    }
    return {**told, **_outcomes(text, one.units, halves)} if halves else told


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
    for unit in UNITS:
        one, _ = ablations.broken(mask_without((unit,)))
        if one:
            found[unit] = {"property": one.what, "length": one.length, "scope": one.scope,
                           "seconds": one.seconds}
    return found


def scenario(ablations: Ablations, units: tuple[str, ...], found: Found) -> str:
    """The text of a scenario that shows it by v8 and without these units."""
    run = Ablated(ablations.scopes[found.scope], found.actions, units)
    names = " and ".join(units)
    if found.what not in SEEN:
        run.expect_property(found.what)
        return run.text(f"Without {names} this breaks {found.what}: "
                        f"{core.PROPERTIES[found.what]}.")
    if found.what == "rest":
        run.rest()
    if found.what in ("rest", "synced"):
        run.expect_disks()
    return run.text(f"{_sentence(HOW[found.what].format(units=names))}.")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _pair(ablations: Ablations, pair: tuple[str, str], singles: dict[str, Ablation]) -> dict:
    """A pair of units; `as`: the unit alone that gives the same; `heals`: the units whose
    property holds in the scope of its witness when the other one is off as well."""
    one = ablations.of(pair)
    alone = next((unit for unit in pair if _same(one.property, singles[unit].property)), None)
    heals = [unit for unit in pair if _heals(ablations, pair, singles[unit].property)]
    return {**_both(ablations, one, None), "as": alone, "heals": heals}


def _same(one: Found | None, other: Found | None) -> bool:
    return (one and (one.what, one.length)) == (other and (other.what, other.length))


def _heals(ablations: Ablations, pair: tuple[str, str], found: Found | None) -> bool:
    if found is None:
        return False
    bit = properties.mask([found.what])
    result = ablations.explore(ablations.scopes[found.scope], mask_without(pair), bit)
    return not any(one["what"] == "property" for one in result["found"])


def bound(one: Ablation) -> str:
    """Up to where the property was looked for, in a sentence."""
    return bound_text(one.looked, one.property, "world")


def bound_text(looked: tuple[Looked, ...], found: Found | None, what: str) -> str:
    """How far was looked: `what` is world or pair."""
    many = sum(one.worlds for one in looked)
    if found:
        return f"nothing shorter in {len(looked)} scopes, {many:,} {what}s"
    closed = [one.scope for one in looked if one.closed]
    open_ones = [f"{one.scope} within {one.depth} operations" for one in looked if not one.closed]
    return (f"none in {len(looked)} scopes, {many:,} {what}s: all of {', '.join(closed)}; "
            + ", ".join(open_ones))


def files(told: dict) -> dict[str, str]:
    """{name: text} of all files in FOLDER: the same on every machine."""
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
    for unit, one in told["units"].items():
        lines += ["", f"[{unit}]"]
        for key, value in (
                ("property", one["property"]), ("length", one["witness"]["length"]),
                ("scope", one["witness"]["scope"]), ("bound", one["bound"]),
                ("seen", one["seen"] and one["seen"]["how"]),
                ("seen_length", one["seen"] and one["seen"]["length"]),
                ("seen_bound", one["seen_bound"])):
            if value is not None:
                lines.append(f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}")
    return "\n".join([*lines, ""])
