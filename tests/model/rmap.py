# SPDX-License-Identifier: GPL-2.0-only
"""The reverse map: from a page to the ptes that map it (facts 10 MK MFI PM, 20.3 to 20.5, 20.11).

A page of a file is found through the vmas of its mapping, an anonymous page through the vmas of
its anon_vma.  In each of these it can be at one address only, which its index tells; only in
nonlinear vmas it can be anywhere.

Conventions: address in bytes, page-aligned; indices in pages.
"""

from __future__ import annotations

from . import dirty, files, swap
from .alloc import get_page, put_page
from .constants import (
    PAGE_SHIFT,
    SWAP_AGAIN,
    SWAP_FAIL,
    SWAP_SUCCESS,
    ULONG_MASK,
    VM_LOCKED,
    VM_MAYSHARE,
)
from .pagecache import page_index, page_mapping
from .pte import (
    get_pte,
    linear_page_index,
    pgoff_to_pte,
    pte_clear,
    pte_dirty,
    pte_mkclean,
    pte_mkold,
    pte_pfn,
    pte_present,
    pte_write,
    pte_wrprotect,
    pte_young,
    set_pte,
    swp_entry_to_pte,
    vm_normal_page,
)
from .state import PAGE_SIZE, AnonVma, Bug, Mapping, Mm, Page, Vma, World

CLUSTER_SIZE = 32 * PAGE_SIZE       # bytes of a nonlinear vma that are swept at once

# ------------------------------------------------------------------ what a page is


def page_anon(page: Page) -> bool:
    """PageAnon: it belongs to an anon_vma.  Stays true after the last unmap."""
    return isinstance(page.mapping, AnonVma)


def page_mapped(page: Page) -> bool:
    """At least one pte maps it."""
    return page.mapcount >= 0


def page_mapcount(page: Page) -> int:
    """How many ptes map it."""
    return page.mapcount + 1


# ------------------------------------------------------------------ counting ptes


def page_add_file_rmap(world: World, page: Page) -> None:
    """One more pte maps a page of a file.  The first one: nr_mapped goes up."""
    page.mapcount += 1
    if page.mapcount == 0:
        world.nr_mapped += 1


def set_anon_rmap(world: World, page: Page, vma: Vma, address: int) -> None:
    """A page becomes this vma's anonymous page: mapping, index, nr_mapped."""
    if vma.anon_vma is None:
        raise Bug("anonymous page for a vma without anon_vma")
    page.mapping = vma.anon_vma
    page.index = linear_page_index(vma, address)
    world.nr_mapped += 1


def page_add_new_anon_rmap(world: World, page: Page, vma: Vma, address: int) -> None:
    """The first pte of a fresh anonymous page.  BUG if the vma has no anon_vma."""
    page.mapcount = 0
    set_anon_rmap(world, page, vma, address)


def page_add_anon_rmap(world: World, page: Page, vma: Vma, address: int) -> None:
    """One more pte maps an anonymous page.  The first one makes it this vma's."""
    page.mapcount += 1
    if page.mapcount == 0:
        set_anon_rmap(world, page, vma, address)


def page_remove_rmap(world: World, page: Page) -> None:
    """One pte less maps the page.  The last one: nr_mapped goes down.  The reference stays.

    BUG if no pte was there.
    """
    page.mapcount -= 1
    if page.mapcount < -1:
        raise Bug(f"mapcount of page {page.number} below -1")
    if page.mapcount == -1:
        world.nr_mapped -= 1


# ------------------------------------------------------------------ finding ptes


def vma_address(page: Page, vma: Vma) -> int | None:
    """The address in bytes where a linear vma has a page.

    None (the kernel's -EFAULT): outside, of an anonymous page.  BUG: outside, of a file's page.
    The sum wraps as an unsigned long does.
    """
    address = (vma.start + ((page.index - vma.pgoff) << PAGE_SHIFT)) & ULONG_MASK
    if vma.start <= address < vma.end:
        return address
    if not page_anon(page):
        raise Bug(f"page {page.number} is outside vma {vma.number}")
    return None


