# SPDX-License-Identifier: GPL-2.0-only
"""Dirty pages: PG_dirty, the tag, nr_dirty, the dirty inode, and pages under writeback.

Facts 10 (TC, CI) and 20.6.  Who moves which of the dirtiness bits: facts 70.1.
"""

from __future__ import annotations

from . import pagecache, rmap
from .constants import (
    BDI_CAP_NO_ACCT_DIRTY,
    BDI_CAP_NO_WRITEBACK,
    I_CLEAR,
    I_DIRTY,
    I_DIRTY_PAGES,
    I_FREEING,
    I_LOCK,
)
from .pagecache import DIRTY, WRITEBACK, buffers_of, page_index, page_mapping
from .state import Buffer, Bug, Inode, Mapping, Page, World

# tmpfs and the swap cache have a set_page_dirty that knows no buffers; hugetlbfs has one that
# only sets PG_dirty, but its pages cannot be touched here
WITHOUT_BUFFERS = ("tmpfs",)


def mapping_cap_account_dirty(mapping: Mapping) -> bool:
    """Do dirty pages of this mapping count in nr_dirty?"""
    return not mapping.capabilities & BDI_CAP_NO_ACCT_DIRTY


def mapping_cap_writeback_dirty(mapping: Mapping) -> bool:
    """Can dirty pages of this mapping be written back at all?"""
    return not mapping.capabilities & BDI_CAP_NO_WRITEBACK


def test_set_page_dirty(page: Page) -> int:
    """TestSetPageDirty: the old bit, 0 or 1.  No counter, no tag."""
    old = int("dirty" in page.flags)
    page.flags.add("dirty")
    return old


def test_clear_dirty_bit(page: Page) -> int:
    """TestClearPageDirty: the old bit, 0 or 1.  No counter, no tag."""
    old = int("dirty" in page.flags)
    page.flags.discard("dirty")
    return old


def set_page_dirty(world: World, page: Page) -> int:
    """Make a page dirty the way its mapping does it.  1 if it was clean.

    1. A mapping (swap cache first): its set_page_dirty, or __set_page_dirty_buffers.
    2. None (anonymous, truncated): only PG_dirty.
    """
    mapping = page_mapping(world, page)
    if mapping is None:
        return 1 - test_set_page_dirty(page)
    if mapping is world.swapper_space or mapping.inode.kind in WITHOUT_BUFFERS:
        return __set_page_dirty_nobuffers(world, page)
    return __set_page_dirty_buffers(world, page)


def __set_page_dirty_buffers(world: World, page: Page) -> int:
    """Make a page and every block of it dirty (uses the raw page.mapping).

    1. PG_private: BH_Dirty on every buffer, also if the page is dirty already.
    2. PG_dirty was set: 0.
    3. Still in its mapping: nr_dirty + 1 if the mapping accounts; tag DIRTY.
    4. The inode has dirty pages.  1.
    """
    mapping = page.mapping
    if "private" in page.flags:
        for buffer in buffers_of(page):
            buffer.flags.add("Dirty")
    if test_set_page_dirty(page):
        return 0
    if page.mapping is not None:
        if mapping_cap_account_dirty(mapping):
            world.nr_dirty += 1
        pagecache.tag_set(mapping, page_index(page), DIRTY)
    __mark_inode_dirty(world, mapping.inode, I_DIRTY_PAGES)
    return 1


def __set_page_dirty_nobuffers(world: World, page: Page) -> int:
    """Make a page dirty and leave its buffers alone.  1 if it was clean.

    The same as above without step 1; the inode only if there is one (the swap cache has none).
    """
    if test_set_page_dirty(page):
        return 0
    mapping = page_mapping(world, page)
    if mapping is not None:
        if mapping_cap_account_dirty(mapping):
            world.nr_dirty += 1
        pagecache.tag_set(mapping, page_index(page), DIRTY)
        if mapping.inode is not None:
            __mark_inode_dirty(world, mapping.inode, I_DIRTY_PAGES)
    return 1


def mark_buffer_dirty(world: World, buffer: Buffer) -> None:
    """One buffer becomes dirty, and its page with it (bottom-up: the other buffers do not)."""
    if "Dirty" not in buffer.flags:
        buffer.flags.add("Dirty")
        __set_page_dirty_nobuffers(world, buffer.page)


def set_page_dirty_lock(world: World, page: Page) -> int:
    """set_page_dirty for who holds no lock that keeps the page in its mapping."""
    pagecache.lock_page(world, page)
    result = set_page_dirty(world, page)
    pagecache.unlock_page(world, page)
    return result


