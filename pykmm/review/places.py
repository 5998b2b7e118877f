# SPDX-License-Identifier: GPL-2.0-only
"""Where each edit of the patch is in C and in Cython, line by line.

In C the marked regions say so, and the anchors of steps where one region holds several
edits.  In Cython it is the step with the edit's id and what is indented below it; for an
edit that no step is anchored to, or that is more than that, `edits.toml` has the lines.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from .. import paths
from ..errors import HarnessError
from ..patch import table
from ..patch.cfile import Region, read_c_file
from ..patch.table import Edit, tomllib
from ..source.anchors import TWINS, Anchor, anchors_of

PATH = Path(__file__).with_name("edits.toml")


@dataclass(frozen=True)
class Words:
    """What edits.toml says of an edit."""

    does: str
    cython: tuple[str, ...] = ()
    no_twin: str = ""


@dataclass
class Place:
    """Lines of an edit; numbers are 1-based, and lists are in the order of the file.

    files : (str, str)   paths from the root of the sources, C's and Cython's
    """

    edit: Edit
    words: Words
    files: tuple[str, str]
    c: list[int] = field(default_factory=list)
    cython: list[int] = field(default_factory=list)


@cache
def words() -> dict[str, Words]:
    """What edits.toml says of all edits, by id."""
    said = tomllib.loads(PATH.read_text(encoding="utf-8"))
    return {name: Words(one["does"], tuple(one.get("cython", ())), one.get("no_twin", ""))
            for name, one in said.items()}


def twin_of(path: str) -> str:
    """The Cython file below pykmm/ that is the twin of a C file below cref/."""
    return TWINS.get(path) or path.removeprefix("include/").replace(".h", ".pxd")


@cache
def places() -> dict[str, Place]:
    """Every edit by its id, in the order of the patch.

    raises HarnessError   an edit is nowhere in a half that should have it
    """
    found = {}
    for edit in table.load().edits:
        twin = twin_of(edit.file)
        place = Place(edit, words()[edit.id], (f"cref/{edit.file}", f"pykmm/{twin}"))
        place.c = _in_c(edit)
        place.cython = _in_cython(place, (paths.package() / twin).read_text(encoding="utf-8"))
        if not place.cython and not place.words.no_twin:
            raise HarnessError(f"{place.files[1]}: {edit.id} is nowhere; anchor a step to it, or "
                               "give its lines in review/edits.toml")
        found[edit.id] = place
    return found


# -- in C


def _in_c(edit: Edit) -> list[int]:
    file = read_c_file(paths.cref(), edit.file)
    region = next((one for one in file.regions if edit.id in one.edits), None)
    if region is None:
        raise HarnessError(f"{file.name}: no region of {edit.id}")
    inside = range(region.first + 2, region.last + 1)
    if len(region.edits) == 1:
        return list(inside)
    return _part_of(region, edit, list(file.lines), inside)


def _part_of(region: Region, edit: Edit, lines: list[str], inside: range) -> list[int]:
    """Lines of one of several edits: from its step to the next one; the first has no step."""
    anchors = [one for one in anchors_of("\n".join(lines), cython=False) if one.line in inside]
    if edit.id == region.edits[0]:
        return _trimmed(lines, range(inside.start, anchors[0].line))
    at = next(i for i, one in enumerate(anchors) if edit.id in one.edits)
    end = anchors[at + 1].line if at + 1 < len(anchors) else inside.stop
    return _trimmed(lines, range(_with_comment(lines, anchors[at].line), end))


def _with_comment(lines: list[str], first: int) -> int:
    """The line of the comment that stands right above a line, or the line itself."""
    above = lines[first - 2].strip()
    is_comment = above.startswith("# ") or (above.startswith("/* ") and above.endswith(" */"))
    return first - 1 if is_comment else first


def _trimmed(lines: list[str], numbers: range) -> list[int]:
    """Without the blank lines at the end."""
    kept = list(numbers)
    while kept and not lines[kept[-1] - 1].strip():
        kept.pop()
    return kept


# -- in Cython


def _in_cython(place: Place, text: str) -> list[int]:
    lines = text.splitlines()
    anchors = anchors_of(text, cython=True)
    found: set[int] = set()
    for one in anchors:
        if place.edit.id in one.edits:
            found |= set(_below(lines, one.line))
    for first in place.words.cython:
        found |= set(_below(lines, _line_of(place, lines, anchors, first)))
    return sorted(found)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _below(lines: list[str], first: int) -> list[int]:
    """A line with what is indented below it, and with the `else` or `elif` of an `if`."""
    depth, end = _indent(lines[first - 1]), first + 1
    while end <= len(lines):
        line = lines[end - 1]
        goes_on = _indent(line) == depth and line.lstrip().startswith(("elif ", "else:"))
        if line.strip() and _indent(line) <= depth and not goes_on:
            break
        end += 1
    return _trimmed(lines, range(_with_comment(lines, first), end))


def _line_of(place: Place, lines: list[str], anchors: list[Anchor], text: str) -> int:
    """The one line of that text, in the edit's function if it is in several."""
    found = [number for number, line in enumerate(lines, 1)
             if line.strip().split("  # ")[0].strip() == text]
    if len(found) > 1:
        found = [number for number in found
                 if _function_after(anchors, number) == place.edit.function]
    if len(found) != 1:
        raise HarnessError(f"{place.files[1]}: {len(found)} lines are {text!r}, which "
                           f"review/edits.toml has for {place.edit.id}")
    return found[0]


def _function_after(anchors: list[Anchor], line: int) -> str:
    """The function of the first step at or after a line: locals stand above all steps."""
    return next((one.function for one in anchors if one.line >= line), "")
