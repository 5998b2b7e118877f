# SPDX-License-Identifier: GPL-2.0-only
"""How much a process, and all of them, may have (facts 20.12).

Conventions: amounts are in pages, limits (`task.rlimit_*`) in bytes.
"""

from __future__ import annotations

from .constants import (
    CAP_IPC_LOCK,
    ENOMEM,
    OVERCOMMIT_ALWAYS,
    PAGE_SHIFT,
    S_ACCOUNT,
    ULONG_MASK,
    VM_EXEC,
    VM_GROWSDOWN,
    VM_IO,
    VM_RESERVED,
    VM_WRITE,
)
from .state import Inode, Mm, OpenFile, Task, World


def vm_enough_memory(world: World, pages: int) -> int:
    """Charge pages that may have to be there one day: 0 or -ENOMEM.

    1. They are committed first.
    2. Mode 1 never refuses; the others do if more than `commit_limit` is committed then.
    3. Who is refused is not charged.
    """
    world.committed += pages
    if world.overcommit == OVERCOMMIT_ALWAYS or world.committed <= world.commit_limit:
        return 0
    world.committed -= pages
    return -ENOMEM


def vm_unacct_memory(world: World, pages: int) -> None:
    """Take a charge back."""
    world.committed -= pages


def shmem_acct_page(world: World, inode: Inode) -> int:
    """Charge a tmpfs file for one page more: 0 or -ENOMEM.  Not one that is charged as a whole."""
    if inode.flags & S_ACCOUNT:
        return 0
    error = vm_enough_memory(world, 1)
    if not error:
        inode.charged += 1
    return error


def shmem_unacct_page(world: World, inode: Inode) -> None:
    """The page was not to be had: shmem_acct_page taken back."""
    if not inode.flags & S_ACCOUNT:
        inode.charged -= 1
        vm_unacct_memory(world, 1)


def shmem_recalc_inode(world: World, inode: Inode) -> None:
    """Give back the charge for pages that a tmpfs file has no more, but for a whole one."""
    gone = inode.charged - len(inode.mapping.pages)
    if not inode.flags & S_ACCOUNT and gone > 0:
        inode.charged -= gone
        vm_unacct_memory(world, gone)


def may_expand_vm(world: World, mm: Mm, pages: int) -> bool:
    """The running task's limit of address space leaves room for so many more."""
    return mm.total_vm + pages <= world.current.rlimit_as >> PAGE_SHIFT


def can_do_mlock(task: Task) -> bool:
    """It may lock memory at all."""
    return bool(task.capabilities & CAP_IPC_LOCK) or task.rlimit_memlock != 0


def over_memlock_limit(task: Task, mm: Mm, pages: int) -> bool:
    """So many more locked pages are too many."""
    if task.capabilities & CAP_IPC_LOCK:
        return False
    return mm.locked_vm + pages > task.rlimit_memlock >> PAGE_SHIFT


def vm_stat_account(mm: Mm, flags: int, file: OpenFile | None, pages: int) -> None:
    """Count pages of a kind of mapping; negative: count them no more.

    1. Of a file: shared_vm, and if executable but not writable exec_vm.
    2. Of no file: stack_vm if it grows down.
    3. Of either, with VM_RESERVED or VM_IO: reserved_vm.
    """
    if file is not None:
        mm.shared_vm = (mm.shared_vm + pages) & ULONG_MASK
        if flags & (VM_EXEC | VM_WRITE) == VM_EXEC:
            mm.exec_vm = (mm.exec_vm + pages) & ULONG_MASK
    elif flags & VM_GROWSDOWN:
        mm.stack_vm = (mm.stack_vm + pages) & ULONG_MASK
    if flags & (VM_RESERVED | VM_IO):
        mm.reserved_vm = (mm.reserved_vm + pages) & ULONG_MASK
