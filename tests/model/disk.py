# SPDX-License-Identifier: GPL-2.0-only
"""The disk: writes begin and end, reads are done at once.

A write takes the sectors as they are when it begins (page.in_flight) and ends when it is
completed, or waited for.  Facts 20.8, 20.9 (8); docs/operations.md, "Waiting, and the disk".
Sectors are quarters of a page, numbered in it from 0; `blocks` are of 1, 2 or 4 sectors.
"""

from __future__ import annotations

from . import dirty, pagecache
from .constants import ENOENT
from .state import SECTORS, Buffer, Bug, Hang, Inode, Mapping, Page, World

SECTOR_SHIFT = 10
ASYNC_WRITE = "async_write"     # the buffer is part of its page's writeback
WRITE = "write"                 # somebody writes this buffer alone

# a page's place


def sectors_of_block(inode: Inode) -> int:
    """How many sectors a block has: 1, 2 or 4."""
    return 1 << (inode.blkbits - SECTOR_SHIFT)


def is_mapped(inode: Inode, block: int) -> bool:
    """Is this block of the file on disk (not a hole, not behind the end of the disk)?"""
    sector = block * sectors_of_block(inode)
    if sector >= len(inode.disk):
        return False
    return inode.kind == "block device" or bool(inode.mapped >> block & 1)


