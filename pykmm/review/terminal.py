# SPDX-License-Identifier: GPL-2.0-only
"""The facts of a review on a terminal: the table of edits and units, or one of them in full."""

import itertools
from collections.abc import Iterator

from rich.console import RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from ..report import findings
from ..report.coverage import lexer_of
from ..source.anchors import FUNCTION_OF, letters_of
from .facts import HALVES
from .state import sentence

_OPS = {"+": "green", "-": "red", " ": "dim"}
_COUNT = 13


def table(facts: dict) -> Iterator[RenderableType]:
    """Every edit in a line, then every unit."""
    shown = Table(box=None, pad_edge=False)
    for column, how in (("edit", {}), ("unit", {}), ("lines", {"justify": "right"}),
                        ("function", {}), ("steps", {}), ("what it does", {})):
        shown.add_column(column, **how)
    for edit in facts["edits"]:
        name = Text(edit["id"], style="bold")
        shown.add_row(name.append(" altered", style="yellow") if edit["altered"] else name,
                      edit["unit"], size_text(edit), edit["function"] or edit["file"],
                      steps_text(edit), edit["does"])
    yield shown
    yield Text()
    units = Table(box=None, pad_edge=False)
    for column in ("unit", "function", "edits", "run", "breaks", "without it"):
        units.add_column(column)
    for name, unit in facts["units"].items():
        witness = unit["witness"]
        units.add_row(Text(name, style="bold"), unit["function"], ids_text(unit["edits"]),
                      findings.counted(unit["length"], "operation") if unit["length"] else "",
                      unit["property"] or "",
                      witness["breaks"] if witness else "nothing is known to go wrong")
    yield units


def size_text(edit: dict) -> str:
    """+24, +2 -1."""
    return " ".join(f"{op}{edit[key]}" for op, key in (("+", "plus"), ("-", "minus")) if edit[key])


def steps_of(edit: dict) -> list[str]:
    return [row["step"] for row in edit["rows"] if row["step"]]


def steps_text(edit: dict) -> str:
    """The steps of an edit; of many in one function the first and the last: MK1-MK9."""
    said = []
    for _, group in itertools.groupby(steps_of(edit), letters_of):
        steps = list(group)
        said += [f"{steps[0]}-{steps[-1]}"] if len(steps) > 2 else steps
    return " ".join(said)


def ids_text(ids: list[str]) -> str:
    """E03-E06, or one by one where they do not follow each other."""
    numbers = [int(one[1:]) for one in ids]
    if len(ids) > 1 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{ids[0]}-{ids[-1]}"
    return " ".join(ids)


def names(facts: dict) -> dict[str, list[str]]:
    """What can be asked for: {kind: ids}."""
    return {
        "edits": [edit["id"] for edit in facts["edits"]],
        "units": list(facts["units"]),
        "functions": list(facts["functions"]),
        "steps": [row["step"] for one in facts["functions"].values() for row in one["rows"]
                  if row["step"]],
        "claims": [claim["id"] for claim in facts["claims"] or ()],
        "findings": list(facts["findings"]),
    }


def find(facts: dict, name: str) -> tuple[str, str] | None:
    """(kind, id) of what is meant, in whatever letters' case; None: there is no such thing."""
    return next(((kind, one) for kind, ids in names(facts).items() for one in ids
                 if one.lower() == name.lower()), None)


def in_full(facts: dict, kind: str, name: str) -> Iterator[RenderableType]:
    """One edit, unit, function, step or claim with its sources, counts and witness."""
    if kind == "edits":
        edit = next(one for one in facts["edits"] if one["id"] == name)
        yield from _edit(edit)
        if edit["unit"]:
            yield from _unit(edit["unit"], facts["units"][edit["unit"]])
    elif kind == "units":
        unit = facts["units"][name]
        for edit in facts["edits"]:
            if edit["id"] in unit["edits"]:
                yield from _edit(edit)
        yield from _unit(name, unit)
    elif kind == "functions":
        yield from _function(name, facts["functions"][name])
    elif kind == "findings":
        finding = facts["findings"][name]
        yield Text.assemble((name, "bold"), f"  {finding['says']}")
        yield Text(finding["document"], style="dim")
        yield from _run(name, finding)
    elif kind == "claims":
        yield from _claim(next(one for one in facts["claims"] if one["id"] == name))
    else:
        function = FUNCTION_OF[letters_of(name)]
        row = next(row for row in facts["functions"][function]["rows"] if row["step"] == name)
        yield Text.assemble((name, "bold"), f"  {function}")
        yield from _row(row, facts["functions"][function]["files"])
        for edit in facts["edits"]:
            if name in steps_of(edit):
                yield Text(f"It is part of {edit['id']}: {edit['does']}")


