# SPDX-License-Identifier: GPL-2.0-only
"""fork and exit (facts 20.11, 20.14)."""

from __future__ import annotations

import dataclasses

from . import account, alloc, files, munmap, pte, swap, zap
from . import vma as vmas
from .constants import (
    EAGAIN,
    ENOMEM,
    TASK_SIZE,
    ULONG_MASK,
    VM_ACCOUNT,
    VM_DENYWRITE,
    VM_DONTCOPY,
    VM_HUGETLB,
    VM_INSERTPAGE,
    VM_LOCKED,
    VM_NONLINEAR,
    VM_PFNMAP,
    VM_SHARED,
)
from .state import HEAP_START, PAGE_SIZE, AnonVma, Mm, Task, Vma, World

# what of a process's memory a child begins with as its parent has it
INHERITED = ("total_vm", "shared_vm", "exec_vm", "stack_vm", "reserved_vm", "start_brk", "brk")


def fork(world: World, parent: Task) -> int:
    """fork(2): the child's number, or an error.

    1. The lowest number that is free.
    2. Descriptors, limits and the like are shared or copied.
    3. dup_mmap; if it fails, all that the child has so far goes back, and the error is returned.
    """
    child = next((task for task in world.tasks if world.mms[task.number].users == 0), None)
    if child is None:
        # facts silent: too many processes
        return -EAGAIN
    child.fd = list(parent.fd)
    for file in child.fd:
        if file is not None:
            files.get_file(world, file)
    for name in ("personality", "capabilities"):
        setattr(child, name, getattr(parent, name))
    for name in ("memlock", "as", "data", "fsize"):
        setattr(child, f"rlimit_{name}", getattr(parent, f"rlimit_{name}"))
    error = dup_mmap(world, world.mms[child.number], world.mms[parent.number])
    if error:
        sys_exit(world, child)
        return error
    return child.number


def dup_mmap(world: World, mm: Mm, old: Mm) -> int:
    """Copy a process's memory: 0 or -ENOMEM.

    1. The numbers are the parent's, but nothing is locked and nothing mapped yet.
    2. Each vma in order of address: VM_DONTCOPY is left out, and counted so; else dup_vma,
       then copy_page_range, then the open hook.
    """
    alloc.reset(mm, number=mm.number, users=1)
    for name in INHERITED:
        setattr(mm, name, getattr(old, name))
    for parent in list(old.vmas):
        if parent.flags & VM_DONTCOPY:
            pages = vmas.vma_pages(parent)
            mm.total_vm = (mm.total_vm - pages) & ULONG_MASK
            account.vm_stat_account(mm, parent.flags, parent.file, -pages)
            continue
        if not dup_vma(world, mm, parent):
            return -ENOMEM
        if not copy_page_range(world, mm, old, parent):
            return -ENOMEM
    return 0


def dup_vma(world: World, mm: Mm, parent: Vma) -> bool:
    """Make the child's copy of a vma, without ptes; False: no memory, nothing done.

    1. VM_ACCOUNT: its pages are charged, and not if there is then no vma to be had.
    2. All as the parent's, but not VM_LOCKED.  Head of the anon_vma's list.
    3. One more reference on the file; VM_DENYWRITE: writecount - 1.  Beside its parent in the file.
       i_mmap_writable does not count it.
    """
    charge = vmas.vma_pages(parent) if parent.flags & VM_ACCOUNT else 0
    if charge and account.vm_enough_memory(world, charge):
        return False
    child = alloc.vma_alloc(world)
    if child is None:
        account.vm_unacct_memory(world, charge)
        return False
    for field in dataclasses.fields(Vma):
        if field.name != "number":
            setattr(child, field.name, getattr(parent, field.name))
    child.flags &= ~VM_LOCKED
    child.mm = mm
    vmas.anon_vma_link(world, child)
    if child.file is not None:
        mapping = child.file.mapping
        files.get_file(world, child.file)
        if child.flags & VM_DENYWRITE:
            mapping.inode.writecount -= 1
        if child.flags & VM_NONLINEAR:
            mapping.nonlinear.insert(mapping.nonlinear.index(parent) + 1, child)
        else:
            vmas.i_mmap_insert(mapping, child)
    vmas.insert_in_mm(mm, child)
    mm.map_count += 1
    return True


def copy_page_range(world: World, mm: Mm, old: Mm, vma: Vma) -> bool:
    """Copy the ptes of a parent's vma to the child; False: no memory for a page table.

    1. A vma that can get them again by faults, and has no anon_vma, is not copied.
    2. For each page table that the parent has: one for the child, then pte by pte.
    """
    special = VM_HUGETLB | VM_NONLINEAR | VM_PFNMAP | VM_INSERTPAGE
    if not vma.flags & special and vma.anon_vma is None:
        return True
    if vma.flags & VM_HUGETLB:
        return True
    for start, border in alloc.tables_of(vma.start, vma.end):
        if not alloc.table_exists(old, start):
            continue
        if not alloc.pte_alloc(world, mm, start):
            return False
        for address in range(start, border, PAGE_SIZE):
            word = pte.get_pte(old, address)
            if not pte.pte_none(word):
                copy_one_pte(world, mm, old, vma, address, word)
    return True


def copy_one_pte(
    world: World, mm: Mm, old: Mm, vma: Vma, address: int, word: int
) -> None:
    """Copy one pte that is not none.

    1. Not present: a swap slot gets one more user; the word is copied.
    2. A mapping that is copied on write: both are write-protected.
    3. VM_SHARED: the child's is clean, and as writable as the parent's.
    4. The child's is old.  Its page: one more reference and pte, counted in the child's rss.
    """
    if not pte.pte_present(word):
        if not pte.pte_file(word):
            swap.swap_duplicate(world, pte.pte_to_swp_offset(word))
        pte.set_pte(mm, address, word)
        return
    if pte.is_cow_mapping(vma.flags):
        word = pte.pte_wrprotect(word)
        pte.set_pte(old, address, word)
    if vma.flags & VM_SHARED:
        word = pte.pte_mkclean(word)
    word = pte.pte_mkold(word)
    page = pte.vm_normal_page(world, vma, address, word)
    if page is not None:
        alloc.get_page(world, page)
        page.mapcount += 1
        if isinstance(page.mapping, AnonVma):
            mm.anon_rss += 1
        else:
            mm.file_rss += 1
    pte.set_pte(mm, address, word)


def sys_exit(world: World, task: Task) -> int:
    """exit(2): all that a process has goes back: 0.

    1. Its memory: ptes, charges, links, page tables, vmas, files.
    2. Its descriptors.
    """
    mm = world.mms[task.number]
    exit_mmap(world, mm)
    alloc.reset(mm, number=mm.number, start_brk=HEAP_START, brk=HEAP_START)
    for fd, file in enumerate(task.fd):
        if file is not None:
            task.fd[fd] = None
            files.fput(world, file)
    alloc.reset(task, number=task.number)
    return 0


def exit_mmap(world: World, mm: Mm) -> None:
    """Take a whole mm down.  Its statistics are not counted down: it is gone."""
    gone = mm.vmas
    mm.vmas = []
    zap.unmap_region(world, mm, gone, 0, TASK_SIZE)
    for vma in gone:
        munmap.remove_vma(world, vma)
