# SPDX-License-Identifier: GPL-2.0-only
"""Judge a mail against the figures of v8, and generate those figures.

`python -m pykmm.patch.edits MAIL` writes edits.toml anew from a pristine mail.
"""

import difflib
import itertools
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pykmm.errors import BadInput, PykmmError
from pykmm.patch import table as figures
from pykmm.patch.fit import Fit, Fitted, fit
from pykmm.patch.mail import GET_MAIL, Hunk, Line, Mail, read_mail, refuse
from pykmm.patch.table import UNITS, Edit, Table, line_hash, unit_of

__all__ = [
    "UNITS",
    "Altered",
    "Edit",
    "FoundEdit",
    "Table",
    "Verdict",
    "generate",
    "judge",
    "unit_of",
]

# What begins or ends nothing outside of comments: strings, characters, // to the end of the line.
_QUIET_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|//.*|/\*')
_SHOWN = 8  # altered places that a line of text names; there are at most 54
WHITE_SPACE_ONLY = "white space only, which the mail has lost: both lines read the same"

# What the lines of the mail do not tell: the function, the unit, a note.
PLACES: dict[str, tuple[str, str, str]] = {
    "E01": ("is_shared_writable", "", ""),
    "E02": ("follow_page", "", "a comment only"),
    "E03": ("do_wp_page", "U1", ""),
    "E04": ("do_wp_page", "U1", ""),
    "E05": ("do_wp_page", "U1", ""),
    "E06": ("do_wp_page", "U1", ""),
    "E07": ("do_no_page", "U2", ""),
    "E08": ("do_no_page", "U2", ""),
    "E09": ("do_no_page", "U2", ""),
    "E10": ("", "", ""),
    "E11": ("do_mmap_pgoff", "", ""),
    "E12": ("do_mmap_pgoff", "", ""),
    "E13": ("do_mmap_pgoff", "", "a blank line only"),
    "E14": ("do_mmap_pgoff", "U3", ""),
    "E15": ("do_brk", "", ""),
    "E16": ("", "", ""),
    "E17": ("mprotect_fixup", "U4", ""),
    "E18": ("mprotect_fixup", "U4", ""),
    "E19": ("mprotect_fixup", "U4", ""),
    "E20": ("", "", ""),
    "E21": ("do_writepages", "", WHITE_SPACE_ONLY),
    "E22": ("test_clear_page_dirty", "U5", ""),
    "E23": ("clear_page_dirty_for_io", "U6", ""),
    "E24": ("", "", ""),
    "E25": ("page_mkclean_one, page_mkclean_file, page_mkclean", "", ""),
    "E26": ("page_mkclean", "", "a declaration only"),
    "E27": ("try_to_free_buffers", "U7", ""),
    "E28": ("try_to_free_buffers", "U7", ""),
}


@dataclass(frozen=True)
class FoundEdit:
    """An edit of v8 where a mail has it; lines are those of the mail, altered or not."""

    edit: Edit
    hunk: Hunk
    lines: tuple[Line, ...]

    @property
    def first(self) -> int:
        """Number of its first line in the mail."""
        return min(self._numbers, default=self.hunk.line_no)

    @property
    def last(self) -> int:
        """Number of its last line in the mail."""
        return max(self._numbers, default=self.hunk.line_no)

    @property
    def _numbers(self) -> list[int]:
        return [line.number for line in self.lines if line.number]

    def count(self, op: str) -> int:
        """How many of its lines in the mail are '+' or '-'."""
        return sum(line.op == op for line in self.lines)


@dataclass(frozen=True)
class Altered:
    """One place in which a mail differs from v8.

    what   "E25", or "header of hunk 2 of mm/rmap.c" where that names other lines of the kernel
    lines  numbers in the mail of the lines that differ; where lines are missing, of the next one
    """

    what: str
    lines: tuple[int, ...]

    def __str__(self) -> str:
        word = "line" if len(self.lines) == 1 else "lines"
        return f"{self.what} ({word} {', '.join(_ranges(self.lines))})"


def _ranges(numbers: tuple[int, ...]) -> Iterator[str]:
    """Numbers as text, those that follow each other as their first and last."""
    rows = itertools.groupby(enumerate(sorted(numbers)), lambda one: one[1] - one[0])
    for row in ([n for _, n in group] for _, group in rows):
        yield str(row[0]) if len(row) == 1 else f"{row[0]}-{row[-1]}"


