# SPDX-License-Identifier: GPL-2.0-only
"""Judge a mail against the figures of v8, and generate those figures.

`python -m pykmm.patch.edits MAIL` writes edits.toml anew from a pristine mail.
"""

import difflib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pykmm.errors import BadInput, PykmmError
from pykmm.patch import table as figures
from pykmm.patch.mail import GET_MAIL, Hunk, Line, Mail, PatchFile, read_mail, refuse
from pykmm.patch.table import UNITS, Edit, HunkFacts, Table, line_hash, unit_of

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

GIVE_V8 = "give the mail of v8, or a copy of it in which only the text of lines differs"
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
        return self.lines[0].number

    @property
    def last(self) -> int:
        """Number of its last line in the mail."""
        return self.lines[-1].number

    def count(self, op: str) -> int:
        """How many of its lines in the mail are '+' or '-'."""
        return sum(line.op == op for line in self.lines)


@dataclass(frozen=True)
class Altered:
    """One place in which a mail differs from v8.

    what   "E25", "context of hunk 2 of mm/rmap.c" or "header of hunk 2 of mm/rmap.c"
    lines  numbers in the mail of the lines that differ; where lines are missing, of the next one
    """

    what: str
    lines: tuple[int, ...]

    def __str__(self) -> str:
        word = "line" if len(self.lines) == 1 else "lines"
        return f"{self.what} ({word} {', '.join(map(str, self.lines))})"


@dataclass(frozen=True)
class Verdict:
    """What a mail is: kind "v8", or "altered" with the places that differ.

    edits  E01..E28 as this mail has them; the counts are this mail's, too
    """

    kind: str
    altered: tuple[Altered, ...]
    edits: tuple[FoundEdit, ...]
    files: int
    hunks: int
    plus: int
    minus: int

    def __str__(self) -> str:
        size = (
            f"{self.hunks} hunks, {len(self.edits)} edits, "
            f"+{self.plus} -{self.minus} in {self.files} files"
        )
        if self.kind == "v8":
            return f"v8: {size}"
        return f"altered: {'; '.join(map(str, self.altered))}: {size}"


def judge(mail: Mail, table: Table | None = None) -> Verdict:
    """Say whether the mail is v8, or v8 with altered lines.

    table  figures to judge by; those of v8 unless given
    raises BadInput  it is neither: other files, other hunks, or edits elsewhere
                     in a hunk; the message is one line, FILE:LINE: ...
    """
    table = figures.load() if table is None else table
    _check_files(mail, table)
    altered: list[Altered] = []
    found: list[FoundEdit] = []
    for hunk, facts in zip(mail.hunks, table.hunks, strict=True):
        edits = table.edits_of(facts.file, facts.number)
        _check_shape(mail, hunk, facts)
        altered += _differences(hunk, facts, edits)
        found += (FoundEdit(edit, hunk, run) for edit, run in zip(edits, hunk.edits, strict=True))
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
    )


# -- does it fit


def _check_files(mail: Mail, table: Table) -> None:
    """Refuse a mail whose files or hunks are not those of the table, one for one."""
    for index, path in enumerate(table.files):
        facts = table.hunks_of(path)
        if index >= len(mail.files):
            wrong = f"the mail ends without it: {_count(len(table.files) - index, 'file')} missing"
            refuse(mail.name, mail.end, 1, path, wrong, GET_MAIL)
        file = mail.files[index]
        if file.path != path:
            what = "is of another place" if file.path in table.files else "is no file"
            wrong = f"{file.path} {what} of this patch, whose file here is {path}"
            _refuse_patch(mail, file.hunks[0], wrong)
        if len(file.hunks) != len(facts):
            _refuse_hunks(mail, index, file, facts)
    if len(mail.files) > len(table.files):
        hunk = mail.files[len(table.files)].hunks[0]
        _refuse_patch(mail, hunk, f"the patch has no file after {table.files[-1]}")


def _refuse_hunks(
    mail: Mail, index: int, file: PatchFile, facts: tuple[HunkFacts, ...]
) -> NoReturn:
    """Refuse a file with too few or too many hunks, naming the first that is missing or new."""
    ours = {hunk.old_start: hunk for hunk in file.hunks}
    theirs = {hunk.old[0] for hunk in facts}
    for hunk in file.hunks:
        if hunk.old_start not in theirs and len(file.hunks) > len(facts):
            _refuse_patch(mail, hunk, f"v8 has no hunk at line {hunk.old_start} of it")
    for fact in facts:
        if fact.old[0] not in ours and len(file.hunks) < len(facts):
            later = [h.line_no for h in file.hunks if h.old_start > fact.old[0]]
            later += [f.hunks[0].line_no for f in mail.files[index + 1 : index + 2]]
            refuse(
                mail.name,
                (later or [mail.end])[0],
                fact.number,
                file.path,
                f"it is missing: the mail has {_count(len(file.hunks), 'hunk')} of this file "
                f"and v8 has {len(facts)}",
                GET_MAIL,
            )
    _refuse_patch(
        mail,
        file.hunks[-1],
        f"the mail has {_count(len(file.hunks), 'hunk')} of this file and v8 has {len(facts)}",
    )


def _check_shape(mail: Mail, hunk: Hunk, facts: HunkFacts) -> None:
    """Refuse a hunk whose runs of context and edit do not follow each other as in v8."""
    ours = [run[0].op == " " for run in hunk.runs]
    theirs = [ops[0] == " " for ops in _cut(facts.ops)]
    for run, mine, v8s in zip(hunk.runs, ours, theirs, strict=False):
        if mine != v8s:
            wanted = "a line with + or -" if mine else "context"
            refuse(
                mail.name, run[0].number, hunk.number, hunk.file, f"v8 has {wanted} here", GIVE_V8
            )
    if len(ours) != len(theirs):
        run = hunk.runs[min(len(theirs), len(ours) - 1)]
        refuse(
            mail.name,
            run[0].number,
            hunk.number,
            hunk.file,
            f"it has {_count(ours.count(False), 'run')} of changed lines and v8 has "
            f"{theirs.count(False)}",
            GIVE_V8,
        )


def _refuse_patch(mail: Mail, hunk: Hunk, wrong: str) -> NoReturn:
    refuse(mail.name, hunk.line_no, hunk.number, hunk.file, wrong, GIVE_V8)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("s" if number != 1 else "")


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


def _differences(hunk: Hunk, facts: HunkFacts, edits: tuple[Edit, ...]) -> list[Altered]:
    """Where a hunk of the right shape differs from v8's."""
    place = f"hunk {hunk.number} of {hunk.file}"
    altered: list[Altered] = []
    context: list[int] = []
    names = iter(edits)
    at = 0
    for run, ops in zip(hunk.runs, _cut(facts.ops), strict=True):
        numbers = _different_lines(run, facts.lines[at : at + len(ops)])
        at += len(ops)
        if run[0].op == " ":
            context += numbers
        else:
            name = next(names).id
            if numbers:
                altered.append(Altered(name, tuple(numbers)))
    if context:
        altered.append(Altered(f"context of {place}", tuple(context)))
    if (hunk.old_start, hunk.new_start) != (facts.old[0], facts.new[0]):
        altered.append(Altered(f"header of {place}", (hunk.line_no,)))
    return altered


def _different_lines(run: tuple[Line, ...], expected: tuple[tuple[str, str], ...]) -> list[int]:
    own = tuple((line.op, line_hash(line.text)) for line in run)
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
