# SPDX-License-Identifier: GPL-2.0-only
"""Pages that leave their file: truncation and invalidation (facts 20.11, 20.14).

Sizes and offsets are bytes.
"""

from __future__ import annotations

from . import account, alloc, buffers, dirty, disk, pagecache, rmap, zap
from .constants import EFBIG, EIO, ETXTBSY, PAGE_SHIFT, RLIM_INFINITY, S_SWAPFILE
from .state import PAGE_SIZE, Bug, Hang, Inode, Mapping, Page, World

MAX_UNMAPS = 100        # of one page; with more the run has hung


# truncation


def truncate(world: World, inode: Inode, size: int) -> int:
    """truncate(2) of a regular file: 0, -EFBIG or -ETXTBSY.

    1. Another size: vmtruncate, whose error ends it.  The same size touches no page.
    2. The inode is dirty in all respects, also if nothing was done.
    """
    if size != inode.size:
        error = vmtruncate(world, inode, size)
        if error:
            return error
    dirty.mark_inode_dirty(world, inode)
    return 0


def vmtruncate(world: World, inode: Inode, size: int) -> int:
    """Make a file so long: 0, -EFBIG or -ETXTBSY.

    1. Longer: the limit of the running task, and what the disk holds; then only the size.
    2. Shorter or the same: no swap file; the size, the pages out of all page tables (private
       copies too), then out of memory.
    3. The file system's own part.
    """
    if size > inode.size:
        limit = world.current.rlimit_fsize
        if (limit != RLIM_INFINITY and size > limit) or size > world.slots * PAGE_SIZE:
            return -EFBIG
        inode.size = size
    else:
        if inode.flags & S_SWAPFILE:
            return -ETXTBSY
        inode.size = size
        zap.unmap_mapping_range(world, inode.mapping, size + PAGE_SIZE - 1, 0, True)
        truncate_inode_pages(world, inode.mapping, size)
    truncate_hook(world, inode)
    return 0


def truncate_hook(world: World, inode: Inode) -> None:
    """i_op->truncate for the size that the file has now, larger or smaller than before.

    ext2     the tail of the last block becomes zeroes in memory, then blocks behind it are free
    ext3     the same, but without a page for the tail it gives up
    tmpfs    charges for pages that are gone are given back
    others have none
    """
    if inode.kind == "tmpfs":
        account.shmem_recalc_inode(world, inode)
    if inode.kind in ("ext2", "ext3"):
        page_is_there = zero_last_block(world, inode)
        if inode.kind == "ext2" or page_is_there:
            free_blocks(inode)


def zero_last_block(world: World, inode: Inode) -> bool:
    """The file ends inside a block: zero the block from there on, in memory.

    The page is brought into the cache for it, if need be, and locked; False if that cannot be.
    """
    if inode.size % (1 << inode.blkbits) == 0:
        return True
    index, offset = divmod(inode.size, PAGE_SIZE)
    page = pagecache.find_or_create_page(world, inode.mapping, index)
    if page is None:
        return False
    buffers.block_truncate_page(world, page, offset)
    pagecache.unlock_page(world, page)
    alloc.put_page(world, page)
    return True


def free_blocks(inode: Inode) -> None:
    """Blocks behind the end of the file are on disk no more; the last one stays as it is there."""
    first_gone = (inode.size + (1 << inode.blkbits) - 1) >> inode.blkbits
    inode.mapped &= (1 << first_gone) - 1
    for sector in range(first_gone * disk.sectors_of_block(inode), len(inode.disk)):
        inode.disk[sector] = 0


def truncate_inode_pages(world: World, mapping: Mapping, size: int) -> None:
    """Take the pages from `size` on out of memory.

    1. Pass 1: those that can be locked at once and are not under writeback.
    2. The page that is cut: wait for its writeback; zero the tail; discard its blocks there.
    3. Pass 2, until none is left: lock, wait for writeback.
    """
    if not mapping.pages:
        return
    start = (size + PAGE_SIZE - 1) >> PAGE_SHIFT
    sweep(world, mapping, start, wait=False)
    partial = size % PAGE_SIZE
    if partial:
        page = pagecache.find_lock_page(world, mapping, start - 1)
        if page is not None:
            disk.wait_on_page_writeback(world, page)
            truncate_partial_page(world, page, partial)
            pagecache.unlock_page(world, page)
            alloc.put_page(world, page)
    while sweep(world, mapping, start, wait=True):
        pass


