# SPDX-License-Identifier: GPL-2.0-only
"""ext3 with ordered data: which blocks are in a transaction, and how they leave it."""

import pytest
from block_pictures import blocks, cache, disk, flags, names

PAGE, WBC = "page[0]", "world.wbc[0].nr_to_write"
ENOMEM, ENOSPC = -12, -28


def joined(kernel, n):
    """The first n buffers: is each in a transaction?  Then something holds it, too."""
    found = [kernel.get(f"buffer[{i}].b_in_transaction") for i in range(n)]
    assert [kernel.get(f"buffer[{i}].b_count") for i in range(n)] == found
    return found


def test_a_block_joins_once_and_leaves(kernel):
    cache(kernel, 0, "UM UM")
    for _ in range(2):
        kernel.call("join_transaction", kernel.buffer(1))
        assert joined(kernel, 2) == [0, 1]
    kernel.call("leave_transaction", kernel.buffer(1))
    assert joined(kernel, 2) == [0, 0]


@pytest.mark.parametrize("before, under_way, members", [
    ("", "ALUMQ ALUMQ", [1, 1]),
    ("DUM UM", "ALUMQ UM", [1, 1]),     # all that are mapped, written or not
    ("DUM U", "ALUMQ U", [1, 0]),
])
def test_ext3_writepage_joins_the_mapped_blocks(kernel, before, under_way, members):
    kernel.inode(0, "ext3", blkbits=11)
    cache(kernel, 0, before, flags="locked uptodate")
    assert kernel.call("ext3_writepage", PAGE, WBC) == 0
    assert kernel.events()[0] == ("writepage", PAGE, "world.wbc[0].nr_to_write", 0)
    assert blocks(kernel, 0) == under_way
    assert [kernel.get(f"buffer[{i}].b_in_transaction") for i in (0, 1)] == members
    kernel.call("end_io", PAGE, 1)
    assert joined(kernel, 2) == members


def test_ext3_writepage_that_fails_joins_nothing(kernel):
    kernel.inode(0, "ext3", blkbits=11, mapped=1)
    cache(kernel, 0, "DUM DU", flags="locked uptodate")
    kernel.set("world.fail_in", 1)
    assert kernel.call("ext3_writepage", PAGE, WBC) == ENOSPC
    assert joined(kernel, 2) == [0, 0]


def test_ext3_writepage_without_buffers_to_be_had(kernel):
    kernel.inode(0, "ext3")
    cache(kernel, 0, flags="locked uptodate")
    kernel.set("world.fail_in", 1)
    assert kernel.call("ext3_writepage", PAGE, WBC) == ENOMEM
    assert flags(kernel, 0) == "uptodate dirty"
    assert kernel.slots() == [(0, PAGE, {"DIRTY"})]


# which of two blocks are in a transaction, before and after
@pytest.mark.parametrize("picture, members, released, after", [
    ("UM UM", [0, 0], 1, None),
    ("UM UM", [1, 1], 1, None),                 # on disk: they need not wait
    ("DUM UM", [1, 1], 0, [1, 1]),
    ("UM DUM", [1, 1], 0, [0, 1]),              # the first one left before the second was seen
    ("UM LUM", [1, 1], 0, [0, 1]),
    ("UM DUM", [1, 0], 0, [0, 0]),              # none is in one, but one is dirty
])
def test_ext3_releasepage(kernel, picture, members, released, after):
    kernel.inode(0, "ext3", blkbits=11)
    cache(kernel, 0, picture, flags="locked uptodate")
    for i, member in enumerate(members):
        if member:
            kernel.call("join_transaction", kernel.buffer(i))
    assert kernel.call("ext3_releasepage", PAGE) == released
    assert flags(kernel, 0) == ("locked uptodate" if released else "locked uptodate private")
    if after:
        assert joined(kernel, 2) == after


def test_ext3_releasepage_is_what_try_to_release_page_calls(kernel):
    kernel.inode(0, "ext3")
    cache(kernel, 0, "UM", flags="locked uptodate")
    kernel.call("join_transaction", kernel.buffer(0))
    assert kernel.call("try_to_release_page", PAGE) == 1
    assert flags(kernel, 0) == "locked uptodate"


def test_ext3_releasepage_without_buffers(kernel):
    kernel.inode(0, "ext3")
    cache(kernel, 0, flags="locked")
    assert kernel.call("ext3_releasepage", PAGE) == 0


def test_a_discarded_block_leaves_its_transaction(kernel):
    kernel.inode(0, "ext3", blkbits=11)
    cache(kernel, 0, "DUM DUM", flags="locked uptodate dirty")
    for i in (0, 1):
        kernel.call("join_transaction", kernel.buffer(i))
    kernel.call("block_invalidatepage", PAGE, 2048)
    assert blocks(kernel, 0) == "DUM U"
    assert joined(kernel, 2) == [1, 0]


def test_journal_commit_writes_what_is_dirty_and_lets_all_go(kernel):
    kernel.inode(0, "ext3", blkbits=11)
    kernel.inode(1, "ext3")
    # the last block is in no transaction; page 1 is of another file
    cache(kernel, 0, "DUM DUM", flags="uptodate dirty", contents=(1, 2, 3, 4))
    cache(kernel, 1, "UM DUM", first=2, index=1, flags="uptodate dirty", contents=(5, 6, 7, 8))
    cache(kernel, 2, "DUM", first=4, inode=1, flags="uptodate dirty")
    for i in (0, 1, 2, 4):
        kernel.call("join_transaction", kernel.buffer(i))
    kernel.call("journal_commit", "inode[0].i_state")
    assert blocks(kernel, 0) == "UMQ UMQ"
    assert blocks(kernel, 1) == "UM DUM"
    assert blocks(kernel, 2) == "DUM"
    assert joined(kernel, 5) == [0, 0, 0, 0, 1]
    assert disk(kernel, 0, 0) == [1, 2, 3, 4]
    assert disk(kernel, 0, 1) == [0, 0, 0, 0]
    # it tells the pages nothing
    assert flags(kernel, 0) == "uptodate dirty private"
    # all are submitted before any is waited for
    assert names(kernel) == ["journal_commit", *["ll_rw_block", "lock_buffer", "submit_bh",
                                                 "submit_bio"] * 2,
                             "end_io", "unlock_buffer", "unlock_buffer"]


def test_journal_commit_waits_for_writepage_s_blocks_too(kernel):
    kernel.inode(0, "ext3")
    cache(kernel, 0, flags="locked uptodate", contents=(1, 2, 3, 4))
    kernel.call("ext3_writepage", PAGE, WBC)
    kernel.call("journal_commit", "inode[0].i_state")
    assert blocks(kernel, 0) == "UMQ"
    assert flags(kernel, 0) == "uptodate private"
    assert joined(kernel, 1) == [0]
    assert disk(kernel) == [1, 2, 3, 4]
