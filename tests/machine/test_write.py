# SPDX-License-Identifier: GPL-2.0-only
"""write(2): which sectors get a new version, what becomes dirty, and what it refuses."""

import pytest
from block_pictures import blocks, cache, contents, disk, flags, names

EBADF, ENOMEM, EINVAL, EFBIG, ENOSPC = -9, -12, -22, -27, -28
FILE = "file[0].f_mapping"
JUNK = 0xFFFF           # what a page holds that nobody wrote


def opened(kernel, kind="ext2", mode=3, **inode):
    kernel.inode(0, kind, **inode)
    kernel.file(0, 0, mode)
    kernel.set("world.version", 100)


# one page of 4 blocks that is not in memory; the disk holds 1 2 3 4
@pytest.mark.parametrize("pos, length, after, picture, page", [
    (0, 4096, [101, 102, 103, 104], "DUM DUM DUM DUM", "uptodate dirty private"),
    (0, 1024, [101, JUNK, JUNK, JUNK], "DUM - - -", "dirty private"),
    (1024, 2048, [JUNK, 101, 102, JUNK], "- DUM DUM -", "dirty private"),
    (1000, 100, [101, 102, JUNK, JUNK], "DUMQ DUMQ - -", "dirty private"),
    (3072, 1024, [JUNK, JUNK, JUNK, 101], "- - - DUM", "dirty private"),
])
def test_write_to_a_disk_file(kernel, pos, length, after, picture, page):
    opened(kernel, blkbits=10, disk=(1, 2, 3, 4))
    assert kernel.call("kmm_write", FILE, pos, length) == length
    assert kernel.events()[0] == ("filemap_write", "file[0]", pos, length, length)
    assert contents(kernel, 0) == after
    assert blocks(kernel, 0) == picture
    assert flags(kernel, 0) == page
    assert kernel.slots() == [(0, "page[0]", {"DIRTY"})]
    assert disk(kernel) == [1, 2, 3, 4]
    assert kernel.get("inode[0].i_size") == 4 << 12
    # the file did not grow: its pages are dirty, and its times have changed
    assert kernel.get("inode[0].i_state") == 5
    assert kernel.get("page[0].flags.referenced") == 1
    assert kernel.held() == []
    assert kernel.get("page[0]._count") == 3    # page cache, buffers, pagevec


def test_write_in_order(kernel):
    opened(kernel)
    cache(kernel, 0, "UM", flags="uptodate")
    kernel.call("kmm_write", FILE, 0, 1024)
    calls = [event[0] for event in kernel.events()]
    assert calls[:2] == ["filemap_write", "down_write"]
    assert calls[-1] == "up_write"
    assert [name for name in names(kernel) if not name.startswith("Page")] == [
        "filemap_write", "__mark_inode_dirty", "get_page", "lock_page", "prepare_write", "user_store", "commit_write",
        "mark_buffer_dirty", "__set_page_dirty_nobuffers", "TestSetPageDirty",
        "__mark_inode_dirty", "SetPageUptodate", "unlock_page", "mark_page_accessed", "put_page"]
    assert kernel.get("world.order_fault") == 0
    assert kernel.get("world.sleep_fault") == 0


@pytest.mark.parametrize("size, pos, length, after", [
    (0, 0, 1024, 1024), (1024, 0, 1024, 1024), (1024, 1024, 512, 1536), (0, 8192, 1, 8193),
])
def test_write_that_makes_the_file_grow(kernel, size, pos, length, after):
    opened(kernel, size=size)
    assert kernel.call("kmm_write", FILE, pos, length) == length
    assert kernel.get("inode[0].i_size") == after
    assert kernel.get("inode[0].i_state") == (7 if after > size else 5)


def test_write_into_a_hole_makes_a_block_and_zeroes_the_rest_of_it(kernel):
    opened(kernel, blkbits=11, mapped=0)
    assert kernel.call("kmm_write", FILE, 0, 1024) == 1024
    assert contents(kernel, 0) == [101, 0, JUNK, JUNK]
    assert blocks(kernel, 0) == "DUM -"
    assert kernel.get("inode[0].i_mapped") == 1


def test_write_to_ext3_joins_the_blocks_written(kernel):
    opened(kernel, "ext3", blkbits=10)
    kernel.call("kmm_write", FILE, 1024, 2048)
    assert [kernel.get(f"buffer[{i}].b_in_transaction") for i in range(4)] == [0, 1, 1, 0]
    assert [kernel.get(f"buffer[{i}].b_count") for i in range(4)] == [0, 1, 1, 0]


@pytest.mark.parametrize("kind, state", [("tmpfs", "set_page_dirty"), ("ramfs", "set_page_dirty")])
@pytest.mark.parametrize("size, pos, after", [(4096, 1024, [0, 101, 0, 0]), (0, 0, [101, 0, 0, 0])])
def test_write_to_memory(kernel, kind, state, size, pos, after):
    opened(kernel, kind, size=size)
    assert kernel.call("kmm_write", FILE, pos, 1024) == 1024
    assert state in names(kernel)
    assert contents(kernel, 0) == after
    assert flags(kernel, 0) == "uptodate dirty"
    assert kernel.slots() == [(0, "page[0]", {"DIRTY"})]
    assert kernel.get("world.page_state.nr_dirty") == 0
    assert kernel.get("inode[0].i_size") == max(size, pos + 1024)
    assert kernel.get("page[0]._count") == 2    # page cache, pagevec