def sweep(world: World, mapping: Mapping, start: int, wait: bool) -> bool:
    """One pass over the pages from index `start` on.  True if there was any."""
    found = False
    index = start
    while True:
        pages = pagecache.find_get_pages(world, mapping, index)
        if not pages:
            return found
        found = True
        for page in pages:
            index = max(index, page.index) + 1
            if wait:
                pagecache.lock_page(world, page)
                disk.wait_on_page_writeback(world, page)
            elif not pagecache.trylock_page(world, page):
                continue
            if wait or "writeback" not in page.flags:
                truncate_complete_page(world, mapping, page)
            pagecache.unlock_page(world, page)
        pagecache.pagevec_release(world, pages)


def truncate_partial_page(world: World, page: Page, partial: int) -> None:
    """The file ends inside this page: zero the tail, discard the blocks that begin in it.

    PG_dirty stays as it is, and so do the page's ptes.
    """
    buffers.zero(page, partial, PAGE_SIZE)
    if "private" in page.flags:
        buffers.block_invalidatepage(world, page, partial)


def truncate_complete_page(world: World, mapping: Mapping, page: Page) -> None:
    """A locked page leaves its file.

    1. It has left already: nothing.
    2. PG_private: discard all blocks.  Clean, not Uptodate, not MappedToDisk.
    3. Out of the page cache, and the cache's reference goes.
    """
    if page.mapping is not mapping:
        return
    if "private" in page.flags:
        buffers.block_invalidatepage(world, page, 0)
    dirty.clear_page_dirty(world, page)
    page.flags -= {"uptodate", "mappedtodisk"}
    pagecache.remove_from_page_cache(world, page)
    alloc.put_page(world, page)


# invalidation


def invalidate_inode_pages2(world: World, mapping: Mapping) -> int:
    """Take all pages out of memory, as far as they are on disk: 0 or -EIO.

    Each page, until one cannot be removed:
    1. Lock, wait for writeback, unmap.  facts silent: the first mapped page unmaps the whole rest
       of the file, as in 2.6.17.
    2. was_dirty = test_clear_page_dirty; remove it.
    3. It cannot be removed: dirty again if it was, -EIO.
    """
    index = 0
    whole_rest = True
    while True:
        pages = pagecache.find_get_pages(world, mapping, index)
        if not pages:
            return 0
        result = 0
        for page in pages:
            if result:
                break
            pagecache.lock_page(world, page)
            if page.mapping is mapping:
                index = page.index + 1
                disk.wait_on_page_writeback(world, page)
                whole_rest = unmap(world, mapping, page, whole_rest)
                result = remove_or_restore(world, mapping, page)
            pagecache.unlock_page(world, page)
        pagecache.pagevec_release(world, pages)
        if result:
            return result


def unmap(world: World, mapping: Mapping, page: Page, whole_rest: bool) -> bool:
    """Unmap a page: first with the rest of the file, then alone.  Is the rest still to be done?"""
    for _ in range(MAX_UNMAPS):
        if not rmap.page_mapped(page):
            return whole_rest
        length = 0 if whole_rest else PAGE_SIZE
        zap.unmap_mapping_range(world, mapping, page.index << PAGE_SHIFT, length, False)
        whole_rest = False
    raise Hang(f"invalidate_inode_pages2: page {page.number} stays mapped")


def remove_or_restore(world: World, mapping: Mapping, page: Page) -> int:
    """Steps 2 and 3 of invalidate_inode_pages2."""
    was_dirty = dirty.test_clear_page_dirty(world, page)
    if invalidate_complete_page(world, mapping, page):
        return 0
    if was_dirty:
        dirty.set_page_dirty(world, page)
    return -EIO


def invalidate_complete_page(world: World, mapping: Mapping, page: Page) -> bool:
    """Remove a page: not if its buffers stay, or if it is dirty.  Its count does not matter."""
    if "private" in page.flags and not buffers.try_to_release_page(world, page):
        return False
    if "dirty" in page.flags:
        return False
    if "private" in page.flags:
        raise Bug(f"invalidate: page {page.number} has buffers")
    pagecache.remove_from_page_cache(world, page)
    page.flags.discard("uptodate")
    alloc.put_page(world, page)
    return True