def _edit(edit: dict) -> Iterator[RenderableType]:
    place = "  ".join(filter(None, (edit["file"], edit["function"], edit["unit"],
                                    size_text(edit))))
    yield Text.assemble((edit["id"], "bold"), f"  {place}",
                        ("  altered" if edit["altered"] else "", "yellow"))
    yield Text(edit["does"])
    if edit["note"]:
        yield Text(f"({edit['note']})", style="dim")
    for row in edit["rows"]:
        yield from _row(row, edit["files"])
    if edit["no_twin"]:
        yield Text(f"no Cython: {edit['no_twin']}", style="dim")
    yield Text()


def _function(name: str, function: dict) -> Iterator[RenderableType]:
    yield Text.assemble((name, "bold"), f"  {function['title']}")
    for key in ("entry", "exit", "returns"):
        if function[key]:
            yield Text.assemble((f"{key}: ", "dim"), function[key])
    for row in function["rows"]:
        yield from _row(row, function["files"])


def _row(row: dict, files: list[str]) -> Iterator[RenderableType]:
    yield Text()
    if row["step"]:
        yield Text.assemble((f"{row['step']}  ", "bold cyan"), row["does"])
    if row["patch"]:
        yield Text("  patch", style="dim")
        for line in row["patch"]:
            yield Text(f"{'':{_COUNT}} {line['line']:>4} {line['op']}"
                       f"{'    ' * line['indent']}{line['text']}", style=_OPS[line["op"]])
    for half, file in zip(HALVES, files, strict=True):
        if row[half]:
            yield Text(f"  {file}", style="dim")
            yield from _source(row[half], HALVES.index(half))


def _source(lines: list[dict], half: int) -> Iterator[RenderableType]:
    syntax = Syntax("", lexer_of(half), theme="ansi_dark", background_color="default", tab_size=8)
    code = syntax.highlight("\n".join(line["text"].expandtabs(4) for line in lines))
    for line, text in zip(lines, code.split("\n", allow_blank=True), strict=False):
        count = "" if line["count"] is None else f"{line['count']:,}"
        yield Text.assemble((f"{count:>{_COUNT}} ", "bold red" if count == "0" else "cyan"),
                            (f"{line['line']:>4} ", "dim"), "|" if line["own"] else " ", text)
        for operand in line["operands"]:
            if operand["true"] is not None:
                yield Text(f"{'':{_COUNT + 6}} {operand['text']}: true {operand['true']:,}, "
                           f"false {operand['false']:,}", style="dim")


def _claim(claim: dict) -> Iterator[RenderableType]:
    yield Text.assemble((claim["id"], "bold"), f"  {claim['verdict']}: {claim['says']}")
    if claim["sentence"]:
        first, last = claim["lines"]
        yield Text(f"lines {first}-{last}: \u201c{claim['sentence']}\u201d", style="dim")
    yield Text(claim["reason"])
    for one in claim["shown"]:
        yield Text(f"  pykmm run {one['scenario']}", style="dim")
    for one in claim["wrong"]:
        yield Text(f"  {one}", style="red")


# -- witnesses


def _unit(name: str, unit: dict) -> Iterator[RenderableType]:
    witness = unit["witness"]
    if not witness:
        yield Text(f"{name}: nothing is known to go wrong without it ({unit['bound']})")
        return
    yield Text.assemble((f"Without {name}", "bold"), f"  {witness['breaks']}")
    yield from _run(name, witness)
    if unit["property"]:
        yield Text(f"  {unit['property']}: {unit['statement']}", style="dim")


def _run(name: str, run: dict) -> Iterator[RenderableType]:
    """What each operation of a comparison left, with and without."""
    if "runs" not in run:
        return
    for number, operation in enumerate(run["operations"]):
        mark = "   <- here they part" if number == run["parts"] else ""
        yield Text.assemble(f"  {number + 1}  {operation}", (mark, "yellow"))
        states = {which: _moment_text(one, number)
                  for which, one in run["runs"].items()}
        if states["with"] == states["without"]:
            yield Text(f"       {states['with']}", style="dim")
        else:
            yield Text(f"       with     {states['with']}", style="green")
            yield Text(f"       without  {states['without']}", style="red")
    for difference in run["differs"]:
        yield Text(f"  {difference}")
    yield Text(f"  again: pykmm run {name}", style="dim")


def _moment_text(run: dict, number: int) -> str:
    """What an operation of a run left; a run that ended has no more."""
    if number >= len(run["results"]):
        return "it had ended"
    return sentence(run["states"][number + 1], run["results"][number])
