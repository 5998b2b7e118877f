# SPDX-License-Identifier: GPL-2.0-only
"""ext3 with ordered data: which blocks are in a transaction, and how they leave it."""

import pytest
from block_pictures import END_WRITE, blocks, cache, disk, flags, names

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


COMMITTING, LOCKED, BY_OTHER = 2, 3, 2
ROUND = ["ll_rw_block", "lock_buffer"]


def commit(kernel, inode=0):
    return kernel.call("journal_commit", f"inode[{inode}].i_state")


def test_a_commit_writes_what_is_dirty_and_lets_all_go(kernel):
    kernel.inode(0, "ext3", blkbits=11)
    kernel.inode(1, "ext3")
    # the last block is in no transaction; page 1 is of another file
    cache(kernel, 0, "DUM DUM", flags="uptodate dirty", contents=(1, 2, 3, 4))
    cache(kernel, 1, "UM DUM", first=2, index=1, flags="uptodate dirty", contents=(5, 6, 7, 8))
    cache(kernel, 2, "DUM", first=4, inode=1, flags="uptodate dirty")
    for i in (0, 1, 2, 4):
        kernel.call("join_transaction", kernel.buffer(i))
    assert commit(kernel) == 0
    assert blocks(kernel, 0) == "UMQ UMQ"
    assert blocks(kernel, 1) == "UM DUM"
    assert blocks(kernel, 2) == "DUM"
    assert joined(kernel, 5) == [0, 0, 0, 0, 1]
    assert disk(kernel, 0, 0) == [1, 2, 3, 4]
    assert disk(kernel, 0, 1) == [0, 0, 0, 0]
    # it tells the pages nothing
    assert flags(kernel, 0) == "uptodate dirty private"
    # all are submitted before any is waited for; the second turn waits
    assert names(kernel) == ["journal_commit", *[*ROUND, "submit_bh", "submit_bio"] * 2,
                             *ROUND, "end_io", *["unlock_buffer"] * 3, *ROUND, "unlock_buffer"]


def test_a_commit_waits_for_writepage_s_blocks_too(kernel):
    kernel.inode(0, "ext3")
    cache(kernel, 0, flags="locked uptodate", contents=(1, 2, 3, 4))
    kernel.call("ext3_writepage", PAGE, WBC)
    assert commit(kernel) == 0
    assert names(kernel)[:3] == ["journal_commit", "end_io", "unlock_buffer"]
    assert "ll_rw_block" not in names(kernel)
    assert blocks(kernel, 0) == "UMQ"
    assert flags(kernel, 0) == "uptodate private"
    assert joined(kernel, 1) == [0]
    assert disk(kernel) == [1, 2, 3, 4]


# a block of a transaction as a commit finds it; is it written; what it is afterwards
@pytest.mark.parametrize("before, under_way, submitted, after", [
    ("UM", False, 0, "UM"),
    ("DUM", False, 1, "UMQ"),
    ("LUMQ", True, 0, "UMQ"),
    ("LDUMQ", True, 0, "DUMQ"),         # dirty again under its write: it is let go so
])
def test_what_a_commit_does_with_one_block(kernel, before, under_way, submitted, after):
    kernel.inode(0, "ext3")
    cache(kernel, 0, before, flags="uptodate dirty", contents=(1, 2, 3, 4))
    kernel.call("join_transaction", kernel.buffer(0))
    if under_way:
        kernel.set("buffer[0].b_end_io", END_WRITE)
        kernel.set("buffer[0].b_count", 2)
        kernel.set("page[0].io", 0xF)
        for i in range(4):
            kernel.set(f"page[0].in_flight[{i}]", 5 + i)
    assert commit(kernel) == 0
    assert names(kernel).count("submit_bh") == submitted
    assert blocks(kernel, 0) == after
    assert joined(kernel, 1) == [0]
    assert disk(kernel) == ([5, 6, 7, 8] if under_way else [1, 2, 3, 4] if submitted else [0] * 4)
    assert flags(kernel, 0) == "uptodate dirty private"


def test_one_commit_of_a_file_at_a_time(kernel):
    kernel.inode(0, "ext3")
    kernel.set("inode[0].i_committing", 1)
    assert kernel.end("journal_commit", "inode[0].i_state") == "lock taken twice"


@pytest.mark.parametrize("was, picture, after, count, wrote", [
    (COMMITTING, "DUM", "UMQ", 1, 1),           # what it holds belongs to the commit
    (COMMITTING, "UM", "UM", 1, 0),
    (LOCKED, "DUM", "UMQ", 1, 1),
    (COMMITTING + BY_OTHER, "DUM", "UMQ", 1, 1),
    (1, "DUM", "DUM", 1, 0),
])
def test_filing_a_block_that_a_commit_has(kernel, was, picture, after, count, wrote):
    kernel.inode(0, "ext3")
    cache(kernel, 0, picture, flags="uptodate dirty", contents=(1, 2, 3, 4))
    kernel.call("join_transaction", kernel.buffer(0))
    kernel.set("buffer[0].b_in_transaction", was)
    kernel.call("join_transaction", kernel.buffer(0))
    assert names(kernel).count("sync_dirty_buffer") == wrote
    assert blocks(kernel, 0) == after
    assert kernel.get("buffer[0].b_in_transaction") == 1
    assert kernel.get("buffer[0].b_count") == count
    assert disk(kernel) == ([1, 2, 3, 4] if wrote else [0] * 4)


@pytest.mark.parametrize("was, picture, stays", [
    (0, "U", 0), (1, "U", 0), (LOCKED, "U", 0), (LOCKED + BY_OTHER, "U", 0),
    (COMMITTING, "DUMF", COMMITTING), (COMMITTING + BY_OTHER, "DUMF", COMMITTING + BY_OTHER),
])
def test_discarding_a_block_that_a_commit_has(kernel, was, picture, stays):
    kernel.inode(0, "ext3", blkbits=11)
    cache(kernel, 0, "DUM DUMQN", flags="locked uptodate dirty")
    if was:
        kernel.call("join_transaction", kernel.buffer(1))
        kernel.set("buffer[1].b_in_transaction", was)
    kernel.call("block_invalidatepage", PAGE, 2048)
    assert blocks(kernel, 0) == f"DUM {'DUMQNF' if stays else picture}"
    assert kernel.get("buffer[1].b_in_transaction") == stays
    assert kernel.get("buffer[1].b_count") == (1 if stays else 0)
