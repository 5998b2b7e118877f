# SPDX-License-Identifier: GPL-2.0-only
"""Reclaim of one page: shrink_page and all its ends, pageout, the swap cache, strip_page."""

import pytest
from written import (
    DIRTY,
    LOCKED,
    RW,
    YOUNG,
    anonymous,
    at,
    cached,
    calm,
    disk,
    named,
    pte,
    ring,
    shared,
    state,
    table,
    tags,
    word,
)

EIO, ENOSPC = 1 << 20, 1 << 21
KEEP, ACTIVATE, SUCCESS, CLEAN = range(4)
PAGE = "page[4]"


@pytest.fixture
def file(kernel):
    """page[4] is page 1 of a disk file, clean, unmapped, on the inactive list."""
    kernel.inode(0)
    cached(kernel, 4, index=1, lru=True, contents=[11, 12, 13, 14])
    return kernel


def freed(kernel, may_write=1):
    result = kernel.call("shrink_page", PAGE, may_write)
    assert kernel.events()[0] == ("shrink_page", PAGE, result)
    calm(kernel)
    return result


def flags(kernel, *names):
    return {name for name in names if kernel.get(f"{PAGE}.flags.{name}")}


def lists(kernel):
    return kernel.get("world.page_state.nr_active"), kernel.get("world.page_state.nr_inactive")


def check_kept(kernel, *, active=0, count=1):
    """Back on the list where it belongs."""
    assert flags(kernel, "lru", "active", "locked") == ({"lru", "active"} if active else {"lru"})
    assert lists(kernel) == (active, 1 - active)
    assert kernel.get(f"{PAGE}._count") == count


def check_gone(kernel):
    assert kernel.get(f"{PAGE}.flags") == 0
    assert kernel.get(f"{PAGE}._count") == 0
    assert kernel.get(f"{PAGE}.mapping") == 0
    assert lists(kernel) == (0, 0)


def test_shrink_page_frees_a_clean_page(file):
    assert freed(file) == 1
    check_gone(file)
    assert tags(file) == {}
    assert file.get("mapping[0].nrpages") == 0
    assert named(file, "pageout") == []
    assert named(file, "remove_mapping") == [("remove_mapping", "mapping[0]", PAGE, 1)]


def test_shrink_page_takes_an_active_page_too(file):
    file.set(f"{PAGE}.flags.active", 1)
    file.set("world.page_state.nr_active", 1)
    file.set("world.page_state.nr_inactive", 0)
    assert freed(file) == 1
    check_gone(file)


@pytest.mark.parametrize("what", ["free", "not on the LRU"])
def test_shrink_page_of_a_page_that_reclaim_would_not_meet(file, what):
    file.set(*{"free": (f"{PAGE}._count", 0), "not on the LRU": (f"{PAGE}.flags.lru", 0)}[what])
    before = file.runner.image()
    assert freed(file) == 0
    assert file.changes(before) == {}


def test_shrink_page_of_a_locked_page(file):
    file.set(f"{PAGE}.flags.locked", 1)
    assert file.call("shrink_page", PAGE, 1) == 0
    assert file.get(f"{PAGE}.flags.locked") == 1
    assert flags(file, "lru", "active") == {"lru"}
    assert lists(file) == (0, 1)
    assert named(file, "page_referenced") == []


def test_shrink_page_under_writeback(file):
    file.call("set_page_dirty", PAGE)
    file.call("filemap_fdatawrite", "mapping[0]")
    assert freed(file) == 0
    check_kept(file)
    assert named(file, "page_referenced") == []


@pytest.mark.parametrize("vmas, active", [("linear", 1), ("nonlinear", 1), ("none", 0)])
def test_shrink_page_that_was_referenced(file, vmas, active):
    file.set(f"{PAGE}.flags.referenced", 1)
    if vmas != "none":
        shared(file, 0, flags=0xFB | (0x800000 if vmas == "nonlinear" else 0))
    # only somebody who has it mapped could use it again; a reader finds it gone
    assert freed(file) == (1 - active)
    if active:
        check_kept(file, active=1)
    else:
        check_gone(file)


def test_shrink_page_that_is_held(file):
    file.set(f"{PAGE}._count", 2)
    assert freed(file) == 0
    check_kept(file, count=2)
    assert named(file, "remove_mapping") == [("remove_mapping", "mapping[0]", PAGE, 0)]
    assert tags(file) == {PAGE: set()}


