# SPDX-License-Identifier: GPL-2.0-only
"""mmap and brk: what is mapped (facts 10: MM, BK; 20.13, 20.14)."""

from __future__ import annotations

from dataclasses import dataclass

from . import account, alloc, dirty, files, follow, munmap, populate, pte, zap
from . import vma as vmas
from .constants import (
    EACCES,
    EAGAIN,
    EBADF,
    EINVAL,
    ENODEV,
    ENOMEM,
    EOVERFLOW,
    EPERM,
    ETXTBSY,
    FMODE_READ,
    FMODE_WRITE,
    MAP_ANONYMOUS,
    MAP_DENYWRITE,
    MAP_EXECUTABLE,
    MAP_FIXED,
    MAP_GROWSDOWN,
    MAP_LOCKED,
    MAP_NONBLOCK,
    MAP_NORESERVE,
    MAP_POPULATE,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_TYPE,
    OVERCOMMIT_NEVER,
    PAGE_MASK,
    PAGE_SHIFT,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    READ_IMPLIES_EXEC,
    S_APPEND,
    S_MANDLOCK,
    TASK_SIZE,
    ULONG_MASK,
    VM_ACCOUNT,
    VM_DATA_DEFAULT_FLAGS,
    VM_DENYWRITE,
    VM_EXEC,
    VM_GROWSDOWN,
    VM_GROWSUP,
    VM_LOCKED,
    VM_MAYEXEC,
    VM_MAYREAD,
    VM_MAYSHARE,
    VM_MAYWRITE,
    VM_SHARED,
    VM_WRITE,
)
from .state import PAGE_SIZE, Bug, Mm, OpenFile, Vma, World

# These MAP_ flags have the value of the VM_ flag that they give.
SAME_IN_VMA = MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED


def current_mm(world: World) -> Mm:
    """The running task's memory."""
    return world.mms[world.current.number]


def sys_mmap(
    world: World, address: int, length: int, prot: int, flags: int, fd: int, pgoff: int
) -> int:
    """mmap2(2) by the running task: the address, or an error.

    length : bytes;  pgoff : page index;  flags : MAP_*

    1. MAP_DENYWRITE and MAP_EXECUTABLE are not for system calls.
    2. Without MAP_ANONYMOUS, no such descriptor: -EBADF.  The file is held meanwhile.
    """
    flags &= ~(MAP_EXECUTABLE | MAP_DENYWRITE)
    if flags & MAP_ANONYMOUS:
        return do_mmap_pgoff(world, None, address, length, prot, flags, pgoff)
    file = files.file_of(world.current, fd)
    if file is None:
        return -EBADF
    files.get_file(world, file)
    result = do_mmap_pgoff(world, file, address, length, prot, flags, pgoff)
    files.fput(world, file)
    return result


