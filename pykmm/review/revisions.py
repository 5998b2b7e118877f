# SPDX-License-Identifier: GPL-2.0-only
"""Two mails of the patch: which edits changed between them, and where each has them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from ..patch.edits import Altered, FoundEdit, Verdict
from ..patch.mail import Hunk, Line
from ..patch.table import Edit

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


COMMENTS = "comments and white space only"


@dataclass(frozen=True)
class Changed:
    """An edit whose lines are others in the second mail.

    what : str        its id
    functions : tuple names; none: outside of functions
    lines : tuple     of each mail the lines that the other has not
    inert : str       why nothing can behave differently for it; "": something may
    before : bool     the kernel before the patch reads differently, too
    """

    what: str
    file: str
    functions: tuple[str, ...]
    unit: str
    lines: tuple[tuple[Line, ...], tuple[Line, ...]]
    inert: str
    before: bool

    @property
    def facts(self) -> dict:
        """The same as JSON has it."""
        return {"what": self.what, "file": self.file, "functions": list(self.functions),
                "unit": self.unit, "inert": self.inert, "before": self.before,
                "lines": [[{"number": line.number, "op": line.op, "text": line.text.strip()}
                           for line in lines] for lines in self.lines]}


def changed(first: Verdict, other: Verdict) -> list[Changed]:
    """What differs between two mails that fit, in the order of the patch.

    Context does not: of a mail that fits it is v8's.
    """
    found = [_edit(a, b) for a, b in zip(first.edits, other.edits, strict=True)]
    return [one for one in found if one]


def alone(first: Verdict, other: Verdict, wanted: str) -> Verdict:
    """The other mail with only one of its changes: all other edits are as the first has them.

    wanted : str   the id of an edit that changed
    """
    of_first = {found.edit.id: found for found in first.edits}
    hunks: dict[tuple[str, int], Hunk] = {}
    for found in other.edits:
        key = found.hunk.file, found.hunk.number
        hunks.setdefault(key, found.hunk)
        if found.edit.id != wanted and any(_different(of_first[found.edit.id].lines, found.lines)):
            hunks[key] = _with(hunks[key], found, of_first[found.edit.id].lines)
    edits = []
    for hunk in hunks.values():
        ids = [found.edit for found in other.edits
               if (found.hunk.file, found.hunk.number) == (hunk.file, hunk.number)]
        edits += [FoundEdit(edit, hunk, run) for edit, run in zip(ids, hunk.edits, strict=True)]
    lines = next(found.lines for found in edits if found.edit.id == wanted)
    numbers = tuple(line.number for line in lines)
    return replace(other, kind="altered", altered=(Altered(wanted, numbers),),
                   edits=tuple(edits), notes=())


def _with(hunk: Hunk, found: FoundEdit, lines: Sequence[Line]) -> Hunk:
    """A hunk with other lines for an edit; what is run of them is placed where the edit is."""
    at = hunk.lines.index(found.lines[0])
    own = found.lines
    placed = tuple(replace(line, number=own[min(i, len(own) - 1)].number)
                   if line.number else line for i, line in enumerate(lines))
    return replace(hunk, lines=(*hunk.lines[:at], *placed, *hunk.lines[at + len(own):]))


def _edit(first: FoundEdit, other: FoundEdit) -> Changed | None:
    lines = _different(first.lines, other.lines)
    if not any(lines):
        return None
    edit: Edit = first.edit
    functions = tuple(name for name in edit.function.split(", ") if name)
    same = {ops: _code(first.lines, ops) == _code(other.lines, ops) for ops in ("+", "-")}
    return Changed(edit.id, edit.file, functions, edit.unit, lines,
                   COMMENTS if all(same.values()) else "", not same["-"])


def _bare(text: str) -> str:
    return "".join(text.split())


def _different(a: Sequence[Line], b: Sequence[Line]) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """Of each side the lines that the other has not, white space apart."""
    first, other = ([line.op + line.hash for line in lines] for lines in (a, b))
    parts = [one for one in SequenceMatcher(None, first, other, autojunk=False).get_opcodes()
             if one[0] != "equal"]
    return (tuple(line for _, at, end, _, _ in parts for line in a[at:end]),
            tuple(line for _, _, _, at, end in parts for line in b[at:end]))


def _code(lines: Sequence[Line], op: str) -> str:
    """What a compiler sees of these lines, without the white space; "/*" where a comment is open.

    Two words in a row could only be told from one by their white space, which archives lose.
    """
    text = "\n".join(line.text for line in lines if line.op == op)
    return _bare(_COMMENT.sub(" ", text))
