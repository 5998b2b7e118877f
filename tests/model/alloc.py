# SPDX-License-Identifier: GPL-2.0-only
"""Memory: the pools, what is given out of them and comes back.

Whoever allocates gets the lowest number that is free.  Each call counts once in `world.fail_in`
before anything is taken, also when the pool then turns out to be empty.
"""

from __future__ import annotations

import dataclasses

from .constants import PAGE_SHIFT
from .state import (
    GARBAGE,
    HEAP_START,
    PAGE_SIZE,
    SECTORS,
    TABLE_PAGES,
    UNMAPPED_BASE,
    AnonVma,
    Buffer,
    Bug,
    CountBelowZero,
    Inode,
    Mm,
    OpenFile,
    Page,
    Vma,
    World,
)

TABLE_SIZE = TABLE_PAGES * PAGE_SIZE
# Page tables that there can be: 16 pages from TASK_UNMAPPED_BASE and 8 of the heap.
TABLES = frozenset(
    start // TABLE_SIZE for start in (UNMAPPED_BASE, UNMAPPED_BASE + TABLE_SIZE, HEAP_START)
)
# A page that is freed must have none of these.
BAD_FLAGS = frozenset(
    "lru private locked active reclaim slab swapcache writeback reserved buddy".split()
)


def allocation_fails(world: World) -> bool:
    """Count one allocation: True if it is the one that must fail."""
    if not world.fail_in:
        return False
    world.fail_in -= 1
    return world.fail_in == 0


def reset(thing: object, **keep: object) -> None:
    """Put a thing's fields back to their defaults, except its number and what `keep` says."""
    for field in dataclasses.fields(thing):     # type: ignore[arg-type]
        if field.name in keep:
            setattr(thing, field.name, keep[field.name])
        elif field.default is not dataclasses.MISSING:
            setattr(thing, field.name, field.default)
        elif field.default_factory is not dataclasses.MISSING:
            setattr(thing, field.name, field.default_factory())


# Pages


def alloc_page(world: World) -> Page | None:
    """A page with one reference and nothing of use in it; None: no memory.

    A page is free if its count is 0 and it is not on the LRU.  Count 1, mapcount -1, private 0.
    """
    if allocation_fails(world):
        return None
    for page in world.pages:
        if page.count == 0 and "lru" not in page.flags and page is not world.zero_page:
            page.flags.clear()
            page.count = 1
            page.mapcount = -1
            page.private = 0
            page.contents = [GARBAGE] * SECTORS
            return page
    return None


def alloc_zeroed(world: World) -> Page | None:
    """alloc_page, filled with zeroes."""
    page = alloc_page(world)
    if page is not None:
        page.contents = [0] * SECTORS
    return page


def get_page(world: World, page: Page) -> None:
    """One more reference (page_cache_get)."""
    page.count += 1


def put_page(world: World, page: Page) -> None:
    """One reference less (page_cache_release); the last one frees the page.

    raises CountBelowZero    there was none
    """
    if page.count == 0:
        raise CountBelowZero(f"page {page.number}")
    page.count -= 1
    if page.count == 0:
        leave_lru(world, page)
        free_page(world, page)


def leave_lru(world: World, page: Page) -> None:
    """Take a page off the LRU list it is on, if any, and count it there no more."""
    if "lru" not in page.flags:
        return
    if "active" in page.flags:
        world.nr_active -= 1
    else:
        world.nr_inactive -= 1
    page.flags -= {"lru", "active"}


def free_page(world: World, page: Page) -> None:
    """Give back a page that nobody holds.

    1. An anonymous page forgets its anon_vma (until here it stays anonymous).
    2. Mapped, in a mapping, or with a flag that somebody would miss: BUG.
    3. PG_dirty and all other flags go silently.
    """
    if isinstance(page.mapping, AnonVma):
        page.mapping = None
    if page.mapcount != -1 or page.mapping is not None or page.flags & BAD_FLAGS:
        raise Bug(f"page {page.number} freed in a bad state")
    page.flags.clear()
    page.private = 0
    page.index = 0
    page.io = set()
    page.io_bio = False
    page.contents = [GARBAGE] * SECTORS


# Page tables


def pte_alloc(world: World, mm: Mm, address: int) -> bool:
    """Have the page table for this address; False: no memory.

    A table that is there is no allocation.
    """
    table = address // TABLE_SIZE
    if table in mm.tables:
        return True
    # facts silent: an address that no table can have counts as one that finds its pool empty
    if allocation_fails(world) or table not in TABLES:
        return False
    mm.tables.add(table)
    return True


def table_exists(mm: Mm, address: int) -> bool:
    """There is a page table for this address."""
    return address // TABLE_SIZE in mm.tables


def tables_of(start: int, end: int) -> list[tuple[int, int]]:
    """The parts of [start, end) that have a page table each, ascending, as addresses."""
    parts = []
    while start < end:
        border = min((start // TABLE_SIZE + 1) * TABLE_SIZE, end)
        parts.append((start, border))
        start = border
    return parts


def page_align(length: int) -> int:
    """Bytes, rounded up to whole pages."""
    return (length + PAGE_SIZE - 1) >> PAGE_SHIFT << PAGE_SHIFT


# Everything else


def vma_alloc(world: World) -> Vma | None:
    """A vma with nothing in it.  It is taken as soon as it has an mm or an end."""
    if allocation_fails(world):
        return None
    for vma in world.vmas:
        if vma.mm is None and vma.end == 0:
            reset(vma, number=vma.number)
            return vma
    return None


def vma_free(world: World, vma: Vma) -> None:
    """Give a vma back."""
    reset(vma, number=vma.number)


def anon_vma_alloc(world: World) -> AnonVma | None:
    """An anon_vma.  It is taken as soon as a vma is on its list."""
    if allocation_fails(world):
        return None
    return next((anon_vma for anon_vma in world.anon_vmas if not anon_vma.vmas), None)


def buffer_alloc(world: World, page: Page) -> Buffer | None:
    """A buffer head for this page, in no ring yet."""
    if allocation_fails(world):
        return None
    for buffer in world.buffers:
        if buffer.page is None:
            reset(buffer, number=buffer.number, page=page)
            return buffer
    return None


def buffer_free(world: World, buffer: Buffer) -> None:
    """Give a buffer head back."""
    reset(buffer, number=buffer.number)


def file_alloc(world: World) -> OpenFile | None:
    """An open file with one reference."""
    if allocation_fails(world):
        return None
    for file in world.files:
        if file.count == 0:
            reset(file, number=file.number, count=1)
            return file
    return None


def file_free(world: World, file: OpenFile) -> None:
    """Give an open file back."""
    reset(file, number=file.number)


def inode_alloc(world: World) -> Inode | None:
    """An inode with one reference, and its mapping, which leads back to it."""
    if allocation_fails(world):
        return None
    for inode in world.inodes:
        if inode.count == 0:
            inode_free(world, inode)
            inode.count = 1
            inode.mapping.inode = inode
            return inode
    return None


def inode_free(world: World, inode: Inode) -> None:
    """Give an inode and its mapping back."""
    mapping = inode.mapping
    reset(mapping, number=mapping.number, inode=inode)
    reset(inode, number=inode.number, mapping=mapping)