def do_mmap_pgoff(
    world: World,
    file: OpenFile | None,
    address: int,
    length: int,
    prot: int,
    flags: int,
    pgoff: int,
) -> int:
    """Map a file, or memory, into the running task: the address, or an error.

    MM1 MM2 the file, the protection.  MM3 MM4 the place.  MM5-MM7 the vma's flags.
    MM9 what was there goes.  MM10 MM11 limits and the charge.  MM12 merge memory, or
    MM13-MM21 a vma of its own.  MM22 MM23 statistics, and pages that must be there at once.
    """
    mm = current_mm(world)
    kind = file.mapping.inode.kind if file is not None else ""
    accountable = kind != "hugetlbfs"                                       # MM1
    if kind == files.NO_MMAP:
        return -ENODEV
    if prot & PROT_READ and world.current.personality & READ_IMPLIES_EXEC:  # MM2
        prot |= PROT_EXEC
    address, length = choose_range(world, mm, address, length, flags, pgoff)       # MM3 MM4
    if address < 0:
        return address
    pages = length >> PAGE_SHIFT
    vm_flags = initial_flags(mm, prot, flags)                               # MM5
    error = check_lock(world, mm, flags, vm_flags, pages)                   # MM6
    if error:
        return error
    error, more, less = sharing(file, prot, flags)                          # MM7
    if error:
        return error
    vm_flags = (vm_flags | more) & ~less
    if file is None and flags & MAP_TYPE == MAP_PRIVATE:
        pgoff = address >> PAGE_SHIFT
    if clear_range(world, mm, address, length):                             # MM9
        return -ENOMEM
    if not account.may_expand_vm(world, mm, pages):                         # MM10
        return -ENOMEM
    charged = 0                                                             # MM11
    if accountable and (not flags & MAP_NORESERVE or world.overcommit == OVERCOMMIT_NEVER):
        if vm_flags & VM_SHARED:
            vm_flags |= VM_ACCOUNT
        elif vm_flags & VM_WRITE:
            charged = pages
            if account.vm_enough_memory(world, charged):
                return -ENOMEM
            vm_flags |= VM_ACCOUNT
    prev = vmas.find_vma_prev(world, mm, address)[1]
    merged = None
    if file is None and not vm_flags & VM_SHARED:                           # MM12
        merged = vmas.vma_merge(
            world, mm, prev, address, address + length, vm_flags, None, None, pgoff
        )
    if merged is None:
        new = Request(file, address, length, vm_flags, pgoff, charged)
        error = map_new(world, mm, prev, new)                               # MM13-MM21
        if error:
            return error
        address, pgoff, vm_flags, file = new.address, new.pgoff, new.flags, new.file
    mm.total_vm = (mm.total_vm + pages) & ULONG_MASK                        # MM22
    account.vm_stat_account(mm, vm_flags, file, pages)
    if vm_flags & VM_LOCKED:                                                # MM23
        mm.locked_vm = (mm.locked_vm + pages) & ULONG_MASK
        make_pages_present(world, mm, address, address + length)
    if flags & MAP_POPULATE:
        populate.sys_remap_file_pages(world, address, length, 0, pgoff, flags & MAP_NONBLOCK)
    return address


def choose_range(
    world: World, mm: Mm, address: int, length: int, flags: int, pgoff: int
) -> tuple[int, int]:
    """MM3 and MM4: where a mapping goes: (address or error, length in whole pages)."""
    if length == 0:
        return -EINVAL, 0
    length = alloc.page_align(length) & ULONG_MASK
    if length == 0 or length > TASK_SIZE:
        return -ENOMEM, 0
    if pgoff + (length >> PAGE_SHIFT) > ULONG_MASK:
        return -EOVERFLOW, 0
    if mm.map_count > world.max_map_count:
        return -ENOMEM, 0
    if not flags & MAP_FIXED:
        address = vmas.get_unmapped_area(world, mm, address, length)
        if address < 0:
            return address, 0
    if address > TASK_SIZE - length:
        return -ENOMEM, 0
    if address & ~PAGE_MASK:
        return -EINVAL, 0
    return address, length


def initial_flags(mm: Mm, prot: int, flags: int) -> int:
    """MM5: a vma's flags before it is known what is mapped and how it is shared."""
    return (
        prot & (PROT_READ | PROT_WRITE | PROT_EXEC)
        | flags & SAME_IN_VMA
        | mm.def_flags
        | VM_MAYREAD
        | VM_MAYWRITE
        | VM_MAYEXEC
    )


def check_lock(world: World, mm: Mm, flags: int, vm_flags: int, pages: int) -> int:
    """MM6: may these pages be locked: 0, -EPERM (not at all) or -EAGAIN (too many)."""
    if flags & MAP_LOCKED and not account.can_do_mlock(world.current):
        return -EPERM
    if vm_flags & VM_LOCKED and account.over_memlock_limit(world.current, mm, pages):
        return -EAGAIN
    return 0


def sharing(file: OpenFile | None, prot: int, flags: int) -> tuple[int, int, int]:
    """MM7: what MAP_SHARED and MAP_PRIVATE ask of a file and give to the vma.

    returns (error, flags to set, flags to clear)

    A shared mapping of a file that is not open for writing has only the name of one: VM_MAYSHARE
    without VM_SHARED.
    """
    kind = flags & MAP_TYPE
    if kind not in (MAP_SHARED, MAP_PRIVATE):
        return -EINVAL, 0, 0
    shared = VM_SHARED | VM_MAYSHARE if kind == MAP_SHARED else 0
    if file is None:
        return 0, shared, 0
    cleared = 0
    if shared:
        inode = file.mapping.inode
        if prot & PROT_WRITE and not file.mode & FMODE_WRITE:
            return -EACCES, 0, 0
        if inode.flags & S_APPEND and file.mode & FMODE_WRITE:
            return -EACCES, 0, 0
        if inode.flags & S_MANDLOCK:
            return -EAGAIN, 0, 0
        if not file.mode & FMODE_WRITE:
            cleared = VM_MAYWRITE | VM_SHARED
    if not file.mode & FMODE_READ:
        return -EACCES, 0, 0
    return 0, shared, cleared