def page_check_address(page: Page, mm: Mm, address: int) -> bool:
    """The pte at this address is present and of this page's frame.

    An entry of PROT_NONE counts as present.
    """
    word = get_pte(mm, address)
    return pte_present(word) and pte_pfn(word) == page.pfn


def vma_prio_tree_foreach(mapping: Mapping, first: int, last: int) -> list[Vma]:
    """The linear vmas of a file with any of the pages first to last, by (pgoff, number).

    Shared and private ones; nonlinear ones are on a list of their own.
    """
    found = [
        vma for vma in mapping.i_mmap
        if vma.pgoff <= last and first < vma.pgoff + ((vma.end - vma.start) >> PAGE_SHIFT)
    ]
    return sorted(found, key=lambda vma: (vma.pgoff, vma.number))


def anon_vmas_of(page: Page) -> list[Vma]:
    """The vmas where an anonymous page may be mapped, newest first; none if it is not mapped."""
    if page_mapped(page) and isinstance(page.mapping, AnonVma):
        return list(page.mapping.vmas)
    return []


# ------------------------------------------------------------------ cleaning ptes


def page_mkclean_one(world: World, page: Page, vma: Vma, protect: bool) -> int:
    """Clean the pte of a page in one vma; 1 if there was anything to clean.

    MK1  its address; none: 0
    MK2  a pte of the page there; none: 0
    MK3  neither dirty, nor (protect and writable): nothing to do
    MK4  take the pte out
    MK5  clean; with protect also not writable
    MK6  put it back
    MK7  1
    """
    address = vma_address(page, vma)                            # MK1
    if address is None:
        return 0
    assert vma.mm is not None
    if not page_check_address(page, vma.mm, address):           # MK2
        return 0
    word = get_pte(vma.mm, address)
    if not (pte_dirty(word) or (protect and pte_write(word))):  # MK3
        return 0
    word = pte_mkclean(pte_clear(vma.mm, address))              # MK4 MK5
    if protect:
        word = pte_wrprotect(word)
    set_pte(vma.mm, address, word)                              # MK6
    return 1                                                    # MK7


def page_mkclean_file(world: World, mapping: Mapping, page: Page) -> int:
    """Clean a file's page in all linear vmas; how many ptes were.

    MFI1  the index is the page's
    MFI2  BUG if it is anonymous
    MFI4  each vma: write-protect if the mapping accounts dirty pages and the vma is shared and
          writable.  Private and read-only vmas are visited too, nonlinear ones are not.
    """
    if page_anon(page):                                         # MFI2
        raise Bug("page_mkclean of an anonymous page")
    cleaned = 0
    for vma in vma_prio_tree_foreach(mapping, page.index, page.index):      # MFI1 MFI4
        protect = dirty.mapping_cap_account_dirty(mapping) and files.is_shared_writable(
            vma.flags
        )
        cleaned += page_mkclean_one(world, page, vma, protect)
    return cleaned


def page_mkclean(world: World, page: Page) -> int:
    """Clean all ptes of a page; how many.

    PM1  BUG if the page is not locked, mapped or not
    PM2  not mapped: 0
    PM3  of no mapping: 0
    PM4  through its mapping
    """
    if "locked" not in page.flags:                              # PM1
        raise Bug("page_mkclean of an unlocked page")
    if not page_mapped(page):                                   # PM2
        return 0
    mapping = page_mapping(world, page)
    if mapping is None:                                         # PM3
        return 0
    return page_mkclean_file(world, mapping, page)              # PM4


# ------------------------------------------------------------------ was it used?


def clear_flush_young(mm: Mm, address: int) -> bool:
    """ptep_clear_flush_young: clear A; whether it was set."""
    word = get_pte(mm, address)
    if not pte_young(word):
        return False
    set_pte(mm, address, pte_mkold(word))
    return True


