# SPDX-License-Identifier: GPL-2.0-only
"""clear_page_dirty_for_io: steps CI1-CI5 and CI1a, with U6 on and off."""

import pytest
from worlds import ALL_UNITS

U6 = 0x20
DIRTY_TAG = 0


def test_clear_page_dirty_for_io_cleans_the_ptes_and_leaves_the_tag(pair):
    pair.dirty_mapped()

    out = pair.run("clear_page_dirty_for_io", page=0)

    assert (out.ended, out.ret) == ("returned", 1)
    assert out.read("page[0].flags.dirty") == 0
    assert out.read("world.page_state.nr_dirty") == 0
    assert out.pte(0, 2) == "page 0 clean,read-only"
    # writeback finds the page by its tag and takes the tag away itself
    assert out.read("mapping[0].slot[0].index_and_tags") >> DIRTY_TAG & 1 == 1


def test_clear_page_dirty_for_io_before_the_patch_leaves_the_ptes(pair):
    pair.dirty_mapped()
    pair.units(ALL_UNITS & ~U6)

    out = pair.run("clear_page_dirty_for_io", page=0)

    assert (out.ended, out.ret) == ("returned", 1)
    assert out.pte(0, 2) == "page 0 rw,dirty"


def test_clear_page_dirty_for_io_flag_goes_before_the_ptes_and_the_counter_last(pair):
    pair.dirty_mapped()

    events = pair.run("clear_page_dirty_for_io", page=0).events

    assert events[:3] == ["page_mapping", "TestClearPageDirty", "PageLocked"]
    assert events[-2:] == ["mapping_cap_account_dirty", "dec_page_state"]
    assert "write_lock_irqsave" not in events


@pytest.mark.parametrize("flags", ["", "locked"])
def test_clear_page_dirty_for_io_clean_page_changes_nothing(pair, flags):
    pair.dirty_mapped(flags=flags)

    out = pair.run("clear_page_dirty_for_io", page=0)

    assert (out.ended, out.ret) == ("returned", 0)
    assert out.pte(0, 2) == "page 0 rw,dirty"
    assert out.events == ["page_mapping", "TestClearPageDirty"]


def test_clear_page_dirty_for_io_unaccounted_mapping_keeps_the_counter(pair):
    pair.dirty_mapped(accounts=False)
    pair.set("world.page_state.nr_dirty", 7)

    out = pair.run("clear_page_dirty_for_io", page=0)

    assert out.read("world.page_state.nr_dirty") == 7
    assert out.pte(0, 2) == "page 0 rw"


@pytest.mark.parametrize("units, ended", [(ALL_UNITS, "BUG"), (ALL_UNITS & ~U6, "returned")])
def test_clear_page_dirty_for_io_unlocked_dirty_page_is_a_bug_after_the_patch(pair, units, ended):
    pair.dirty_mapped(flags="dirty")
    pair.units(units)

    assert pair.run("clear_page_dirty_for_io", page=0).ended == ended


@pytest.mark.parametrize("flags, ret", [("dirty", 1), ("", 0)])
def test_clear_page_dirty_for_io_without_mapping_only_clears_the_flag(pair, flags, ret):
    pair.page(0, index=2, flags=flags)

    out = pair.run("clear_page_dirty_for_io", page=0)

    assert (out.ended, out.ret) == ("returned", ret)
    assert out.steps == ["CI1", "CI1a"]
