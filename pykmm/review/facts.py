# SPDX-License-Identifier: GPL-2.0-only
"""All that a review tells, as plain data: edits, functions, units, counts; `--json` writes it.

    edits       in the order of the patch: the mail's lines, C's and Cython's, step by step
    functions   every mirrored function whole, in the order of C's files
    units       U1 to U7: what each switches, and a run that goes wrong without it
    findings    what goes wrong with the patch: a run of each, and one without
    claims      what the mail says of how the kernel behaves, and whether it is so
"""

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from .. import paths
from ..engine import core
from ..patch import table
from ..patch.edits import FoundEdit, Verdict
from ..patch.table import UNITS, tomllib
from ..source import bodies, counting, reached
from ..source.anchors import TWINS
from ..source.listing import Line
from . import alignment, mirrored, proof
from .ablation import USER, WRONG
from .places import Place, places
from .shortest import saved
from .witnesses import findings, witnesses

SCHEMA = "pykmm.review/1"
HALVES = ("c", "cython")


@dataclass
class Counts:
    """What was run to count, and what came of it.

    tallies : {function: Tally}   one count a half, C's first
    """

    cases: int
    seconds: float
    seed: int
    tallies: dict[str, reached.Tally]
    interrupted: bool = False

    @classmethod
    def of(cls, result: dict, seed: int) -> "Counts":
        """From the result of fuzzing, as engine.worker tells it."""
        counters = counting.counters_of(paths.cref())
        return cls(result["cases"], result["seconds"], seed, {
            name: reached.tally(counters, result["counters"], name) for name in core.FUNCTIONS})


@dataclass
class Source:
    """What facts are made of.

    verdict : Verdict | None   of the mail, if one is given
    mail : str                 its name
    counts : Counts | None     None: nothing was counted
    runs : {id: dict}          of witnesses and findings, as witnesses.compared gives them
    claims : dict | None       what the mail says, as report.claims.facts gives it
    shortest : dict | None     what exploring without units found, as shortest.first gives it
    """

    verdict: Verdict | None = None
    mail: str = ""
    counts: Counts | None = None
    runs: dict[str, dict] | None = None
    claims: dict | None = None
    shortest: dict[str, dict] | None = None


def facts(source: Source) -> dict:
    """Everything, ready for JSON."""
    counts = source.counts
    return {
        "schema": SCHEMA,
        "mail": _mail(source),
        "counts": counts and {"cases": counts.cases, "seconds": counts.seconds,
                              "seed": counts.seed, "interrupted": counts.interrupted},
        "edits": edits(source),
        "functions": {name: {"files": list(one.files), **steps_words()[name]["about"],
                             "rows": [_row(name, row, counts, "") for row in one.rows]}
                      for name, one in mirrored.functions().items()},
        "units": units(source),
        "findings": found_wrong(source),
        "claims": source.claims and source.claims["claims"],
    }


def judge_claims(source: Source, judged: dict[str, dict]) -> bool:
    """Put in what came of running the claims' scenarios; is one not as in the table?"""
    wrong = False
    for claim in source.claims["claims"]:
        if claim["id"] in judged:
            claim["ran"] = judged[claim["id"]]["verdict"]
            claim["wrong"] = list(judged[claim["id"]]["wrong"])
            wrong |= claim["ran"] != claim["verdict"] or bool(claim["wrong"])
    return wrong


def _mail(source: Source) -> dict | None:
    verdict = source.verdict
    return verdict and {
        "name": source.mail, "verdict": verdict.kind, "text": str(verdict),
        "altered": [{"what": one.what, "lines": list(one.lines)} for one in verdict.altered]}


@cache
def steps_words() -> dict[str, dict]:
    """Of each mirrored function: about {title, entry, exit, returns}, steps {id: {does, why}}."""
    found = {}
    for path in TWINS:
        said = tomllib.loads((paths.cref() / "steps" / f"{path}.toml").read_text(encoding="utf-8"))
        for name, one in said.items():
            found[name] = {
                "about": {key: one.get(key, "") for key in ("title", "entry", "exit", "returns")},
                "steps": {step["id"]: {"does": step["does"], "why": step.get("why", "")}
                          for step in one["step"]}}
    return found


# -- edits


def edits(source: Source) -> list[dict]:
    """The edits in the order of the patch; without a mail their rows have no patch."""
    found = {one.edit.id: one for one in source.verdict.edits} if source.verdict else {}
    altered = {one.what for one in source.verdict.altered} if source.verdict else set()
    return [_edit(place, found.get(name), name in altered, source.counts)
            for name, place in places().items()]


