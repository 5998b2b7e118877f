# SPDX-License-Identifier: GPL-2.0-only
"""Writeback: from dirty inodes to dirty pages to the disk (facts 20.9; DW in facts 10).

Pages are found by their DIRTY tag alone.  Sizes and positions are bytes, nr_to_write pages.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import buffers, dirty, disk, journal, pagecache, rmap, swap
from .constants import (
    AOP_WRITEPAGE_ACTIVATE,
    EBADF,
    EINVAL,
    EIO,
    ENOSPC,
    I_DIRTY,
    I_DIRTY_DATASYNC,
    I_DIRTY_PAGES,
    I_DIRTY_SYNC,
    I_FREEING,
    I_LOCK,
    PAGE_SHIFT,
    PAGEVEC_SIZE,
    WB_SYNC_ALL,
    WB_SYNC_NONE,
)
from .pagecache import DIRTY, WRITEBACK
from .state import PAGE_SIZE, Buffer, Bug, Inode, Mapping, Page, Task, World

EVERYTHING = 2**63 - 1      # an nr_to_write that nothing uses up
WITH_FSYNC = ("ext2", "ext3", "block device")
FSYNC_DOES_NOTHING = ("tmpfs", "ramfs", "hugetlbfs")


@dataclass
class WritebackControl:
    """What whoever wants pages written says about it, and is told.

    nr_to_write : pages still to be written;  pages_skipped : those that were not
    start, end : bytes; both 0: the whole file
    """

    nr_to_write: int
    sync_mode: int = WB_SYNC_NONE
    pages_skipped: int = 0
    start: int = 0
    end: int = 0
    nonblocking: bool = False
    encountered_congestion: bool = False
    for_kupdate: bool = False
    for_reclaim: bool = False
    for_writepages: bool = False


# one page


def has_writepage(world: World, mapping: Mapping) -> bool:
    """Do pages of this mapping have a way to be written?  Not ramfs's, hugetlbfs's, drivers'."""
    if mapping is world.swapper_space:
        return True
    return mapping.inode.kind in ("ext2", "ext3", "block device", "tmpfs")


def writepage(world: World, page: Page, wbc: WritebackControl) -> int:
    """a_ops->writepage of a locked page: 0, -errno, or AOP_WRITEPAGE_ACTIVATE (still locked)."""
    mapping = pagecache.page_mapping(world, page)
    if mapping is world.swapper_space:
        return swap.swap_writepage(world, page)
    if mapping.inode.kind == "tmpfs":
        return shmem_writepage(world, page)
    if mapping.inode.kind == "ext3":
        return journal.ext3_writepage(world, page, wbc)
    return buffers.block_write_full_page(world, page, wbc)


def shmem_writepage(world: World, page: Page) -> int:
    """tmpfs never swaps here: the page is dirty again, stays locked, and is called active."""
    if rmap.page_mapped(page):
        raise Bug(f"shmem_writepage: page {page.number} is mapped")
    dirty.set_page_dirty(world, page)
    return AOP_WRITEPAGE_ACTIVATE


def note_error(mapping: Mapping, result: int) -> None:
    """What a writepage gave, for a later fsync: AS_ENOSPC, or AS_EIO for anything else but 0."""
    if result:
        mapping.flags.add("ENOSPC" if result == -ENOSPC else "EIO")


# the pages of a mapping


def do_writepages(world: World, mapping: Mapping, wbc: WritebackControl) -> int:
    """DW1 nothing to write: 0.  DW2 to DW4 the mapping's writepages, marked so in wbc."""
    if wbc.nr_to_write <= 0:
        return 0
    wbc.for_writepages = True
    if mapping.inode is not None and mapping.inode.kind == "ext2":
        result = mpage_writepages(world, mapping, wbc, True)
    else:
        result = generic_writepages(world, mapping, wbc)
    wbc.for_writepages = False
    return result


def generic_writepages(world: World, mapping: Mapping, wbc: WritebackControl) -> int:
    """mpage_writepages by writepage of each page.

    facts silent: a mapping without writepage (drivers) writes nothing, 0.
    """
    if not has_writepage(world, mapping):
        return 0
    return mpage_writepages(world, mapping, wbc, False)