def test_shrink_page_unmaps_and_frees(file):
    shared(file, 0)
    pte(file, 1, 4, RW)
    assert freed(file) == 1
    check_gone(file)
    assert word(file, 1) == 0


def test_shrink_page_with_a_young_pte(file):
    shared(file, 0)
    pte(file, 1, 4, YOUNG)
    assert freed(file) == 0
    check_kept(file, active=1, count=2)
    # the second time it is old
    assert freed(file) == 1


def test_shrink_page_in_a_locked_vma(file):
    # read by nobody lately, but VM_LOCKED: try_to_unmap fails
    shared(file, 0, flags=0x73 | LOCKED)
    pte(file, 1, 4)
    assert freed(file) == 0
    check_kept(file, active=1, count=2)
    assert named(file, "try_to_unmap") == [("try_to_unmap", PAGE, 0, 2)]


def test_shrink_page_that_stays_mapped(file):
    shared(file, 0)
    pte(file, 1, 4)
    file.set(f"{PAGE}._mapcount", 1)
    file.set(f"{PAGE}._count", 3)
    assert freed(file) == 0
    check_kept(file, count=2)


def test_shrink_page_writes_a_dirty_page_after_it_was_unmapped(file):
    shared(file, 0)
    pte(file, 1, 4, DIRTY | RW)
    assert freed(file) == 0
    # writepage gave it buffers
    check_kept(file, count=2)
    assert flags(file, "dirty", "writeback", "reclaim") == {"writeback", "reclaim"}
    assert named(file, "pageout") == [("pageout", PAGE, "mapping[0]", SUCCESS)]
    names = [event[0] for event in file.events()]
    assert names.index("set_page_dirty") < names.index("pageout")
    file.call("end_io", PAGE, 1)
    assert disk(file, 0, 1) == [11, 12, 13, 14]
    assert flags(file, "writeback", "reclaim") == set()
    assert freed(file) == 1


def dirty(kernel):
    kernel.call("set_page_dirty", PAGE)


@pytest.mark.parametrize("referenced, may_write, written", [
    (0, 1, True), (1, 1, False), (0, 0, False), (1, 0, False),
])
def test_shrink_page_writes_only_if_it_may_and_nobody_used_it(file, referenced, may_write, written):
    dirty(file)
    file.set(f"{PAGE}.flags.referenced", referenced)
    assert freed(file, may_write) == 0
    check_kept(file, count=1 + written)
    assert bool(named(file, "pageout")) == written
    assert flags(file, "dirty") == (set() if written else {"dirty"})


def test_pageout_asks_for_little_and_does_not_block(file):
    dirty(file)
    ring(file, 4, 0, "mapped uptodate dirty lock")
    assert freed(file) == 0
    # the locked buffer is not waited for: the page is dirty again
    assert flags(file, "dirty", "reclaim") == {"dirty"}
    assert named(file, "lock_buffer") == []
    assert named(file, "block_write_full_page") == [
        ("block_write_full_page", PAGE, "world.wbc[0].nr_to_write", 0)]


def test_pageout_of_a_page_that_is_held(file):
    dirty(file)
    file.set(f"{PAGE}._count", 2)
    assert freed(file) == 0
    assert named(file, "pageout") == [("pageout", PAGE, "mapping[0]", KEEP)]
    assert flags(file, "dirty") == {"dirty"}


def test_pageout_counts_the_buffers_reference(file):
    dirty(file)
    ring(file, 4, 0, "mapped uptodate dirty")
    assert freed(file) == 0
    assert named(file, "pageout") == [("pageout", PAGE, "mapping[0]", SUCCESS)]


@pytest.mark.parametrize("kind", ["ramfs", "prot driver"])
def test_pageout_where_there_is_no_writepage(kernel, kind):
    kernel.inode(0, kind)
    cached(kernel, 4, lru=True, dirty=True)
    assert freed(kernel) == 0
    assert named(kernel, "pageout") == [("pageout", PAGE, "mapping[0]", ACTIVATE)]
    check_kept(kernel, active=1)
    assert flags(kernel, "dirty") == {"dirty"}


