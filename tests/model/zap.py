# SPDX-License-Identifier: GPL-2.0-only
"""Taking ptes out of page tables, and page tables away (facts 20.11, 20.14).

Conventions: addresses and lengths in bytes, indices in pages.  `gathered` is a list of pages
whose ptes are gone and whose references are dropped when all is done.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import account, dirty, lru, rmap, swap
from . import vma as vmas_of
from .constants import PAGE_SHIFT, UINT_MASK, ULONG_MASK, VM_ACCOUNT
from .pte import (
    get_pte,
    linear_page_index,
    pgoff_to_pte,
    pte_clear,
    pte_dirty,
    pte_file,
    pte_present,
    pte_to_swp_offset,
    pte_young,
    set_pte,
    vm_normal_page,
)
from .state import PAGE_SIZE, TABLE_PAGES, Mapping, Mm, Page, Vma, World

TABLE_BYTES = TABLE_PAGES * PAGE_SIZE


@dataclass
class Details:
    """What unmapping a range of a file asks of each page.

    check_mapping : only pages of this mapping go, private copies stay; None: all go
    nonlinear_vma : the vma is this one, and only pages with an index first to last go
    """

    first_index: int
    last_index: int
    check_mapping: Mapping | None = None
    nonlinear_vma: Vma | None = None

    @property
    def filters(self) -> bool:
        """Anything is asked at all."""
        return self.check_mapping is not None or self.nonlinear_vma is not None

    def keeps(self, page: Page) -> bool:
        """The pte of this page is kept."""
        if self.check_mapping is not None and page.mapping is not self.check_mapping:
            return True
        return self.nonlinear_vma is not None and not (
            self.first_index <= page.index <= self.last_index
        )


# ------------------------------------------------------------------ ptes


def zap_present(
    world: World, vma: Vma, address: int, details: Details | None, gathered: list[Page]
) -> None:
    """Take a present pte out.

    1. A page that the filter keeps: nothing.
    2. Out with the pte; no page behind it: done.
    3. A nonlinear vma, and the page is not where it would be linearly: a file pte remembers it.
    4. Anonymous: anon_rss goes down; that the pte was dirty does not matter.
    5. Of a file: dirty: set_page_dirty; young: mark_page_accessed; file_rss goes down.
    6. One pte less; the reference is dropped later.
    """
    mm = vma.mm
    assert mm is not None
    page = vm_normal_page(world, vma, address, get_pte(mm, address))
    if details and page is not None and details.keeps(page):
        return
    word = pte_clear(mm, address)
    if page is None:
        return
    if details and details.nonlinear_vma and linear_page_index(vma, address) != page.index:
        set_pte(mm, address, pgoff_to_pte(page.index))
    if rmap.page_anon(page):
        mm.anon_rss -= 1
    else:
        if pte_dirty(word):
            dirty.set_page_dirty(world, page)
        if pte_young(word):
            lru.mark_page_accessed(world, page)
        mm.file_rss -= 1
    rmap.page_remove_rmap(world, page)
    gathered.append(page)


def zap_pte_range(
    world: World, vma: Vma, start: int, end: int, details: Details | None, gathered: list[Page]
) -> None:
    """Take the ptes of [start, end) of one vma out, ascending.

    1. None: skip.  Present: zap_present.
    2. Others stay while a filter is active.
    3. Else a swap entry is freed, a file pte is not; the pte goes.
    """
    mm = vma.mm
    assert mm is not None
    if details is not None and not details.filters:
        details = None
    for address in range(start, end, PAGE_SIZE):
        word = get_pte(mm, address)
        if not word:
            continue
        if pte_present(word):
            zap_present(world, vma, address, details, gathered)
        elif details is None:
            if not pte_file(word):
                swap.free_swap_and_cache(world, pte_to_swp_offset(word))
            pte_clear(mm, address)


def drop_gathered(world: World, gathered: list[Page]) -> None:
    """Drop the references of all pages that were gathered."""
    for page in gathered:
        swap.free_page_and_swap_cache(world, page)
    gathered.clear()


def zap_page_range(
    world: World, vma: Vma, start: int, size: int, details: Details | None = None
) -> None:
    """Take the ptes of a part of one vma out.

    1. facts silent: the pagevecs are drained first.
    2. The ptes; then the references of their pages.
    """
    lru.lru_add_drain(world)
    gathered: list[Page] = []
    zap_pte_range(world, vma, start, start + size, details, gathered)
    drop_gathered(world, gathered)


# ------------------------------------------------------------------ a range of a file


def unmap_mapping_range_vma(
    world: World, mapping: Mapping, vma: Vma, start: int, end: int, details: Details
) -> None:
    """Zap [start, end) of a vma, unless this has been done already.

    facts silent: the vma keeps the mapping's truncate_count as a mark that it is done.
    """
    if vma.truncate_count == mapping.truncate_count:
        return
    zap_page_range(world, vma, start, end - start, details)
    vma.truncate_count = mapping.truncate_count


def count_unmapping(mapping: Mapping) -> None:
    """truncate_count + 1, in 32 bits.

    A value that could be an address where unmapping goes on is passed over; at 0 every vma of the
    file forgets what it has been through.
    """
    mapping.truncate_count = (mapping.truncate_count + 1) & UINT_MASK
    if mapping.truncate_count % PAGE_SIZE == 0:
        if mapping.truncate_count == 0:
            for vma in mapping.i_mmap + mapping.nonlinear:
                vma.truncate_count = 0
        mapping.truncate_count += 1


def unmap_mapping_range(
    world: World, mapping: Mapping, holebegin: int, holelen: int, even_cows: bool
) -> None:
    """Take the pages of a part of a file out of all page tables.

    holebegin, holelen in bytes; begins in the page of holebegin; length 0: to the end.
    even_cows: private copies go too.
    1. truncate_count goes up, so that a fault that has looked already looks again; mapped or not.
    2. Each linear vma with a part of the range: that part.
    3. Each nonlinear vma, all of it: pages whose index is in the range.
    """
    first = holebegin >> PAGE_SHIFT
    last = first + ((holelen + PAGE_SIZE - 1) >> PAGE_SHIFT) - 1
    if last < first:
        last = ULONG_MASK
    details = Details(first, last, None if even_cows else mapping)
    count_unmapping(mapping)
    for vma in rmap.vma_prio_tree_foreach(mapping, first, last):
        begin = max(first, vma.pgoff)
        after = min(last + 1, vma.pgoff + ((vma.end - vma.start) >> PAGE_SHIFT))
        base = vma.start - (vma.pgoff << PAGE_SHIFT)
        unmap_mapping_range_vma(
            world, mapping, vma,
            base + (begin << PAGE_SHIFT), base + (after << PAGE_SHIFT), details,
        )
    for vma in list(mapping.nonlinear):
        details.nonlinear_vma = vma
        unmap_mapping_range_vma(world, mapping, vma, vma.start, vma.end, details)


# ------------------------------------------------------------------ whole vmas


def free_pgtables(world: World, mm: Mm, detached: list[Vma]) -> None:
    """Hide vmas from the reverse map, and take away the page tables that nobody needs now.

    1. Each vma: off its anon_vma's list, then off its file's.
    2. A table goes if it has addresses of the vmas that go, and none of those that stay, which
       are the ones in mm.vmas.
    """
    for vma in detached:
        vmas_of.anon_vma_unlink(world, vma)
        vmas_of.unlink_file_vma(world, vma)
    mm.tables -= table_numbers(detached) - table_numbers(mm.vmas)


def table_numbers(vmas: list[Vma]) -> set[int]:
    """The numbers of the page tables for the addresses of these vmas."""
    return {
        table
        for vma in vmas
        for table in range(vma.start // TABLE_BYTES, (vma.end - 1) // TABLE_BYTES + 1)
    }


def unmap_region(world: World, mm: Mm, detached: list[Vma], start: int, end: int) -> None:
    """Take all of [start, end) out of vmas that mm.vmas has no more.

    1. The pagevecs are drained.
    2. The ptes of each vma, ascending; pages of vmas with VM_ACCOUNT are counted.
    3. These are un-charged.
    4. The vmas leave the reverse map, page tables go.
    5. The references of the pages are dropped.
    """
    lru.lru_add_drain(world)
    gathered: list[Page] = []
    accounted = 0
    for vma in detached:
        low, high = max(vma.start, start), min(vma.end, end)
        if low >= high:
            continue
        if vma.flags & VM_ACCOUNT:
            accounted += (high - low) >> PAGE_SHIFT
        zap_pte_range(world, vma, low, high, None, gathered)
    account.vm_unacct_memory(world, accounted)
    free_pgtables(world, mm, detached)
    drop_gathered(world, gathered)
