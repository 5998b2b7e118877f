# SPDX-License-Identifier: GPL-2.0-only
"""Rows that cannot be timed are refused, whatever a half does on them."""

import shutil

import pytest
from cli.cli_halves import Workshop, changed

from pykmm.bench import check, rows
from pykmm.bench.row import AFTER, BEFORE, Start
from pykmm.engine import core, halves
from pykmm.engine.halves import NamedHalf
from pykmm.errors import BadInput

WALK = rows.find("page_mkclean/4 mappings")
CLEANED = rows.find("page_mkclean_one/tracked, dirty, writable")
FIRST_STORE = rows.find("life cycle/first store")
CRASH = "extern void abort(void); abort();"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc to build a half with")
    return Workshop(tmp_path_factory.mktemp("halves"))


def refused(half: str, row=WALK) -> str | None:
    return check.refused(row, [NamedHalf.parse(half)])


def test_c_and_p_do_the_same_on_every_row():
    assert check.refusals(rows.ROWS) == {}


def test_another_result_is_refused(workshop):
    half = workshop.half("less", changed("ret += page_mkclean_one", "ret = page_mkclean_one"))
    assert refused(half) == "half less returns 1, half C returns 4"
    # of one mapping it is right, and so it may be timed there
    assert refused(half, CLEANED) is None


def test_another_event_is_refused(workshop):
    half = workshop.half("lazy", changed("\tlazy_mmu_prot_update(entry);\n", ""))
    assert refused(half, CLEANED) == (
        "half lazy event 5: pte_unmap_unlock, half C lazy_mmu_prot_update")


def test_other_words_of_an_event_are_refused(workshop):
    half = workshop.half("kept", changed("entry = pte_mkclean(entry);", ""))
    assert refused(half, CLEANED) == (
        "half kept event 4: ptep_establish with other words, half C ptep_establish")


def test_another_world_is_refused(workshop):
    half = workshop.half("sly", changed("\tret = 1;\t", "\tpage->private = 5; ret = 1;\t"))
    assert refused(half, CLEANED) == "half sly leaves another page[0].private than half C"


def test_a_crash_is_refused(workshop):
    half = workshop.with_lines("crash", CRASH)
    assert refused(half) == "half crash ended the engine by SIGABRT"


def test_an_oops_is_refused(workshop):
    half = workshop.with_lines("oops", "*(volatile int *)8;")
    assert refused(half) == "half oops ends in oops, half C returns 4"


def test_a_half_that_does_not_come_back_is_refused(workshop, monkeypatch):
    monkeypatch.setenv("PYKMM_SILENT_SECONDS", "1")
    assert refused(workshop.with_lines("sleeper", "for (;;) __asm__ volatile(\"\");")) == (
        "half sleeper does not come back")


def test_rows_after_one_that_a_half_dies_of_are_checked_all_the_same(workshop):
    half = workshop.with_lines("picky",
                               f"if (page->_mapcount.counter > 0) {{ {CRASH} }} return 77;")
    one = rows.find("page_mkclean/1 mapping")
    assert check.refusals([CLEANED, WALK, one], [NamedHalf.parse(half)]) == {
        WALK.name: "half picky ended the engine by SIGABRT",
        one.name: "half picky returns 77, half C returns 1"}


def test_a_half_that_lacks_a_function_is_refused_what_needs_it(workshop):
    half = workshop.partly()
    assert refused(half, CLEANED) == "half partly has no page_mkclean_one"
    assert refused(half, WALK) is None
    # in operations C's is called for what is missing
    assert refused(half, FIRST_STORE) is None


@pytest.mark.parametrize("row, kernels, said", [
    (FIRST_STORE, [AFTER, BEFORE], "before the patch: other"), (WALK, [AFTER], None),
])
def test_the_kernels_that_a_row_has_are_compared(monkeypatch, row, kernels, said):
    seen = []

    def unequal(start, halves):
        seen.append(word_of(start, "world", "units"))
        return None if seen[-1] else "other"

    monkeypatch.setattr(check, "unequal", unequal)
    assert check.of_row(row, []) == said
    assert seen == kernels


def test_a_file_that_is_no_half_is_bad_input(tmp_path):
    path = tmp_path / "text.so"
    path.write_text("text")
    with pytest.raises(BadInput, match=r"half text: cannot load .*text\.so"):
        refused(f"text={path}")


def test_what_ends_in_a_bug_cannot_be_timed():
    start = WALK.make(AFTER)
    at = offset(start, "page", "flags")
    unlocked = start.image[:at] + bytes(8) + start.image[at + 8:]
    broken = Start(start.runner, unlocked, start.steps)
    assert check.unequal(broken, [halves.c_half()] * 2) == "half C ends in BUG"


def offset(start: Start, array: str, name: str) -> int:
    """Bytes from the start of a world to a field of its first such thing."""
    return (next(found[2] for found in start.runner.arrays() if found[0] == array) +
            next(found[3] for found in core.FIELDS if found[:2] == (array, name)))


def word_of(start: Start, array: str, name: str) -> int:
    at = offset(start, array, name)
    return int.from_bytes(start.image[at:at + 4], "little")