def page_referenced_one(page: Page, vma: Vma) -> tuple[int, int]:
    """Ask one vma: (1 if its pte was young, 1 if it has a pte of the page)."""
    address = vma_address(page, vma)
    assert vma.mm is not None
    if address is None or not page_check_address(page, vma.mm, address):
        return 0, 0
    return int(clear_flush_young(vma.mm, address)), 1


def page_referenced(world: World, page: Page) -> int:
    """How often a locked page was used since somebody asked last.

    1. PG_referenced counts one, and goes off.
    2. Mapped, and of a mapping or an anon_vma: walk the vmas until as many ptes were seen as
       map the page.  Each young one counts one, and becomes old.
    3. Of a file: a vma that is locked in memory and may share counts one and ends the walk.
    """
    referenced = 0
    if "referenced" in page.flags:
        page.flags.discard("referenced")
        referenced += 1
    if not page_mapped(page) or page.mapping is None:
        return referenced
    anonymous = page_anon(page)
    if isinstance(page.mapping, AnonVma):
        vmas = anon_vmas_of(page)
    else:
        vmas = vma_prio_tree_foreach(page.mapping, page.index, page.index)
    unseen = page_mapcount(page)
    locked = VM_LOCKED | VM_MAYSHARE
    for vma in vmas:
        if not anonymous and vma.flags & locked == locked:
            return referenced + 1
        young, seen = page_referenced_one(page, vma)
        referenced += young
        unseen -= seen
        if unseen == 0:
            break
    return referenced


# ------------------------------------------------------------------ taking ptes out


def take_out(world: World, page: Page, mm: Mm, address: int) -> None:
    """What unmapping does with one pte of a page, wherever it found it.

    1. Out with it; a dirty one makes the page dirty.
    2. Anonymous: BUG unless in the swap cache; one more leads to its swap entry, and the swap
       pte takes the place; anon_rss goes down.
    3. Of a file: file_rss goes down.
    4. One pte less, and its reference.
    """
    word = pte_clear(mm, address)
    if pte_dirty(word):
        dirty.set_page_dirty(world, page)
    if page_anon(page):
        if "swapcache" not in page.flags:
            raise Bug("an anonymous page without a place in swap is unmapped")
        entry = page_index(page)
        swap.swap_duplicate(world, entry)
        set_pte(mm, address, swp_entry_to_pte(entry))
        mm.anon_rss -= 1
    else:
        mm.file_rss -= 1
    page_remove_rmap(world, page)
    put_page(world, page)


def try_to_unmap_one(world: World, page: Page, vma: Vma, ignore_refs: bool) -> int:
    """Take a page out of one vma: SWAP_AGAIN, or SWAP_FAIL if it must stay.

    1. No pte of the page there: AGAIN.
    2. The vma is locked in memory: FAIL.
    3. The pte was young: it becomes old, and FAIL, unless that is not to matter.
    4. Take it out: AGAIN.
    """
    address = vma_address(page, vma)
    assert vma.mm is not None
    if address is None or not page_check_address(page, vma.mm, address):
        return SWAP_AGAIN
    if vma.flags & VM_LOCKED:
        return SWAP_FAIL
    if clear_flush_young(vma.mm, address) and not ignore_refs:
        return SWAP_FAIL
    take_out(world, page, vma.mm, address)
    return SWAP_AGAIN


