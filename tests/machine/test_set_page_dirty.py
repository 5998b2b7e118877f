# SPDX-License-Identifier: GPL-2.0-only
"""set_page_dirty in all its variants: which bits, tags and counters move, under which locks."""

import pytest

from pykmm.engine import core

MAPPING, TREE = "mapping[0]", "mapping[0].page_tree"


@pytest.mark.parametrize("capabilities, accounts, writes", [
    (0x04, 1, 1),       # disk files, block devices
    (0x03, 0, 0),       # tmpfs, hugetlbfs, swapper_space
    (0x7F, 0, 0),       # ramfs
    (0x07, 0, 0),       # ramdisk
    (0x00, 1, 1), (0x01, 0, 1), (0x02, 1, 0), (0x7C, 1, 1),
])
def test_mapping_cap_account_dirty_and_writeback_dirty(world, capabilities, accounts, writes):
    world.set("bdi[0].capabilities", capabilities)
    assert world.call("mapping_cap_account_dirty", MAPPING) == accounts
    assert world.events() == [("mapping_cap_account_dirty", MAPPING, accounts)]
    assert world.call("mapping_cap_writeback_dirty", MAPPING) == writes
    assert world.events() == [("mapping_cap_writeback_dirty", MAPPING, writes)]


def test_swapper_space_neither_accounts_nor_writes(world):
    assert world.call("mapping_cap_account_dirty", "mapping[3]") == 0
    assert world.call("mapping_cap_writeback_dirty", "mapping[3]") == 0


# what happens under tree_lock once PG_dirty was found clear, and the inode after that
def tagging(accounts, index=7, mapping=MAPPING, page="page[3]"):
    return [
        ("write_lock_irq", f"{mapping}.tree_lock"),
        *([("mapping_cap_account_dirty", mapping, 1), ("inc_page_state", 0, 1)] if accounts else
          [("mapping_cap_account_dirty", mapping, 0)]),
        ("page_index", page, index),
        ("radix_tree_tag_set", f"{mapping}.page_tree", index, 0, page),
        ("write_unlock_irq", f"{mapping}.tree_lock"),
    ]


INODE = [("__mark_inode_dirty", "inode[0]", 4), ("spin_lock", "world.inode_lock"),
         ("spin_unlock", "world.inode_lock")]
RECHECK = ("page_mapping", "page[3]", MAPPING)


@pytest.fixture
def cached(world):
    """page[3] is page 7 of file 0, clean and without buffers."""
    world.cached(3, index=7)
    return world


@pytest.mark.parametrize("capabilities, accounts", [(0x04, 1), (0x7F, 0), (0x07, 0)])
def test_set_page_dirty_of_a_clean_page_of_a_disk_like_mapping(cached, capabilities, accounts):
    cached.set("bdi[0].capabilities", capabilities)
    before = cached.runner.image()
    assert cached.call("set_page_dirty", "page[3]") == 1
    assert cached.events() == [
        ("set_page_dirty", "page[3]", 1), ("page_mapping", "page[3]", MAPPING),
        ("__set_page_dirty_buffers", "page[3]", 1),
        ("spin_lock", "mapping[0].private_lock"), ("page_has_buffers", "page[3]", 0),
        ("spin_unlock", "mapping[0].private_lock"),
        ("TestSetPageDirty", "page[3]", 0), *tagging(accounts), *INODE]
    # PG_dirty, tag and inode move whether or not the mapping accounts
    assert cached.changes(before) == {
        "page[3].flags.dirty": "1", "mapping[0].slot[0].index_and_tags": "index 0x7 DIRTY",
        "inode[0].i_state.dirty_pages": "1", "inode[0].i_place": "1",
        **({"world.page_state.nr_dirty": "1"} if accounts else {})}


