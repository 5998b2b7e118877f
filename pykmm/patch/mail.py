# SPDX-License-Identifier: GPL-2.0-only
"""Read a patch mail as people have it: with what archives and mailers did to it.

Archives eat tabs and the blank first column of context lines, so nothing but
a hunk's own counts says where it ends: while it owes lines, a line without +
or - is context.  A mailer that wraps a long line makes one line into two, and
then the hunk ends too early; the figures of v8 say which line it was.
"""

import itertools
import os
import re
from dataclasses import dataclass, replace
from typing import NoReturn

from pykmm.errors import BadInput
from pykmm.patch import table as figures
from pykmm.patch import foreign, transport
from pykmm.patch.table import HunkFacts, Table, line_hash

_HUNK = re.compile(
    r"@@\s*-(\d{1,9})(?:,(\d{1,9}))?\s*\+(\d{1,9})(?:,(\d{1,9}))?\s*@@ ?(.*)", re.ASCII
)
_FILE_BEGINS = re.compile(r"Index: |diff |={20,}\s*$|index [0-9a-f]|--- \S")
_FOOTER = re.compile(r"-+ ?$|_{5,}|</|--=")
_MAIL_BEGINS = re.compile(r"From \S+|(?:From|Subject|Date|Message-I[Dd]|Received): ?\S|\[PATCH")
_NO_NEWLINE = "\\ No newline"
_LONGEST_HUNK = 10_000  # lines; the longest of v8 has 73
_LONGEST_WRAP = 4  # parts into which one line is thought to have been broken at most

GET_MAIL = "get the mail again, as plain text"


@dataclass(frozen=True)
class Line:
    """One line of a hunk.

    op      ' ' context, '+' added, '-' removed
    text    the line without op; white space as the mail gives it
    number  of the line in the file on disk, from 1; of its first part if it was joined; 0 of a
            line of the kernel that v8 has and the mail has not: then text is "", digest its hash
    """

    op: str
    text: str
    number: int
    digest: str = ""

    @property
    def hash(self) -> str:
        """As the table of figures has it."""
        return self.digest or line_hash(self.text)


@dataclass(frozen=True)
class Hunk:
    """One hunk; starts and counts are in lines of the kernel's file, as its header gives them.

    file, number  path in the kernel and place among the hunks of the file, from 1
    section       what follows the second @@
    line_no       line of the header in the file on disk
    """

    file: str
    number: int
    old_start: int
    old_count: int
    new_start: int
    new_count: int
    section: str
    lines: tuple[Line, ...]
    line_no: int

    @property
    def runs(self) -> tuple[tuple[Line, ...], ...]:
        """The lines, cut wherever context and edit meet."""
        return tuple(tuple(g) for _, g in itertools.groupby(self.lines, lambda s: s.op == " "))

    @property
    def edits(self) -> tuple[tuple[Line, ...], ...]:
        """The runs of + and - lines."""
        return tuple(run for run in self.runs if run[0].op != " ")

    @property
    def span(self) -> tuple[Line, ...]:
        """From the first to the last changed line, context between included."""
        changed = [i for i, line in enumerate(self.lines) if line.op != " "]
        return self.lines[changed[0] : changed[-1] + 1] if changed else ()


@dataclass(frozen=True)
class PatchFile:
    """One file of the patch: its path in the kernel and its hunks in order."""

    path: str
    hunks: tuple[Hunk, ...]


@dataclass(frozen=True)
class Mail:
    """A mail that was read.

    path   the file on disk
    name   the same as messages and #line directives print it
    files  in the order of the mail
    end    number of the last line on disk
    """

    path: str
    name: str
    files: tuple[PatchFile, ...]
    end: int

    @property
    def hunks(self) -> tuple[Hunk, ...]:
        return tuple(hunk for file in self.files for hunk in file.hunks)


def read_mail(path: str | os.PathLike[str], table: Table | None = None) -> Mail:
    """Read a mail and repair what transport did to it.

    path   file of at most transport.LIMIT bytes
    table  figures that help to name a wrapped line; those of v8 unless given
    raises BadInput  no file, no patch in it, or a hunk that does not hold what
                     its header says; the message is one line, FILE:LINE: ...
    """
    data = transport.read_bytes(path)
    return _Reader(os.fspath(path), data, figures.load() if table is None else table).read()


def clipped(text: str, most: int = 100) -> str:
    """The text, or as much of it as a message of one line has room for."""
    return text if len(text) <= most else f"{text[:most]}..."


def refuse(name: str, line: int, hunk: int, file: str, wrong: str, advice: str) -> NoReturn:
    """Raise BadInput for one place of a mail, in the one form all such messages have."""
    place = f"{name}:{line}: hunk {hunk} of {clipped(file, 60)}"
    raise BadInput(f"{place}: {clipped(wrong, 300)}; {advice}")


