# SPDX-License-Identifier: GPL-2.0-only
"""Pages of files for those who want them in memory: nopage of each kind, and reading in.

Facts 20.8 (read-in), 20.14.  A nopage gives (page, code): a page with one reference and
VM_FAULT_MINOR or VM_FAULT_MAJOR; no page and VM_FAULT_SIGBUS or VM_FAULT_OOM.
"""

from __future__ import annotations

from . import account, alloc, buffers, disk, lru, pagecache
from .constants import (
    EEXIST,
    ENOMEM,
    ENOSPC,
    PAGE_SHIFT,
    VM_FAULT_MAJOR,
    VM_FAULT_MINOR,
    VM_FAULT_OOM,
    VM_FAULT_SIGBUS,
)
from .state import PAGE_SIZE, SECTORS, Buffer, Inode, Mapping, Page, Vma, World


def nopage(world: World, vma: Vma, address: int) -> tuple[Page | None, int]:
    """vma.ops' nopage, for the page at `address` (page aligned)."""
    index = vma.pgoff + ((address - vma.start) >> PAGE_SHIFT)
    if vma.ops == "shmem":
        return shmem_nopage(world, vma, index)
    if vma.ops == "driver":
        return driver_nopage(world, vma, index)
    return filemap_nopage(world, vma, index)


# files of the page cache


def filemap_nopage(world: World, vma: Vma, index: int) -> tuple[Page | None, int]:
    """A page of a page-cache file.

    1. Beyond the file: SIGBUS; a tracer who reaches into another mm gets a page that is read.
    2. Not in memory: read it, MAJOR.  No memory: OOM.
    3. In memory and not Uptodate: read it, twice at most, MAJOR; then SIGBUS.
    4. mark_page_accessed.
    """
    mapping = vma.file.mapping
    code = VM_FAULT_MINOR
    inside = index < (mapping.inode.size + PAGE_SIZE - 1) >> PAGE_SHIFT
    if not inside and vma.mm is world.mms[world.current.number]:
        return None, VM_FAULT_SIGBUS
    page = pagecache.find_get_page(world, mapping, index)
    while page is None:
        code = VM_FAULT_MAJOR
        error = page_cache_read(world, mapping, index)
        if error:
            return None, VM_FAULT_OOM if error == -ENOMEM else VM_FAULT_SIGBUS
        page = pagecache.find_get_page(world, mapping, index)
    if "uptodate" not in page.flags:
        code = VM_FAULT_MAJOR
        if not make_uptodate(world, page):
            alloc.put_page(world, page)
            return None, VM_FAULT_SIGBUS
    lru.mark_page_accessed(world, page)
    return page, code


def filemap_getpage(world: World, mapping: Mapping, index: int, nonblock: bool) -> Page | None:
    """populate's way to a page: it is in memory and Uptodate, or is read; None if it cannot be.

    nonblock : nothing is read
    """
    page = pagecache.find_get_page(world, mapping, index)
    while page is None:
        if nonblock or page_cache_read(world, mapping, index):
            return None
        page = pagecache.find_get_page(world, mapping, index)
    if "uptodate" not in page.flags and (nonblock or not make_uptodate(world, page)):
        alloc.put_page(world, page)
        return None
    lru.mark_page_accessed(world, page)
    return page


def page_cache_read(world: World, mapping: Mapping, index: int) -> int:
    """Bring a page into memory: a new page, into the cache, read.  0 or -errno.

    A place that is taken meanwhile is no error.
    """
    page = alloc.alloc_page(world)
    if page is None:
        return -ENOMEM
    error = pagecache.add_to_page_cache_lru(world, page, mapping, index)
    if error == 0:
        error = readpage(world, page)
    elif error == -EEXIST:
        error = 0
    alloc.put_page(world, page)
    return error


def make_uptodate(world: World, page: Page) -> bool:
    """Read a page that is in the cache and not Uptodate; the second time without PG_error."""
    for attempt in range(2):
        pagecache.lock_page(world, page)
        if page.mapping is None:
            pagecache.unlock_page(world, page)
            return False
        if "uptodate" in page.flags:
            pagecache.unlock_page(world, page)
            return True
        if attempt:
            page.flags.discard("error")
        if readpage(world, page) == 0 and "uptodate" in page.flags:
            return True
    return False


def readpage(world: World, page: Page) -> int:
    """a_ops->readpage of a locked page; done at once, it comes back unlocked.  0 or -errno.

    A block device reads block by block, so that its page has buffers afterwards.
    """
    kind = page.mapping.inode.kind
    if kind == "ramfs":
        return simple_readpage(world, page)
    if kind == "block device":
        return buffers.block_read_full_page(world, page)
    return mpage_readpage(world, page)


