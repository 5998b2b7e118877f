# SPDX-License-Identifier: GPL-2.0-only
"""What a review is made of: every edit in all its lines, with the mail and without it."""

from pathlib import Path

import pytest

from pykmm.engine import core
from pykmm.errors import HarnessError
from pykmm.patch import table
from pykmm.patch.edits import judge
from pykmm.patch.mail import read_mail
from pykmm.review import facts, mirrored, places
from pykmm.source.anchors import all_steps

EDITS = table.load().edits
HALVES = ("c", "cython")


def by_id(found: dict) -> dict[str, dict]:
    return {edit["id"]: edit for edit in found["edits"]}


def own(edit: dict, half: str) -> list[str]:
    """Text of an edit's own lines in one half."""
    return [line["text"].strip() for row in edit["rows"] for line in row[half] if line["own"]]


def patch_of(edit: dict) -> list[dict]:
    return [line for row in edit["rows"] for line in row["patch"]]


def test_edits_are_those_of_the_patch_in_its_order(without_mail: dict) -> None:
    assert [edit["id"] for edit in without_mail["edits"]] == [edit.id for edit in EDITS]
    for edit, known in zip(without_mail["edits"], EDITS, strict=True):
        assert (edit["file"], edit["function"], edit["unit"]) == \
            (known.file, known.function, known.unit)
        assert edit["does"] and edit["lines"] is None
        assert all(row["patch"] is None for row in edit["rows"])


def test_every_edit_has_its_lines_in_both_halves(without_mail: dict) -> None:
    edits = by_id(without_mail)
    no_twin = [name for name, edit in edits.items() if not own(edit, "cython")]
    assert no_twin == ["E10", "E13", "E16", "E20", "E24"]
    assert all(edits[name]["no_twin"] for name in no_twin)
    for edit in edits.values():
        assert own(edit, "c") or edit["id"] == "E13"


@pytest.mark.parametrize(("edit", "c", "cython"), [
    ("E03", ["int reuse = 0, ret = VM_FAULT_MINOR;", "struct page *dirty_page = NULL;"],
     ["cdef int reuse = 0, ret = VM_FAULT_MINOR", "cdef struct_page *dirty_page = NULL"]),
    ("E07", ["struct page *dirty_page = NULL;"], ["cdef struct_page *dirty_page = NULL"]),
    ("E17", ["unsigned int mask;", "struct address_space *mapping = NULL;"],
     ["cdef unsigned int mask", "cdef address_space *mapping = NULL"]),
    ("E26", ["/* How many ptes of the page's mappings were cleaned and, where tracked, "
             "protected. */", "int page_mkclean(struct page *page);"],
     ["# How many ptes of the page's mappings were cleaned and, where tracked, protected.",
      "from pykmm.mm.rmap cimport page_mkclean"]),
])
def test_lines_of_an_edit_that_no_step_is_anchored_to(without_mail: dict, edit: str, c: list[str],
                                                      cython: list[str]) -> None:
    assert own(by_id(without_mail)[edit], "c") == c
    assert own(by_id(without_mail)[edit], "cython") == cython


def test_steps_of_edits_are_those_that_are_anchored_to_them(without_mail: dict) -> None:
    edits = by_id(without_mail)
    for anchor in all_steps():
        for edit in anchor.edits:
            rows = {row["step"]: row for row in edits[edit]["rows"]}
            assert rows[anchor.step]["does"]
            for half in HALVES:
                first = next(line for line in rows[anchor.step][half] if line["step"])
                assert first["step"] == anchor.step and first["own"]


def test_functions_are_whole(without_mail: dict) -> None:
    assert sorted(without_mail["functions"]) == sorted(core.FUNCTIONS)
    steps = [row["step"] for one in without_mail["functions"].values() for row in one["rows"]]
    assert sorted(filter(None, steps)) == sorted(anchor.step for anchor in all_steps())


def test_a_label_belongs_to_the_step_below_it() -> None:
    row = next(row for row in mirrored.functions()["page_mkclean_one"].rows if row.step == "MK8")
    assert row.halves[0][0].text.strip() == "unlock:"
    assert row.halves[1][0].text.split("#")[0].strip() == "while at == L_unlock:"


