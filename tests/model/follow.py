# SPDX-License-Identifier: GPL-2.0-only
"""Reaching a process's pages from the kernel: follow_page, get_user_pages and who uses it.

Facts 10 FP, 20.11.  Addresses in bytes.
"""

from __future__ import annotations

from . import alloc, dirty, fault, lru
from . import vma as vmas
from .constants import (
    EFAULT,
    EIO,
    ENOENT,
    ENOMEM,
    FOLL_ANON,
    FOLL_GET,
    FOLL_TOUCH,
    FOLL_WRITE,
    VM_FAULT_OOM,
    VM_FAULT_SIGBUS,
    VM_FAULT_WRITE,
    VM_HUGETLB,
    VM_IO,
    VM_LOCKED,
    VM_MAYREAD,
    VM_MAYWRITE,
    VM_PFNMAP,
    VM_READ,
    VM_WRITE,
)
from .pte import get_pte, pte_dirty, pte_present, pte_write, vm_normal_page
from .state import PAGE_SIZE, Bug, Hang, Mm, Page, Task, Vma, World

MAX_FAULTS = 1000       # of one page; with more the run has hung


def follow_page(world: World, vma: Vma, address: int, flags: int) -> Page | None:
    """The page that is mapped at an address, if it may be used so.  The pte stays as it is.

    flags: FOLL_WRITE 1, FOLL_TOUCH 2, FOLL_GET 4, FOLL_ANON 8.
    FP2   no page table: FP10
    FP4   the pte is not present: None (one of PROT_NONE is)
    FP5   FOLL_WRITE and not writable: None
    FP6   no page behind it: None
    FP7   FOLL_GET: a reference
    FP8   FOLL_TOUCH: mark_page_accessed; before it, for FOLL_WRITE, make the page dirty if
          neither it nor the pte is
    FP10  FOLL_ANON: the zero page, with a reference for FOLL_GET; then BUG if FOLL_WRITE
    """
    mm = vma.mm
    assert mm is not None
    if not alloc.table_exists(mm, address):                     # FP2
        return no_page_table(world, flags)
    word = get_pte(mm, address)
    if not pte_present(word):                                   # FP4
        return None
    if flags & FOLL_WRITE and not pte_write(word):              # FP5
        return None
    page = vm_normal_page(world, vma, address, word)            # FP6
    if page is None:
        return None
    if flags & FOLL_GET:                                        # FP7
        alloc.get_page(world, page)
    if flags & FOLL_TOUCH:                                      # FP8
        if flags & FOLL_WRITE and not pte_dirty(word) and "dirty" not in page.flags:
            dirty.set_page_dirty(world, page)
        lru.mark_page_accessed(world, page)
    return page


def no_page_table(world: World, flags: int) -> Page | None:
    """FP10: where there is no page table, the zero page stands for memory never touched."""
    if not flags & FOLL_ANON:
        return None
    if flags & FOLL_GET:
        alloc.get_page(world, world.zero_page)
    if flags & FOLL_WRITE:
        raise Bug("the zero page to write to")
    return world.zero_page


def permission(write: bool, force: bool) -> int:
    """Which VM_ bit a vma must have one of: what may ever be (force), or what may now."""
    need = (VM_WRITE | VM_MAYWRITE) if write else (VM_READ | VM_MAYREAD)
    return need & ((VM_MAYREAD | VM_MAYWRITE) if force else (VM_READ | VM_WRITE))


def get_one_page(
    world: World, mm: Mm, vma: Vma, address: int, write: bool, wanted: bool
) -> Page | int:
    """One page of a vma, faulted in if need be; or -EFAULT or -ENOMEM.

    1. FOLL_TOUCH; GET if the page is wanted; ANON for a read of memory that is not locked and
       has no nopage; WRITE for a write.  facts silent: huge pages are not such memory.
    2. follow_page; None: a fault, of a write while FOLL_WRITE is set.
    3. VM_FAULT_WRITE: a copy was made if one was needed, so look as for a read from now on.
    4. SIGBUS: -EFAULT.  OOM: -ENOMEM.  Else again from 2.
    """
    flags = FOLL_TOUCH | (FOLL_GET if wanted else 0) | (FOLL_WRITE if write else 0)
    if not write and not vma.flags & (VM_LOCKED | VM_HUGETLB) and not vma.ops:
        flags |= FOLL_ANON
    for _ in range(MAX_FAULTS):
        page = follow_page(world, vma, address, flags)
        if page is not None:
            return page
        code = fault.handle_mm_fault(world, mm, vma, address, bool(flags & FOLL_WRITE))
        if code & VM_FAULT_WRITE:
            flags &= ~FOLL_WRITE
        code &= ~VM_FAULT_WRITE
        if code == VM_FAULT_SIGBUS:
            return -EFAULT
        if code == VM_FAULT_OOM:
            return -ENOMEM
    raise Hang("get_user_pages faults again and again")


def get_user_pages(
    world: World, mm: Mm, start: int, count: int, write: bool, force: bool,
    pages: list[Page] | None = None,
) -> int:
    """Have `count` pages from `start` on in memory, and give them out if `pages` is a list.

    Each: a vma there that has the permission and neither VM_IO nor VM_PFNMAP (nor VM_HUGETLB:
    huge pages cannot be touched here), else the count so far, or -EFAULT if it is 0; then
    get_one_page, whose error counts only if it is the first.
    """
    done = 0
    for address in range(start, start + count * PAGE_SIZE, PAGE_SIZE):
        vma = vmas.find_vma(world, mm, address)
        if (
            vma is None
            or address < vma.start
            or vma.flags & (VM_IO | VM_PFNMAP | VM_HUGETLB)
            or not vma.flags & permission(write, force)
        ):
            return done or -EFAULT
        page = get_one_page(world, mm, vma, address, write, pages is not None)
        if isinstance(page, int):
            return done or page
        if pages is not None:
            pages.append(page)
        done += 1
    return done


def access_process_vm(world: World, mm: Mm, address: int, sector: int, write: bool) -> int:
    """A debugger reads or writes one sector of a process: its version, or -EIO.

    1. get_user_pages of the page, with force.
    2. Read or write the sector; after a write set_page_dirty_lock.
    3. Let the page go.
    """
    pages: list[Page] = []
    if get_user_pages(world, mm, address, 1, write, True, pages) <= 0:
        return -EIO
    page = pages[0]
    version = fault.transfer(world, page, sector, write)
    if write:
        dirty.set_page_dirty_lock(world, page)
    alloc.put_page(world, page)
    return version


def pin(world: World, task: Task, address: int, write: bool, force: bool) -> int:
    """A driver holds a page of its caller for a device: the page's number, or an error."""
    pages: list[Page] = []
    result = get_user_pages(world, world.mms[task.number], address, 1, write, force, pages)
    if result <= 0:
        return result
    pages[0].pins += 1
    return pages[0].number


def unpin(world: World, page: Page, store: bool, make_dirty: bool) -> int:
    """A device is done with a page: 0; -ENOENT if nobody holds the page for one.

    facts silent: what a page without pins gives.
    It has stored into sector 0 if `store`; set_page_dirty_lock if `make_dirty`; put_page.
    """
    if page.pins == 0:
        return -ENOENT
    if store:
        fault.transfer(world, page, 0, True)
    if make_dirty:
        dirty.set_page_dirty_lock(world, page)
    page.pins -= 1
    alloc.put_page(world, page)
    return 0