@dataclass(frozen=True)
class Verdict:
    """What a mail is: kind "v8", or "altered" with the places that differ.

    edits  E01..E28 as this mail has them, in hunks of v8's shape; the counts are this mail's, too
    notes  what of the mail could not be compared, or is cut otherwise than in v8
    """

    kind: str
    altered: tuple[Altered, ...]
    edits: tuple[FoundEdit, ...]
    files: int
    hunks: int
    plus: int
    minus: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        size = (
            f"{self.hunks} hunks, {len(self.edits)} edits, "
            f"+{self.plus} -{self.minus} in {self.files} files"
        )
        notes = f" ({'; '.join(self.notes)})" if self.notes else ""
        if self.kind == "v8":
            return f"v8: {size}{notes}"
        shown = [str(one) for one in self.altered[:_SHOWN]]
        if len(self.altered) > _SHOWN:
            shown.append(f"and {len(self.altered) - _SHOWN} more")
        return f"altered: {'; '.join(shown)}: {size}{notes}"


def judge(mail: Mail, table: Table | None = None) -> Verdict:
    """Say whether the mail is v8, or v8 with altered lines.

    table  figures to judge by; those of v8 unless given
    raises BadInput  it is neither: other files, other hunks, other context, or edits
                     elsewhere; the message is one line, FILE:LINE: ...
    """
    table = figures.load() if table is None else table
    fitted = fit(mail, table)
    altered: list[Altered] = []
    found: list[FoundEdit] = []
    for one in fitted.hunks:
        edits = table.edits_of(one.facts.file, one.facts.number)
        altered += _differences(one, edits)
        _check_ends(mail, one.hunk)
        found += (FoundEdit(edit, one.hunk, run)
                  for edit, run in zip(edits, one.hunk.edits, strict=True))
    ops = [line.op for hunk in mail.hunks for line in hunk.lines]
    return Verdict(
        kind="altered" if altered else "v8",
        # Edits first: they are what a reader asks for.
        altered=tuple(sorted(altered, key=lambda a: not a.what.startswith("E"))),
        edits=tuple(found),
        files=len(mail.files),
        hunks=len(mail.hunks),
        plus=ops.count("+"),
        minus=ops.count("-"),
        notes=tuple(_notes(fitted)),
    )


def _notes(fitted: Fit) -> Iterator[str]:
    """What could not be compared, or is cut otherwise."""
    hunks = [one.hunk for one in fitted.hunks]
    context = sum(line.op == " " for hunk in hunks for line in hunk.lines)
    absent = sum(one.absent for one in fitted.hunks)
    if absent:
        yield (f"{absent} of v8's {context} lines of context are not in it, and line numbers say "
               "where it changes the kernel")
    if fitted.beyond:
        yield f"{fitted.beyond} lines of context beyond v8's, with nothing to compare them with"
    recut = [f"hunk {one.facts.number} of {one.facts.file}" for one in fitted.hunks if one.recut]
    if recut:
        more = f" and {len(recut) - 3} more" if len(recut) > 3 else ""
        yield f"cut at other lines than in v8, to the same text: {', '.join(recut[:3])}{more}"


# -- what differs


def _cut(ops: str) -> list[str]:
    """The ops of a hunk, cut wherever context and edit meet."""
    runs: list[str] = []
    for i, op in enumerate(ops):
        if i and (op == " ") == (ops[i - 1] == " "):
            runs[-1] += op
        else:
            runs.append(op)
    return runs


def _differences(one: Fitted, edits: tuple[Edit, ...]) -> list[Altered]:
    """Which edits differ from v8's in a hunk that fits."""
    altered: list[Altered] = []
    names = iter(edits)
    at = 0
    for run, ops in zip(one.hunk.runs, _cut(one.facts.ops), strict=True):
        if run[0].op != " ":
            name = next(names).id
            if numbers := _different_lines(run, one.facts.lines[at : at + len(ops)]):
                altered.append(Altered(name, tuple(numbers)))
        at += len(ops)
    if one.moved:
        place = f"hunk {one.facts.number} of {one.facts.file}"
        altered.append(Altered(f"header of {place}", (one.moved,)))
    return altered