def simple_readpage(world: World, page: Page) -> int:
    """There is no disk: zeroes."""
    if "uptodate" not in page.flags:
        page.contents = [0] * SECTORS
        page.flags.add("uptodate")
    pagecache.unlock_page(world, page)
    return 0


def mpage_readpage(world: World, page: Page) -> int:
    """Read a page as a whole if its blocks are all on disk, but for a hole at its end.

    1. It has buffers, or a block on disk follows a hole: block by block.
    2. Fill; the hole and whole blocks beyond the file are zeroes, the last block is as the disk
       has it.  No buffers are attached.
    PG_mappedtodisk is never set: nobody would ask for it.
    """
    inode = page.mapping.inode
    first_hole = first_hole_of(world, page, inode)
    if "private" in page.flags or first_hole is None:
        return buffers.block_read_full_page(world, page)
    for sector in range(SECTORS):
        if sector < first_hole * disk.sectors_of_block(inode):
            disk.read_sector(page, sector)
        else:
            page.contents[sector] = 0
    page.flags.add("uptodate")
    pagecache.unlock_page(world, page)
    return 0


def first_hole_of(world: World, page: Page, inode: Inode) -> int | None:
    """How many blocks of the page come before its first hole; None: a block follows a hole.

    Blocks beyond the file are holes.
    """
    per_page = PAGE_SIZE >> inode.blkbits
    last_block = (inode.size + (1 << inode.blkbits) - 1) >> inode.blkbits
    mapped = []
    for iblock in range(page.index * per_page, (page.index + 1) * per_page):
        place = Buffer(-1)
        if iblock < last_block:
            buffers.get_block(world, inode, iblock, place, False)
        mapped.append("Mapped" in place.flags)
    first_hole = mapped.index(False) if False in mapped else per_page
    return None if any(mapped[first_hole:]) else first_hole


# tmpfs and the driver


def shmem_getpage(world: World, inode: Inode, index: int) -> tuple[Page | None, int]:
    """A page of a tmpfs file, with a reference: (page, 0) or (None, -errno).

    1. Missing: charges for pages that are gone are given back.
    2. The file is charged for it, if it is by page: -ENOSPC if that is refused.
    3. A new zeroed page, in the cache, Uptodate, not dirty.  None to be had: not charged.
    """
    mapping = inode.mapping
    page = pagecache.find_lock_page(world, mapping, index)
    if page is None:
        account.shmem_recalc_inode(world, inode)
        if account.shmem_acct_page(world, inode):
            return None, -ENOSPC
        page = alloc.alloc_zeroed(world)
        if page is None:
            account.shmem_unacct_page(world, inode)
            return None, -ENOMEM
        # facts silent: 2.6.17 would try for ever where there is no room
        error = pagecache.add_to_page_cache_lru(world, page, mapping, index)
        if error:
            alloc.put_page(world, page)
            account.shmem_unacct_page(world, inode)
            return None, error
    page.flags.add("uptodate")
    pagecache.unlock_page(world, page)
    return page, 0


def shmem_nopage(world: World, vma: Vma, index: int) -> tuple[Page | None, int]:
    """A page of tmpfs: at or beyond its size SIGBUS, else MINOR."""
    inode = vma.file.mapping.inode
    if index << PAGE_SHIFT >= inode.size:
        return None, VM_FAULT_SIGBUS
    page, error = shmem_getpage(world, inode, index)
    if page is None:
        return None, VM_FAULT_OOM if error == -ENOMEM else VM_FAULT_SIGBUS
    lru.mark_page_accessed(world, page)
    return page, VM_FAULT_MINOR


def driver_nopage(world: World, vma: Vma, index: int) -> tuple[Page | None, int]:
    """The prot driver's own page: zeroed and Uptodate when first touched, never on the LRU.

    facts silent: a driver's memory has no end.
    """
    mapping = vma.file.mapping
    page = pagecache.find_get_page(world, mapping, index)
    if page is None:
        page = alloc.alloc_zeroed(world)
        if page is None:
            return None, VM_FAULT_OOM
        if pagecache.add_to_page_cache(world, page, mapping, index):
            alloc.put_page(world, page)
            return None, VM_FAULT_OOM
        page.flags.add("uptodate")
        pagecache.unlock_page(world, page)
    return page, VM_FAULT_MINOR
