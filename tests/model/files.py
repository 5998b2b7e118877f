# SPDX-License-Identifier: GPL-2.0-only
"""Open files, inodes that end, and what each kind of file does when it is mapped.

Facts 20.14; the kinds are those of docs/operations.md.
"""

from __future__ import annotations

from . import account, alloc, pte, times, truncate
from .constants import (
    BDI_CAP_NO_ACCT_DIRTY,
    BDI_CAP_NO_WRITEBACK,
    EBADF,
    EBUSY,
    EINVAL,
    EIO,
    ENFILE,
    ENOENT,
    ENOMEM,
    ENOSPC,
    ETXTBSY,
    FMODE_READ,
    FMODE_WRITE,
    I_CLEAR,
    I_FREEING,
    PAGE_SHIFT,
    S_ACCOUNT,
    S_CHARGES,
    VM_ACCOUNT,
    VM_HUGETLB,
    VM_IO,
    VM_PFNMAP,
    VM_RESERVED,
    VM_SHARED,
    VM_WRITE,
)
from .state import PAGE_SIZE, Bug, CountBelowZero, Inode, OpenFile, Task, Vma, World

DEVICE_PFN = 0xF0000            # the PFNMAP driver's first frame
DEVICE_MASK = 0x7FFF            # of a page index: the frame, from there
NO_MMAP = "no mmap"


def is_shared_writable(flags: int) -> bool:
    """SW1: VM_SHARED and VM_WRITE, and not VM_PFNMAP.  VM_MAYSHARE plays no part."""
    return flags & (VM_SHARED | VM_WRITE | VM_PFNMAP) == VM_SHARED | VM_WRITE


# Descriptors


def get_file(world: World, file: OpenFile) -> None:
    """One more reference."""
    file.count += 1


def fput(world: World, file: OpenFile) -> None:
    """One reference less; the last one closes the file.

    1. A file that was open for writing: writecount - 1.
    2. The inode loses the reference that the open file held.
    raises CountBelowZero    there was none
    """
    if file.count == 0:
        raise CountBelowZero(f"file {file.number}")
    file.count -= 1
    if file.count:
        return
    inode = file.mapping.inode
    if file.mode & FMODE_WRITE:
        inode.writecount -= 1
    alloc.file_free(world, file)
    put_inode(world, inode)


def put_inode(world: World, inode: Inode) -> None:
    """One reference less; the last one ends the inode, which has no name then."""
    inode.count -= 1
    if inode.count == 0:
        destroy_inode(world, inode)


def destroy_inode(world: World, inode: Inode) -> None:
    """What an unnamed tmpfs file had goes back: its pages, its charge, itself."""
    inode.state |= I_FREEING
    inode.place = ""
    truncate.truncate_inode_pages(world, inode.mapping, 0)
    account.vm_unacct_memory(world, inode.charged)      # whole, or what pages were charged for
    inode.state = I_CLEAR
    alloc.inode_free(world, inode)


def file_of(task: Task, fd: int) -> OpenFile | None:
    """What a descriptor holds; None also for a number that is none."""
    return task.fd[fd] if 0 <= fd < len(task.fd) else None


def sys_open(world: World, task: Task, fd: int, inode_number: int, mode: int) -> int:
    """open(2) of a named file onto this descriptor: 0 or an error.

    mode : FMODE_READ | FMODE_WRITE

    1. -ENOENT: no such inode.  -EBUSY: the descriptor is in use.
    2. No open file to be had: -ENFILE.
    3. For writing what must not be written (writecount below 0): -ETXTBSY; else writecount + 1.
    """
    if inode_number >= len(world.inodes) or world.inodes[inode_number].count == 0:
        return -ENOENT
    if not 0 <= fd < len(task.fd):
        return -EBADF
    if task.fd[fd] is not None:
        return -EBUSY
    inode = world.inodes[inode_number]
    file = alloc.file_alloc(world)
    if file is None:
        return -ENFILE
    if mode & FMODE_WRITE and inode.writecount < 0:
        alloc.file_free(world, file)
        return -ETXTBSY
    if mode & FMODE_WRITE:
        inode.writecount += 1
    file.mapping = inode.mapping
    file.mode = mode
    inode.count += 1
    task.fd[fd] = file
    return 0


def sys_close(world: World, task: Task, fd: int) -> int:
    """close(2): 0 or -EBADF."""
    file = file_of(task, fd)
    if file is None:
        return -EBADF
    task.fd[fd] = None
    fput(world, file)
    return 0


# Mapping


