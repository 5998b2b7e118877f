# SPDX-License-Identifier: GPL-2.0-only
"""Swap: slots, the swap cache, reading in and writing out (facts 20.12, 20.14).

There is one swap area, type 0, so a swap entry is the number of its slot (type << 27 | offset).
A slot's map counts the ptes that lead to it, and the swap cache as one more; 0 is free.  A page
in the swap cache is anonymous, has PG_swapcache, keeps its entry in `private`, and holds one
reference for the cache.

Conventions: entry is an int; a page that is returned has one reference for the caller.
"""

from __future__ import annotations

from . import dirty, disk, rmap
from .alloc import alloc_page, allocation_fails, get_page, put_page
from .lru import lru_cache_add_active
from .pagecache import find_get_page, page_index, remove, trylock_page, unlock_page
from .state import GARBAGE, SECTORS, Bug, Page, World

# ------------------------------------------------------------------ slots


def get_swap_page(world: World) -> int:
    """Take the lowest free slot, with one user; 0: swap is full.

    It holds nothing of anybody's until it is written.
    """
    for slot in world.swap[1:]:
        if slot.map == 0:
            slot.map = 1
            slot.contents = [GARBAGE] * SECTORS
            world.nr_swap_used += 1
            return slot.number
    return 0


def swap_duplicate(world: World, entry: int) -> bool:
    """One more user of a slot; False if it is free, then it stays so."""
    slot = world.swap[entry]
    if slot.map == 0:
        return False
    slot.map += 1
    return True


def swap_free(world: World, entry: int) -> int:
    """One user less of a slot; how many are left.  The last one frees the slot."""
    slot = world.swap[entry]
    if slot.map == 0:
        return 0
    slot.map -= 1
    if slot.map == 0:
        world.nr_swap_used -= 1
    return slot.map


def vm_swap_full(world: World) -> bool:
    """More than half of the slots are in use (slot 0 is none)."""
    return world.nr_swap_used * 2 > len(world.swap) - 1


# ------------------------------------------------------------------ the swap cache


def lookup_swap_cache(world: World, entry: int) -> Page | None:
    """The cached page of an entry, with a reference."""
    return find_get_page(world, world.swapper_space, entry)


def insert_into_swap_cache(world: World, page: Page, entry: int) -> bool:
    """Put a page into the cache: reference, PG_locked, PG_swapcache, private.

    The node is an allocation; False: no memory for it.
    BUG if the page is there already, or has buffers.
    """
    if page.flags & {"swapcache", "private"}:
        raise Bug("a page goes into the swap cache that cannot")
    if allocation_fails(world) or len(world.swapper_space.pages) >= world.slots:
        return False
    assert entry not in world.swapper_space.pages
    world.swapper_space.pages[entry] = page
    get_page(world, page)
    page.flags |= {"locked", "swapcache"}
    page.private = entry
    return True


def add_to_swap(world: World, page: Page) -> bool:
    """Give a locked anonymous page a place in swap; False: no slot, or no memory.

    1. A slot, the lowest free one.
    2. Into the cache; no memory for the node: the slot goes back.
    3. Uptodate, and dirty: the flag alone, no tag, no counter.
    """
    if "locked" not in page.flags:
        raise Bug("add_to_swap of an unlocked page")
    entry = get_swap_page(world)
    if not entry:
        return False
    if not insert_into_swap_cache(world, page, entry):
        swap_free(world, entry)
        return False
    page.flags |= {"uptodate", "dirty"}
    return True


def remove_from_swap_cache(world: World, page: Page) -> int:
    """Out of the tree, with its tags; the flag and private go.  The entry that it had.

    The slot's use and the reference of the cache are the caller's to give back.
    BUG if the page is not in the cache, is unlocked, under writeback or has buffers.
    """
    if not page.flags >= {"swapcache", "locked"} or page.flags & {"writeback", "private"}:
        raise Bug("a page leaves the swap cache that cannot")
    entry = page_index(page)
    remove(world.swapper_space, entry)
    page.private = 0
    page.flags.discard("swapcache")
    return entry


def delete_from_swap_cache(world: World, page: Page) -> None:
    """Out of the cache: its use of the slot and its reference go too."""
    swap_free(world, remove_from_swap_cache(world, page))
    put_page(world, page)