def test_counts_of_both_halves_are_the_same_and_stand_at_their_steps(without_mail: dict) -> None:
    seen = 0
    for function in without_mail["functions"].values():
        for row in function["rows"]:
            numbers = [[line["count"] for line in row[half] if line["step"]] for half in HALVES]
            assert numbers[0] == numbers[1]
            sides = [[(one["name"], one["true"], one["false"]) for line in row[half]
                      for one in line["operands"]] for half in HALVES]
            assert sides[0] == sides[1]
            seen += sum(numbers[0])
    assert seen > 50_000


def test_without_counting_there_are_no_counts() -> None:
    found = facts.facts(facts.Source())
    lines = [line for edit in found["edits"] for row in edit["rows"] for half in HALVES
             for line in row[half]]
    assert found["counts"] is None and all(line["count"] is None for line in lines)
    assert all(one["true"] is None for line in lines for one in line["operands"])


# -- with the mail


def test_every_changed_line_of_the_mail_is_shown_once(with_mail: dict, mail_path: Path) -> None:
    for edit, found in zip(with_mail["edits"], judge(read_mail(mail_path)).edits, strict=True):
        shown = [(line["line"], line["op"], line["text"])
                 for line in patch_of(edit) if line["own"]]
        assert shown == [(line.number, line.op, line.text.strip()) for line in found.lines]
        numbers = [line["line"] for line in patch_of(edit)]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert edit["lines"] == [found.first, found.last]


def test_lines_of_the_mail_stand_beside_the_step_that_has_them(with_mail: dict) -> None:
    rows = {row["step"]: row for row in by_id(with_mail)["E25"]["rows"]}
    for step, text in (("MK2", "if (!pte)"), ("MK7", "ret = 1;"), ("MK8", "unlock:"),
                       ("MFI5", "spin_unlock(&mapping->i_mmap_lock);"),
                       ("PM4", "ret = page_mkclean_file(mapping, page);")):
        assert text in [line["text"] for line in rows[step]["patch"]]


@pytest.mark.parametrize(("edit", "text", "op", "tabs"), [
    ("E14", "mapping = vma->vm_file->f_mapping;", "+", 2),
    ("E22", "page_mkclean(page);", "+", 3),         # without the switch around it in C
    ("E05", "goto unlock;", "-", 3),                # as deep as it was before
    ("E05", "goto unlock;", "+", 2),
    ("E06", "unlock:", " ", 0),
])
def test_lost_tabs_are_those_of_c(with_mail: dict, edit: str, text: str, op: str,
                                  tabs: int) -> None:
    lines = [line for line in patch_of(by_id(with_mail)[edit])
             if (line["text"], line["op"]) == (text, op)]
    assert [line["indent"] for line in lines] == [tabs]


def test_mail_of_v8_is_named_so(with_mail: dict) -> None:
    assert with_mail["mail"]["verdict"] == "v8" and with_mail["mail"]["altered"] == []
    assert not any(edit["altered"] for edit in with_mail["edits"])


def test_altered_mail_is_named_with_its_edit(mail_path: Path, tmp_path: Path) -> None:
    text = mail_path.read_text(encoding="utf-8")
    copy = tmp_path / "altered.txt"
    copy.write_text(text.replace("+ entry = pte_mkclean(entry);", "+ entry = pte_mkold(entry);"))
    found = facts.facts(facts.Source(judge(read_mail(copy)), copy.name))
    assert found["mail"]["verdict"] == "altered"
    assert [edit["id"] for edit in found["edits"] if edit["altered"]] == ["E25"]
    assert "entry = pte_mkold(entry);" in [line["text"] for line in patch_of(by_id(found)["E25"])]


# -- edits.toml


def test_words_have_every_edit_and_no_other() -> None:
    assert list(places.words()) == [edit.id for edit in EDITS]


def test_an_edit_that_is_nowhere_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    said = dict(places.words())
    said["E07"] = places.Words("A local.", ("cdef struct_page *none",))
    monkeypatch.setattr(places, "words", lambda: said)
    with pytest.raises(HarnessError, match=r"pykmm/mm/memory.pyx: 0 lines are .* for E07"):
        places.places.__wrapped__()