class _Reader:
    """One pass over the lines; `at` is the index of the line that comes next."""

    def __init__(self, path: str, data: bytes, table: Table) -> None:
        self.path = path
        self.name = transport.shown(path)
        self.table = table
        self.raw = transport.undo(data, self.name)
        self.cut_in_a_line = not data.endswith((b"\n", b"\r"))
        self.at = 0
        self.last_hunk = max(
            (i for i, line in enumerate(self.raw) if line.text.startswith("@@ ")), default=-1
        )

    def read(self) -> Mail:
        files: list[PatchFile] = []
        while self.at <= self.last_hunk:
            path = self._file_header()
            if path is None:
                self.at += 1
            else:
                files.append(PatchFile(path, tuple(self._hunks(path))))
        if not files:
            foreign.refuse_unfound(self.name, self.raw)
        files = _without_blank_column(files)
        self._check_last_line(files[-1].hunks[-1])
        return Mail(self.path, self.name, tuple(files), self.raw[-1].number)

    def _text(self, index: int) -> str:
        return self.raw[index].text if index < len(self.raw) else ""

    def _refuse(self, index: int, hunk: int, file: str, wrong: str, advice: str) -> NoReturn:
        line = self.raw[min(index, len(self.raw) - 1)]
        refuse(self.name, line.number, hunk, file, wrong, advice)

    # -- files

    def _file_header(self) -> str | None:
        """Path of the file whose '--- ' line comes next, or None; moves on to its first '@@'.

        The rest of the two lines is a date, which tells nothing: a mailer may have wrapped it.
        """
        if not self._text(self.at).startswith("--- "):
            return None
        new = next((i for i in (1, 2) if self._text(self.at + i).startswith("+++ ")), 0)
        first = next((i for i in (1, 2) if self._text(self.at + new + i).startswith("@@")), 0)
        words = self._text(self.at + new)[4:].split()
        if not (new and first and words):
            return None
        self.at += new + first
        path = words[0]
        # However many folders a tool has put before it.
        known = [one for one in self.table.files if path == one or path.endswith(f"/{one}")]
        return known[0] if known else path.split("/", 1)[-1]

    def _file_begins(self, index: int) -> bool:
        return _FILE_BEGINS.match(self._text(index)) is not None

    # -- hunks

    def _hunks(self, path: str) -> list[Hunk]:
        """All hunks of one file; stops at the next file, or behind the last hunk of the mail."""
        hunks: list[Hunk] = []
        while True:
            hunks.append(self._hunk(path, len(hunks) + 1))
            if not self._another_hunk(hunks[-1]):
                return hunks

    def _hunk_header(self) -> re.Match[str] | None:
        return _HUNK.match(self._text(self.at))

    def _hunk(self, path: str, number: int) -> Hunk:
        head, start = self._hunk_header(), self.at
        if head is None:
            self._refuse(start, number, path, "this header cannot be read", GET_MAIL)
        old_start, new_start = int(head[1]), int(head[3])
        old_count, new_count = int(head[2] or 1), int(head[4] or 1)
        if max(old_count, new_count) > _LONGEST_HUNK:
            wrong = f"this header promises more than {_LONGEST_HUNK} lines"
            self._refuse(start, number, path, wrong, GET_MAIL)
        facts = self.table.find_hunk(path, old_start, number, old_count)

        def refuse_here(wrong: str) -> NoReturn:
            self._refuse_wrapped(start, self.at, number, path, facts)
            self._refuse(self.at, number, path, wrong, GET_MAIL)

        def owed() -> str:
            return f"{owes_old} lines before and {owes_new} after the patch"

        lines: list[Line] = []
        owes_old, owes_new = old_count, new_count
        self.at += 1
        while owes_old or owes_new:
            text = self._text(self.at)
            if self.at >= len(self.raw):
                refuse_here(f"the file ends here, and the hunk still owes {owed()}")
            if text.startswith("@@ ") or self._is_next_file():
                refuse_here(f"it ends here, and still owes {owed()}")
            op = text[0] if text[:1] in ("+", "-") else " "
            if (op != "+" and not owes_old) or (op != "-" and not owes_new):
                refuse_here(f"its header leaves no room for this line: it still owes {owed()}")
            owes_old -= op != "+"
            owes_new -= op != "-"
            # Context keeps its first column until all of the mail's context has been seen.
            lines.append(Line(op, text[1:] if op != " " else text, self.raw[self.at].number))
            self.at += 1
            if self._text(self.at).startswith(_NO_NEWLINE):
                self.at += 1

        hunk = Hunk(
            path,
            number,
            old_start,
            old_count,
            new_start,
            new_count,
            head[5],
            tuple(lines),
            self.raw[start].number,
        )
        if not _equals(hunk, facts):
            self._refuse_wrapped(start, self.at, number, path, facts)
        return hunk

    def _is_next_file(self) -> bool:
        """Whether a file header begins here, rather than a removed line that looks like one."""
        text = self._text(self.at)
        if text.startswith("--- "):
            return any(self._text(self.at + i).startswith("+++ ") for i in (1, 2))
        return text.startswith(("Index: ", "diff --git "))

    def _another_hunk(self, hunk: Hunk) -> bool:
        """Whether a further hunk of this file comes; refuses lines that belong to none."""
        if self._text(self.at).startswith("@@"):
            return True
        behind = self.at
        while behind < len(self.raw) and not self._text(behind).strip():
            behind += 1
        if behind >= len(self.raw) or self._file_begins(behind):
            return False
        if behind > self.last_hunk and (
            behind > self.at
            or _FOOTER.match(self._text(self.at))
            or _equals(hunk, self.table.find_hunk(hunk.file, hunk.old_start, hunk.number))
        ):
            return False
        self._refuse_second(behind)
        self._refuse(
            self.at,
            hunk.number,
            hunk.file,
            "this line is left over: the hunk has all lines its header promises, so one of them "
            "was broken in two or put in",
            GET_MAIL,
        )

    # -- what went wrong

    def _refuse_second(self, index: int) -> None:
        """Refuse a text that holds another mail with a patch, before the next file begins."""
        while index <= self.last_hunk and not self._text(index).startswith(("@@", "+++ ")):
            if _MAIL_BEGINS.match(self._text(index)):
                raise BadInput(
                    f"{self.name}:{self.raw[index].number}: a second mail with a patch begins "
                    "here; give a file that holds one of them alone"
                )
            index += 1

    def _refuse_wrapped(
        self, start: int, end: int, number: int, path: str, facts: HunkFacts | None
    ) -> None:
        """Refuse if some line from the hunk's header on is one of v8's when joined to the next."""
        index = None if facts is None else self._wrapped(start, end, facts)
        if index is not None:
            self._refuse(
                index,
                number,
                path,
                "this long line was wrapped: its end stands on the next line",
                "join the two, or " + GET_MAIL,
            )

    def _wrapped(self, start: int, end: int, facts: HunkFacts) -> int | None:
        """Index of the first line that was wrapped, if the figures tell."""
        head = _HUNK.match(self._text(start))
        if (
            head
            and line_hash(head[5]) != facts.section
            and self._joins(start, head[5], {facts.section})
        ):
            return start
        # First line by line, which sees a wrap whose first part is itself a line of the hunk.
        for index, (op, expected) in enumerate(facts.lines, start=start + 1):
            if self._own(index) != (op, expected) and self._is_broken(index, op, {expected}):
                return index
        by_op = {op: {h for o, h in facts.lines if o == op} for op in " +-"}
        # One line more than the hunk should have has room for every one of v8's.
        end = min(end + 1, start + len(facts.ops) + _LONGEST_WRAP, len(self.raw))
        for index in range(start + 1, end):
            op, own = self._own(index)
            if own not in by_op[op] and self._is_broken(index, op, by_op[op]):
                return index
        return None

    def _own(self, index: int) -> tuple[str, str]:
        text = self._text(index)
        op = text[0] if text[:1] in ("+", "-") else " "
        return op, line_hash(text if op == " " else text[1:])

    def _is_broken(self, index: int, op: str, expected: set[str]) -> bool:
        text = self._text(index)
        if op != " " and not text.startswith(op):
            return False
        own = text if op == " " else text[1:]
        # A blank line was not broken.
        return bool(own.strip()) and self._joins(index, own, expected)

    def _joins(self, index: int, text: str, expected: set[str]) -> bool:
        """Whether text, with one or more of the lines behind it, is an expected line."""
        for behind in range(index + 1, index + _LONGEST_WRAP):
            if not self._text(behind).strip():
                return False
            text += self._text(behind)
            if line_hash(text) in expected:
                return True
        return False

    def _check_last_line(self, hunk: Hunk) -> None:
        """Refuse a file that was cut off within the last line of its last hunk."""
        facts = self.table.find_hunk(hunk.file, hunk.old_start, hunk.number)
        is_last = bool(hunk.lines) and hunk.lines[-1].number == self.raw[-1].number
        if self.cut_in_a_line and is_last and facts and not _equals(hunk, facts):
            end = len(self.raw) - 1
            self._refuse(end, hunk.number, hunk.file, "the file ends within this line", GET_MAIL)


def _equals(hunk: Hunk, facts: HunkFacts | None) -> bool:
    """Whether the hunk's lines are exactly v8's, white space excepted."""
    if facts is None or len(facts.ops) != len(hunk.lines):
        return False
    return facts.lines == tuple((s.op, line_hash(s.text)) for s in hunk.lines)


def _without_blank_column(files: list[PatchFile]) -> list[PatchFile]:
    """The files with the blank first column of context taken off, if the mail still has it."""
    context = [
        line.text
        for f in files
        for h in f.hunks
        for line in h.lines
        if line.op == " " and line.text.strip()
    ]
    if not all(text.startswith(" ") for text in context):
        return files

    def strip(hunk: Hunk) -> Hunk:
        lines = (replace(s, text=s.text[1:]) if s.op == " " else s for s in hunk.lines)
        return replace(hunk, lines=tuple(lines))

    return [PatchFile(f.path, tuple(map(strip, f.hunks))) for f in files]