def remove_exclusive_swap_page(world: World, page: Page) -> bool:
    """Take a locked page out of the swap cache if only the cache and the caller have it.

    1. BUG if it has buffers or is not locked.
    2. Not in the cache, under writeback, count not 2, or somebody else leads to its slot: False.
    3. Out; dirty, the flag alone; the slot's use and the reference go.  True.
    """
    if "private" in page.flags or "locked" not in page.flags:
        raise Bug("remove_exclusive_swap_page of such a page")
    if "swapcache" not in page.flags or "writeback" in page.flags or page.count != 2:
        return False
    if world.swap[page_index(page)].map != 1:
        return False
    entry = remove_from_swap_cache(world, page)
    page.flags.add("dirty")
    swap_free(world, entry)
    put_page(world, page)
    return True


def free_swap_and_cache(world: World, entry: int) -> None:
    """A swap pte goes.

    1. One user less.  If now one is left, it may be the cache: look for the page there, try to
       lock it.
    2. Still in the cache, not under writeback, and (nobody but us and the cache has it, or
       swap is more than half full): out of the cache, and dirty, the flag alone.
    """
    if swap_free(world, entry) != 1:
        return
    page = lookup_swap_cache(world, entry)
    if page is None:
        return
    if not trylock_page(world, page):
        put_page(world, page)
        return
    if "private" in page.flags:
        raise Bug("a page of the swap cache has buffers")
    one_user = page.count == 2
    if page.flags & {"swapcache", "writeback"} == {"swapcache"} and (
        one_user or vm_swap_full(world)
    ):
        delete_from_swap_cache(world, page)
        page.flags.add("dirty")
    unlock_page(world, page)
    put_page(world, page)


def free_page_and_swap_cache(world: World, page: Page) -> None:
    """Drop the reference of a pte that was zapped.

    1. In the swap cache, and the lock is free: remove_exclusive_swap_page.
    2. put_page.
    """
    if "swapcache" in page.flags and trylock_page(world, page):
        remove_exclusive_swap_page(world, page)
        unlock_page(world, page)
    put_page(world, page)


def can_share_swap_page(world: World, page: Page) -> bool:
    """Nobody else will ever see this locked anonymous page, so it may be written in place.

    Its ptes, and if these are one at most and it is in the swap cache also what else leads to
    its slot, are one.
    """
    if "locked" not in page.flags:
        raise Bug("can_share_swap_page of an unlocked page")
    users = rmap.page_mapcount(page)
    if users <= 1 and "swapcache" in page.flags:
        users += world.swap[page_index(page)].map - 1
    return users == 1


# ------------------------------------------------------------------ reading in


def swap_readpage(world: World, page: Page) -> None:
    """Read a locked page from its slot.  Done at once: Uptodate, and unlocked."""
    page.contents = list(world.swap[page_index(page)].contents)
    page.flags.add("uptodate")
    unlock_page(world, page)


def read_swap_cache(world: World, entry: int) -> Page | None:
    """The page of an entry, read in if it is not cached (read_swap_cache_async).

    1. Cached: that.
    2. A new page; no memory: None.
    3. One more user of the slot, for the cache; a slot that is free by now: None.
    4. Into the cache; no memory for the node: None, and the user and the page go back.
    5. Towards the LRU, active; read.
    """
    page = lookup_swap_cache(world, entry)
    if page is not None:
        return page
    page = alloc_page(world)
    if page is None:
        return None
    if not swap_duplicate(world, entry):
        put_page(world, page)
        return None
    if not insert_into_swap_cache(world, page, entry):
        swap_free(world, entry)
        put_page(world, page)
        return None
    lru_cache_add_active(world, page)
    swap_readpage(world, page)
    return page


# ------------------------------------------------------------------ writing out


def swap_writepage(world: World, page: Page) -> int:
    """Write a locked page of the swap cache to its slot; 0.  Unlocks it.

    1. Nobody but us and the cache has it: out of the cache, nothing to write.
    2. Else under writeback, unlocked, and the write begins as a whole page.
    """
    if remove_exclusive_swap_page(world, page):
        unlock_page(world, page)
        return 0
    dirty.set_page_writeback(world, page)
    unlock_page(world, page)
    disk.begin_page_write(world, page)
    return 0
