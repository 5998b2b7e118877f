# SPDX-License-Identifier: GPL-2.0-only
"""The page cache: which page of memory holds which page of a file, its lock and its tags.

Facts 20.4 (struct page) and 20.7 (tags).  Indices are pages of the file; in the swap cache the
index is the swap entry.
"""

from __future__ import annotations

from . import alloc, lru
from .constants import EEXIST, ENOMEM, PAGEVEC_SIZE
from .state import AnonVma, Buffer, Bug, Hang, Mapping, Page, World

DIRTY = "dirty"
WRITEBACK = "writeback"
MAX_INDEX = 2**62           # an insertion at or above it finds the mapping full


def page_mapping(world: World, page: Page) -> Mapping | None:
    """The mapping that a page is of.

    The swap cache wins; an anonymous page has none; else the raw field.
    """
    if "swapcache" in page.flags:
        return world.swapper_space
    return raw_mapping(page)


def raw_mapping(page: Page) -> Mapping | None:
    """The raw field page.mapping, None for an anonymous page's anon_vma."""
    return None if isinstance(page.mapping, AnonVma) else page.mapping


def page_index(page: Page) -> int:
    """Where the page is in its mapping: its swap entry in the swap cache, else its index."""
    return page.private if "swapcache" in page.flags else page.index


def buffers_of(page: Page) -> list[Buffer]:
    """The ring of a page's buffers as a list, first block first.  The page has some."""
    ring = [page.private]
    while ring[-1].next is not page.private:
        ring.append(ring[-1].next)
    return ring


# the page's lock

def let_go(world: World) -> None:
    """The other one unlocks the page that he locked, and gives his reference back."""
    page = world.page_of_other
    world.page_of_other = None
    unlock_page(world, page)
    alloc.put_page(world, page)


def trylock_page(world: World, page: Page) -> bool:
    """TestSetPageLocked: True if the lock was free and is now ours.  Waits for nobody."""
    if "locked" in page.flags:
        return False
    page.flags.add("locked")
    return True


def wait_on_page_locked(world: World, page: Page) -> None:
    """Wait until nobody has the page locked: the other one lets go."""
    if "locked" in page.flags:
        if world.page_of_other is not page:
            raise Hang(f"page {page.number} is locked by whoever waits for it")
        let_go(world)


def lock_page(world: World, page: Page) -> None:
    """Wait for the page's lock, and take it."""
    wait_on_page_locked(world, page)
    page.flags.add("locked")


def unlock_page(world: World, page: Page) -> None:
    """Give the lock back.  BUG if nobody had it."""
    if "locked" not in page.flags:
        raise Bug(f"unlock_page: page {page.number} is not locked")
    page.flags.discard("locked")


# tags

def tag_set(mapping: Mapping, index: int, tag: str) -> None:
    """radix_tree_tag_set.  The page must be there."""
    if index not in mapping.pages:
        raise Bug(f"tag_set: no page {index} in mapping {mapping.number}")
    mapping.tags.setdefault(index, set()).add(tag)


def tag_clear(mapping: Mapping, index: int, tag: str) -> None:
    """radix_tree_tag_clear.  Nothing happens if the page is not there."""
    tags = mapping.tags.get(index)
    if tags is not None:
        tags.discard(tag)
        if not tags:
            del mapping.tags[index]


def mapping_tagged(mapping: Mapping, tag: str) -> bool:
    """Has any page of the mapping this tag?"""
    return any(tag in tags for tags in mapping.tags.values())


# in and out

def insert(world: World, page: Page, mapping: Mapping, index: int) -> int:
    """radix_tree_insert: 0, -ENOMEM if the mapping is full, -EEXIST if the place is taken."""
    if index in mapping.pages:
        return -EEXIST
    if len(mapping.pages) >= world.slots or index >= MAX_INDEX:
        return -ENOMEM
    mapping.pages[index] = page
    return 0


def remove(mapping: Mapping, index: int) -> None:
    """radix_tree_delete: the page and its tags."""
    mapping.pages.pop(index, None)
    mapping.tags.pop(index, None)


def add_to_page_cache(world: World, page: Page, mapping: Mapping, index: int) -> int:
    """Put a new page into a mapping; it comes out locked.

    1. Insert; -ENOMEM or -EEXIST change nothing.
    2. One reference for the page cache; PG_locked, mapping, index.
    """
    error = insert(world, page, mapping, index)
    if error == 0:
        alloc.get_page(world, page)
        page.flags.add("locked")
        page.mapping = mapping
        page.index = index
    return error


def add_to_page_cache_lru(world: World, page: Page, mapping: Mapping, index: int) -> int:
    """add_to_page_cache, and on to the way to the inactive list."""
    error = add_to_page_cache(world, page, mapping, index)
    if error == 0:
        lru.lru_cache_add(world, page)
    return error


def __remove_from_page_cache(world: World, page: Page) -> None:
    """Take the page out of its mapping.  Index, PG_dirty and nr_dirty stay, and the reference."""
    remove(page.mapping, page.index)
    page.mapping = None


def remove_from_page_cache(world: World, page: Page) -> None:
    """The same under the lock of the tree.  BUG if the page is unlocked."""
    if "locked" not in page.flags:
        raise Bug(f"remove_from_page_cache: page {page.number} is not locked")
    __remove_from_page_cache(world, page)


# looking up

def find_get_page(world: World, mapping: Mapping, index: int) -> Page | None:
    """The page at this index, with a reference; None if there is none."""
    page = mapping.pages.get(index)
    if page is not None:
        alloc.get_page(world, page)
    return page


def find_lock_page(world: World, mapping: Mapping, index: int) -> Page | None:
    """The page at this index, with a reference and locked; None if there is none."""
    while True:
        page = find_get_page(world, mapping, index)
        if page is None:
            return None
        lock_page(world, page)
        if page.mapping is mapping and page.index == index:
            return page
        unlock_page(world, page)
        alloc.put_page(world, page)


def find_or_create_page(world: World, mapping: Mapping, index: int) -> Page | None:
    """The page at this index, locked and with a reference; a new one (not Uptodate) if need be.

    None if there is no page to be had, or no room in the mapping.
    """
    page = find_lock_page(world, mapping, index)
    if page is not None:
        return page
    page = alloc.alloc_page(world)
    if page is not None and add_to_page_cache_lru(world, page, mapping, index) != 0:
        alloc.put_page(world, page)
        return None
    return page


def find_get_pages(world: World, mapping: Mapping, start: int, tag: str | None = None,
                   most: int = PAGEVEC_SIZE) -> list[Page]:
    """Up to `most` pages from index `start` on, ascending, each with a reference.

    tag : only those that have it
    """
    found = [index for index in sorted(mapping.pages)
             if index >= start and (tag is None or tag in mapping.tags.get(index, ()))]
    pages = [mapping.pages[index] for index in found[:most]]
    for page in pages:
        alloc.get_page(world, page)
    return pages


def pagevec_release(world: World, pages: list[Page]) -> None:
    """Give back the references of a lookup.

    facts silent: 2.6.17 drains the pagevecs of the LRU first, if there is anything to give back.
    """
    if pages:
        lru.lru_add_drain(world)
        for page in pages:
            alloc.put_page(world, page)