def clear_range(world: World, mm: Mm, address: int, length: int) -> int:
    """MM9, BK5: unmap whatever overlaps: 0 or an error.

    Whatever goes wrong later, these mappings do not come back.
    """
    while True:
        vma = vmas.find_vma(world, mm, address)
        if vma is None or vma.start >= address + length:
            return 0
        error = munmap.do_munmap(world, mm, address, length)
        if error:
            return error


@dataclass
class Request:
    """What map_new is asked for, and afterwards what it made.

    file     of the system call;  afterwards what MM22 goes by
    address  bytes, flags VM_*, pgoff page index;  afterwards as the file's hook left them
    length   bytes;  charged: pages, given back if the mapping fails
    """

    file: OpenFile | None
    address: int
    length: int
    flags: int
    pgoff: int
    charged: int


def map_new(world: World, mm: Mm, prev: Vma | None, new: Request) -> int:
    """MM13 to MM21: make a vma, let the file see it, link it or merge it: 0 or an error.

    MM24 to MM26: a failure frees the vma and takes the charge back; if the file's hook refused,
    what it mapped is unmapped, which takes a charge back that the vma says it has (VM_ACCOUNT),
    even if there was none.
    """
    vma = alloc.vma_alloc(world)                                            # MM13
    if vma is None:
        account.vm_unacct_memory(world, new.charged)
        return -ENOMEM
    vma.mm = mm                                                             # MM14
    vma.start = new.address
    vma.end = new.address + new.length
    vma.flags = new.flags
    vma.prot = pte.protection_map(new.flags)
    vma.pgoff = new.pgoff
    denied = False
    error = 0
    if new.file is not None:                                                # MM15
        error, denied = attach_file(world, mm, prev, vma, new)
    elif new.flags & VM_SHARED:                                             # MM16
        error = files.shmem_zero_setup(world, vma)
    if error:                                                               # MM25 MM26
        alloc.vma_free(world, vma)
        account.vm_unacct_memory(world, new.charged)
        return error
    if new.flags & VM_SHARED and new.flags & VM_ACCOUNT:                    # MM17
        vma.flags &= ~VM_ACCOUNT
    new.address, new.pgoff, new.flags = vma.start, vma.pgoff, vma.flags     # MM18
    protect_from_first_store(world, vma)                                    # MM19
    merged = None
    if new.file is not None:                                                # MM20
        merged = vmas.vma_merge(
            world, mm, prev, new.address, vma.end, vma.flags, None, new.file, new.pgoff
        )
    if merged is None:
        new.file = vma.file
        vmas.vma_link(world, mm, vma)
    if denied:
        new.file.mapping.inode.writecount += 1
    if merged is not None:                                                  # MM21
        files.fput(world, new.file)
        alloc.vma_free(world, vma)
    return 0


def attach_file(
    world: World, mm: Mm, prev: Vma | None, vma: Vma, new: Request
) -> tuple[int, bool]:
    """MM15: the vma holds the file, whose hook sees it: (0 or an error, writers were denied).

    1. A file's mapping does not grow: -EINVAL.
    2. VM_DENYWRITE: -ETXTBSY if somebody may write; else nobody may from now on.
    3. MM24: the hook refuses: all this taken back, and what it mapped is unmapped.
    """
    inode = new.file.mapping.inode
    if new.flags & (VM_GROWSDOWN | VM_GROWSUP):
        return -EINVAL, False
    denied = bool(new.flags & VM_DENYWRITE)
    if denied:
        if inode.writecount > 0:
            return -ETXTBSY, False
        inode.writecount -= 1
    vma.file = new.file
    files.get_file(world, new.file)
    error = files.mmap_hook(world, new.file, vma)
    if error:                                                               # MM24
        if denied:
            inode.writecount += 1
        vma.file = None
        files.fput(world, new.file)
        zap.unmap_region(world, mm, [vma], vma.start, vma.end)
        new.charged = 0
    return error, denied