def mpage_writepages(world: World, mapping: Mapping, wbc: WritebackControl, bio: bool) -> int:
    """Write pages that have the DIRTY tag, ascending; the last result.

    bio : by whole pages where that is possible, as ext2

    1. Must not block, and the device is congested: 0.
    2. Begin at writeback_index (SYNC_NONE) or 0; wbc's range if it has one.
    3. Batches of up to 14; each page as write_one says.  A batch is always finished.
    4. SYNC_NONE without range that found no page at all: once more from 0.
    5. No range: writeback_index is behind the last page looked up.
    """
    if wbc.nonblocking and mapping.congested:
        wbc.encountered_congestion = True
        return 0
    is_range = bool(wbc.start or wbc.end)
    index, end = 0, 2**64 - 1
    if wbc.sync_mode == WB_SYNC_NONE:
        index = mapping.writeback_index
    if is_range:
        index, end = wbc.start >> PAGE_SHIFT, wbc.end >> PAGE_SHIFT
    scanned = is_range or wbc.sync_mode != WB_SYNC_NONE
    sweep = Sweep(mapping, wbc, bio, end if is_range else None)
    while True:
        while not sweep.done and index <= end:
            most = min(end - index, PAGEVEC_SIZE - 1) + 1
            pages = pagecache.find_get_pages(world, mapping, index, DIRTY, most)
            if not pages:
                break
            scanned = True
            index = pages[-1].index + 1
            for page in pages:
                write_one(world, page, sweep)
            pagecache.pagevec_release(world, pages)
        if scanned or sweep.done:
            break
        scanned = True
        index = 0
    if not is_range:
        mapping.writeback_index = index
    return sweep.result


@dataclass
class Sweep:
    """One run of mpage_writepages.  last : index of a range's last page, None without a range."""

    mapping: Mapping
    wbc: WritebackControl
    bio: bool
    last: int | None
    result: int = 0
    done: bool = False


def write_one(world: World, page: Page, sweep: Sweep) -> None:
    """One page of mpage_writepages.

    1. Lock it.  No longer of this mapping: leave it.  Behind the range: leave it, done.
    2. SYNC: wait for its writeback.  Under writeback, or not dirty any more: leave it.
    3. Write it; AOP_WRITEPAGE_ACTIVATE: unlock it here.
    4. A result that is not 0, nr_to_write used up, or congestion: done.
    """
    wbc, mapping = sweep.wbc, sweep.mapping
    pagecache.lock_page(world, page)
    if page.mapping is not mapping:
        pagecache.unlock_page(world, page)
        return
    if sweep.last is not None and page.index > sweep.last:
        sweep.done = True
        pagecache.unlock_page(world, page)
        return
    if wbc.sync_mode != WB_SYNC_NONE:
        disk.wait_on_page_writeback(world, page)
    if "writeback" in page.flags or not dirty.clear_page_dirty_for_io(world, page):
        pagecache.unlock_page(world, page)
        return
    if sweep.bio:
        mpage_writepage(world, page, sweep)
    else:
        sweep.result = writepage(world, page, wbc)
        note_error(mapping, sweep.result)
    if sweep.result == AOP_WRITEPAGE_ACTIVATE:
        pagecache.unlock_page(world, page)
    if sweep.result:
        sweep.done = True
    else:
        wbc.nr_to_write -= 1
        if wbc.nr_to_write <= 0:
            sweep.done = True
    if wbc.nonblocking and mapping.congested:
        wbc.encountered_congestion = True
        sweep.done = True


# the bio path