def _check_ends(mail: Mail, hunk: Hunk) -> None:
    """Refuse a hunk whose changed lines reach into what stands behind them, which is C's."""
    for ops in (" +", " -"):
        lines = [line for line in hunk.span if line.op in ops]
        opened = _left_open(lines)
        last = lines[-1] if lines else None
        swallows = opened or (last if last and last.text.rstrip().endswith("\\") else None)
        if swallows:
            what = "a comment that begins" if opened else "the line that is continued"
            refuse(mail.name, swallows.number, hunk.number, hunk.file,
                   f"{what} here goes on behind the changed lines, where half X has C's own text",
                   "end it among the changed lines")


def _left_open(lines: list[Line]) -> Line | None:
    """The line in which a comment begins that does not end; None: all end."""
    opened: Line | None = None
    for line in lines:
        at = 0
        while at >= 0:
            if opened:
                at = line.text.find("*/", at)
                opened, at = (opened, -1) if at < 0 else (None, at + 2)
            else:
                found = _QUIET_OR_COMMENT.search(line.text, at)
                opened = line if found and found[0] == "/*" else None
                at = found.end() if found else -1
    return opened


def _different_lines(run: tuple[Line, ...], expected: tuple[tuple[str, str], ...]) -> list[int]:
    own = tuple((line.op, line.hash) for line in run)
    if len(own) == len(expected):
        return [line.number for line, a, b in zip(run, own, expected, strict=True) if a != b]
    numbers: list[int] = []
    for tag, _, _, first, last in difflib.SequenceMatcher(
        None, expected, own, autojunk=False
    ).get_opcodes():
        if tag == "delete":
            numbers.append(run[min(first, len(run) - 1)].number)
        elif tag != "equal":
            numbers += (line.number for line in run[first:last])
    return numbers


# -- the figures themselves


def generate(mail: Mail, places: Mapping[str, tuple[str, str, str]] = PLACES) -> str:
    """The text of edits.toml for a mail that is known to be right.

    places  per edit id, in patch order: function, unit, note
    raises BadInput  the mail has another number of edits than places
    """
    runs = [(hunk, run) for hunk in mail.hunks for run in hunk.edits]
    if len(runs) != len(places):
        raise BadInput(f"{mail.name}:1: it has {len(runs)} edits, not {len(places)}; {GET_MAIL}")
    parts = [
        "# SPDX-License-Identifier: GPL-2.0-only",
        "# Generated by: python -m pykmm.patch.edits MAIL",
        "# Figures only.  A hash is of a line without its + or - and without white space.",
        "",
        f'schema = "{figures.SCHEMA}"',
    ]
    for hunk in mail.hunks:
        parts += ["", "[[hunk]]", *_hunk_toml(hunk)]
    for (hunk, run), (name, (function, unit, note)) in zip(runs, places.items(), strict=True):
        ops = [line.op for line in run]
        parts += [
            "",
            "[[edit]]",
            f'id = "{name}"',
            f'file = "{hunk.file}"',
            f"hunk = {hunk.number}",
            f'function = "{function}"',
            f"plus = {ops.count('+')}",
            f"minus = {ops.count('-')}",
            f'unit = "{unit}"',
        ]
        parts += [f'note = "{note}"'] if note else []
    return "\n".join(parts) + "\n"


def _hunk_toml(hunk: Hunk) -> list[str]:
    ops = "".join(line.op for line in hunk.lines)
    hashes = [f'"{line_hash(line.text)}"' for line in hunk.lines]
    rows = [f"    {', '.join(hashes[i : i + 6])}," for i in range(0, len(hashes), 6)]
    return [
        f'file = "{hunk.file}"',
        f"number = {hunk.number}",
        f"old = [{hunk.old_start}, {hunk.old_count}]",
        f"new = [{hunk.new_start}, {hunk.new_count}]",
        f'section = "{line_hash(hunk.section)}"',
        f'ops = "{ops}"',
        "hashes = [",
        *rows,
        "]",
    ]


def main(argv: list[str]) -> int:
    """Write edits.toml beside this module, if the mail gives another than the one there."""
    if len(argv) != 1:
        print("usage: python -m pykmm.patch.edits MAIL", file=sys.stderr)
        return 2
    try:
        text = generate(read_mail(argv[0], Table((), ())))
    except PykmmError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    _write_if_changed(figures.PATH, text)
    return 0


def _write_if_changed(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="ascii") == text:
        return
    temporary = path.with_suffix(".new")
    temporary.write_text(text, encoding="ascii")
    os.replace(temporary, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