def mmap_hook(world: World, file: OpenFile, vma: Vma) -> int:
    """f_op->mmap: what a kind of file does to a new vma: 0 or an error.

    disk files, block devices, ramfs    nopage and populate of page-cache files; file_accessed
    tmpfs                               its own; file_accessed
    PFNMAP driver                       all ptes at once
    prot driver                         PCD and PWT in the protection
    hugetlbfs                           VM_HUGETLB and VM_RESERVED
    failing driver                      -EIO, after setting VM_ACCOUNT if its inode says so
    """
    kind = file.mapping.inode.kind
    if kind in ("ext2", "ext3", "block device", "ramfs"):
        times.file_accessed(world, file.mapping.inode)
        vma.ops = "generic"
    elif kind == "tmpfs":
        times.file_accessed(world, file.mapping.inode)
        vma.ops = "shmem"
    elif kind == "PFNMAP driver":
        pfn = DEVICE_PFN + (vma.pgoff & DEVICE_MASK)
        return remap_pfn_range(world, vma, vma.start, pfn, vma.end - vma.start, vma.prot)
    elif kind == "prot driver":
        vma.prot |= pte.PAGE_PCD | pte.PAGE_PWT
        vma.ops = "driver"
    elif kind == "hugetlbfs":
        vma.flags |= VM_HUGETLB | VM_RESERVED
    else:
        if file.mapping.inode.flags & S_CHARGES:
            vma.flags |= VM_ACCOUNT
        return -EIO
    return 0


def remap_pfn_range(
    world: World, vma: Vma, address: int, pfn: int, size: int, prot: int
) -> int:
    """Map frames that have no page, from `address` on: 0, -EINVAL or -ENOMEM.

    1. Copy on write: it must be the whole vma, and vm_pgoff becomes the first frame's number.
    2. The vma becomes VM_IO, VM_RESERVED and VM_PFNMAP.
    3. Every pte: frame and protection; BUG if one is not none.  Nothing is counted.
    """
    end = address + alloc.page_align(size)
    if pte.is_cow_mapping(vma.flags):
        if address != vma.start or end != vma.end:
            return -EINVAL
        vma.pgoff = pfn
    vma.flags |= VM_IO | VM_RESERVED | VM_PFNMAP
    for start, border in alloc.tables_of(address, end):
        if not alloc.pte_alloc(world, vma.mm, start):
            return -ENOMEM
        for at in range(start, border, PAGE_SIZE):
            if not pte.pte_none(pte.get_pte(vma.mm, at)):
                raise Bug("remap_pfn_range over a pte")
            frame = pfn + ((at - address) >> PAGE_SHIFT)
            pte.set_pte(vma.mm, at, pte.pfn_pte(frame, prot))
    return 0


def shmem_zero_setup(world: World, vma: Vma) -> int:
    """Give an anonymous shared vma a tmpfs file without a name: 0, -ENOMEM, -ENFILE, -ENOSPC.

    1. With VM_ACCOUNT in the vma's flags its pages are charged to the file: -ENOMEM if refused.
       Without, each of them is when it is made.
    2. An open file (-ENFILE), then an inode (-ENOSPC); either failing takes the charge back.
    3. The vma maps the file, with tmpfs's operations, and holds its one reference.
    """
    size = vma.end - vma.start
    charged = size >> PAGE_SHIFT if vma.flags & VM_ACCOUNT else 0
    if charged and account.vm_enough_memory(world, charged):
        return -ENOMEM
    file = alloc.file_alloc(world)
    if file is None:
        account.vm_unacct_memory(world, charged)
        return -ENFILE
    inode = alloc.inode_alloc(world)
    if inode is None:
        alloc.file_free(world, file)
        account.vm_unacct_memory(world, charged)
        return -ENOSPC
    make_unnamed(inode, size, charged, S_ACCOUNT if vma.flags & VM_ACCOUNT else 0)
    file.mapping = inode.mapping
    file.mode = FMODE_READ | FMODE_WRITE
    vma.file = file
    vma.ops = "shmem"
    return 0


def make_unnamed(inode: Inode, size: int, charged: int, flags: int) -> None:
    """Make a new inode a tmpfs file of so many bytes, charged for so many pages.

    flags : S_ACCOUNT, or 0: by page
    """
    inode.kind = "tmpfs"
    inode.hashed = True
    inode.writecount = 1            # of the one open file
    inode.size = size
    inode.charged = charged
    inode.flags = flags
    inode.mapping.capabilities = BDI_CAP_NO_ACCT_DIRTY | BDI_CAP_NO_WRITEBACK
