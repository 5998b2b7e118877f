# SPDX-License-Identifier: GPL-2.0-only
"""Reclaim: what happens to one page of the LRU when memory is short (facts 20.11, 20.14)."""

from __future__ import annotations

from . import alloc, buffers, dirty, pagecache, rmap, swap, writeback
from .constants import (
    AOP_WRITEPAGE_ACTIVATE,
    ENOSPC,
    SWAP_CLUSTER_MAX,
    SWAP_FAIL,
    SWAP_SUCCESS,
    WB_SYNC_NONE,
)
from .pagecache import lock_page, page_mapping, trylock_page, unlock_page
from .state import Mapping, Page, World

# what pageout says about a page
KEEP, ACTIVATE, SUCCESS, CLEAN = "keep", "activate", "success", "clean"
# what becomes of a page
FREE = "free"
UNLOCKED = "keep, and it is unlocked already"


def reclaim(world: World, page: Page, may_write: bool) -> int:
    """Try to free one page of the LRU: 1 if it was freed.

    1. Not on the LRU: 0 (facts silent).
    2. Off the LRU, with a reference.  An active one has been made inactive before (facts silent).
    3. Try its lock; locked by somebody: keep.
    4. shrink_page: free, activate or keep.
    5. Kept: back to the list that PG_active says.  Either way our reference goes.
    """
    if "lru" not in page.flags:
        return 0
    alloc.get_page(world, page)
    alloc.leave_lru(world, page)
    if trylock_page(world, page):
        fate = shrink_page(world, page, may_write)
        if fate == ACTIVATE:
            page.flags.add("active")
        if fate != UNLOCKED:
            unlock_page(world, page)
        if fate == FREE:
            alloc.put_page(world, page)
            return 1
    page.flags.add("lru")
    if "active" in page.flags:
        world.nr_active += 1
    else:
        world.nr_inactive += 1
    alloc.put_page(world, page)
    return 0


def page_mapping_inuse(world: World, page: Page) -> bool:
    """Somebody maps the page or its file, or it is in the swap cache."""
    if rmap.page_mapped(page) or "swapcache" in page.flags:
        return True
    mapping = page_mapping(world, page)
    return mapping is not None and bool(mapping.i_mmap or mapping.nonlinear)


def shrink_page(world: World, page: Page, may_write: bool) -> str:
    """What becomes of a locked page: FREE, ACTIVATE, KEEP or UNLOCKED.

    1. Under writeback: keep.
    2. Referenced, and in use: activate.
    3. Anonymous without a place in swap: add_to_swap, or activate.
    4. Mapped, and of a mapping: try_to_unmap.  FAIL: activate.  AGAIN: keep.
    5. Dirty: referenced or no writing allowed: keep.  Else pageout.
    6. Buffers: try_to_release_page, or activate.  Then of no mapping and only ours: free.
    7. remove_mapping: free, or keep.
    """
    if "writeback" in page.flags:
        return KEEP
    referenced = rmap.page_referenced(world, page)
    if referenced and page_mapping_inuse(world, page):
        return ACTIVATE
    homeless = rmap.page_anon(page) and "swapcache" not in page.flags
    if homeless and not swap.add_to_swap(world, page):
        return ACTIVATE
    mapping = page_mapping(world, page)
    if rmap.page_mapped(page) and mapping is not None:
        result = rmap.try_to_unmap(world, page)
        if result != SWAP_SUCCESS:
            return ACTIVATE if result == SWAP_FAIL else KEEP
    if "dirty" in page.flags:
        if referenced or not may_write:
            return KEEP
        fate = write_out(world, page, mapping)
        if fate != CLEAN:
            return fate
        mapping = page_mapping(world, page)
    if "private" in page.flags:
        if not buffers.try_to_release_page(world, page):
            return ACTIVATE
        if mapping is None and page.count == 1:
            return FREE
    return FREE if remove_mapping(world, mapping, page) else KEEP


def write_out(world: World, page: Page, mapping: Mapping | None) -> str:
    """Step 5: pageout of a dirty page: CLEAN if it may go on to be freed.

    After SUCCESS the page is unlocked: under writeback or dirty again: keep.  Else try its lock
    again; not to be had: keep; dirty or under writeback by then: keep.
    """
    result = pageout(world, page, mapping)
    if result != SUCCESS:
        return result
    if page.flags & {"writeback", "dirty"} or not trylock_page(world, page):
        return UNLOCKED
    return CLEAN


def pageout(world: World, page: Page, mapping: Mapping | None) -> str:
    """Write a locked dirty page out: KEEP, ACTIVATE, CLEAN; or SUCCESS, then it is unlocked.

    1. Somebody else than we, its mapping and its buffers has it: KEEP.
    2. Of no mapping: with buffers that can be freed clear PG_dirty: CLEAN.  Else KEEP.
    3. No writepage: ACTIVATE.  The device is congested: KEEP.
    4. clear_page_dirty_for_io; was clean: CLEAN.
    5. PG_reclaim; writepage, which does not wait.  An error is kept in the mapping's flags.
       It says that the page is active: PG_reclaim goes, the page is still locked: ACTIVATE.
    6. Not under writeback after it: PG_reclaim goes.  SUCCESS.
    """
    if page.count - int("private" in page.flags) != 2:
        return KEEP
    if mapping is None:
        if "private" in page.flags and buffers.try_to_free_buffers(world, page):
            page.flags.discard("dirty")
            return CLEAN
        return KEEP
    if not writeback.has_writepage(world, mapping):
        return ACTIVATE
    if mapping.congested:
        return KEEP
    if not dirty.clear_page_dirty_for_io(world, page):
        return CLEAN
    page.flags.add("reclaim")
    control = writeback.WritebackControl(
        nr_to_write=SWAP_CLUSTER_MAX, sync_mode=WB_SYNC_NONE, nonblocking=True, for_reclaim=True
    )
    result = writeback.writepage(world, page, control)
    if result < 0:
        handle_write_error(world, mapping, page, result)
    if result == AOP_WRITEPAGE_ACTIVATE:
        page.flags.discard("reclaim")
        return ACTIVATE
    if "writeback" not in page.flags:
        page.flags.discard("reclaim")
    return SUCCESS


def handle_write_error(world: World, mapping: Mapping, page: Page, error: int) -> None:
    """Keep an error of writepage for the next fsync, if the page is still the mapping's."""
    lock_page(world, page)
    if page_mapping(world, page) is mapping:
        mapping.flags.add("ENOSPC" if error == -ENOSPC else "EIO")
    unlock_page(world, page)


def remove_mapping(world: World, mapping: Mapping | None, page: Page) -> bool:
    """Take a page out of its mapping if nobody needs it; False: it stays.

    1. Of no mapping, held by others than the mapping and us, or dirty: False.
    2. Out of the swap cache, with its use of the slot, or out of its file.
    3. The mapping's reference goes.
    """
    if mapping is None or page.count != 2 or "dirty" in page.flags:
        return False
    if "swapcache" in page.flags:
        swap.swap_free(world, swap.remove_from_swap_cache(world, page))
    else:
        pagecache.__remove_from_page_cache(world, page)
    alloc.put_page(world, page)
    return True


def strip(world: World, page: Page) -> int:
    """Too many buffer heads: free those of one page if its lock is free.  1 if that was done.

    Nothing unless there are too many; mapped pages are not spared.
    """
    released = 0
    if world.buffer_heads_over_limit and "private" in page.flags and trylock_page(world, page):
        released = buffers.try_to_release_page(world, page)
        unlock_page(world, page)
    return released
