# SPDX-License-Identifier: GPL-2.0-only
"""Buffer heads: the blocks of a page, one by one (facts 20.8, 20.9; TF and DB in facts 10).

`from` and `to` are bytes in the page; a block is `1 << inode.blkbits` bytes; iblock counts the
blocks of the file.
"""

from __future__ import annotations

from . import alloc, dirty, disk, journal, pagecache
from .constants import EINVAL, EIO, ENOENT, ENOMEM, ENOSPC, PAGE_SHIFT, WB_SYNC_NONE
from .pagecache import buffers_of
from .state import PAGE_SIZE, Buffer, Bug, Inode, Page, World


def zero(page: Page, start: int, end: int) -> None:
    """Bytes [start, end) of a page become zeroes: the sectors that begin there."""
    for sector, _ in enumerate(page.contents):
        if start <= sector << disk.SECTOR_SHIFT < end:
            page.contents[sector] = 0


def blocks_of(page: Page, inode: Inode) -> list[tuple[int, int, int, Buffer]]:
    """A page's buffers with their place: (iblock, start, end, buffer); bytes in the page."""
    size = 1 << inode.blkbits
    first = page.index << (PAGE_SHIFT - inode.blkbits)
    return [(first + i, i * size, (i + 1) * size, buffer)
            for i, buffer in enumerate(buffers_of(page))]


def get_block(world: World, inode: Inode, iblock: int, buffer: Buffer, create: bool) -> int:
    """Find a block's place on disk.

    1. It has one: Mapped.
    2. A hole, and create is off: 0, not Mapped.
    3. A hole becomes mapped: Mapped and New, and the inode is dirty in all respects.  -ENOSPC if
       that fails, as behind the disk's end; a block device has no holes: -EIO.
    """
    if disk.is_mapped(inode, iblock):
        buffer.flags.add("Mapped")
        buffer.blocknr = iblock
        return 0
    if not create:
        return 0
    if inode.kind == "block device":
        # facts silent: 2.6.17's answer behind the end of the device
        return -EIO
    if alloc.allocation_fails(world):
        return -ENOSPC
    if iblock * disk.sectors_of_block(inode) >= len(inode.disk):
        return -ENOSPC
    inode.mapped |= 1 << iblock
    buffer.flags |= {"Mapped", "New"}
    buffer.blocknr = iblock
    dirty.mark_inode_dirty(world, inode)
    return 0


# attaching and letting go