def _edit(place: Place, found: FoundEdit | None, altered: bool, counts: Counts | None) -> dict:
    edit = place.edit
    mirrors = [mirrored.functions()[name] for name in edit.function.split(", ")
               if name in mirrored.functions() and (place.c or place.cython)]
    owned = [(one.name, row) for one in mirrors for row in one.rows if edit.id in row.touched]
    rows = [_row(name, row, counts, edit.id) for name, row in owned] or [_outside(place)]
    if found:
        own = [row for one in mirrors for row in one.rows]
        patch = alignment.aligned(found, own) if owned else [alignment.surroundings(found)]
        for row, lines in zip(rows, patch, strict=True):
            row["patch"] = [asdict(line) for line in lines]
    return {
        "id": edit.id, "file": edit.file, "hunk": edit.hunk, "function": edit.function,
        "unit": edit.unit, "plus": found.count("+") if found else edit.plus,
        "minus": found.count("-") if found else edit.minus, "note": edit.note,
        "does": place.words.does, "no_twin": place.words.no_twin, "altered": altered,
        "lines": [found.first, found.last] if found else None,
        "files": list(place.files), "rows": rows}


def _outside(place: Place) -> dict:
    """The row of an edit outside of functions."""
    row = {"function": "", "step": "", "does": "", "why": "", "patch": None}
    roots = (paths.cref().parent, paths.package().parent)
    for half, root, file, numbers in zip(HALVES, roots, place.files, (place.c, place.cython),
                                         strict=True):
        path = root / file if half == "cython" else paths.cref() / file.removeprefix("cref/")
        lines = path.read_text(encoding="utf-8").splitlines()
        row[half] = [{"line": number, "text": lines[number - 1], "own": True, "step": "",
                      "count": None, "operands": []} for number in numbers]
    return row


# -- rows


@dataclass
class Counted:
    """How often the lines of one function ran in one half; all None if nothing was counted."""

    tally: reached.Tally | None
    half: int
    below: dict[int, int]

    def line(self, line: Line) -> int | None:
        if self.tally and line.step:
            return self.tally.steps[line.step][self.half]
        return self.below.get(line.number)

    def sides(self, operand: str) -> dict:
        if self.tally is None:
            return {"true": None, "false": None}
        return {name: self.tally.sides[operand][side][self.half]
                for side, name in enumerate(reached.SIDES)}


def _counted(function: str, counts: Counts | None, half: int) -> Counted:
    if counts is None:
        return Counted(None, half, {})
    tally = counts.tallies[function]
    lines = [line for row in mirrored.functions()[function].rows for line in row.halves[half]]
    sides = {name: (held[half], not_held[half])
             for name, (held, not_held) in tally.sides.items()}
    return Counted(tally, half, bodies.counts(lines, sides, cython=HALVES[half] == "cython"))


def _row(function: str, row: mirrored.Row, counts: Counts | None, edit: str) -> dict:
    """One step; own: lines of that edit, or of any if "" is given."""
    words = steps_words()[function]["steps"].get(row.step, {"does": "", "why": ""})
    counted = [_counted(function, counts, half) for half in range(len(HALVES))]
    return {
        "function": function, "step": row.step, **words, "patch": None,
        **{name: [_line(line, counted[half], bool(own) and edit in ("", own))
                  for line, own in zip(row.halves[half], row.edits[half], strict=True)]
           for half, name in enumerate(HALVES)}}


def _line(line: Line, counted: Counted, own: bool) -> dict:
    return {"line": line.number, "text": line.text, "own": own, "step": line.step,
            "count": counted.line(line),
            "operands": [{"name": one.name, "text": one.text, **counted.sides(one.name)}
                         for one in line.operands]}


# -- units


def units(source: Source) -> dict[str, dict]:
    """U1 to U7; witness is None of a unit that has none, and runs are None if it was not run."""
    ids = {unit: [edit.id for edit in table.load().edits if edit.unit == unit] for unit in UNITS}
    return {unit: _unit(unit, ids[unit], source) for unit in UNITS}


def _unit(unit: str, ids: list[str], source: Source) -> dict:
    witness = witnesses().get(unit)
    run = (source.runs or {}).get(unit)
    told = witness and {"file": _shown(witness.file), "breaks": witness.breaks, **(run or {})}
    return {"function": UNITS[unit], "edits": ids, "witness": told,
            "length": len(run["operations"]) if run else None,
            "bound": _bounds(unit)[0], "seen_bound": _bounds(unit)[1],
            "shortest": _shortest(unit, source),
            "property": run and run["property"],
            "statement": core.PROPERTIES[run["property"]] if run and run["property"] else None}


def found_wrong(source: Source) -> dict[str, dict]:
    """What goes wrong with the patch, by id; in an installed wheel nothing of it was run."""
    return {name: {"says": one.says, "document": one.document,
                   "file": f"tests/scenarios/{one.scenario}", "without": one.without,
                   **((source.runs or {}).get(name) or {})}
            for name, one in findings().items()}


def _shortest(unit: str, source: Source) -> dict | None:
    """What was found last, or just now: then with the seconds that it took."""
    found = saved().get(unit)
    return found and {**found, **((source.shortest or {}).get(unit) or {})}


def _bounds(unit: str) -> tuple[str, str]:
    """What may be said of how short the runs are: that which goes wrong, that which a user sees."""
    found = saved()[unit]
    wrong, seen = found.get("length"), found.get("seen_length")
    return proof.shown(unit, WRONG, wrong).text(), proof.shown(unit, USER, seen).text()


def _shown(path: Path) -> str:
    return path.relative_to(paths.package().parent).as_posix()
