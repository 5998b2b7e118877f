# SPDX-License-Identifier: GPL-2.0-only
"""A file that ends inside a block: that block is brought into memory, zeroed from there on, dirty."""

import pytest
from block_pictures import blocks, cache, contents, disk, flags, names

INODE, JUNK = "inode[0].i_state", 0xFFFF
DISK = (1, 2, 3, 4)


def cut(kernel, size, kind="ext2", start=8192, **facts):
    """truncate of inode 0, which was `start` bytes long."""
    kernel.inode(0, kind, size=start, **{"disk": DISK, **facts})
    return kernel.call("truncate", INODE, size)


# one page; blocks of 4, 2 and 1 KiB; what is in memory afterwards
@pytest.mark.parametrize("kind", ["ext2", "ext3"])
@pytest.mark.parametrize("size, blkbits, picture, held", [
    (1024, 12, "DUMQ", [1, 0, 0, 0]),
    (3072, 12, "DUMQ", [1, 2, 3, 0]),
    (1024, 11, "DUMQ -", [1, 0, JUNK, JUNK]),   # only this block is read
    (3072, 11, "- DUMQ", [JUNK, JUNK, 3, 0]),
    (1000, 10, "DUMQ - - -", [1, JUNK, JUNK, JUNK]),    # no version begins past the end
])
def test_a_cut_inside_a_block(kernel, kind, size, blkbits, picture, held):
    assert cut(kernel, size, kind, blkbits=blkbits) == 0
    assert kernel.slots() == [(0, "page[0]", {"DIRTY"})]
    assert blocks(kernel, 0) == picture
    assert contents(kernel, 0) == held
    assert flags(kernel, 0) == "dirty private"  # and not Uptodate
    assert disk(kernel)[:1] == [1]              # nothing is written yet
    assert kernel.get("world.page_state.nr_dirty") == 1
    assert kernel.held() == []


@pytest.mark.parametrize("size, blkbits", [(0, 12), (4096, 12), (2048, 11), (3072, 10)])
def test_a_cut_between_blocks_brings_nothing_into_memory(kernel, size, blkbits):
    assert cut(kernel, size, blkbits=blkbits) == 0
    assert kernel.slots() == []
    assert "block_truncate_page" not in names(kernel)


def test_what_a_file_keeps_on_disk_when_it_is_cut(kernel):
    cut(kernel, 1024, blkbits=11)
    assert disk(kernel) == [1, 2, 0, 0]         # the last block as it is, nothing of those behind it
    assert kernel.get("inode[0].i_mapped") == 1


@pytest.mark.parametrize("picture, page, after, left", [
    ("", "uptodate", "DUM", "uptodate dirty private"),
    ("UM", "uptodate", "DUM", "uptodate dirty private"),
    ("M", "uptodate", "DUM", "uptodate dirty private"),
    ("M", "", "DUMQ", "dirty private"),         # read: 1 is what the disk has
    ("UM", "", "DUM", "dirty private"),         # its own content is newer
    ("", "dirty", "DUMQ", "dirty private"),
])
def test_a_page_that_is_there(kernel, picture, page, after, left):
    kernel.inode(0, "ext2", size=8192, disk=DISK)
    cache(kernel, 3, picture, flags=page, contents=(5, 6, 7, 8))
    if "dirty" in page:
        kernel.set("page[3].flags.dirty", 0)
        kernel.call("set_page_dirty", "page[3]")
    assert kernel.call("truncate", INODE, 1024) == 0
    assert blocks(kernel, 3) == after
    assert flags(kernel, 3) == left
    assert contents(kernel, 3) == [1 if "Q" in after else 5, 0, 0, 0]


@pytest.mark.parametrize("kind", ["ext2", "ext3"])
def test_a_cut_inside_a_hole_leaves_a_page_and_its_buffers(kernel, kind):
    assert cut(kernel, 1024, kind, mapped=0) == 0
    assert blocks(kernel, 0) == "-"
    assert flags(kernel, 0) == "private"
    assert contents(kernel, 0) == [JUNK] * 4


@pytest.mark.parametrize("kind", ["ext2", "ext3"])
def test_growth_to_the_inside_of_a_block(kernel, kind):
    assert cut(kernel, 5120, kind, start=2048) == 0
    # the block at the new end, not the one at the old end
    assert kernel.slots() == [(1, "page[0]", {"DIRTY"})]
    assert blocks(kernel, 0) == "DUMQ"
    assert contents(kernel, 0) == [0, 0, 0, 0]


def test_a_cut_keeps_ptes_of_the_last_page_and_takes_blocks_behind_it(kernel):
    kernel.inode(0, "ext2", size=4096, blkbits=10, disk=DISK)
    cache(kernel, 0, "DUM DUM DUMQ DUME", flags="uptodate dirty", contents=(5, 6, 7, 8))
    assert kernel.call("truncate", INODE, 2048) == 0
    # Uptodate and the error of an old write stay
    assert blocks(kernel, 0) == "DUM DUM U UE"
    assert contents(kernel, 0) == [5, 6, 0, 0]
    assert [kernel.get(f"buffer[{i}].b_blocknr") for i in range(4)] == [0, 1, 2, 3]
    assert flags(kernel, 0) == "uptodate dirty private"


def test_ext3_files_the_block_before_it_makes_it_dirty(kernel):
    assert cut(kernel, 1024, "ext3") == 0
    assert kernel.get("buffer[0].b_in_transaction") == 1
    # one that a commit has to write is written with its zeroes first
    kernel.set("buffer[0].b_in_transaction", 2)
    assert kernel.call("truncate", INODE, 1000) == 0
    calls = names(kernel)
    assert calls.index("block_truncate_page") < calls.index("sync_dirty_buffer") \
        < calls.index("mark_buffer_dirty")
    assert disk(kernel) == [1, 0, 0, 0]


def test_a_block_that_a_commit_holds_after_it_was_cut_off_is_left_alone(kernel):
    kernel.inode(0, "ext3", size=8192, disk=DISK)
    cache(kernel, 0, "DUMF", flags="uptodate dirty locked", contents=(5, 6, 7, 8))
    kernel.call("block_truncate_page", "page[0]", 1024)
    assert contents(kernel, 0) == [5, 6, 7, 8]
    assert blocks(kernel, 0) == "DUMF"


# the page, its buffer: nothing is zeroed; ext3 without a page frees no blocks either
@pytest.mark.parametrize("kind, fail_in, mapped, pages", [
    ("ext2", 1, 1, 0), ("ext2", 2, 1, 1), ("ext3", 1, 3, 0), ("ext3", 2, 1, 1),
])
def test_a_cut_without_memory(kernel, kind, fail_in, mapped, pages):
    kernel.set("world.fail_in", fail_in)
    assert cut(kernel, 1024, kind, mapped=3) == 0
    assert kernel.get("inode[0].i_size") == 1024
    assert kernel.get("inode[0].i_mapped") == mapped
    assert len(kernel.slots()) == pages
    assert disk(kernel) == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_memory_files_have_no_blocks(kernel, kind):
    assert cut(kernel, 1024, kind) == 0
    assert kernel.slots() == []