def create_empty_buffers(world: World, page: Page, blocksize: int, flags: set[str]) -> int:
    """Give a page a ring of buffers.

    1. Allocate them, the first block first; -ENOMEM if one fails (2.6.17 tries for ever), those
       before it are given back.
    2. `flags` in each; on a dirty page all are Dirty, on an Uptodate one all Uptodate.
    3. Attach: PG_private, and a reference.
    """
    ring: list[Buffer] = []
    for _ in range(PAGE_SIZE // blocksize):
        buffer = alloc.buffer_alloc(world, page)
        if buffer is None:
            for other in ring:
                alloc.buffer_free(world, other)
            return -ENOMEM
        ring.append(buffer)
    for i, buffer in enumerate(ring):
        buffer.next = ring[(i + 1) % len(ring)]
        buffer.flags = set(flags)
        if "dirty" in page.flags:
            buffer.flags.add("Dirty")
        if "uptodate" in page.flags:
            buffer.flags.add("Uptodate")
    alloc.get_page(world, page)
    page.flags.add("private")
    page.private = ring[0]
    return 0


def have_buffers(world: World, page: Page, inode: Inode, flags: set[str]) -> int:
    """create_empty_buffers, unless the page has some.  0 or -ENOMEM."""
    if "private" in page.flags:
        return 0
    return create_empty_buffers(world, page, 1 << inode.blkbits, flags)


def buffer_busy(buffer: Buffer) -> bool:
    """In use: a count, Dirty, or locked."""
    return bool(buffer.count or buffer.flags & {"Dirty", "Lock"})


def drop_buffers(world: World, page: Page) -> list[Buffer] | None:
    """Take the ring off a page, if no buffer of it is busy.  The ring, or None.

    DB1 BUG without PG_private.  DB2 each in turn: Write_EIO and a mapping: AS_EIO (also if the
    call then fails); busy: None.  DB3 off the lists of associated buffers.
    DB4 PG_private, private and the reference go.
    """
    if "private" not in page.flags:
        raise Bug(f"drop_buffers: page {page.number} has none")
    ring = buffers_of(page)
    for buffer in ring:
        if "Write_EIO" in buffer.flags and page.mapping is not None:
            page.mapping.flags.add("EIO")
        if buffer_busy(buffer):
            return None
    for buffer in ring:
        buffer.assoc_mapping = None
    page.flags.discard("private")
    page.private = 0
    alloc.put_page(world, page)
    return ring


def try_to_free_buffers(world: World, page: Page) -> int:
    """Free a page's buffers if none is busy.  1 if they are gone.

    TF1 BUG if the page is unlocked.  TF2 writeback: 0.  TF3 no mapping: only drop_buffers.
    TF4 to TF6 drop_buffers; done: all blocks were clean, so the page is clean (U7 only moves
    that behind a lock).  TF7 free the ring.
    """
    if "locked" not in page.flags:
        raise Bug(f"try_to_free_buffers: page {page.number} is not locked")
    if "writeback" in page.flags:
        return 0
    mapping = page.mapping
    ring = drop_buffers(world, page)
    if ring is None:
        return 0
    if mapping is not None:
        dirty.clear_page_dirty(world, page)
    for buffer in ring:
        alloc.buffer_free(world, buffer)
    return 1


def try_to_release_page(world: World, page: Page) -> int:
    """Have the file system let go of a page's buffers.  1 if it did.

    BUG if the page is unlocked; 0 under writeback; ext3 asks its journal first.
    """
    if "locked" not in page.flags:
        raise Bug(f"try_to_release_page: page {page.number} is not locked")
    if "writeback" in page.flags:
        return 0
    if is_ext3(page):
        return journal.ext3_releasepage(world, page)
    return try_to_free_buffers(world, page)


def discard_buffer(world: World, buffer: Buffer) -> None:
    """A block that is beyond the end of its file: clean, without a place.  Waits for its lock.

    Uptodate, Write_EIO and the number of the block stay.  ext3: Delay stays too, and the block
    leaves the running transaction.
    """
    disk.lock_buffer(world, buffer)
    buffer.flags -= {"Dirty", "Mapped", "Req", "New"}
    if not is_ext3(buffer.page):
        buffer.flags.discard("Delay")
    journal.leave_transaction(buffer)
    disk.unlock_buffer(buffer)


def block_invalidatepage(world: World, page: Page, offset: int) -> int:
    """Discard the blocks that start at or behind this byte; all of them: also the buffers."""
    if "locked" not in page.flags:
        raise Bug(f"block_invalidatepage: page {page.number} is not locked")
    if "private" not in page.flags:
        return 1
    size = PAGE_SIZE // len(buffers_of(page))
    for i, buffer in enumerate(buffers_of(page)):
        if i * size >= offset:
            discard_buffer(world, buffer)
    return try_to_release_page(world, page) if offset == 0 else 1


def is_ext3(page: Page) -> bool:
    """The page is of an ext3 file."""
    mapping = pagecache.raw_mapping(page)
    return mapping is not None and mapping.inode is not None and mapping.inode.kind == "ext3"


def block_truncate_page(world: World, page: Page, offset: int) -> None:
    """Zero a locked page from this byte to the end of the block that it is in.

    1. Buffers, as on any page.  facts silent: without memory for them nothing is done.
    2. The block has no place, and gets none: a hole is left alone.
    3. Uptodate if the page is; else it is read, it alone.
    4. Zero; ext3: into the transaction; the buffer and the page are dirty.  That the page becomes
       Uptodate is not asked.
    Freed (ext3) is not there: only who cuts a file during a commit leaves it.
    """
    inode = page.mapping.inode
    if have_buffers(world, page, inode, set()) != 0:
        return
    iblock, _, end, buffer = next(
        block for block in blocks_of(page, inode) if block[1] <= offset < block[2])
    if "Mapped" not in buffer.flags:
        get_block(world, inode, iblock, buffer, False)
        if "Mapped" not in buffer.flags:
            return
    if "uptodate" in page.flags:
        buffer.flags.add("Uptodate")
    if "Uptodate" not in buffer.flags and (inode.kind == "ext3" or "Delay" not in buffer.flags):
        ll_read_block(world, buffer)
        if "Uptodate" not in buffer.flags:
            return
    zero(page, offset, end)
    if inode.kind == "ext3":
        journal.join_transaction(buffer)
    dirty.mark_buffer_dirty(world, buffer)


# reading


def block_read_full_page(world: World, page: Page) -> int:
    """Read a locked page block by block; it comes back unlocked.

    1. Buffers.  facts silent: without memory for them PG_locked goes and -ENOMEM comes.
    2. Each that is not Uptodate: find its place if it has none and is inside the file; a hole is
       zeroes, Uptodate.
    3. None left to read: Uptodate (not with PG_error).  Else read them; all Uptodate and no
       PG_error: Uptodate.
    PG_mappedtodisk is never set: nobody would ask for it.
    """
    inode = page.mapping.inode
    if have_buffers(world, page, inode, set()) != 0:
        pagecache.unlock_page(world, page)
        return -ENOMEM
    last_block = (inode.size + (1 << inode.blkbits) - 1) >> inode.blkbits
    to_read = []
    for iblock, start, end, buffer in blocks_of(page, inode):
        if "Uptodate" in buffer.flags:
            continue
        if "Mapped" not in buffer.flags:
            if iblock < last_block:
                get_block(world, inode, iblock, buffer, False)
            if "Mapped" not in buffer.flags:
                zero(page, start, end)
                buffer.flags.add("Uptodate")
                continue
        to_read.append(buffer)
    for buffer in to_read:
        disk.lock_buffer(world, buffer)
    for buffer in to_read:
        if "Uptodate" not in buffer.flags:
            disk.submit_read(world, buffer)
        disk.unlock_buffer(buffer)
    if "error" not in page.flags:
        page.flags.add("uptodate")
    pagecache.unlock_page(world, page)
    return 0


# write(2)


def block_prepare_write(world: World, page: Page, start: int, end: int) -> int:
    """Make the blocks of [start, end) ready to be written by a copy (__block_prepare_write).

    1. Buffers (-ENOMEM).
    2. Blocks outside: Uptodate if the page is.  Inside: find the place, and make it; a new
       block: Uptodate if the page is, else zero what of it is not copied to.
    3. A mapped block, written in part, not Uptodate: read it.
    4. New is forgotten.  After an error new blocks are zeroed, Uptodate and dirty.
    """
    inode = page.mapping.inode
    if have_buffers(world, page, inode, set()) != 0:
        return -ENOMEM
    error = 0
    to_read = []
    for iblock, block_start, block_end, buffer in blocks_of(page, inode):
        if block_end <= start or block_start >= end:
            if "uptodate" in page.flags:
                buffer.flags.add("Uptodate")
            continue
        buffer.flags.discard("New")
        if "Mapped" not in buffer.flags:
            error = get_block(world, inode, iblock, buffer, True)
            if error:
                break
        if "uptodate" in page.flags:
            buffer.flags.add("Uptodate")
        elif "New" in buffer.flags:
            zero(page, block_start, min(start, block_end))
            zero(page, max(end, block_start), block_end)
        elif "Uptodate" not in buffer.flags and (block_start < start or block_end > end):
            to_read.append(buffer)
            ll_read_block(world, buffer)
    if error:
        zero_new_blocks(world, page, inode, start, end)
    else:
        for buffer in buffers_of(page):
            buffer.flags.discard("New")
    return error


def ll_read_block(world: World, buffer: Buffer) -> None:
    """ll_rw_block(READ) of one buffer; who waits for it finds it Uptodate."""
    if disk.trylock_buffer(buffer):
        if "Uptodate" not in buffer.flags:
            disk.submit_read(world, buffer)
        disk.unlock_buffer(buffer)
    else:
        disk.wait_on_buffer(world, buffer)


def zero_new_blocks(world: World, page: Page, inode: Inode, start: int, end: int) -> None:
    """prepare failed: new blocks must not show what was on disk: zeroed, Uptodate, dirty."""
    for _, block_start, block_end, buffer in blocks_of(page, inode):
        if block_end <= start or block_start >= end or "New" not in buffer.flags:
            continue
        buffer.flags.discard("New")
        zero(page, block_start, block_end)
        buffer.flags.add("Uptodate")
        dirty.mark_buffer_dirty(world, buffer)


def block_commit_write(world: World, page: Page, start: int, end: int) -> None:
    """Blocks of [start, end) were copied to: Uptodate and dirty; all Uptodate: so is the page."""
    complete = True
    for _, block_start, block_end, buffer in blocks_of(page, page.mapping.inode):
        if block_end <= start or block_start >= end:
            complete = complete and "Uptodate" in buffer.flags
        else:
            buffer.flags.add("Uptodate")
            dirty.mark_buffer_dirty(world, buffer)
    if complete:
        page.flags.add("uptodate")


# writeback


def block_write_full_page(world: World, page: Page, wbc) -> int:
    """Write a locked page block by block; it comes back unlocked.

    1. Wholly inside the file: the core.
    2. Wholly outside: the blocks are discarded, 0.
    3. Across the end: zero the tail, then the core.
    """
    inode = page.mapping.inode
    end_index, offset = divmod(inode.size, PAGE_SIZE)
    if page.index < end_index:
        return write_blocks(world, page, inode, wbc)
    if page.index > end_index or offset == 0:
        block_invalidatepage(world, page, 0)
        pagecache.unlock_page(world, page)
        return 0
    zero(page, offset, PAGE_SIZE)
    return write_blocks(world, page, inode, wbc)


def write_blocks(world: World, page: Page, inode: Inode, wbc) -> int:
    """__block_write_full_page, the core: only dirty blocks reach the disk.

    (1) no buffers: a ring, Dirty and Uptodate.  facts silent: without memory for it the page is
        dirty again, unlocked, -ENOMEM.
    (2) find places, (3) choose by Dirty, (4) writeback begins, (5) submit, (6) unlock,
    (7) nothing submitted: that was all.
    """
    if have_buffers(world, page, inode, {"Dirty", "Uptodate"}) != 0:
        dirty.redirty_page_for_writepage(world, wbc, page)
        pagecache.unlock_page(world, page)
        return -ENOMEM
    error = find_places(world, page, inode)
    if error:
        choose_after_error(world, page)
    else:
        choose_dirty(world, page, wbc)
    if "writeback" in page.flags:
        raise Bug(f"__block_write_full_page: page {page.number} is under writeback")
    dirty.set_page_writeback(world, page)
    if error:
        pagecache.unlock_page(world, page)
    chosen = [buffer for buffer in buffers_of(page) if "Async_Write" in buffer.flags]
    for buffer in chosen:
        if error:
            buffer.flags.discard("Dirty")
        disk.submit_write(world, buffer, disk.ASYNC_WRITE)
    if not error:
        pagecache.unlock_page(world, page)
    if not chosen:
        if all("Uptodate" in buffer.flags for buffer in buffers_of(page)):
            page.flags.add("uptodate")
        dirty.end_page_writeback(world, page)
        wbc.pages_skipped += 1
    return error


def find_places(world: World, page: Page, inode: Inode) -> int:
    """Step (2): blocks past the end are clean and Uptodate; dirty ones get a place on disk."""
    last_block = (inode.size - 1) >> inode.blkbits
    for iblock, _, _, buffer in blocks_of(page, inode):
        if iblock > last_block:
            buffer.flags.discard("Dirty")
            buffer.flags.add("Uptodate")
        elif "Mapped" not in buffer.flags and "Dirty" in buffer.flags:
            error = get_block(world, inode, iblock, buffer, True)
            if error:
                return error
            buffer.flags.discard("New")
    return 0


def choose_dirty(world: World, page: Page, wbc) -> None:
    """Step (3): lock each mapped buffer; it was dirty: Async_Write, else unlock it again.

    Who must not block leaves a locked one alone, and the page dirty.
    """
    for buffer in buffers_of(page):
        if "Mapped" not in buffer.flags:
            continue
        if wbc.sync_mode != WB_SYNC_NONE or not wbc.nonblocking:
            disk.lock_buffer(world, buffer)
        elif not disk.trylock_buffer(buffer):
            dirty.redirty_page_for_writepage(world, wbc, page)
            continue
        if "Dirty" in buffer.flags:
            buffer.flags.discard("Dirty")
            buffer.flags.add("Async_Write")
        else:
            disk.unlock_buffer(buffer)


def choose_after_error(world: World, page: Page) -> None:
    """get_block failed: mapped and dirty blocks are written all the same, the others are clean."""
    for buffer in buffers_of(page):
        if {"Mapped", "Dirty"} <= buffer.flags:
            disk.lock_buffer(world, buffer)
            buffer.flags.add("Async_Write")
        else:
            buffer.flags.discard("Dirty")
    page.flags.add("error")


def ll_write_block(world: World, buffer: Buffer, wait: bool) -> None:
    """ll_rw_block(WRITE, or SWRITE if wait) of one buffer: write it if it is dirty.

    A locked one is skipped, or waited for.  Nothing here looks at the page or at any pte.
    """
    if wait:
        disk.lock_buffer(world, buffer)
    elif not disk.trylock_buffer(buffer):
        return
    if "Dirty" in buffer.flags:
        buffer.flags.discard("Dirty")
        buffer.count += 1
        disk.submit_write(world, buffer, disk.WRITE)
    else:
        disk.unlock_buffer(buffer)


def flush_buffers(world: World, inode: Inode, index: int) -> int:
    """The operation: the file system writes a page's dirty buffers by itself.

    -ENOENT: no such page in memory.  -EINVAL: not ext3 and no block device.
    Dirty blocks with a place, each as ll_rw_block(SWRITE) does it: a write that is under way for
    the block ends first (facts 70.2).
    """
    page = inode.mapping.pages.get(index)
    if page is None:
        return -ENOENT
    if inode.kind not in ("ext3", "block device"):
        return -EINVAL
    for buffer in buffers_of(page) if "private" in page.flags else []:
        if {"Mapped", "Dirty"} <= buffer.flags:
            ll_write_block(world, buffer, True)
    return 0