def try_to_unmap_cluster(world: World, vma: Vma, cursor: int) -> int:
    """Sweep the aligned window of a nonlinear vma that its byte `cursor` lies in.

    Each present pte, whatever page it is of:
    1. BUG if it is of a frame without a page, or of an anonymous page.
    2. A young one becomes old and stays.
    3. Others go as `take_out` says; a file pte takes the place of a page that is not where it
       would be linearly.
    returns int   how many ptes went
    """
    gone = 0
    mm = vma.mm
    assert mm is not None
    window = (vma.start + cursor) & ~(CLUSTER_SIZE - 1)
    first, end = max(window, vma.start), min(window + CLUSTER_SIZE, vma.end)
    for address in range(first, end, PAGE_SIZE):
        word = get_pte(mm, address)
        if not pte_present(word):
            continue
        page = vm_normal_page(world, vma, address, word)
        if page is None or page_anon(page):
            raise Bug("a page that is not a file's in a nonlinear vma")
        if clear_flush_young(mm, address):
            continue
        get_page(world, page)           # so that it can still be asked for its index
        take_out(world, page, mm, address)
        if page.index != linear_page_index(vma, address):
            set_pte(mm, address, pgoff_to_pte(page.index))
        put_page(world, page)
        gone += 1
    return gone


def try_to_unmap_nonlinear(world: World, page: Page, mapping: Mapping) -> int:
    """Sweep the nonlinear vmas of a file: AGAIN, or FAIL if all of them are locked in memory.

    Where the page is cannot be known, so a sweep takes out about as many ptes as it has, and the
    next one goes on where this one ended: each vma has a cursor.
    1. Round by round a window further, from where the cursor that is furthest stands: each vma
       that is not locked is swept up to there, if it is so long.  As many ptes gone as the page
       has: that was all.
    2. All vmas swept: all cursors are back at the start.
    """
    unlocked = [vma for vma in mapping.nonlinear if not vma.flags & VM_LOCKED]
    longest = max((vma.end - vma.start for vma in unlocked), default=0)
    if not longest:
        return SWAP_FAIL
    longest = (longest + CLUSTER_SIZE - 1) & ~(CLUSTER_SIZE - 1)
    furthest = max(vma.cursor for vma in unlocked) or CLUSTER_SIZE
    budget = page_mapcount(page)
    while True:
        for vma in unlocked:
            while vma.cursor < min(furthest, vma.end - vma.start):
                budget -= try_to_unmap_cluster(world, vma, vma.cursor)
                vma.cursor += CLUSTER_SIZE
                if budget <= 0:
                    return SWAP_AGAIN
            vma.cursor = furthest
        furthest += CLUSTER_SIZE
        if furthest > longest:
            break
    for vma in mapping.nonlinear:
        vma.cursor = 0
    return SWAP_AGAIN


def try_to_unmap_file(world: World, page: Page, ignore_refs: bool) -> int:
    """Take a file's page out of all vmas: first the linear ones.

    The nonlinear ones only if there are any, the page is still mapped, and nothing failed.
    """
    mapping = page.mapping
    assert isinstance(mapping, Mapping)
    for vma in vma_prio_tree_foreach(mapping, page.index, page.index):
        if try_to_unmap_one(world, page, vma, ignore_refs) == SWAP_FAIL:
            return SWAP_FAIL
        if not page_mapped(page):
            return SWAP_AGAIN
    if not mapping.nonlinear or not page_mapped(page):
        return SWAP_AGAIN
    return try_to_unmap_nonlinear(world, page, mapping)


def try_to_unmap_anon(world: World, page: Page, ignore_refs: bool) -> int:
    """Take an anonymous page out of the vmas of its anon_vma."""
    for vma in anon_vmas_of(page):
        if try_to_unmap_one(world, page, vma, ignore_refs) == SWAP_FAIL:
            return SWAP_FAIL
        if not page_mapped(page):
            break
    return SWAP_AGAIN


def try_to_unmap(world: World, page: Page, ignore_refs: bool = False) -> int:
    """Take a locked page out of all page tables.

    BUG if it is not locked.  The walk ends where a vma fails, or no pte is left.
    returns int   SWAP_SUCCESS iff no pte is left; else SWAP_FAIL (leave it) or SWAP_AGAIN
    """
    if "locked" not in page.flags:
        raise Bug("try_to_unmap of an unlocked page")
    walk = try_to_unmap_anon if page_anon(page) else try_to_unmap_file
    result = walk(world, page, ignore_refs)
    return result if page_mapped(page) else SWAP_SUCCESS
