# SPDX-License-Identifier: GPL-2.0-only
"""munmap: what is mapped no longer (facts 20.14)."""

from __future__ import annotations

from . import account, alloc, files, zap
from . import vma as vmas
from .constants import EINVAL, PAGE_MASK, TASK_SIZE, ULONG_MASK, VM_LOCKED
from .state import Mm, Vma, World


def sys_munmap(world: World, address: int, length: int) -> int:
    """munmap(2) by the running task: 0 or an error."""
    return do_munmap(world, world.mms[world.current.number], address, length)


def do_munmap(world: World, mm: Mm, start: int, length: int) -> int:
    """Unmap [start, start + length): 0 or an error.

    1. Unaligned, beyond the task's addresses, or nothing: -EINVAL.  Nothing there: 0.
    2. Split at the start (the new one above), then at the end (the new one below).
    3. Take the vmas out of the process, unmap their pages, then count and free each.
    """
    if start & ~PAGE_MASK or start > TASK_SIZE or length > TASK_SIZE - start:
        return -EINVAL
    length = alloc.page_align(length)
    if length == 0:
        return -EINVAL
    end = start + length
    first = vmas.find_vma(world, mm, start)
    if first is None or first.start >= end:
        return 0
    if start > first.start:
        error = vmas.split_vma(world, mm, first, start, new_below=False)
        if error:
            return error
    last = vmas.find_vma(world, mm, end)
    if last is not None and end > last.start:
        error = vmas.split_vma(world, mm, last, end, new_below=True)
        if error:
            return error
    gone = [vma for vma in mm.vmas if start <= vma.start < end]
    for vma in gone:
        mm.vmas.remove(vma)
        mm.map_count -= 1
    zap.unmap_region(world, mm, gone, start, end)
    for vma in gone:
        pages = vmas.vma_pages(vma)
        mm.total_vm = (mm.total_vm - pages) & ULONG_MASK
        if vma.flags & VM_LOCKED:
            mm.locked_vm = (mm.locked_vm - pages) & ULONG_MASK
        account.vm_stat_account(mm, vma.flags, vma.file, -pages)
        remove_vma(world, vma)
    return 0


def remove_vma(world: World, vma: Vma) -> None:
    """The last of a vma: close hook, its file's reference, itself."""
    if vma.file is not None:
        files.fput(world, vma.file)
    alloc.vma_free(world, vma)