def protect_from_first_store(world: World, vma: Vma) -> None:
    """MM19: with U3, ptes of a shared writable mapping begin without RW.

    Only where dirty pages are accounted; all else in the protection stays, like a driver's bits.
    """
    if (
        "U3" in world.units
        and files.is_shared_writable(vma.flags)
        and vma.file is not None
        and dirty.mapping_cap_account_dirty(vma.file.mapping)
    ):
        vma.prot = pte.pte_wrprotect(vma.prot)


def make_pages_present(world: World, mm: Mm, start: int, end: int) -> None:
    """Fault in all pages of [start, end), for writing if the vma is writable.

    What goes wrong is forgotten.  BUG if they are not one vma's.
    """
    vma = vmas.find_vma(world, mm, start)
    if vma is None:
        return
    if start >= end or end > vma.end:
        raise Bug("make_pages_present of what is not one vma's")
    write = bool(vma.flags & VM_WRITE)
    follow.get_user_pages(world, mm, start, (end - start) >> PAGE_SHIFT, write, False)


# brk


def sys_brk(world: World, brk: int) -> int:
    """brk(2) by the running task: the end of the heap as it is afterwards, an address.

    1. Below the heap or over the limit: nothing.
    2. The same page: only the number.  Lower: unmap.
    3. Higher: nothing may be mapped there, and in the page after; do_brk.
    """
    mm = current_mm(world)
    new, old = alloc.page_align(brk), alloc.page_align(mm.brk)
    if brk < mm.start_brk or brk - mm.start_brk > world.current.rlimit_data:
        return mm.brk
    if new < old:
        if munmap.do_munmap(world, mm, new, old - new):
            return mm.brk
    elif new > old:
        vma = vmas.find_vma(world, mm, old)
        if vma is not None and vma.start < new + PAGE_SIZE:
            return mm.brk
        if do_brk(world, old, new - old) != old:
            return mm.brk
    mm.brk = brk
    return brk


def do_brk(world: World, address: int, length: int) -> int:
    """Map memory for the heap: the address, or an error.

    BK1 BK2 the range.  BK4 the limit of locked pages.  BK5 what was there goes.  BK6 limits and
    the charge.  BK7 merge, or BK8 BK9 a vma of its own.  BK10 count.
    """
    mm = current_mm(world)
    length = alloc.page_align(length)                                       # BK1
    if length == 0:
        return address
    if address + length > TASK_SIZE:                                        # BK2
        return -EINVAL
    pages = length >> PAGE_SHIFT
    if mm.def_flags & VM_LOCKED and account.over_memlock_limit(world.current, mm, pages):  # BK4
        return -EAGAIN
    if clear_range(world, mm, address, length):                             # BK5
        return -ENOMEM
    if not account.may_expand_vm(world, mm, pages):                         # BK6
        return -ENOMEM
    if mm.map_count > world.max_map_count:
        return -ENOMEM
    if account.vm_enough_memory(world, pages):
        return -ENOMEM
    flags = VM_DATA_DEFAULT_FLAGS | VM_ACCOUNT | mm.def_flags               # BK3
    if world.current.personality & READ_IMPLIES_EXEC:
        flags |= VM_EXEC
    pgoff = address >> PAGE_SHIFT
    prev = vmas.find_vma_prev(world, mm, address)[1]
    end = address + length
    if vmas.vma_merge(world, mm, prev, address, end, flags, None, None, pgoff) is None:  # BK7
        vma = alloc.vma_alloc(world)                                        # BK8
        if vma is None:
            account.vm_unacct_memory(world, pages)
            return -ENOMEM
        vma.mm, vma.start, vma.end, vma.pgoff = mm, address, end, pgoff     # BK9
        vma.flags = flags
        vma.prot = pte.protection_map(flags)
        vmas.vma_link(world, mm, vma)
    mm.total_vm = (mm.total_vm + pages) & ULONG_MASK                        # BK10
    if flags & VM_LOCKED:
        mm.locked_vm = (mm.locked_vm + pages) & ULONG_MASK
        make_pages_present(world, mm, address, end)
    return address