@pytest.mark.parametrize("kind", ["PFNMAP driver", "prot driver", "hugetlbfs", "no mmap",
                                  "failing driver"])
def test_write_to_what_cannot_be_written(kernel, kind):
    opened(kernel, kind)
    assert kernel.call("kmm_write", FILE, 0, 10) == EINVAL
    assert names(kernel) == ["filemap_write"]


@pytest.mark.parametrize("mode, pos, length, result", [
    (1, 0, 10, EBADF), (3, -1, 10, EINVAL), (2, 0, 0, 0), (2, 0, 10, 10),
    (2, 4000, 1000, 96),        # at most to the end of the page
])
def test_write_arguments(kernel, mode, pos, length, result):
    opened(kernel, mode=mode)
    assert kernel.call("kmm_write", FILE, pos & (1 << 64) - 1, length) == result


@pytest.mark.parametrize("limit, pos, length, result", [
    (2048, 2048, 1, EFBIG), (2048, 4096, 1, EFBIG), (0, 0, 1, EFBIG),
    (2048, 2047, 1, 1), (2048, 1024, 2048, 1024),       # a short write
])
def test_write_and_the_limit_of_a_file_s_size(kernel, limit, pos, length, result):
    opened(kernel)
    kernel.set("task[0].own_signal.fsize", limit)
    assert kernel.call("kmm_write", FILE, pos, length) == result


def test_write_to_the_end_of_a_file_that_is_append_only(kernel):
    opened(kernel, size=5120)
    kernel.set("inode[0].i_flags", 4)
    assert kernel.call("kmm_write", FILE, 0, 1024) == 1024
    assert kernel.get("inode[0].i_size") == 6144
    assert kernel.slots() == [(1, "page[0]", {"DIRTY"})]
    assert contents(kernel, 0)[1] == 101


@pytest.mark.parametrize("pos, length, result", [
    (4096, 1, ENOSPC), (4095, 1, 1), (3072, 2048, 1024),
])
def test_write_at_the_end_of_a_device(kernel, pos, length, result):
    opened(kernel, "block device", size=4096)
    assert kernel.call("kmm_write", FILE, pos, length) == result
    assert kernel.get("inode[0].i_size") == 4096


@pytest.mark.parametrize("kind, fail_in, error", [
    ("ext2", 1, ENOMEM), ("ext2", 2, ENOMEM), ("ext2", 3, ENOSPC),  # page, buffer, block
    ("tmpfs", 1, ENOMEM), ("ramfs", 1, ENOMEM),
])
def test_write_without_memory_or_room(kernel, kind, fail_in, error):
    opened(kernel, kind, mapped=0, size=0)
    kernel.set("world.fail_in", fail_in)
    assert kernel.call("kmm_write", FILE, 0, 4096) == error
    assert kernel.get("inode[0].i_size") == 0
    assert kernel.get("world.version") == 100
    assert kernel.held() == []
    assert not kernel.get("page[0].flags.locked")


def test_a_write_reaches_the_disk_through_writepage(kernel):
    opened(kernel, blkbits=10, disk=(1, 2, 3, 4))
    kernel.call("kmm_write", FILE, 1024, 2048)
    kernel.call("read_page", "mapping[0].host", 0)
    assert contents(kernel, 0) == [1, 101, 102, 4]
    kernel.set("page[0].flags.locked", 1)
    kernel.set("page[0].flags.dirty", 0)
    kernel.call("block_write_full_page", "page[0]", "world.wbc[0].nr_to_write")
    kernel.call("end_io", "page[0]", 1)
    assert disk(kernel) == [1, 101, 102, 4]


def test_write_that_finds_no_block_leaves_the_page_not_uptodate(kernel):
    opened(kernel, blkbits=10, mapped=0, size=4096)
    cache(kernel, 2, flags="uptodate", contents=(5, 6, 7, 8))
    kernel.set("world.fail_in", 6)          # 4 buffers, the first block, the second
    assert kernel.call("kmm_write", FILE, 0, 4096) == ENOSPC
    # what the new block held is lost: 2.6.17 takes it for what the disk held before
    assert contents(kernel, 2) == [0, 6, 7, 8]
    assert blocks(kernel, 2) == "DUM U U U"
    assert flags(kernel, 2) == "dirty private"


def test_write_past_the_end_that_finds_no_block_takes_its_blocks_back(kernel):
    opened(kernel, blkbits=10, mapped=0, size=1024)
    kernel.set("world.fail_in", 8)          # the page, 4 buffers, two blocks, the third
    assert kernel.call("kmm_write", FILE, 0, 4096) == ENOSPC
    assert kernel.get("inode[0].i_size") == 1024
    assert kernel.get("inode[0].i_mapped") == 1


def test_write_without_buffers_leaves_an_uptodate_page_so(kernel):
    opened(kernel)
    cache(kernel, 2, flags="uptodate", contents=(5, 6, 7, 8))
    kernel.set("world.fail_in", 1)
    assert kernel.call("kmm_write", FILE, 0, 1024) == ENOMEM
    assert flags(kernel, 2) == "uptodate"
