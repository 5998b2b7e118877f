# SPDX-License-Identifier: GPL-2.0-only
"""Copies of a patch whose hunks are others: the same patch is recognised, any other refused.

Of each kind every copy is tried, of the toy, and of the mail where it is there.  The toy has all
forms of a hunk, and needs no mail.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from changed_mails import KINDS, Copy, Piece, in_gits_order, variants, with_context
from patch_toy import Toy

from pykmm.errors import BadInput
from pykmm.patch.edits import Verdict, judge
from pykmm.patch.mail import read_mail
from pykmm.patch.table import Table, load


class Judged:
    """A patch, its figures, and what they say of a copy."""

    def __init__(self, path: Path, table: Table, folder: Path) -> None:
        self.original = Copy.of(read_mail(path, table))
        self.table, self.path = table, folder / "copy.txt"
        self.kernel = self.original.kernel()

    def verdict(self, text: str) -> Verdict | str:
        """The verdict, or why it is refused."""
        self.path.write_text(text)
        try:
            return judge(read_mail(self.path, self.table), self.table)
        except BadInput as error:
            return str(error)

    def is_the_same(self, changed: Copy) -> bool:
        """Whether both make the same of the kernel; its lines that v8 does not name are free."""
        lines = {path: changed.kernel()[path] | own for path, own in self.kernel.items()}
        made = self.original.applied(lines)
        assert made
        return changed.applied(lines) == made

    def is_in_place(self, changed: Copy, path: str, number: int) -> bool:
        """Whether a hunk has its context, and its runs of changed lines are where v8 has them."""
        pieces = [one.files[path][number] for one in (changed, self.original)]
        context = [[text for op, text in piece.rows if op == " "] for piece in pieces]
        return pieces[0].places == pieces[1].places and context[0] == context[1]


@pytest.fixture(params=["toy", "mail"])
def judged(request: pytest.FixtureRequest, tmp_path: Path) -> Judged:
    if request.param == "toy":
        toy: Toy = request.getfixturevalue("toy")
        return Judged(toy.put("pristine.mail", toy.path.read_text()), toy.table, tmp_path)
    return Judged(request.getfixturevalue("mail_path"), load(), tmp_path)


def test_copy_that_is_not_changed_is_v8(judged: Judged) -> None:
    verdict = judged.verdict(judged.original.text())
    assert isinstance(verdict, Verdict)
    assert (verdict.kind, verdict.notes) == ("v8", ())


@pytest.mark.parametrize("kind", KINDS)
def test_hunk_that_is_another_is_refused_at_its_line(judged: Judged, kind: str) -> None:
    refused = 0
    for place, changed in variants(judged.original, KINDS[kind]):
        text = changed.text()
        verdict = judged.verdict(text)
        # an edit of white space alone does nothing that can be seen, and still has to be there
        if judged.is_the_same(changed) and kind != "edit_dropped":
            assert isinstance(verdict, Verdict) and verdict.kind == "v8", f"{place}: {verdict}"
            continue
        file, number = re.match(r"(\S+), hunk (\d+)", place).groups()
        if judged.is_in_place(changed, file, int(number) - 1):
            # a line went from one edit to the next over context that half X carries between them
            assert isinstance(verdict, Verdict), f"{place}: {verdict}"
            assert kind == "last_line_below_context" and len(verdict.altered) == 2
            continue
        assert isinstance(verdict, str), f"{place}: {verdict}"
        assert re.match(rf"{re.escape(str(judged.path))}:\d+: hunk {number} of {file}: .*; give ",
                        verdict), f"{place}: {verdict}"
        assert len(verdict) < 450 and "\n" not in verdict
        refused += 1
    assert bool(refused) == (kind != "context_written_anew")


def test_context_that_is_written_anew_is_the_same_patch(judged: Judged) -> None:
    # the oracle of the test above is not blind: nothing changes, and nothing is refused
    kind = KINDS["context_written_anew"]
    same = [judged.is_the_same(changed) for _, changed in variants(judged.original, kind)]
    assert all(same) and len(same) > 10


@pytest.mark.parametrize("lines", range(11))
def test_any_number_of_lines_of_context_is_v8(judged: Judged, lines: int) -> None:
    changed = with_context(judged.original, lines)
    assert judged.is_the_same(changed)
    verdict = judged.verdict(changed.text())
    assert isinstance(verdict, Verdict) and verdict.kind == "v8", verdict
    assert [len(one.lines) for one in verdict.edits] == [
        edit.plus + edit.minus for edit in judged.table.edits]
    said = " ".join(verdict.notes)
    assert ("of context are not in it" in said) == any(
        not line.number for one in verdict.edits for line in one.hunk.lines)
    assert ("beyond v8's" in said) == any(
        own.keys() - judged.kernel[path].keys() for path, own in changed.kernel().items())


@pytest.mark.parametrize("lines", [0, 1, 2, 5, 8])
def test_lines_that_changed_places_are_refused_with_any_context(judged: Judged, lines: int) -> None:
    # with -U0 line numbers alone tell it
    for kind in ("edit_above_context", "last_line_below_context", "removal_kept",
                 "context_taken_out_above_and_put_in_below", "edit_dropped"):
        for place, changed in variants(judged.original, KINDS[kind]):
            file, number = re.match(r"(\S+), hunk (\d+)", place).groups()
            if judged.is_the_same(changed) or judged.is_in_place(changed, file, int(number) - 1):
                continue
            verdict = judged.verdict(with_context(changed, lines).text())
            assert isinstance(verdict, str), f"{kind}, {place}: {verdict}"


def test_files_in_another_order_are_v8(judged: Judged) -> None:
    for changed in (in_gits_order(judged.original),
                    Copy(dict(reversed(judged.original.files.items())))):
        verdict = judged.verdict(changed.text())
        assert isinstance(verdict, Verdict) and (verdict.kind, verdict.notes) == ("v8", ())
        assert [one.edit.id for one in verdict.edits] == [e.id for e in judged.table.edits]


def test_hunks_of_a_file_in_another_order_are_refused(judged: Judged) -> None:
    for path, pieces in judged.original.files.items():
        if len(pieces) > 1:
            changed = copy.deepcopy(judged.original)
            changed.files[path] = [pieces[1], pieces[0], *pieces[2:]]
            assert f"hunk 2 of {path}: it begins at line" in str(judged.verdict(changed.text()))


def test_hunk_split_where_its_context_is_is_the_same_patch(judged: Judged) -> None:
    split = 0
    for path, number, piece in judged.original.pieces():
        if len(piece.edits) < 2:
            continue
        changed = copy.deepcopy(judged.original)
        at = piece.edits[0][1] + 1
        old = piece.old + sum(op != "+" for op, _ in piece.rows[:at])
        changed.files[path][number:number + 1] = [Piece(piece.old, piece.rows[:at]),
                                                  Piece(old, piece.rows[at:])]
        verdict = judged.verdict(changed.text())
        assert isinstance(verdict, Verdict) and verdict.kind == "v8", verdict
        split += 1
    assert split


def test_edit_in_its_place_may_have_other_lines_and_more_or_fewer(judged: Judged) -> None:
    def added(piece: Piece, i: int) -> list[list[tuple[str, str]]]:
        rows = piece.rows
        own = [("+", "other();")]
        return [[*rows[:i], *own, *rows[i:]], [*rows[:i], *own, *rows[i + 1:]]]

    tried = 0
    for lines in (0, 3, 6):
        for path, number, piece in judged.original.pieces():
            for i, (op, _) in enumerate(piece.rows):
                for rows in added(piece, i) if op == "+" else ():
                    tried += 1
                    if tried % 5:
                        continue
                    changed = copy.deepcopy(judged.original)
                    changed.files[path][number].rows = rows
                    verdict = judged.verdict(with_context(changed, lines).text())
                    # a line within a comment may end it, or the comment go on behind the edit
                    if isinstance(verdict, str):
                        assert "a comment that begins here goes on" in verdict, verdict
                        continue
                    assert verdict.kind == "altered" and len(verdict.altered) == 1, verdict
    assert tried > 60


def test_edit_that_reaches_behind_its_hunk_is_refused(judged: Judged) -> None:
    # half X has C's lines there, and their comments are not the kernel's
    for end, what in (("/* and", "a comment that begins here"), ("\\", "the line that is")):
        for path, number, piece in judged.original.pieces():
            last = piece.edits[-1][1] - 1
            if piece.rows[last][0] != "+" or not piece.rows[last][1].strip():
                continue
            changed = copy.deepcopy(judged.original)
            changed.files[path][number].rows[last] = ("+", f"x(); {end}")
            verdict = str(judged.verdict(changed.text()))
            # where the last line ended a comment, that one goes on
            assert what in verdict or "a comment" in verdict, verdict
            assert "goes on behind the changed lines" in verdict


def test_hunk_at_other_lines_is_told_by_its_context_alone(judged: Judged) -> None:
    path, number, _ = next(judged.original.pieces())

    def at_other_lines(changed: Copy) -> Verdict | str:
        changed.files[path][number].old += 7
        return judged.verdict(changed.text())

    verdict = at_other_lines(copy.deepcopy(judged.original))
    assert isinstance(verdict, Verdict)
    assert [one.what for one in verdict.altered] == [f"header of hunk 1 of {path}"]
    assert f"hunk 1 of {path}: v8 has no hunk at line" in str(
        at_other_lines(with_context(judged.original, 0)))


# -- what the messages say


@pytest.mark.parametrize(("kind", "file", "what"), [
    ("edit_above_context", "mm/toy.c, hunk 3",
     "these changed lines stand 1 line of the kernel above E06's place"),
    ("edit_below_context", "mm/toy.c, hunk 3",
     "these changed lines stand 1 line of the kernel below E06's place"),
    ("context_changed", "mm/toy.c, hunk 3", "this line of context is not v8's: it was changed"),
    ("context_put_in", "mm/toy.c, hunk 3", "v8 has no such line of context here: it was put in"),
    ("edit_split", "mm/toy.c, hunk 5", "this line is context here, and v8 adds it (E08)"),
    ("removal_left_out", "mm/toy.c, hunk 6", 
     "v8 takes out a line of the kernel here (E09), and this is another one"),
    ("removal_more", "mm/toy.c, hunk 3",
     "here it takes out 1 line of the kernel, and v8 (E06) takes out 0"),
    ("edit_dropped", "mm/toy.c, hunk 2", "E05 is not in it"),
])  # fmt: skip
def test_refusal_says_what_is_wrong(
    toy: Toy, tmp_path: Path, kind: str, file: str, what: str
) -> None:
    judged = Judged(toy.put("pristine.mail", toy.path.read_text()), toy.table, tmp_path)
    said = [str(judged.verdict(changed.text()))
            for place, changed in variants(judged.original, KINDS[kind])
            if place.startswith(f"{file},")]
    assert any(what in one for one in said), said


# -- the mails of the kind that was judged as if it were v8




def test_lines_moved_across_the_unlocking_are_refused(mail_lines: list[str], tmp_path: Path
                                                      ) -> None:
    path = tmp_path / "moved.txt"

    def said(lines: list[str]) -> str:
        path.write_text("\n".join(lines) + "\n")
        with pytest.raises(BadInput) as caught:
            judge(read_mail(path))
        return str(caught.value)

    unlocking = [i for i, line in enumerate(mail_lines)
                 if line.startswith("pte_unmap_unlock(page_table")]
    assert len(unlocking) == 2
    for at, edit, hunk in zip(unlocking, ("E06", "E09"), (3, 6), strict=True):
        block = mail_lines[at + 1:at + 5]
        assert [line[0] for line in block] == ["+"] * 4
        above = [*mail_lines[:at], *block, mail_lines[at], *mail_lines[at + 5:]]
        assert said(above).startswith(
            f"{path}:{at + 1}: hunk {hunk} of mm/memory.c: these changed lines stand 1 line of "
            f"the kernel above {edit}'s place: lines changed places with context")
        twice = [*mail_lines[:at], "-" + mail_lines[at], *block, "+" + mail_lines[at],
                 *mail_lines[at + 5:]]
        assert said(twice).startswith(f"{path}:{at + 1}: hunk {hunk} of mm/memory.c: ")
    both = list(mail_lines)
    for at in unlocking:
        both[at:at + 5] = [*both[at + 1:at + 5], both[at]]
    assert f":{unlocking[0] + 1}: hunk 3 of mm/memory.c: " in said(both)


ABOVE = "these changed lines stand 1 line of the kernel above {}'s place"


@pytest.mark.parametrize(("edit", "lines", "says"), [
    ("E22", 5, ABOVE), ("E23", 1, ABOVE), ("E27", 1, ABOVE),
    ("E28", 1, "v8 takes out a line of the kernel here ({}), and this is another one"),
])  # fmt: skip
def test_other_lines_moved_across_one_of_context_are_refused(
    mail_path: Path, mail_lines: list[str], tmp_path: Path, edit: str, lines: int, says: str
) -> None:
    found, = (one for one in judge(read_mail(mail_path)).edits if one.edit.id == edit)
    assert len(found.lines) == lines
    at = found.first - 1
    moved = [*mail_lines[:at - 1], *mail_lines[at:at + lines], mail_lines[at - 1],
             *mail_lines[at + lines:]]
    path = tmp_path / "moved.txt"
    path.write_text("\n".join(moved) + "\n")
    with pytest.raises(BadInput) as caught:
        judge(read_mail(path))
    # of a line that is taken out the context shows it, which stands behind it now
    number = at + (edit == "E28")
    assert str(caught.value).startswith(
        f"{path}:{number}: hunk {found.edit.hunk} of {found.edit.file}: {says.format(edit)}")