def mpage_writepage(world: World, page: Page, sweep: Sweep) -> None:
    """Write a page as a whole, or by writepage where that is not possible.

    1. Find the blocks that come before the first unmapped one; confused: writepage.
    2. The page across the end of the file: zero the tail.  Beyond it: writepage.
    3. Those blocks are clean now; too many buffer heads: free them.
    4. Writeback begins, unlock, I/O.
    """
    inode = sweep.mapping.inode
    blocks = leading_blocks(world, page, inode)
    if blocks is not None and not cut_at_end(page, inode):
        blocks = None
    if blocks is None:
        sweep.result = writepage(world, page, sweep.wbc)
        note_error(sweep.mapping, sweep.result)
        return
    if "private" in page.flags:
        for buffer in pagecache.buffers_of(page)[:blocks]:
            buffer.flags.discard("Dirty")
        if world.buffer_heads_over_limit and "uptodate" in page.flags:
            buffers.try_to_free_buffers(world, page)
    if "writeback" in page.flags:
        raise Bug(f"mpage_writepage: page {page.number} is under writeback")
    dirty.set_page_writeback(world, page)
    pagecache.unlock_page(world, page)
    disk.begin_page_write(world, page, range(blocks * disk.sectors_of_block(inode)))


def leading_blocks(world: World, page: Page, inode: Inode) -> int | None:
    """How many blocks from the page's start on can be written at once; None: confused.

    With buffers: mapped ones, Dirty and Uptodate, then clean unmapped ones.  Without: blocks up
    to the file's last, which get their places here.
    """
    if "private" in page.flags:
        return leading_buffers(page)
    if "uptodate" not in page.flags:
        raise Bug(f"mpage_writepage: page {page.number} has no buffers and is not Uptodate")
    per_page = PAGE_SIZE >> inode.blkbits
    last_block = (inode.size - 1) >> inode.blkbits
    for i in range(per_page):
        iblock = page.index * per_page + i
        if buffers.get_block(world, inode, iblock, Buffer(-1), True):
            return None
        if iblock == last_block:
            return i + 1
    return per_page


def leading_buffers(page: Page) -> int | None:
    """The same for a page with buffers.  BUG if one that is looked at is locked."""
    mapped = 0
    hole = False
    for buffer in pagecache.buffers_of(page):
        if "Lock" in buffer.flags:
            raise Bug(f"mpage_writepage: buffer {buffer.number} is locked")
        if "Mapped" not in buffer.flags:
            if "Dirty" in buffer.flags:
                return None
            hole = True
        elif hole or not {"Dirty", "Uptodate"} <= buffer.flags:
            return None
        else:
            mapped += 1
    return mapped or None


def cut_at_end(page: Page, inode: Inode) -> bool:
    """Zero what of the page is beyond the file.  False: all of it is."""
    end_index, offset = divmod(inode.size, PAGE_SIZE)
    if page.index < end_index:
        return True
    if page.index > end_index or offset == 0:
        return False
    buffers.zero(page, offset, PAGE_SIZE)
    return True


# a whole file


def filemap_fdatawrite(world: World, mapping: Mapping) -> int:
    """Begin to write all dirty pages, waiting for writes under way; 0 if it cannot write back."""
    if not dirty.mapping_cap_writeback_dirty(mapping):
        return 0
    return do_writepages(world, mapping, WritebackControl(2 * len(mapping.pages), WB_SYNC_ALL))


def filemap_fdatawait(world: World, mapping: Mapping) -> int:
    """Wait for all pages under writeback: 0, -EIO or -ENOSPC.

    1. facts silent: an empty file has nothing to wait for, 0; only pages inside the file.
    2. Each page: wait; PG_error: -EIO.
    3. AS_ENOSPC, test-and-clear: -ENOSPC.  AS_EIO, test-and-clear: -EIO, which wins.
    """
    size = mapping.inode.size
    if size == 0:
        return 0
    end = (size - 1) >> PAGE_SHIFT
    result = 0
    index = 0
    while index <= end:
        most = min(end - index, PAGEVEC_SIZE - 1) + 1
        pages = pagecache.find_get_pages(world, mapping, index, WRITEBACK, most)
        if not pages:
            break
        index = pages[-1].index + 1
        for page in pages:
            if page.index <= end:
                disk.wait_on_page_writeback(world, page)
                if "error" in page.flags:
                    result = -EIO
        pagecache.pagevec_release(world, pages)
    for name, error in (("ENOSPC", -ENOSPC), ("EIO", -EIO)):
        if name in mapping.flags:
            mapping.flags.discard(name)
            result = error
    return result


