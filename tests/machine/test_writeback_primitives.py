# SPDX-License-Identifier: GPL-2.0-only
"""Writeback's bit and tags, the dirty inode, and the counters of /proc/vmstat."""

import pytest

MAPPING, TREE, LOCK = "mapping[0]", "mapping[0].page_tree", "mapping[0].tree_lock"


@pytest.fixture
def cached(world):
    """page[3] is page 7 of file 0, with both neighbours in the tree and dirty."""
    for page, index in ((2, 6), (3, 7), (4, 8)):
        world.cached(page, index=index)
    for index in (6, 8):
        world.call("radix_tree_tag_set", TREE, index, 0)
    return world


def tags(world):
    index, page, found = world.slots()[1]
    assert (index, page) == (7, "page[3]")
    assert [slot[2] for slot in world.slots()[::2]] == [{"DIRTY"}, {"DIRTY"}]
    return found


@pytest.mark.parametrize("dirty, tagged, left", [
    (0, set(), {"WRITEBACK"}),
    # the tag that clear_page_dirty_for_io left goes here
    (0, {"DIRTY"}, {"WRITEBACK"}),
    # unless the page is dirty again by now
    (1, {"DIRTY"}, {"DIRTY", "WRITEBACK"}),
    # it never sets that tag
    (1, set(), {"WRITEBACK"}),
])
def test_set_page_writeback_of_a_page_not_under_writeback(cached, dirty, tagged, left):
    cached.set("page[3].flags.dirty", dirty)
    if tagged:
        cached.call("radix_tree_tag_set", TREE, 7, 0)
    assert cached.call("set_page_writeback", "page[3]") == 0
    clear = [("page_index", "page[3]", 7), ("radix_tree_tag_clear", TREE, 7, 0, "page[3]")]
    assert cached.events() == [
        ("set_page_writeback", "page[3]", 0), ("page_mapping", "page[3]", MAPPING),
        ("write_lock_irqsave", LOCK, 0), ("inc_page_state", 1, 1),
        ("page_index", "page[3]", 7), ("radix_tree_tag_set", TREE, 7, 1, "page[3]"),
        ("PageDirty", "page[3]", dirty), *([] if dirty else clear),
        ("write_unlock_irqrestore", LOCK, 0)]
    assert tags(cached) == left
    assert cached.get("page[3].flags.writeback") == 1
    assert cached.get("page[3].flags.dirty") == dirty
    assert cached.get("world.page_state.nr_writeback") == 1
    assert cached.get("world.page_state.nr_dirty") == 0
    assert cached.held() == []


@pytest.mark.parametrize("dirty, left", [(0, {"WRITEBACK"}), (1, {"DIRTY", "WRITEBACK"})])
def test_set_page_writeback_of_a_page_under_writeback_still_takes_the_dirty_tag(
        cached, dirty, left):
    cached.call("set_page_writeback", "page[3]")
    cached.call("radix_tree_tag_set", TREE, 7, 0)
    cached.set("page[3].flags.dirty", dirty)
    assert cached.call("set_page_writeback", "page[3]") == 1
    assert ("inc_page_state", 1, 2) not in cached.events()
    assert tags(cached) == left
    assert cached.get("world.page_state.nr_writeback") == 1


@pytest.mark.parametrize("dirty", [0, 1])
def test_test_clear_page_writeback_takes_the_writeback_tag_only(cached, dirty):
    cached.call("set_page_writeback", "page[3]")
    cached.call("radix_tree_tag_set", TREE, 7, 0)
    cached.set("page[3].flags.dirty", dirty)
    assert cached.call("test_clear_page_writeback", "page[3]") == 1
    assert cached.events() == [
        ("test_clear_page_writeback", "page[3]", 1), ("page_mapping", "page[3]", MAPPING),
        ("write_lock_irqsave", LOCK, 0), ("dec_page_state", 1, 0),
        ("page_index", "page[3]", 7), ("radix_tree_tag_clear", TREE, 7, 1, "page[3]"),
        ("write_unlock_irqrestore", LOCK, 0)]
    assert tags(cached) == {"DIRTY"}
    assert cached.get("page[3].flags.writeback") == 0
    assert cached.get("page[3].flags.dirty") == dirty


def test_test_clear_page_writeback_of_a_page_not_under_writeback(cached):
    # a tag without the bit stays: only a change of the bit moves it
    cached.call("radix_tree_tag_set", TREE, 7, 1)
    before = cached.runner.image()
    assert cached.call("test_clear_page_writeback", "page[3]") == 0
    assert cached.events() == [
        ("test_clear_page_writeback", "page[3]", 0), ("page_mapping", "page[3]", MAPPING),
        ("write_lock_irqsave", LOCK, 0), ("write_unlock_irqrestore", LOCK, 0)]
    assert cached.changes(before) == {}


@pytest.mark.parametrize("op", ["set_page_writeback", "test_clear_page_writeback"])
def test_writeback_under_disabled_interrupts_leaves_them_so(cached, op):
    cached.set("world.irqs_disabled", 1)
    cached.call(op, "page[3]")
    assert ("write_lock_irqsave", LOCK, 1) in cached.events()
    assert ("write_unlock_irqrestore", LOCK, 1) in cached.events()
    assert cached.get("world.irqs_disabled") == 1