def test_set_page_dirty_of_a_dirty_page_only_looks_at_its_buffers(cached):
    cached.set("page[3].flags.dirty", 1)
    before = cached.runner.image()
    assert cached.call("set_page_dirty", "page[3]") == 0
    assert cached.events() == [
        ("set_page_dirty", "page[3]", 0), ("page_mapping", "page[3]", MAPPING),
        ("__set_page_dirty_buffers", "page[3]", 0),
        ("spin_lock", "mapping[0].private_lock"), ("page_has_buffers", "page[3]", 0),
        ("spin_unlock", "mapping[0].private_lock"), ("TestSetPageDirty", "page[3]", 1)]
    # no tag either: PG_dirty alone decides
    assert cached.changes(before) == {}


@pytest.mark.parametrize("capabilities, accounts", [(0x03, 0), (0x04, 1)])
def test_set_page_dirty_of_a_mapping_without_buffers(cached, capabilities, accounts):
    cached.set("bdi[0].capabilities", capabilities)
    cached.call("use_no_buffers_aops", MAPPING)
    before = cached.runner.image()
    assert cached.call("set_page_dirty", "page[3]") == 1
    assert cached.events() == [
        ("set_page_dirty", "page[3]", 1), ("page_mapping", "page[3]", MAPPING),
        ("__set_page_dirty_nobuffers", "page[3]", 1),
        ("TestSetPageDirty", "page[3]", 0), ("page_mapping", "page[3]", MAPPING),
        tagging(accounts)[0], RECHECK, *tagging(accounts)[1:], *INODE]
    assert cached.changes(before) == {
        "page[3].flags.dirty": "1", "mapping[0].slot[0].index_and_tags": "index 0x7 DIRTY",
        "inode[0].i_state.dirty_pages": "1", "inode[0].i_place": "1",
        **({"world.page_state.nr_dirty": "1"} if accounts else {})}


def test_set_page_dirty_of_a_dirty_page_of_a_mapping_without_buffers(cached):
    cached.call("use_no_buffers_aops", MAPPING)
    cached.set("page[3].flags.dirty", 1)
    before = cached.runner.image()
    assert cached.call("set_page_dirty", "page[3]") == 0
    assert cached.events() == [
        ("set_page_dirty", "page[3]", 0), ("page_mapping", "page[3]", MAPPING),
        ("__set_page_dirty_nobuffers", "page[3]", 0), ("TestSetPageDirty", "page[3]", 1)]
    assert cached.changes(before) == {}


def test_use_disk_aops_undoes_use_no_buffers_aops(cached):
    disk = cached.get("mapping[0].a_ops")
    cached.call("use_no_buffers_aops", MAPPING)
    assert cached.get("mapping[0].a_ops") != disk
    cached.call("use_disk_aops", MAPPING)
    assert cached.get("mapping[0].a_ops") == disk


@pytest.mark.parametrize("mapping", ["anonymous", "truncated"])
def test_set_page_dirty_without_a_mapping_sets_the_bit_only(world, mapping):
    world.set("page[3].mapping", world.at("anon_vma[0]") + 1 if mapping == "anonymous" else 0)
    # a truncated page keeps its index, and somebody else may have its place by now
    world.set("page[3].index", 7)
    world.cached(4, index=7)
    before = world.runner.image()
    assert world.call("set_page_dirty", "page[3]") == 1
    assert world.events() == [
        ("set_page_dirty", "page[3]", 1), ("page_mapping", "page[3]", 0),
        ("PageDirty", "page[3]", 0), ("TestSetPageDirty", "page[3]", 0)]
    assert world.changes(before) == {"page[3].flags.dirty": "1"}
    assert world.call("set_page_dirty", "page[3]") == 0
    assert world.events() == [
        ("set_page_dirty", "page[3]", 0), ("page_mapping", "page[3]", 0),
        ("PageDirty", "page[3]", 1)]


