# SPDX-License-Identifier: GPL-2.0-only
"""mprotect: other access to what is mapped (facts 10: SM, MF, CP)."""

from __future__ import annotations

from . import account, alloc, dirty, files, pte
from . import vma as vmas
from .constants import (
    EACCES,
    EINVAL,
    ENOMEM,
    PAGE_MASK,
    PAGE_SHIFT,
    PROT_EXEC,
    PROT_GROWSDOWN,
    PROT_GROWSUP,
    PROT_READ,
    PROT_SEM,
    PROT_WRITE,
    READ_IMPLIES_EXEC,
    ULONG_MASK,
    VM_ACCOUNT,
    VM_EXEC,
    VM_GROWSDOWN,
    VM_GROWSUP,
    VM_HUGETLB,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
)
from .state import PAGE_SIZE, Bug, Vma, World

ACCESS = VM_READ | VM_WRITE | VM_EXEC


def sys_mprotect(world: World, start: int, length: int, prot: int) -> int:
    """mprotect(2) by the running task: 0 or an error.

    start, length : bytes    length is rounded up to pages

    SM1-SM6 the arguments; SM8 the first vma; SM9 one vma after the other, and those that were
    changed before an error stay changed.
    """
    grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP)
    prot &= ~(PROT_GROWSDOWN | PROT_GROWSUP)
    if grows == PROT_GROWSDOWN | PROT_GROWSUP:                      # SM1
        return -EINVAL
    if start & ~PAGE_MASK:                                          # SM2
        return -EINVAL
    if length == 0:                                                 # SM3
        return 0
    end = (start + alloc.page_align(length)) & ULONG_MASK           # SM4
    if end <= start:
        return -ENOMEM
    if prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM):     # SM5
        return -EINVAL
    if prot & PROT_READ and world.current.personality & READ_IMPLIES_EXEC:  # SM6
        prot |= PROT_EXEC
    mm = world.mms[world.current.number]
    vma, prev = vmas.find_vma_prev(world, mm, start)                # SM8
    if vma is None:
        return -ENOMEM
    if grows & PROT_GROWSDOWN:
        if vma.start >= end:
            return -ENOMEM
        start = vma.start
        if not vma.flags & VM_GROWSDOWN:
            return -EINVAL
    else:
        if vma.start > start:
            return -ENOMEM
        if grows & PROT_GROWSUP:
            end = vma.end
            if not vma.flags & VM_GROWSUP:
                return -EINVAL
    if start > vma.start:
        prev = vma
    return protect_each(world, vma, prev, start, end, prot)


def protect_each(
    world: World, vma: Vma, prev: Vma | None, start: int, end: int, prot: int
) -> int:
    """SM9: change [start, end), vma by vma.

    1. Access that the vma may never have (VM_MAY*): -EACCES.
    2. mprotect_fixup of the part in this vma.
    3. On to the next vma, which must begin where this part ended: else -ENOMEM.
    """
    while True:
        flags = (prot & ACCESS) | (vma.flags & ~ACCESS)
        if flags & ~(flags >> 4) & ACCESS:
            return -EACCES
        error, prev = mprotect_fixup(world, vma, prev, start, min(vma.end, end), flags)
        if error:
            return error
        # The call may have freed `vma`; `prev` covers the part now, and maybe more.
        start = prev.end if prev.end > start else start
        if start >= end:
            return 0
        vma = vmas.vma_next(prev)
        if vma is None or vma.start != start:
            return -ENOMEM


def mprotect_fixup(
    world: World, vma: Vma, prev: Vma | None, start: int, end: int, newflags: int
) -> tuple[int, Vma | None]:
    """Give [start, end) of one vma new flags.

    prev : Vma | None    vma itself if start is inside it, else the vma just below
    returns (error, the vma that covers the range now, or prev where MF2 failed)

    MF1 no change.  MF2 charge what becomes writable.  MF4 merge, or MF5 and MF6 split.
    MF7 the protection: private copies' where the first store must be seen.
    MF9 the ptes.  MF10 the statistics.  MF11 a failure takes the charge back, not the split.
    """
    mm = vma.mm
    oldflags = vma.flags
    pages = (end - start) >> PAGE_SHIFT
    charged = 0
    if newflags == oldflags:                                        # MF1
        return 0, vma
    if newflags & VM_WRITE and not oldflags & (VM_ACCOUNT | VM_WRITE | VM_SHARED):  # MF2
        charged = pages
        if account.vm_enough_memory(world, charged):
            return -ENOMEM, prev
        newflags |= VM_ACCOUNT
    pgoff = vma.pgoff + ((start - vma.start) >> PAGE_SHIFT)         # MF4
    merged = vmas.vma_merge(
        world, mm, prev, start, end, newflags, vma.anon_vma, vma.file, pgoff
    )
    if merged is not None:
        vma = merged
    else:
        error = split_both(world, vma, start, end)
        if error:                                                   # MF11
            account.vm_unacct_memory(world, charged)
            return error, vma
    prot = new_protection(world, vma, newflags)                     # MF7
    vma.flags = newflags                                            # MF8
    vma.prot = prot
    if not vma.flags & VM_HUGETLB:                                  # MF9
        change_protection(world, vma, start, end, prot)
    account.vm_stat_account(mm, oldflags, vma.file, -pages)         # MF10
    account.vm_stat_account(mm, newflags, vma.file, pages)
    return 0, vma


def split_both(world: World, vma: Vma, start: int, end: int) -> int:
    """MF5 and MF6: cut off what is below start and what is above end: 0 or -ENOMEM."""
    if start != vma.start:
        error = vmas.split_vma(world, vma.mm, vma, start, new_below=True)
        if error:
            return error
    if end != vma.end:
        return vmas.split_vma(world, vma.mm, vma, end, new_below=False)
    return 0


def new_protection(world: World, vma: Vma, flags: int) -> int:
    """MF7: the page protection for these flags.

    With U4, of a shared writable mapping whose dirty pages are accounted, that of a private one.
    """
    mask = ACCESS | VM_SHARED
    if (
        "U4" in world.units
        and files.is_shared_writable(flags)
        and vma.file is not None
        and dirty.mapping_cap_account_dirty(vma.file.mapping)
    ):
        mask = ACCESS
    return pte.protection_map(flags & mask)


def change_protection(world: World, vma: Vma, start: int, end: int, prot: int) -> None:
    """CP: give each present pte of [start, end) a new protection.

    Frame, A and D stay; a pte that is not present stays as it is.
    """
    if start >= end:
        raise Bug("change_protection of nothing")
    for address in range(start, end, PAGE_SIZE):
        word = pte.get_pte(vma.mm, address)
        if pte.pte_present(word):
            pte.set_pte(vma.mm, address, pte.pte_modify(word, prot))
