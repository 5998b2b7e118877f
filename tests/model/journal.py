# SPDX-License-Identifier: GPL-2.0-only
"""ext3 with ordered data: each file's journal holds written blocks until it commits.

Facts 20.14 (ext3), 25.8 (2) to (4).  A buffer in a transaction has its count raised.
"""

from __future__ import annotations

from . import buffers, dirty, disk
from .constants import EIO, ENOENT, ENOMEM
from .pagecache import buffers_of, unlock_page
from .state import Buffer, Inode, Page, World


def join_transaction(buffer: Buffer) -> None:
    """journal_dirty_data: the transaction holds the buffer, and one of its count."""
    if not buffer.in_transaction:
        buffer.in_transaction = True
        buffer.count += 1


def leave_transaction(buffer: Buffer) -> None:
    """The transaction lets go of a buffer."""
    if buffer.in_transaction:
        buffer.in_transaction = False
        buffer.count -= 1


def ext3_writepage(world: World, page: Page, wbc) -> int:
    """Write a locked page, and put its blocks into the transaction.

    1. No buffers: a ring, Dirty and Uptodate.  facts silent: without memory for it as in
       block_write_full_page.
    2. Count + 1 on all; block_write_full_page.
    3. 0: the mapped ones join the transaction.  Count - 1 on all.
    """
    inode = page.mapping.inode
    if buffers.have_buffers(world, page, inode, {"Dirty", "Uptodate"}) != 0:
        dirty.redirty_page_for_writepage(world, wbc, page)
        unlock_page(world, page)
        return -ENOMEM
    ring = buffers_of(page)
    for buffer in ring:
        buffer.count += 1
    result = buffers.block_write_full_page(world, page, wbc)
    for buffer in ring:
        if result == 0 and "Mapped" in buffer.flags:
            join_transaction(buffer)
    for buffer in ring:
        buffer.count -= 1
    return result


def ext3_releasepage(world: World, page: Page) -> int:
    """Let go of a page's buffers if the journal can.

    1. Each in turn: a clean, unlocked one leaves its transaction; another that is in one: 0.
    2. try_to_free_buffers.
    facts silent: a page without buffers: 0, as in 2.6.17.
    """
    if "private" not in page.flags:
        return 0
    for buffer in buffers_of(page):
        if not buffer.flags & {"Lock", "Dirty"}:
            leave_transaction(buffer)
        if buffer.in_transaction:
            return 0
    return buffers.try_to_free_buffers(world, page)


def commit(world: World, inode: Inode) -> int:
    """The operation: the journal of a file commits.  -ENOENT for a file without one.  0 or -EIO.

    What becomes of a data block of its transaction goes by how it is when the commit meets it:
    1. Locked: it is waited for at the end, and not written, whether it is dirty or not.
    2. Dirty: ll_rw_block(SWRITE), and then it is one that is locked.
    3. Clean: it leaves, and that its write failed is not asked.
    4. Each that was locked: wait; not Uptodate: -EIO; it leaves, also if it is dirty again.
    PG_dirty, tags and ptes are not looked at.
    """
    if inode.kind != "ext3":
        return -ENOENT
    held = [buffer for buffer in world.buffers if buffer.in_transaction
            and buffer.page.mapping is inode.mapping]
    locked = [buffer for buffer in held if "Lock" in buffer.flags]
    found_dirty = [buffer for buffer in held if buffer.flags & {"Lock", "Dirty"} == {"Dirty"}]
    for buffer in held:
        if not buffer.flags & {"Lock", "Dirty"}:
            leave_transaction(buffer)
    for buffer in found_dirty:
        buffers.ll_write_block(world, buffer, True)
    result = 0
    for buffer in locked + found_dirty:
        disk.wait_on_buffer(world, buffer)
        if "Uptodate" not in buffer.flags:
            result = -EIO
        leave_transaction(buffer)
    return result