def test_pageout_to_a_congested_device(file):
    dirty(file)
    file.set("bdi[0].congested", 1)
    assert freed(file) == 0
    check_kept(file)
    assert named(file, "pageout") == [("pageout", PAGE, "mapping[0]", KEEP)]
    assert flags(file, "dirty") == {"dirty"}


def test_pageout_of_tmpfs_gives_the_page_back(kernel):
    kernel.inode(0, "tmpfs")
    cached(kernel, 4, lru=True, dirty=True)
    assert freed(kernel) == 0
    assert named(kernel, "pageout") == [("pageout", PAGE, "mapping[0]", ACTIVATE)]
    check_kept(kernel, active=1)
    assert flags(kernel, "dirty", "reclaim") == {"dirty"}
    # that answer is no error
    assert kernel.get("mapping[0].flags") == 0


def test_pageout_without_room_on_disk(file):
    file.set("inode[0].i_mapped", 0)
    dirty(file)
    ring(file, 4, 0, "uptodate dirty")
    file.set("world.fail_in", 1)
    # its block is given up and clean then; the page is Uptodate and can go
    result = freed(file)
    assert file.get("mapping[0].flags") & (EIO | ENOSPC) == ENOSPC
    assert result == 1
    check_gone(file)


def test_pageout_frees_a_page_whose_blocks_are_on_disk_already(file):
    dirty(file)
    ring(file, 4, 0, "mapped uptodate")
    assert freed(file) == 1
    assert named(file, "submit_bio") == []
    check_gone(file)


def test_pageout_of_a_page_that_lost_its_file(file):
    dirty(file)
    without_file(file)
    # its last holder cannot be told from a page cache
    assert freed(file) == 0
    assert named(file, "pageout") == [("pageout", PAGE, 0, KEEP)]
    assert flags(file, "dirty") == {"dirty"}


@pytest.mark.parametrize("states, result, left", [
    ("mapped uptodate", CLEAN, set()), ("mapped uptodate dirty", KEEP, {"dirty", "private"}),
])
def test_pageout_of_a_page_that_lost_its_file_frees_its_buffers(file, states, result, left):
    dirty(file)
    ring(file, 4, 0, states)
    without_file(file)
    assert file.get(f"{PAGE}._count") == 2
    assert freed(file) == 0
    assert named(file, "pageout") == [("pageout", PAGE, 0, result)]
    assert flags(file, "dirty", "private") == left
    check_kept(file, count=1 + ("private" in left))


def without_file(kernel):
    """Out of the page cache, whose reference another has now."""
    kernel.call("lock_page", PAGE)
    kernel.call("remove_from_page_cache", PAGE)
    kernel.call("unlock_page", PAGE)


@pytest.mark.parametrize("states, result", [
    ("mapped uptodate", 1), ("mapped uptodate lock", 0), ("mapped uptodate dirty", 0),
])
def test_shrink_page_with_buffers(file, states, result):
    ring(file, 4, 0, states)
    assert freed(file) == result
    if result:
        check_gone(file)
        assert file.get_buffer(0, "b_page") == 0
    else:
        check_kept(file, active=1, count=2)
        assert state(file, 0) == set(states.split())


def test_shrink_page_of_a_page_that_only_its_buffers_kept(file):
    ring(file, 4, 0, "mapped uptodate")
    without_file(file)
    file.call("put_page", PAGE)
    assert file.get(f"{PAGE}._count") == 1
    assert freed(file) == 1
    check_gone(file)
    assert named(file, "remove_mapping") == []


@pytest.fixture
def anon(kernel):
    """page[4] is the second page of vma[0] in mm[0], mapped there, on the inactive list."""
    kernel.vma(0, flags=0x73)
    table(kernel)
    anonymous(kernel, 4, 0, index=1)
    pte(kernel, 1, 4, RW, anon=True)
    kernel.set(f"{PAGE}.flags.lru", 1)
    kernel.set("world.page_state.nr_inactive", 1)
    for i, version in enumerate((5, 6, 7, 8)):
        kernel.set(f"{PAGE}.contents[{i}]", version)
    return kernel