def sync_inode(world: World, inode: Inode, wbc: WritebackControl) -> int:
    """Write one inode back (__sync_single_inode).

    1. The I_DIRTY bits go, I_LOCK comes.
    2. do_writepages.
    3. SYNC or DATASYNC was set: write_inode.
    4. SYNC_ALL: fdatawait; the first error is the result.
    5. I_LOCK goes.  Not going away: clean but with DIRTY tags left: I_DIRTY_PAGES and on the
       dirty list, stamped; dirty again meanwhile: on the dirty list; else clean.
    """
    was_dirty = inode.state & (I_DIRTY_SYNC | I_DIRTY_DATASYNC)
    inode.state = (inode.state | I_LOCK) & ~I_DIRTY
    result = do_writepages(world, inode.mapping, wbc)
    if was_dirty:
        result = first_error(result, write_inode(world, inode, wbc.sync_mode == WB_SYNC_ALL))
    if wbc.sync_mode == WB_SYNC_ALL:
        result = first_error(result, filemap_fdatawait(world, inode.mapping))
    inode.state &= ~I_LOCK
    if inode.state & I_FREEING:
        return result
    if not inode.state & I_DIRTY and pagecache.mapping_tagged(inode.mapping, DIRTY):
        inode.state |= I_DIRTY_PAGES
        if not wbc.for_kupdate:
            inode.dirtied_when = world.jiffies
    inode.place = "dirty" if inode.state & I_DIRTY else "clean"
    return result


def write_inode(world: World, inode: Inode, wait: bool) -> int:
    """s_op->write_inode: 0 or -EIO.

    ext3 has the journal commit if it is to wait, and else does nothing.  Others' inodes are not on
    the disk that is kept here.
    """
    if inode.kind == "ext3" and wait:
        return journal.commit(world, inode)
    return 0


def first_error(first: int, second: int) -> int:
    """The first of two results that is not 0."""
    return first if first else second


def writeback(world: World, inode: Inode, mode: int, nr_to_write: int) -> int:
    """The operation: what pdflush does for one inode; mode 1 waits.

    1. Not on the dirty list, or nothing that can be written back: 0.
    2. Who does not wait does not block either, so nothing is begun on a congested device.
    """
    if inode.place != "dirty" or not dirty.mapping_cap_writeback_dirty(inode.mapping):
        return 0
    wait = bool(mode)
    wbc = WritebackControl(nr_to_write, WB_SYNC_ALL if wait else WB_SYNC_NONE,
                           nonblocking=not wait)
    return sync_inode(world, inode, wbc)


def sync(world: World) -> int:
    """sync(2): every dirty inode is written back and waited for.  Errors are not told: 0."""
    for inode in world.inodes:
        if inode.count:
            writeback(world, inode, 1, EVERYTHING)
    return 0


# fsync


def fsync(world: World, task: Task, fd: int) -> int:
    """fsync(2): -EBADF, or do_fsync."""
    file = task.fd[fd] if 0 <= fd < len(task.fd) else None
    return -EBADF if file is None else do_fsync(world, file.mapping)


def do_fsync(world: World, mapping: Mapping) -> int:
    """Write all dirty pages, have the file system sync the file, wait; the first error.

    -EINVAL: a file that has no fsync.
    """
    kind = mapping.inode.kind
    if kind not in WITH_FSYNC + FSYNC_DOES_NOTHING:
        return -EINVAL
    result = filemap_fdatawrite(world, mapping)
    result = first_error(result, fsync_hook(world, mapping.inode))
    return first_error(result, filemap_fdatawait(world, mapping))


def fsync_hook(world: World, inode: Inode) -> int:
    """f_op->fsync, with i_mutex.

    ext2            the inode, if it is dirty (its pages were begun before: nr_to_write is 0)
    ext3            the same, but only if more than its pages is dirty: then the journal commits
    block device    once more all its pages, and waits
    others          nothing
    """
    if inode.kind == "block device":
        result = filemap_fdatawrite(world, inode.mapping)
        return first_error(result, filemap_fdatawait(world, inode.mapping))
    asks = I_DIRTY if inode.kind == "ext2" else I_DIRTY_SYNC | I_DIRTY_DATASYNC
    if inode.kind in ("ext2", "ext3") and inode.state & asks:
        return sync_inode(world, inode, WritebackControl(0, WB_SYNC_ALL))
    return 0
