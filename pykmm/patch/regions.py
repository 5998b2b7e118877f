# SPDX-License-Identifier: GPL-2.0-only
"""The half X as text: the C half with each marked region replaced by its hunk of the mail.

A region of a C file stands between two lines of its own, named by the edits of
one hunk: E22, or E03-E05 in braces within comments.  In its place comes the
hunk's span, from its first to its last changed line.

    region at file level       the span as it is after the patch
    region in a function f     f__before with the ' ' and '-' lines, f__after with the
                               ' ' and '+' lines, and f, which asks unit() for one of them

#line directives lead a compiler and the places of events to the mail and back.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from pykmm.errors import BadInput, HarnessError
from pykmm.patch.cfile import CFile, Function, Region, read_c_file
from pykmm.patch.edits import FoundEdit, Verdict
from pykmm.patch.mail import Hunk, Line, Mail
from pykmm.patch.table import line_hash

NO_UNIT = "UX"
MAIL_CONSTANT = "KMM_FILE_MAIL"

# A copy shows the hunk's lines with these ops.
_OPS = {"before": " -", "after": " +"}
_COMMENT = re.compile(r"/\*.*?\*/")


def render(mail: Mail, verdict: Verdict, cref: Path) -> dict[str, str]:
    """Text of every file of the C half that has regions, by its path below cref.

    verdict  of this mail, from judge
    cref     root of the C half; its files are read, none is written
    raises HarnessError  a marker of a C file is wrong: unclosed, of no edit, of
                         another file, or a function mixes edits of two units
           BadInput      the mail leaves lines out that C does not have either
    """
    hunks = _by_hunk(verdict)
    texts: dict[str, str] = {}
    places: dict[tuple[str, int], str] = {}
    for path in _c_files(cref):
        file = read_c_file(cref, path)
        if file.regions:
            texts[path] = _Renderer(mail, file, hunks, places).text()
    return texts


def carried(verdict: Verdict, cref: Path) -> tuple[list[str], list[str]]:
    """Ids of the edits whose hunk has a region in the C half, and of those whose hunk has none.

    raises HarnessError  a marker of a C file is wrong
    """
    marked: set[str] = set()
    for path in _c_files(cref):
        for region in read_c_file(cref, path).regions:
            marked |= set(region.edits)
    ids = [found.edit.id for found in verdict.edits]
    return [i for i in ids if i in marked], [i for i in ids if i not in marked]


def _c_files(cref: Path) -> list[str]:
    """The files that may hold regions: those that stand for files of the kernel."""
    patterns = ("include/linux/*.h", "mm/*.c", "fs/*.c")
    return sorted(p.relative_to(cref).as_posix() for g in patterns for p in cref.glob(g))


@dataclass(frozen=True)
class _Span:
    """What the mail has for one region."""

    hunk: Hunk
    edits: tuple[FoundEdit, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(found.edit.id for found in self.edits)

    @property
    def units(self) -> set[str]:
        return {found.edit.unit for found in self.edits if found.edit.unit}


def _by_hunk(verdict: Verdict) -> dict[str, _Span]:
    """Edit id -> the span of the hunk it lies in."""
    spans: dict[str, _Span] = {}
    for found in verdict.edits:
        edits = tuple(f for f in verdict.edits if f.hunk is found.hunk)
        spans[found.edit.id] = _Span(found.hunk, edits)
    return spans


class _Renderer:
    """One file; `places` collects where each hunk was put, over all files."""

    def __init__(
        self, mail: Mail, file: CFile, spans: dict[str, _Span], places: dict[tuple[str, int], str]
    ) -> None:
        self.mail = mail
        self.file = file
        self.spans = {r: self._span(r, spans, places) for r in file.regions}
        self.out: list[str] = []

    def _span(
        self, region: Region, spans: dict[str, _Span], places: dict[tuple[str, int], str]
    ) -> _Span:
        where = f"{self.file.name}:{region.first + 1}"
        unknown = [e for e in region.edits if e not in spans]
        if unknown:
            raise HarnessError(f"{where}: the patch has no edit {unknown[0]}")
        span = spans[region.edits[0]]
        if span.hunk.file != self.file.path:
            raise HarnessError(f"{where}: {region.edits[0]} is an edit of {span.hunk.file}")
        if span.ids != region.edits:
            raise HarnessError(
                f"{where}: a region stands for a whole hunk, which here is {'-'.join(span.ids)}"
            )
        key = (span.hunk.file, span.hunk.number)
        if key in places:
            raise HarnessError(f"{where}: the region of {region.edits[0]} is already {places[key]}")
        places[key] = where
        return span

    def text(self) -> str:
        lines, at = len(self.file.lines), 0
        self._go_to(0)
        while at < lines:
            function = next((f for f in self.file.functions if f.first == at), None)
            if function and any(region.function == function for region in self.file.regions):
                self._two_copies(function)
                at = function.last + 1
                self._go_to(at)
            elif region := next((r for r in self.file.regions if r.first == at), None):
                self._region(region, "after")
                at = region.last + 1
            else:
                self.out.append(self.file.lines[at])
                at += 1
        return "\n".join(self.out) + "\n"

    # -- functions

    def _two_copies(self, function: Function) -> None:
        regions = [r for r in self.file.regions if r.function == function]
        unit = self._unit(function, regions)
        for copy in _OPS:
            self._go_to(function.first)
            self.out += function.signature_as(f"{function.name}__{copy}")
            at = function.body
            while at <= function.last:
                region = next((r for r in regions if r.first == at), None)
                if region:
                    self._region(region, copy)
                    at = region.last + 1
                else:
                    self.out.append(self.file.lines[at])
                    at += 1
        self._go_to(function.first)
        arguments = f"({', '.join(function.parameters)})"
        self.out += function.signature_as(function.name)
        self.out += [
            "{",
            f"\treturn unit(KMM_{unit}) ? {function.name}__after{arguments}",
            f"\t\t: {function.name}__before{arguments};",
            "}",
        ]

    def _unit(self, function: Function, regions: list[Region]) -> str:
        units = set().union(*(self.spans[r].units for r in regions))
        if len(units) > 1:
            raise HarnessError(
                f"{self.file.name}:{function.first + 1}: the regions of {function.name} belong to "
                f"{' and '.join(sorted(units))}, and one switch cannot serve both"
            )
        return units.pop() if units else NO_UNIT

    # -- regions

    def _region(self, region: Region, copy: str) -> None:
        """Emit the span in place of the region, and lead back to the C file behind it."""
        lines = [s for s in self.spans[region].hunk.span if s.op in _OPS[copy]]
        # Above the file's own constant nothing can be an event.
        constant = self.file.constant if region.first > self.file.constant_line else None
        if lines:
            self._switch(constant, MAIL_CONSTANT)
            self._mail_lines(lines, region)
            self._switch(constant, constant)
        self._go_to(region.last + 1)

    def _mail_lines(self, lines: list[Line], region: Region) -> None:
        expected = -1
        for line in lines:
            if line.number != expected:
                self.out.append(_line_directive(line.number or self._hunk_line(region),
                                                self.mail.name))
            self.out.append(line.text if line.number else self._of_c(line, region))
            expected = line.number + 1 if line.number else -1

    def _hunk_line(self, region: Region) -> int:
        return self.spans[region].hunk.line_no

    def _of_c(self, line: Line, region: Region) -> str:
        """A line of the kernel that the mail does not have (-U0), from the region that it replaces:
        with one hash they are one line."""
        for text in self.file.lines[region.first + 1:region.last]:
            bare = _COMMENT.sub("", text)
            if line_hash(bare) == line.digest:
                return bare.rstrip()
        raise BadInput(
            f"{self.mail.name}:{self._hunk_line(region)}: {self.spans[region].hunk.file}: the mail "
            "does not have all lines of the kernel between its edits here, and half X needs them; "
            "give it with three lines of context (-U3)"
        )

    def _switch(self, constant: str | None, to: str | None) -> None:
        """Give events another file, in a file whose events have one at all."""
        if constant:
            self.out += ["#undef KMM_FILE", f"#define KMM_FILE {to}"]

    def _go_to(self, index: int) -> None:
        if index < len(self.file.lines):
            self.out.append(_line_directive(index + 1, self.file.name))


def _line_directive(number: int, name: str) -> str:
    return f'#line {number} "{_c_string(name)}"'


def _c_string(text: str) -> str:
    return re.sub(r'(["\\])', r"\\\1", text)