def test_shrink_page_of_anonymous_memory_goes_to_swap(anon):
    assert freed(anon) == 0
    # what is written now is in the swap cache, and the pte knows where
    assert flags(anon, "swapcache", "writeback", "dirty", "reclaim") == {
        "swapcache", "writeback", "reclaim"}
    assert word(anon, 1) == 0x100
    assert anon.get("swap[1].map") == 2
    assert anon.get("mm[0].anon_rss") == 0
    check_kept(anon)
    anon.call("end_io", PAGE, 1)
    assert freed(anon) == 1
    check_gone(anon)
    assert anon.get("swap[1].map") == 1
    assert [anon.get(f"swap[1].contents[{i}]") for i in range(4)] == [5, 6, 7, 8]
    assert anon.slots(5) == []
    assert anon.get("mapping[5].nrpages") == 0
    assert ("remove_mapping", "mapping[5]", PAGE, 1) in anon.events()


def test_shrink_page_of_anonymous_memory_without_swap(anon):
    for i in (1, 2, 3):
        anon.set(f"swap[{i}].map", 1)
    anon.set("world.nr_swap_used", 3)
    assert freed(anon) == 0
    check_kept(anon, active=1)
    assert word(anon, 1) == 0x104007
    assert flags(anon, "swapcache", "dirty") == set()


def test_shrink_page_of_anonymous_memory_that_is_young(anon):
    anon.set(f"mm[0].pte[{at(1):#x}]", 0x104027)
    assert freed(anon) == 0
    check_kept(anon, active=1)
    assert flags(anon, "swapcache") == set()


def test_shrink_page_of_anonymous_memory_that_may_not_be_written(anon):
    assert freed(anon, may_write=0) == 0
    # it is in the swap cache, and dirty, and unmapped
    check_kept(anon)
    assert flags(anon, "swapcache", "dirty", "writeback") == {"swapcache", "dirty"}
    assert word(anon, 1) == 0x100


def test_shrink_page_of_swap_that_nobody_wants_any_more(anon):
    freed(anon, may_write=0)
    # the process ends: its pte goes
    anon.set(f"mm[0].pte[{at(1):#x}]", 0)
    anon.call("swap_free", 1)
    # swap_writepage gives the slot back in place of writing: kept, but by nobody
    assert freed(anon) == 0
    assert anon.get("swap[1].map") == 0
    check_gone(anon)


@pytest.mark.parametrize("over, locked, states, stripped", [
    (1, 0, "mapped uptodate", 1), (0, 0, "mapped uptodate", 0), (1, 1, "mapped uptodate", 0),
    (1, 0, "mapped dirty", 0),
])
def test_strip_page(file, over, locked, states, stripped):
    file.set("world.buffer_heads_over_limit", over)
    ring(file, 4, 0, states)
    file.set(f"{PAGE}.flags.locked", locked)
    assert file.call("strip_page", PAGE) == stripped
    assert file.get(f"{PAGE}.flags.private") == 1 - stripped
    assert file.get(f"{PAGE}.flags.locked") == locked
    assert file.get(f"{PAGE}._count") == 2 - stripped
    assert file.held() == []


def test_strip_page_of_a_mapped_page(file):
    file.set("world.buffer_heads_over_limit", 1)
    shared(file, 0)
    pte(file, 1, 4, RW | DIRTY)
    ring(file, 4, 0, "mapped uptodate")
    dirty_page_with_clean_blocks(file)
    assert file.call("strip_page", PAGE) == 1
    # without buffers all its blocks count as dirty; the patch's try_to_free_buffers
    # cleans the ptes with the page
    assert flags(file, "dirty", "private") == set()
    assert word(file, 1) == 0x104005
    calm(file)


def dirty_page_with_clean_blocks(kernel):
    kernel.call("set_page_dirty", PAGE)
    kernel.set_buffer(0, "b_state", kernel.get_buffer(0, "b_state") & ~2)


@pytest.mark.parametrize("what", ["no buffers", "free"])
def test_strip_page_without_anything_to_strip(file, what):
    file.set("world.buffer_heads_over_limit", 1)
    if what == "free":
        ring(file, 4, 0, "mapped")
        file.set(f"{PAGE}._count", 0)
    assert file.call("strip_page", PAGE) == 0
    assert file.events() == []


def test_strip_page_of_a_page_that_only_its_buffers_kept(file):
    file.set("world.buffer_heads_over_limit", 1)
    ring(file, 4, 0, "mapped uptodate")
    without_file(file)
    file.call("put_page", PAGE)
    assert file.call("strip_page", PAGE) == 1
    check_gone(file)
