# SPDX-License-Identifier: GPL-2.0-only
"""write(2): sectors of one page of a file (facts 20.8, 20.14).

Positions are bytes; start and end are bytes in the page.
"""

from __future__ import annotations

from . import alloc, buffers, dirty, journal, lru, nopage, pagecache, times, truncate
from .constants import (
    EBADF,
    EFBIG,
    EINVAL,
    ENOMEM,
    ENOSPC,
    FMODE_WRITE,
    PAGE_SHIFT,
    S_APPEND,
    SECTOR_SIZE,
)
from .state import PAGE_SIZE, Inode, Page, Task, World

ON_DISK = ("ext2", "ext3", "block device")


def sys_write(world: World, task: Task, fd: int, index: int, sector: int, sectors: int) -> int:
    """write(2) of so many sectors at this place of the file: bytes written or an error.

    1. No descriptor, or not open for writing: -EBADF.  No write of its own: -EINVAL.
    2. A file that can only grow is open for appending: at its end; a block device is not.
    3. The limits, and no further than the page.  No sectors: 0.
    4. The times; then as the kind of file does it.
    """
    file = task.fd[fd] if 0 <= fd < len(task.fd) else None
    if file is None or not file.mode & FMODE_WRITE:
        return -EBADF
    inode = file.mapping.inode
    if inode.kind not in ON_DISK + ("tmpfs", "ramfs"):
        return -EINVAL
    position = index * PAGE_SIZE + sector * SECTOR_SIZE
    if inode.flags & S_APPEND and inode.kind != "block device":
        position = inode.size
    count = generic_write_checks(task, inode, position, sectors * SECTOR_SIZE)
    if count <= 0:
        return count
    index, start = divmod(position, PAGE_SIZE)
    count = min(count, PAGE_SIZE - start)
    times.file_update_time(world, inode)
    if inode.kind == "tmpfs":
        return shmem_file_write(world, inode, index, start, start + count)
    return generic_file_write(world, inode, index, start, start + count)


def generic_write_checks(task: Task, inode: Inode, position: int, count: int) -> int:
    """How many bytes may be written here, or -EFBIG, -ENOSPC.

    Files end at the task's limit, block devices at their size; also a count of 0 is refused there.
    """
    if inode.kind == "block device":
        if position >= inode.size:
            return -ENOSPC
        return min(count, inode.size - position)
    limit = task.rlimit_fsize
    if position >= limit:
        return -EFBIG
    return min(count, limit - position)


def copy_in(world: World, page: Page, start: int, end: int) -> None:
    """The bytes arrive: each sector gets a version of its own."""
    for sector in range(start // SECTOR_SIZE, (end + SECTOR_SIZE - 1) // SECTOR_SIZE):
        world.version += 1
        page.contents[sector] = world.version


# through the page cache


def generic_file_write(world: World, inode: Inode, index: int, start: int, end: int) -> int:
    """generic_file_buffered_write of one page: bytes written or an error.

    1. The page, locked; a new one if it is not in memory.  None to be had: -ENOMEM.
    2. Prepare; an error: unlock, let go, and if the write would have made the file longer cut off
       what was added.
    3. Copy, commit, unlock, mark_page_accessed, let go.
    A new page waits for the LRU as others do.
    """
    mapping = inode.mapping
    page = pagecache.find_lock_page(world, mapping, index)
    if page is None:
        page = alloc.alloc_page(world)
        if page is None:
            return -ENOMEM
        error = pagecache.add_to_page_cache_lru(world, page, mapping, index)
        if error:
            alloc.put_page(world, page)
            return error
    return write_page(world, page, inode, start, end)


def write_page(world: World, page: Page, inode: Inode, start: int, end: int) -> int:
    """Steps 2 and 3 of generic_file_write, for a locked page, whose reference goes."""
    error = prepare_write(world, page, inode, start, end)
    if error:
        pagecache.unlock_page(world, page)
        position = page.index << PAGE_SHIFT
        alloc.put_page(world, page)
        if position + end > inode.size:
            truncate.vmtruncate(world, inode, inode.size)
        return error
    copy_in(world, page, start, end)
    commit_write(world, page, inode, start, end)
    pagecache.unlock_page(world, page)
    lru.mark_page_accessed(world, page)
    alloc.put_page(world, page)
    return end - start


def prepare_write(world: World, page: Page, inode: Inode, start: int, end: int) -> int:
    """a_ops->prepare_write: 0 or -errno.

    ramfs: the page becomes Uptodate, what is not copied to is zeroed.
    On disk: the blocks; facts silent: when one of them has no place the page is not Uptodate.
    """
    if inode.kind != "ramfs":
        error = buffers.block_prepare_write(world, page, start, end)
        if error and error != -ENOMEM:
            page.flags.discard("uptodate")
        return error
    if "uptodate" not in page.flags:
        buffers.zero(page, 0, start)
        buffers.zero(page, end, PAGE_SIZE)
        page.flags.add("uptodate")
    return 0


def commit_write(world: World, page: Page, inode: Inode, start: int, end: int) -> None:
    """a_ops->commit_write.

    1. ext3: the blocks join the transaction.
    2. On disk: the blocks become Uptodate and dirty.
    3. The file may have become longer (not a block device); on disk the inode is dirty then.
    4. ramfs: the page is dirty.
    """
    if inode.kind == "ext3":
        for _, block_start, block_end, buffer in buffers.blocks_of(page, inode):
            if block_end > start and block_start < end:
                journal.join_transaction(buffer)
    if inode.kind in ON_DISK:
        buffers.block_commit_write(world, page, start, end)
    position = (page.index << PAGE_SHIFT) + end
    if inode.kind != "block device" and position > inode.size:
        inode.size = position
        if inode.kind in ON_DISK:
            dirty.mark_inode_dirty(world, inode)
    if inode.kind == "ramfs":
        dirty.set_page_dirty(world, page)


# tmpfs


def shmem_file_write(world: World, inode: Inode, index: int, start: int, end: int) -> int:
    """write(2) of tmpfs: the page as nopage would get it, copy, size, dirty, accessed."""
    page, error = nopage.shmem_getpage(world, inode, index)
    if page is None:
        return error
    copy_in(world, page, start, end)
    inode.size = max(inode.size, (index << PAGE_SHIFT) + end)
    dirty.set_page_dirty(world, page)
    lru.mark_page_accessed(world, page)
    alloc.put_page(world, page)
    return end - start
