# SPDX-License-Identifier: GPL-2.0-only
"""The lines of a mail beside the steps of C: which line belongs where, and how far it was indented.

A mail from an archive has lost its tabs.  C's lines have them, and most lines of the patch are
also lines of C: those give their indent and their step to the mail's, and what stands between
follows its neighbours.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from ..patch.edits import FoundEdit
from ..patch.mail import Line as MailLine
from ..source.listing import Line
from .mirrored import Row

CONTEXT = 3
_COMMENT = re.compile(r"/\*.*?\*/")
_SWITCH = re.compile(r"!?unit\(KMM_U\d\)(?:&&)?")
_SWITCH_ALONE = re.compile(r"\s*if \(!?unit\(KMM_U\d\)\)")
_LABEL = re.compile(r"\w+:$")
_HEAD = re.compile(r"(?:else )?(?:if|while|for) \(.*\)$|else$|.*[=(&|]$")


@dataclass(frozen=True)
class Shown:
    """A line of the mail as it is shown.

    op : str        ' ', '+' or '-'
    text : str      as the mail has it, without op
    indent : int    tabs that it seems to have lost
    line : int      its number in the mail
    own : bool      of the edit, and not of its surroundings
    """

    op: str
    text: str
    indent: int
    line: int
    own: bool


def aligned(found: FoundEdit, rows: list[Row]) -> list[list[Shown]]:
    """The lines of an edit and of its surroundings, a list for each row that the edit touches.

    rows : list   all rows of the edit's functions
    """
    lines = _with_context(found)
    own = {line.number for line in found.lines if line.number}
    touched = [row for row in rows if found.edit.id in row.touched]
    c = [_Source(line.text, touched.index(row) if row in touched else None, depth)
         for row in rows
         for line, depth in zip(row.halves[0], _depths(row.halves[0]), strict=True)]
    pairs = _pairs(lines, c)
    indents = _indents(lines, {i: c[j].depth for i, j in pairs.items()})
    shown: list[list[Shown]] = [[] for _ in touched]
    at = 0
    for i, line in enumerate(lines):
        row = c[pairs[i]].row if i in pairs else None
        if line.number in own and row is not None:
            at = max(at, row)
        elif line.number > found.last:
            at = len(touched) - 1
        shown[at].append(Shown(line.op, line.text.strip(), indents[i], line.number,
                               line.number in own))
    return shown


def surroundings(found: FoundEdit) -> list[Shown]:
    """The same of an edit outside of functions, where nothing is indented."""
    return [Shown(line.op, line.text.strip(), 0, line.number, line in found.lines)
            for line in _with_context(found)]


@dataclass(frozen=True)
class _Source:
    """A line of C; depth: tabs before it, without the switch of a unit around it."""

    text: str
    row: int | None
    depth: int


def _depths(lines: list[Line]) -> list[int]:
    found, switch = [], None
    for line in lines:
        depth = _tabs(line.text)
        if switch is not None and line.text.strip() and depth <= switch:
            switch = None
        found.append(depth - (switch is not None))
        if _SWITCH_ALONE.match(line.text):
            switch = depth
    return found


def _with_context(found: FoundEdit) -> list[MailLine]:
    """The edit with up to CONTEXT lines on either side that are no edit, as the mail has them."""
    lines = found.hunk.lines
    first, last = lines.index(found.lines[0]), lines.index(found.lines[-1])
    start, end = first, last + 1
    while start > max(0, first - CONTEXT) and lines[start - 1].op == " ":
        start -= 1
    while end < min(len(lines), last + 1 + CONTEXT) and lines[end].op == " ":
        end += 1
    return [line for line in lines[start:end] if line.number]


def _bare(text: str) -> str:
    """What is left of a line of C where only its meaning counts."""
    return _SWITCH.sub("", "".join(_COMMENT.sub("", text).split()))


def _pairs(mail: list[MailLine], c: list[_Source]) -> dict[int, int]:
    """Index of a mail's line -> index of the line of C that says the same.

    What is taken out comes second: where code moves, both it and the new lines read as C does.
    """
    b = [_bare(line.text) for line in c]
    kept = [i for i, line in enumerate(mail) if line.op != "-"]
    found = {kept[i]: j for i, j in _same([_bare(mail[i].text) for i in kept], b)}
    for i, line in enumerate(mail):
        if line.op == "-":
            free = next((j for j, text in enumerate(b) if text == _bare(line.text) and
                         c[j].row is not None and j not in found.values()), None)
            if free is not None:
                found[i] = free
    return found


def _same(a: list[str], b: list[str]) -> Iterator[tuple[int, int]]:
    a = [text or f"blank {i}" for i, text in enumerate(a)]
    for i, j, size in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks():
        yield from zip(range(i, i + size), range(j, j + size), strict=True)


def _tabs(text: str) -> int:
    return len(text.expandtabs(8)) - len(text.expandtabs(8).lstrip()) >> 3


def _indents(lines: list[MailLine], known: dict[int, int]) -> list[int]:
    """Tabs before each line: the mail's own if it has any, else C's, else by what is above."""
    if any(line.text[:1] == "\t" for line in lines):
        return [_tabs(line.text) for line in lines]
    found: list[int] = []
    above: list[tuple[str, int]] = []       # lines that are not blank
    for i, line in enumerate(lines):
        text = line.text.strip()
        if not text or _LABEL.match(text):
            depth = 0
        elif i in known:
            depth = known[i]
        elif above and not (text.startswith("/*") and not _HEAD.match(above[-1][0])):
            depth = _guess(above, text)
        else:
            depth = next((known[j] for j in range(i, len(lines)) if j in known), 1)
        found.append(depth)
        if text and not _LABEL.match(text):
            above.append((text, depth))
    return found


def _guess(above: list[tuple[str, int]], text: str) -> int:
    """How deep C's layout puts a line below these."""
    last, depth = above[-1]
    if last.endswith("{") or _HEAD.match(last) or last.count("(") > last.count(")"):
        depth += 1
    elif len(above) > 1 and _HEAD.match(above[-2][0]):
        # the one statement below a head
        depth = above[-2][1]
    return max(0, depth - text.startswith("}"))
