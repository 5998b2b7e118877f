# SPDX-License-Identifier: GPL-2.0-only
"""Two mails of the patch: which edits changed between them, and where each has them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ..patch.edits import FoundEdit, Verdict
from ..patch.mail import Line
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
