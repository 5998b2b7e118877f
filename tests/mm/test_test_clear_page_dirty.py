# SPDX-License-Identifier: GPL-2.0-only
"""test_clear_page_dirty: steps TC1-TC8 and TC1a, with U5 on and off."""

import pytest
from worlds import ALL_UNITS

U5 = 0x10
DIRTY_TAG = 0


def tagged(out):
    return out.read("mapping[0].slot[0].index_and_tags") >> DIRTY_TAG & 1


def test_test_clear_page_dirty_cleans_the_ptes_too(pair):
    pair.dirty_mapped()

    out = pair.run("test_clear_page_dirty", page=0)

    assert (out.ended, out.ret) == ("returned", 1)
    assert out.read("page[0].flags.dirty") == 0
    assert tagged(out) == 0
    assert out.read("world.page_state.nr_dirty") == 0
    assert out.pte(0, 2) == "page 0 clean,read-only"
    assert out.read("mapping[0].tree_lock.held") == 0
    assert out.read("world.irqs_disabled") == 0


def test_test_clear_page_dirty_before_the_patch_leaves_the_ptes(pair):
    pair.dirty_mapped()
    pair.units(ALL_UNITS & ~U5)

    out = pair.run("test_clear_page_dirty", page=0)

    assert (out.ended, out.ret) == ("returned", 1)
    assert out.read("page[0].flags.dirty") == 0
    assert out.pte(0, 2) == "page 0 rw,dirty"
    assert "PageLocked" not in out.events


def test_test_clear_page_dirty_order_flag_tag_unlock_ptes_counter(pair):
    pair.dirty_mapped()

    out = pair.run("test_clear_page_dirty", page=0)

    assert out.events == [
        "page_mapping", "write_lock_irqsave", "TestClearPageDirty", "page_index",
        "radix_tree_tag_clear", "write_unlock_irqrestore",
        "PageLocked", "page_mapped", "page_mapping", "PageAnon", "spin_lock",
        "vma_prio_tree_first", "mapping_cap_account_dirty", "vma_address", "page_check_address",
        "ptep_get_and_clear", "ptep_establish", "lazy_mmu_prot_update", "pte_unmap_unlock",
        "vma_prio_tree_next", "spin_unlock",
        "mapping_cap_account_dirty", "dec_page_state",
    ]


def test_test_clear_page_dirty_unaccounted_mapping_keeps_the_counter(pair):
    pair.dirty_mapped(accounts=False)
    pair.set("world.page_state.nr_dirty", 7)

    out = pair.run("test_clear_page_dirty", page=0)

    assert out.ret == 1
    assert out.read("world.page_state.nr_dirty") == 7
    assert tagged(out) == 0
    assert out.pte(0, 2) == "page 0 rw"     # cleaned, not protected


def test_test_clear_page_dirty_clean_page_changes_nothing(pair):
    pair.dirty_mapped(flags="locked")

    out = pair.run("test_clear_page_dirty", page=0)

    assert (out.ended, out.ret) == ("returned", 0)
    assert out.pte(0, 2) == "page 0 rw,dirty"
    assert out.steps == ["TC1", "TC2", "TC3", "TC8"]


@pytest.mark.parametrize("units, ended", [(ALL_UNITS, "BUG"), (ALL_UNITS & ~U5, "returned")])
def test_test_clear_page_dirty_unlocked_dirty_page_is_a_bug_after_the_patch(pair, units, ended):
    pair.dirty_mapped(flags="dirty")
    pair.units(units)

    assert pair.run("test_clear_page_dirty", page=0).ended == ended


@pytest.mark.parametrize("flags, ret", [("dirty", 1), ("", 0)])
def test_test_clear_page_dirty_without_mapping_only_clears_the_flag(pair, flags, ret):
    pair.page(0, index=2, flags=flags)
    pair.set("world.page_state.nr_dirty", 7)

    out = pair.run("test_clear_page_dirty", page=0)

    assert (out.ended, out.ret) == ("returned", ret)
    assert out.read("page[0].flags.dirty") == 0
    assert out.read("world.page_state.nr_dirty") == 7
    assert out.events == ["page_mapping", "TestClearPageDirty"]
    assert out.steps == ["TC1", "TC1a"]


@pytest.mark.parametrize("units, ended, ret", [(ALL_UNITS, "BUG", 0), (0, "returned", 1)])
def test_test_clear_page_dirty_mapped_swap_cache_page(pair, units, ended, ret):
    pair.page(0, anon=0, swap=0x8000001, index=2, flags="locked dirty")
    pair.set("page[0]._mapcount", 0)
    pair.set("bdi[3].capabilities", 3)
    pair.units(units)

    out = pair.run("test_clear_page_dirty", page=0)

    assert (out.ended, out.ret) == (ended, ret)