def test_writeback_without_a_mapping_moves_bit_and_counter(world):
    before = world.runner.image()
    assert world.call("set_page_writeback", "page[3]") == 0
    assert world.events() == [("set_page_writeback", "page[3]", 0), ("page_mapping", "page[3]", 0),
                              ("inc_page_state", 1, 1)]
    assert world.changes(before) == {"page[3].flags.writeback": "1",
                                     "world.page_state.nr_writeback": "1"}
    assert world.call("set_page_writeback", "page[3]") == 1
    assert world.get("world.page_state.nr_writeback") == 1
    assert world.call("test_clear_page_writeback", "page[3]") == 1
    assert world.events() == [("test_clear_page_writeback", "page[3]", 1),
                              ("page_mapping", "page[3]", 0), ("dec_page_state", 1, 0)]
    assert world.changes(before) == {}
    assert world.call("test_clear_page_writeback", "page[3]") == 0
    assert world.get("world.page_state.nr_writeback") == 0


def test_set_page_writeback_in_the_swap_cache_tags_by_the_entry(world):
    world.cached(3, mapping=3, index=0x8000002)
    world.set("page[3].flags.swapcache", 1)
    world.set("page[3].private", 0x8000002)
    world.set("page[3].index", 7)
    assert world.call("set_page_writeback", "page[3]") == 0
    assert world.slots(3) == [(0x8000002, "page[3]", {"WRITEBACK"})]


SYNC, DATASYNC, PAGES, LOCKED, FREEING, CLEAR, NEW = 1, 2, 4, 8, 16, 32, 64
HASHED, BLOCK_DEVICE = 1, 2
NO_LIST, ON_DIRTY, ON_CLEAN = 0, 1, 2


@pytest.mark.parametrize("state, flags", [
    (PAGES, PAGES), (SYNC | DATASYNC | PAGES, PAGES), (SYNC | DATASYNC, SYNC | DATASYNC),
    (PAGES | LOCKED, PAGES), (PAGES | FREEING, PAGES),
])
def test_mark_inode_dirty_with_all_bits_set_takes_no_lock(world, state, flags):
    world.set("inode[0].i_state", state)
    before = world.runner.image()
    world.call("__mark_inode_dirty", "inode[0]", flags)
    assert world.events() == [("__mark_inode_dirty", "inode[0]", flags)]
    assert world.changes(before) == {}


@pytest.mark.parametrize("state, kind, flags, moves", [
    (0, HASHED, PAGES, True), (0, HASHED, SYNC | DATASYNC, True), (NEW, HASHED, PAGES, True),
    # some of the bits were set: the others are added, the place and the date stay
    (SYNC, HASHED, PAGES, False), (DATASYNC, HASHED, PAGES, False),
    (PAGES, HASHED, PAGES | SYNC, False),
    # whoever holds I_LOCK puts it on the right list afterwards
    (LOCKED, HASHED, PAGES, False), (LOCKED | SYNC, HASHED, PAGES, False),
    # going away
    (FREEING, HASHED, PAGES, False), (CLEAR, HASHED, PAGES, False),
    (FREEING, BLOCK_DEVICE, PAGES, False),
    # unhashed, unless a block device
    (0, 0, PAGES, False), (0, BLOCK_DEVICE, PAGES, True), (0, HASHED | BLOCK_DEVICE, PAGES, True),
])
@pytest.mark.parametrize("place", [NO_LIST, ON_CLEAN])
def test_mark_inode_dirty(world, state, kind, flags, moves, place):
    world.set("inode[0].i_state", state)
    world.set("inode[0].i_is", kind)
    world.set("inode[0].i_place", place)
    world.set("inode[0].dirtied_when", 11)
    world.set("world.jiffies", 22)
    world.call("__mark_inode_dirty", "inode[0]", flags)
    assert world.events() == [("__mark_inode_dirty", "inode[0]", flags),
                              ("spin_lock", "world.inode_lock"),
                              ("spin_unlock", "world.inode_lock")]
    # the bits are set in any case
    assert world.get("inode[0].i_state") == state | flags
    assert world.get("inode[0].i_place") == (ON_DIRTY if moves else place)
    assert world.get("inode[0].dirtied_when") == (22 if moves else 11)
    assert world.held() == []


def test_mark_inode_dirty_twice_keeps_the_first_date(world):
    world.set("world.jiffies", 22)
    world.call("__mark_inode_dirty", "inode[0]", PAGES)
    world.set("world.jiffies", 33)
    world.call("__mark_inode_dirty", "inode[0]", SYNC)
    assert world.get("inode[0].i_state") == PAGES | SYNC
    assert world.get("inode[0].dirtied_when") == 22


@pytest.mark.parametrize("number, name", list(enumerate(
    ["nr_dirty", "nr_writeback", "nr_mapped", "nr_active", "nr_inactive"])))
def test_inc_page_state_and_dec_page_state_move_one_counter(world, number, name):
    for path in ("nr_dirty", "nr_writeback", "nr_mapped", "nr_active", "nr_inactive"):
        world.set(f"world.page_state.{path}", 100)
    before = world.runner.image()
    world.call("inc_page_state", number)
    assert world.events() == [("inc_page_state", number, 101)]
    assert world.changes(before) == {f"world.page_state.{name}": "101"}
    world.call("dec_page_state", number)
    assert world.events() == [("dec_page_state", number, 100)]
    world.call("dec_page_state", number)
    assert world.changes(before) == {f"world.page_state.{name}": "99"}


def test_dec_page_state_below_zero_wraps(world):
    # the kernel's counters may pass zero for a moment: nothing checks them
    world.call("dec_page_state", 0)
    assert world.events() == [("dec_page_state", 0, -1)]
    assert world.get("world.page_state.nr_dirty") == -1