def write_sector(world: World, page: Page, sector: int) -> None:
    """A sector of a page arrives on disk or in its swap slot; nowhere if its place is gone."""
    mapping = pagecache.page_mapping(world, page)
    if mapping is None:
        return
    version = page.in_flight[sector]
    if mapping is world.swapper_space:
        world.swap[page.private].contents[sector] = version
        return
    inode = mapping.inode
    place = page.index * SECTORS + sector
    if is_mapped(inode, place // sectors_of_block(inode)):
        inode.disk[place] = version


def read_sector(page: Page, sector: int) -> None:
    """Fill a sector of a page from the disk, as it is there, also beyond the end of the file."""
    page.contents[sector] = page.mapping.inode.disk[page.index * SECTORS + sector]


def sectors_of(buffer: Buffer) -> range:
    """The sectors of its page that a buffer stands for."""
    page = buffer.page
    ring = pagecache.buffers_of(page)
    size = SECTORS // len(ring)
    first = ring.index(buffer) * size
    return range(first, first + size)


# whole pages


def begin_page_write(world: World, page: Page, sectors: range = range(SECTORS)) -> None:
    """Begin to write a page as a whole; its end is the end of the page's writeback."""
    for sector in sectors:
        page.in_flight[sector] = page.contents[sector]
    page.io |= set(sectors)
    page.io_bio = True


def end_page_write(world: World, page: Page, ok: bool) -> None:
    """The write of a page as a whole is over.

    1. ok: the sectors are on disk.  Else PG_error, and AS_EIO of its file (a page of the swap
       cache has none).
    2. End of writeback.
    """
    sectors = page.io - sectors_under_way(page)
    if ok:
        for sector in sectors:
            write_sector(world, page, sector)
    else:
        page.flags.add("error")
        if isinstance(page.mapping, Mapping):
            page.mapping.flags.add("EIO")
    page.io -= sectors
    page.io_bio = False
    dirty.end_page_writeback(world, page)


def sectors_under_way(page: Page) -> set[int]:
    """Those that are written with their buffer, and not with the page."""
    if "private" not in page.flags:
        return set()
    return {sector for buffer in pagecache.buffers_of(page) if buffer.end_io
            for sector in sectors_of(buffer)}


# buffers


def trylock_buffer(buffer: Buffer) -> bool:
    """True if the buffer's lock was free and is now ours."""
    if "Lock" in buffer.flags:
        return False
    buffer.flags.add("Lock")
    return True


def wait_on_buffer(world: World, buffer: Buffer) -> None:
    """Wait until nobody has the buffer locked: all writes of its page end, without error."""
    if "Lock" in buffer.flags:
        if not buffer.end_io:
            raise Hang(f"buffer {buffer.number} is locked by whoever waits for it")
        complete(world, buffer.page, True)


def lock_buffer(world: World, buffer: Buffer) -> None:
    """Wait for the buffer's lock, and take it."""
    wait_on_buffer(world, buffer)
    buffer.flags.add("Lock")


def unlock_buffer(buffer: Buffer) -> None:
    """Give the lock back."""
    buffer.flags.discard("Lock")


def check_submit(buffer: Buffer) -> None:
    """What both kinds of submit_bh begin with: BUG unless locked and mapped; Req from now on."""
    if not {"Lock", "Mapped"} <= buffer.flags:
        raise Bug(f"submit_bh: buffer {buffer.number} is not locked, or not mapped")


def submit_write(world: World, buffer: Buffer, end_io: str) -> None:
    """submit_bh(WRITE): begin to write a buffer.

    1. BUG unless locked and mapped.
    2. Req; had it Req already: an old Write_EIO goes.
    3. The sectors are taken as they are.
    """
    check_submit(buffer)
    if "Req" in buffer.flags:
        buffer.flags.discard("Write_EIO")
    buffer.flags.add("Req")
    buffer.end_io = end_io
    page = buffer.page
    for sector in sectors_of(buffer):
        page.in_flight[sector] = page.contents[sector]
        page.io.add(sector)


def submit_read(world: World, buffer: Buffer) -> None:
    """submit_bh(READ), done at once: the sectors are read and the buffer is Uptodate.

    The lock is the caller's to give back.
    """
    check_submit(buffer)
    buffer.flags |= {"Req", "Uptodate"}
    for sector in sectors_of(buffer):
        read_sector(buffer.page, sector)


def end_buffer_write(world: World, buffer: Buffer, ok: bool) -> None:
    """A buffer's write is over: what its end_io says is done."""
    page = buffer.page
    end_io, buffer.end_io = buffer.end_io, ""
    for sector in sectors_of(buffer):
        page.io.discard(sector)
        if ok:
            write_sector(world, page, sector)
    if end_io == ASYNC_WRITE:
        end_buffer_async_write(world, buffer, ok)
    else:
        end_buffer_write_sync(buffer, ok)


def end_buffer_async_write(world: World, buffer: Buffer, ok: bool) -> None:
    """A buffer that is part of its page's writeback is done.

    1. ok: Uptodate.  Else AS_EIO, not Uptodate, PG_error.
    2. Async_Write goes, the lock goes; was it the last of the page: end of writeback.
    """
    page = buffer.page
    if ok:
        buffer.flags.add("Uptodate")
    else:
        page.mapping.flags.add("EIO")
        buffer.flags.discard("Uptodate")
        page.flags.add("error")
    buffer.flags.discard("Async_Write")
    unlock_buffer(buffer)
    if not any("Async_Write" in other.flags for other in pagecache.buffers_of(page)):
        dirty.end_page_writeback(world, page)


def end_buffer_write_sync(buffer: Buffer, ok: bool) -> None:
    """A buffer that was written alone is done: Uptodate, or Write_EIO; unlock; count - 1."""
    if ok:
        buffer.flags.add("Uptodate")
    else:
        buffer.flags.add("Write_EIO")
        buffer.flags.discard("Uptodate")
    unlock_buffer(buffer)
    buffer.count -= 1


# ending what is under way


def wait_on_page_writeback(world: World, page: Page) -> None:
    """Wait until the page is not under writeback: all its writes end, without error."""
    if "writeback" not in page.flags:
        return
    complete(world, page, True)
    if "writeback" in page.flags:
        raise Hang(f"page {page.number}: nothing is under way that could end its writeback")


def complete(world: World, page: Page, ok: bool) -> int:
    """The operation: the disk is done with all that is under way for a page.

    -ENOENT if nothing is.
    """
    pending = []
    if "private" in page.flags:
        pending = [buffer for buffer in pagecache.buffers_of(page) if buffer.end_io]
    if not page.io_bio and not pending:
        return -ENOENT
    if page.io_bio:
        end_page_write(world, page, ok)
    for buffer in pending:
        end_buffer_write(world, buffer, ok)
    return 0
