# SPDX-License-Identifier: GPL-2.0-only
"""The mirrored functions as the review shows them: step by step, each line with its edits.

These are the listings of `source.listing`, but that a comment, a label or an `else` right above
a step belongs to that step, as a reader takes it, and that the marks of regions are left out.
"""

import re
from dataclasses import dataclass
from functools import cache

from .. import paths
from ..source import counting, listing
from ..source.listing import Line
from .places import places

_MARK = re.compile(r"\s*/\* (?:E\d\d(?:-E\d\d)? \{|\} E\d\d(?:-E\d\d)?) \*/\s*$")
_LEADS_TO_NEXT = re.compile(
    r"\s*(?:$|# .*$|/\* .* \*/$|\w+:$|\} else \{$|else:|while at == L_\w+:)")


@dataclass
class Row:
    """The lines of one step, or of none (""), in C and in Cython.

    edits : (list, list)   ids of the edits of each line, "" for none; as long as the lines
    """

    step: str
    halves: tuple[list[Line], list[Line]]
    edits: tuple[list[str], list[str]]

    @property
    def touched(self) -> list[str]:
        """Ids of the edits that have a line here, in order."""
        return sorted({edit for half in self.edits for edit in half if edit})


@dataclass
class Mirrored:
    """One function; files are those of C and of Cython."""

    name: str
    files: tuple[str, str]
    rows: list[Row]


@cache
def functions() -> dict[str, Mirrored]:
    """All mirrored functions by name, in the order of C's files."""
    edits = _edits_by_line()
    found = {}
    for one in listing.functions(counting.counters_of(paths.cref())):
        halves = [_moved([block.halves[half] for block in one.blocks]) for half in (0, 1)]
        found[one.name] = Mirrored(one.name, one.files, [
            Row(block.step, (c, p), ([edits.get((one.files[0], line.number), "") for line in c],
                                     [edits.get((one.files[1], line.number), "") for line in p]))
            for block, c, p in zip(one.blocks, *halves, strict=True)])
    return found


def _edits_by_line() -> dict[tuple[str, int], str]:
    found = {}
    for name, place in places().items():
        for file, numbers in zip(place.files, (place.c, place.cython), strict=True):
            found.update({(file, number): name for number in numbers})
    return found


def _moved(blocks: list[list[Line]]) -> list[list[Line]]:
    """Blocks with what leads to the next one moved there, and no blank lines at either end."""
    found: list[list[Line]] = []
    rest: list[Line] = []
    for number, block in enumerate(blocks):
        lines = [*rest, *(line for line in block if not _MARK.match(line.text))]
        rest = []
        # the last block has nobody to give to, and a line of a step is never given away
        while number + 1 < len(blocks) and lines and not lines[-1].step and \
                _LEADS_TO_NEXT.match(lines[-1].text):
            rest.insert(0, lines.pop())
        found.append(_without_blanks(lines))
    return found


def _without_blanks(lines: list[Line]) -> list[Line]:
    while lines and not lines[-1].text.strip():
        lines = lines[:-1]
    while lines and not lines[0].text.strip():
        lines = lines[1:]
    return lines
