# SPDX-License-Identifier: GPL-2.0-only
"""msync(2): what the ptes know about dirtiness goes to the pages (facts 20.11, 20.14)."""

from __future__ import annotations

from . import alloc, dirty, files, writeback
from . import vma as vmas
from .constants import (
    EBUSY,
    EINVAL,
    ENOMEM,
    MS_ASYNC,
    MS_INVALIDATE,
    MS_SYNC,
    PAGE_MASK,
    ULONG_MASK,
    VM_HUGETLB,
    VM_LOCKED,
    VM_SHARED,
)
from .pte import get_pte, pte_dirty, pte_mkclean, pte_present, set_pte, vm_normal_page
from .state import PAGE_SIZE, Vma, World


def msync_page_range(world: World, vma: Vma, start: int, end: int) -> None:
    """For each present and dirty pte with a page: clear D, leave RW, make the page dirty."""
    mm = vma.mm
    assert mm is not None
    if vma.flags & VM_HUGETLB:
        return
    for address in range(start, end, PAGE_SIZE):
        word = get_pte(mm, address)
        if not pte_present(word) or not pte_dirty(word):
            continue
        page = vm_normal_page(world, vma, address, word)
        if page is not None:
            set_pte(mm, address, pte_mkclean(word))
            dirty.set_page_dirty(world, page)


def msync_interval(world: World, vma: Vma, start: int, end: int, flags: int) -> int:
    """One vma's part: 0, or -EBUSY for MS_INVALIDATE of locked memory.  Shared files only."""
    if flags & MS_INVALIDATE and vma.flags & VM_LOCKED:
        return -EBUSY
    if vma.file is not None and vma.flags & VM_SHARED:
        msync_page_range(world, vma, start, end)
    return 0


def sync_file(world: World, vma: Vma) -> int:
    """MS_SYNC for the file of a vma: do_fsync, holding the file."""
    file = vma.file
    assert file is not None and file.mapping is not None
    files.get_file(world, file)
    error = writeback.do_fsync(world, file.mapping)
    files.fput(world, file)
    return error


def sys_msync(world: World, start: int, length: int, flags: int) -> int:
    """msync(2) of [start, start + length): 0 or an error.

    1. A flag that is unknown, a start inside a page, ASYNC with SYNC: -EINVAL.
    2. The end wraps: -ENOMEM.  Nothing: 0.  No vma above start: -ENOMEM.
    3. Each vma with a part of the range: msync_interval, whose error ends it.
    4. MS_SYNC and a shared file: fsync; its error ends it.
    5. Holes are skipped.  Where the range ends in a vma, -ENOMEM if there was a hole; but the
       result of a last fsync takes its place, and a hole with no vma after it goes unseen.
    """
    if flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) or start & ~PAGE_MASK:
        return -EINVAL
    if flags & MS_ASYNC and flags & MS_SYNC:
        return -EINVAL
    end = (start + alloc.page_align(length)) & ULONG_MASK
    if end < start:
        return -ENOMEM
    if end == start:
        return 0
    return msync_each(world, start, end, flags)


def msync_each(world: World, start: int, end: int, flags: int) -> int:
    """Steps 3 to 5 of sys_msync."""
    mm = world.mms[world.current.number]
    vma = vmas.find_vma(world, mm, start)
    if vma is None:
        return -ENOMEM
    hole = 0
    while True:
        if start < vma.start:
            hole = -ENOMEM
            start = vma.start
        last = end <= vma.end
        error = 0
        if start < min(end, vma.end):
            error = msync_interval(world, vma, start, min(end, vma.end), flags)
            if error:
                return error
        if last:
            error = hole
        start = vma.end
        if flags & MS_SYNC and vma.file is not None and vma.flags & VM_SHARED:
            error = sync_file(world, vma)
            if error:
                return error
        following = vmas.find_vma(world, mm, start)
        if last or following is None:
            return error
        vma = following
