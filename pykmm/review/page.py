# SPDX-License-Identifier: GPL-2.0-only
"""The facts of a review as one HTML file that needs nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter

from ..report.coverage import lexer_of
from .facts import HALVES
from .picture import frame, svg
from .state import sentence
from .terminal import ids_text, size_text

TAB = 4
_LABEL = re.compile(r"\w+:$")
_SPACES = re.compile(r"\s{3,}")
_ANCHOR = re.compile(r"\s*(?:/\*|#) [A-Z]{2,3}\d+[a-z]?(?: E\d\d)*(?: \*/)?\s*$")


def page(facts: dict) -> str:
    """The whole page, from what review.facts gives."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True,
                              trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(size=size_text, ids=ids_text, commas="{:,}".format)
    owner = _owners(facts)
    return environment.get_template("page.html.j2").render(
        facts=facts, mail=facts["mail"], counts=facts["counts"],
        edits=[_edit(edit, owner) for edit in facts["edits"]],
        functions=[_function(name, one, owner) for name, one in facts["functions"].items()],
        units=[{"id": name, **unit, "player": _player(name, unit["witness"])}
               for name, unit in facts["units"].items()],
        findings=[{"id": name, **one, "player": _player(one["without"], one)}
                  for name, one in facts["findings"].items()],
        claims=facts["claims"] or [], owner=owner,
        style=Markup(_beside("page.css")), script=Markup(_beside("page.js")))


def _beside(name: str) -> str:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return re.sub(r"^/\*.*?\*/\s*", "", text, count=1)


def _owners(facts: dict) -> dict[str, str]:
    """Where the id of a step goes: to the one edit that is anchored there, else its function."""
    found = {row["step"]: name for name, one in facts["functions"].items() for row in one["rows"]
             if row["step"]}
    for edit in facts["edits"]:
        for row in edit["rows"]:
            if any(line["own"] and line["step"] for line in row["c"]):
                found[row["step"]] = edit["id"]
    return found


# -- sources


def _edit(edit: dict, owner: dict[str, str]) -> dict:
    rows = [{**_row(row, edit["id"], owner), "patch": _patch(row["patch"])}
            for row in edit["rows"]]
    for column in ([row["patch"] or [] for row in rows],
                   *([row["halves"][half] for row in rows] for half in (0, 1))):
        _dedent([line for lines in column for line in lines])
    return {**edit, "rows": rows,
            "functions": edit["function"].split(", ") if edit["function"] else []}


def _function(name: str, function: dict, owner: dict[str, str]) -> dict:
    return {**function, "name": name, "rows": [_row(row, name, owner) for row in function["rows"]]}


def _row(row: dict, place: str, owner: dict[str, str]) -> dict:
    """A row with its lines in colours; it has the step's id in one place of the page only."""
    return {**row, "id": row["step"] if owner.get(row["step"]) == place else "",
            "halves": [list(_lines(row[name], half)) for half, name in enumerate(HALVES)]}


def _dedent(lines: list[dict]) -> None:
    """Take off the indent that all lines of a column have, but for labels."""
    deep = [line["indent"] for line in lines if line["text"].strip()
            and not _LABEL.match(line["text"].strip())]
    for line in lines:
        line["indent"] = max(0, line["indent"] - min(deep, default=0))


def _coloured(texts: list[str], half: int) -> list[Markup]:
    found = highlight("\n".join(texts), lexer_of(half), HtmlFormatter(nowrap=True)).split("\n")
    return [Markup(text) for text in found]


def _lines(lines: list[dict], half: int) -> Iterator[dict]:
    texts = [_ANCHOR.sub("", line["text"].expandtabs(TAB if half == 0 else 8)) for line in lines]
    # what was aligned by spaces or tabs is not, once lines are folded
    bare = [_SPACES.sub("  ", text.strip()) for text in texts]
    for line, text, source in zip(lines, texts, _coloured(bare, half), strict=False):
        yield {**line, "indent": len(text) - len(text.lstrip()), "source": source,
               "sides": [one for one in line["operands"] if one["true"] is not None]
               if len(line["operands"]) > 1 else []}


def _patch(lines: list[dict] | None) -> list[dict] | None:
    if lines is None:
        return None
    texts = [(" " if line["text"].startswith("*") else "") + line["text"] for line in lines]
    return [{**line, "indent": TAB * line["indent"] + text.startswith(" "), "source": source}
            for line, text, source in zip(lines, texts, _coloured(
                [text.strip() for text in texts], 0), strict=False)]


# -- witnesses


def _player(name: str, run: dict | None) -> dict | None:
    """What is stepped through: moments, each with both pictures; None if nothing was run.

    name : str   what the second kernel lacks
    """
    if not run or "runs" not in run:
        return None
    where = frame(state for one in run["runs"].values() for state in one["states"])
    moments = [_moment(run, number, where) for number in range(len(run["operations"]) + 1)]
    starts = (run["broken_after"], run["parts"] is not None and run["parts"] + 1)
    return {"moments": moments, "start": next((at for at in starts if at), len(moments) - 1),
            "labels": {"with": f"with {name}", "without": f"without {name}"}}


def _moment(witness: dict, number: int, where: object) -> dict:
    """The state after so many operations; 0: before the first."""
    stages = {}
    for which, run in witness["runs"].items():
        if number >= len(run["states"]):
            continue
        state = run["states"][number]
        before = run["states"][number - 1] if number else None
        stages[which] = {
            "picture": Markup(svg(state, before, where, sentence(state))),
            "result": run["results"][number - 1] if number else "",
            "steps": run["steps"][number - 1] if number else [],
            "faults": state["faults"], "broken": run["broken"][number]}
    return {"number": number, "stages": stages,
            "operation": witness["operations"][number - 1] if number else "before the first"}