def redirty_page_for_writepage(world: World, wbc, page: Page) -> int:
    """Who was asked to write a page will not: it is dirty again, and counted as skipped."""
    wbc.pages_skipped += 1
    return __set_page_dirty_nobuffers(world, page)


def test_clear_page_dirty(world: World, page: Page) -> int:
    """Make a page clean in every respect.  1 if it was dirty.

    TC1 no mapping: only PG_dirty.  TC3 PG_dirty was clear: 0.  TC4 the tag.
    TC6 U5: take dirtiness and write permission out of the ptes (BUG if the page is unlocked).
    TC7 nr_dirty - 1 if the mapping accounts.
    """
    mapping = page_mapping(world, page)
    if mapping is None:
        return test_clear_dirty_bit(page)
    if not test_clear_dirty_bit(page):
        return 0
    pagecache.tag_clear(mapping, page_index(page), DIRTY)
    if "U5" in world.units:
        rmap.page_mkclean(world, page)
    if mapping_cap_account_dirty(mapping):
        world.nr_dirty -= 1
    return 1


def clear_page_dirty(world: World, page: Page) -> None:
    """test_clear_page_dirty for who does not ask."""
    test_clear_page_dirty(world, page)


def clear_page_dirty_for_io(world: World, page: Page) -> int:
    """A page is about to be written: clean, but its tag stays until writeback begins.

    CI1 no mapping: only PG_dirty.  CI2 PG_dirty was clear: 0.
    CI3 U6: take dirtiness and write permission out of the ptes.  CI4 nr_dirty - 1 if accounted.
    """
    mapping = page_mapping(world, page)
    if mapping is None:
        return test_clear_dirty_bit(page)
    if not test_clear_dirty_bit(page):
        return 0
    if "U6" in world.units:
        rmap.page_mkclean(world, page)
    if mapping_cap_account_dirty(mapping):
        world.nr_dirty -= 1
    return 1


def __mark_inode_dirty(world: World, inode: Inode, flags: int) -> None:
    """The inode is dirty in these respects (I_DIRTY_*).

    1. All these bits are set: nothing.
    2. Set them.  I_LOCK (whoever writes it will see), unhashed and no block device, or going
       away: it stays on the list that it is on.
    3. No I_DIRTY bit before: on to the dirty list, stamped with the time.
    """
    if inode.state & flags == flags:
        return
    was_dirty = inode.state & I_DIRTY
    inode.state |= flags
    if inode.state & I_LOCK:
        return
    if not inode.hashed and not inode.is_block_device:
        return
    if inode.state & (I_FREEING | I_CLEAR):
        return
    if not was_dirty:
        inode.dirtied_when = world.jiffies
        inode.place = "dirty"


def mark_inode_dirty(world: World, inode: Inode) -> None:
    """The inode itself changed: all three bits."""
    __mark_inode_dirty(world, inode, I_DIRTY)


# writeback

def set_page_writeback(world: World, page: Page) -> int:
    """test_set_page_writeback: a page's write begins.  The old bit.

    1. PG_writeback; if it was clear nr_writeback + 1, tag WRITEBACK.
    2. Independently: PG_dirty clear: the DIRTY tag goes.
    """
    mapping = page_mapping(world, page)
    old = int("writeback" in page.flags)
    if not old:
        page.flags.add("writeback")
        world.nr_writeback += 1
    if mapping is not None:
        if not old:
            pagecache.tag_set(mapping, page_index(page), WRITEBACK)
        if "dirty" not in page.flags:
            pagecache.tag_clear(mapping, page_index(page), DIRTY)
    return old


def test_clear_page_writeback(world: World, page: Page) -> int:
    """A page's write is over.  The old bit; if it was set nr_writeback - 1, and the tag goes."""
    if "writeback" not in page.flags:
        return 0
    page.flags.discard("writeback")
    world.nr_writeback -= 1
    mapping = page_mapping(world, page)
    if mapping is not None:
        pagecache.tag_clear(mapping, page_index(page), WRITEBACK)
    return 1


def end_page_writeback(world: World, page: Page) -> None:
    """The disk is done with a page.  BUG if it was not under writeback.

    PG_reclaim goes; that the page then moves to the tail of its list is not kept here.
    """
    page.flags.discard("reclaim")
    if not test_clear_page_writeback(world, page):
        raise Bug(f"end_page_writeback: page {page.number} is not under writeback")