def test_set_page_dirty_in_the_swap_cache(world):
    # the tag goes to the place of its swap entry, and there is no inode
    world.cached(3, mapping=3, index=0x8000002)
    world.set("page[3].mapping", world.at("anon_vma[0]") + 1)
    world.set("page[3].flags.swapcache", 1)
    world.set("page[3].private", 0x8000002)
    world.set("page[3].index", 7)
    before = world.runner.image()
    assert world.call("set_page_dirty", "page[3]") == 1
    swapper = ("page_mapping", "page[3]", "mapping[3]")
    under_lock = tagging(0, index=0x8000002, mapping="mapping[3]")
    assert world.events() == [
        ("set_page_dirty", "page[3]", 1), swapper, ("__set_page_dirty_nobuffers", "page[3]", 1),
        ("TestSetPageDirty", "page[3]", 0), swapper, under_lock[0], swapper, *under_lock[1:]]
    assert world.changes(before) == {
        "page[3].flags.dirty": "1",
        "mapping[3].slot[0].index_and_tags": "index 0x8000002 DIRTY"}


def test_set_page_dirty_buffers_uses_the_raw_mapping(world):
    # in the swap cache, page_mapping would be swapper_space
    world.cached(3, index=7)
    world.set("page[3].flags.swapcache", 1)
    world.set("page[3].private", 7)
    assert world.call("__set_page_dirty_buffers", "page[3]") == 1
    assert world.events()[1] == ("spin_lock", "mapping[0].private_lock")
    assert world.slots() == [(7, "page[3]", {"DIRTY"})]


def test_set_page_dirty_buffers_without_a_mapping_is_an_oops(world):
    assert world.end("__set_page_dirty_buffers", "page[3]") == "oops"
    assert world.get("page[3].flags.dirty") == 0


def test_set_page_dirty_nobuffers_without_a_mapping_is_newly_dirty(world):
    before = world.runner.image()
    assert world.call("__set_page_dirty_nobuffers", "page[3]") == 1
    assert world.events() == [
        ("__set_page_dirty_nobuffers", "page[3]", 1), ("TestSetPageDirty", "page[3]", 0),
        ("page_mapping", "page[3]", 0)]
    assert world.changes(before) == {"page[3].flags.dirty": "1"}


def test_set_page_dirty_nobuffers_truncated_while_it_waits_for_tree_lock(kernel):
    """Another actor truncates the file between PG_dirty and the tag."""
    kernel.inode(0, "tmpfs")
    kernel.set("page[3]._count", 1)
    assert kernel.call("add_to_page_cache", "page[3]", MAPPING, 0) == 0
    kernel.call("unlock_page", "page[3]")
    truncate = [name for name, _ in core.OPERATIONS].index("truncate")
    kernel.set("world.interference", truncate)      # by process 0: inode 0, to no sector
    kernel.set("world.pauses_left", 1)

    assert kernel.call("__set_page_dirty_nobuffers", "page[3]") == 1

    names = [e[0] for e in kernel.events()]
    assert names[:4] == ["__set_page_dirty_nobuffers", "TestSetPageDirty", "page_mapping",
                         "write_lock_irq"]
    # whose inode that truncation has made dirty altogether
    assert names[-2:] == ["write_unlock_irq", "__mark_inode_dirty"]
    # once more under the lock: the page is of no mapping now, so nothing is counted or tagged
    assert kernel.events()[-3] == ("page_mapping", "page[3]", 0)
    assert kernel.get("world.page_state.nr_dirty") == 0
    assert kernel.get("mapping[0].nrpages") == 0
    assert kernel.get("inode[0].i_state") == 7


# No actor gives a page to another file while tree_lock is waited for, so this "page" lies over
# words of the world's header that taking a lock writes to: page->mapping is 24 bytes in.


def test_set_page_dirty_nobuffers_of_a_page_that_changed_its_mapping_is_a_bug(world):
    page = world.at("world.held[3]") - 24
    world.set("world.held[3]", MAPPING)     # page->mapping: the fourth lock is recorded here
    world.set("world.nr_held", 3)
    assert world.end("__set_page_dirty_nobuffers", page) == "BUG"
    assert [e[0] for e in world.events()] == [
        "__set_page_dirty_nobuffers", "TestSetPageDirty", "page_mapping", "write_lock_irq",
        "page_mapping", "BUG"]
    assert world.get("world.page_state.nr_dirty") == 0
