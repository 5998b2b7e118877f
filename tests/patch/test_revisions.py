# SPDX-License-Identifier: GPL-2.0-only
"""What changed between two mails of the toy patch."""

import pytest
from patch_toy import MAIL, Toy

from pykmm.review.revisions import COMMENTS, Changed, alone, changed


def compare(toy: Toy, old: str, new: str) -> list[Changed]:
    _, first = toy.read()
    toy.change("toy.mail", old, new)
    _, other = toy.read()
    return changed(first, other)


def test_altered_line_is_of_its_edit(toy: Toy) -> None:
    number = toy.line("+\t\tNOTE(5);")
    one, = compare(toy, "+\t\tNOTE(5);", "+\t\tNOTE(55);")
    assert (one.what, one.file, one.functions) == ("E06", "mm/toy.c", ("toy_fault",))
    assert one.unit == "U1"
    assert [[(line.number, line.text.strip()) for line in side] for side in one.lines] == [
        [(number, "NOTE(5);")], [(number, "NOTE(55);")]]
    assert (one.inert, one.before) == ("", False)


def test_line_taken_out_differently_shows_before_the_patch(toy: Toy) -> None:
    one, = compare(toy, "-\t*value = 1;", "-\t*value = 2;")
    assert (one.what, one.before, one.inert) == ("E09", True, "")


def test_white_space_is_no_change(toy: Toy) -> None:
    assert compare(toy, "+\treturn a == TOY;", "+    return  a==TOY ;") == []


@pytest.mark.parametrize("new", ["+\tNOTE(7);\t/* seven */", "+\t/* + */ NOTE(7); /**/"])
def test_comment_within_a_line_is_inert(toy: Toy, new: str) -> None:
    one, = compare(toy, "+\tNOTE(7);", new)
    assert (one.what, one.inert, one.functions) == ("E08", COMMENTS, ("toy_clean_one", "toy_clean"))


def test_edit_alone_has_the_others_as_the_first_mail_has_them(toy: Toy) -> None:
    _, first = toy.read()
    toy.change("toy.mail", "+\tif (is_toy(a)) {", "+\tif (!is_toy(a)) {")
    toy.change("toy.mail", "+\t\tret = NOTE(3) + 3;", "+\t\tret = NOTE(3) + 4;\n+\t\tret += 1;")
    toy.change("toy.mail", ",12 +11,15 @@", ",12 +11,16 @@")
    _, other = toy.read()
    assert [one.what for one in changed(first, other)] == ["E04", "E05"]
    for wanted in ("E04", "E05"):
        one = alone(first, other, wanted)
        assert one.kind == "altered" and [a.what for a in one.altered] == [wanted]
        assert [c.what for c in changed(first, one)] == [wanted]
        rest, = {"E04", "E05"} - {wanted}
        assert [c.what for c in changed(one, other)] == [rest]
        # its lines have places in the other mail, where the edits are
        ends = {found.edit.id: (found.first, found.last) for found in other.edits}
        for found in one.edits:
            first_line, last = ends[found.edit.id]
            assert all(first_line <= line.number <= last for line in found.lines)
            assert found.lines in found.hunk.edits


def test_toy_is_equal_to_itself(toy: Toy) -> None:
    assert toy.path.read_text() == MAIL
    _, verdict = toy.read()
    assert changed(verdict, verdict) == []
