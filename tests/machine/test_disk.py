# SPDX-License-Identifier: GPL-2.0-only
"""The disk: a write takes contents when it begins, and is on disk when it ends."""

import pytest
from block_pictures import (
    END_ASYNC_WRITE,
    END_WRITE,
    IO_BIO,
    blocks,
    cache,
    contents,
    disk,
    flags,
)

EIO = 1 << 20


def test_begin_write_captures_what_the_sectors_hold(kernel):
    kernel.inode(0)
    cache(kernel, 0, contents=(11, 12, 13, 14))
    kernel.call("begin_write", "page[0]", 0b0110)
    assert kernel.events() == [("submit_bio", "page[0]", 6)]
    kernel.set("page[0].contents[1]", 99)       # stored while the write is under way
    assert [kernel.get(f"page[0].in_flight[{i}]") for i in range(4)] == [0, 12, 13, 0]
    assert kernel.get("page[0].io") == 6
    assert disk(kernel) == [0, 0, 0, 0]
    kernel.call("end_io", "page[0]", 1)
    assert kernel.events() == [("end_io", "page[0]", 1)]
    assert disk(kernel) == [0, 12, 13, 0]
    assert contents(kernel, 0) == [11, 99, 13, 14]
    assert kernel.get("page[0].io") == 0
    assert [kernel.get(f"page[0].in_flight[{i}]") for i in range(4)] == [0, 0, 0, 0]


def test_a_failed_write_leaves_the_disk_as_it_was(kernel):
    kernel.inode(0, disk=(1, 2, 3, 4))
    cache(kernel, 0, contents=(11, 12, 13, 14))
    kernel.call("begin_write", "page[0]", 0b1111)
    kernel.call("end_io", "page[0]", 0)
    assert disk(kernel) == [1, 2, 3, 4]


def test_end_io_without_io_is_nothing(kernel):
    kernel.inode(0)
    cache(kernel, 0, "LUM", flags="writeback")
    before = kernel.runner.image()
    kernel.call("end_io", "page[0]", 1)
    assert kernel.events() == []
    assert kernel.changes(before) == {}


@pytest.mark.parametrize("index, lands", [(2, True), (7, True), (8, False)])
def test_a_write_lands_at_the_page_s_place_in_its_file(kernel, index, lands):
    kernel.inode(1)
    cache(kernel, 0, inode=1, index=index, contents=(5, 6, 7, 8))
    kernel.call("begin_write", "page[0]", 0b1111)
    kernel.call("end_io", "page[0]", 1)
    if lands:
        assert disk(kernel, 1, index) == [5, 6, 7, 8]
    # the disks of the neighbours, between which it lies
    assert disk(kernel, 0, 7) == disk(kernel, 2, 0) == [0, 0, 0, 0]


def test_a_page_of_the_swap_cache_is_written_to_its_slot(kernel):
    kernel.set("page[0].flags.swapcache", 1)
    kernel.set("page[0].private", 2)
    kernel.set("page[0].contents[3]", 9)
    kernel.call("begin_write", "page[0]", 0b1111)
    kernel.call("end_io", "page[0]", 1)
    assert [kernel.get(f"swap[2].contents[{i}]") for i in range(4)] == [0, 0, 0, 9]
    assert [kernel.get(f"swap[1].contents[{i}]") for i in range(4)] == [0, 0, 0, 0]


@pytest.mark.parametrize("ok, error", [(1, ""), (0, "error ")])
def test_a_write_as_a_whole_page_ends_the_page_s_writeback(kernel, ok, error):
    kernel.inode(0)
    cache(kernel, 0, "UM UM", flags="uptodate")
    kernel.call("set_page_writeback", "page[0]")
    kernel.call("begin_write", "page[0]", 0b1111 | IO_BIO)
    assert kernel.get("page[0].io") == 0x1F
    kernel.call("end_io", "page[0]", ok)
    assert flags(kernel, 0) == f"{error}uptodate private"
    assert kernel.get("mapping[0].flags") == (0 if ok else EIO)
    assert blocks(kernel, 0) == "UM UM"
    assert kernel.slots() == [(0, "page[0]", set())]


@pytest.mark.parametrize("ok, after, mapping", [(1, "UMQ", 0), (0, "MQE", 0)])
def test_a_buffer_written_by_itself_is_unlocked_and_let_go(kernel, ok, after, mapping):
    kernel.inode(0)
    cache(kernel, 0, "LUMQ UM", flags="uptodate dirty")
    kernel.set("buffer[0].b_count", 1)
    kernel.set("buffer[0].b_end_io", END_WRITE)
    kernel.set("page[0].io", 0b0011)
    kernel.call("end_io", "page[0]", ok)
    assert kernel.events() == [("end_io", "page[0]", ok), ("unlock_buffer", "bh[0]")]
    assert blocks(kernel, 0) == f"{after} UM"
    assert kernel.get("buffer[0].b_count") == 0
    assert kernel.get("buffer[0].b_end_io") == 0
    # what says "dirty" of the page is not its business, nor is the mapping's error bit
    assert flags(kernel, 0) == "uptodate dirty private"
    assert kernel.get("mapping[0].flags") == mapping


@pytest.mark.parametrize("ok, after, end, mapping", [
    (1, "UM UM", "uptodate private", 0),
    (0, "M M", "error uptodate private", EIO),
])
def test_the_last_async_write_ends_writeback(kernel, ok, after, end, mapping):
    kernel.inode(0)
    cache(kernel, 0, "ALUM ALUM", flags="uptodate")
    kernel.call("set_page_writeback", "page[0]")
    for i in (0, 1):
        kernel.set(f"buffer[{i}].b_end_io", END_ASYNC_WRITE)
    kernel.set("page[0].io", 0b1111)
    kernel.call("end_io", "page[0]", ok)
    assert blocks(kernel, 0) == after
    assert flags(kernel, 0) == end
    assert kernel.get("mapping[0].flags") == mapping
    assert kernel.get("world.page_state.nr_writeback") == 0


def test_writeback_goes_on_while_a_marked_buffer_is_not_yet_submitted(kernel):
    kernel.inode(0)
    cache(kernel, 0, "ALUM ALUM", flags="uptodate")
    kernel.call("set_page_writeback", "page[0]")
    kernel.set("buffer[0].b_end_io", END_ASYNC_WRITE)
    kernel.set("page[0].io", 0b0011)
    kernel.call("end_io", "page[0]", 1)
    assert blocks(kernel, 0) == "UM ALUM"
    assert flags(kernel, 0) == "uptodate private writeback"


def test_read_sectors_reads_those_and_no_others(kernel):
    kernel.inode(0, disk=(0, 0, 0, 0, 1, 2, 3, 4))
    cache(kernel, 0, index=1, contents=(9, 9, 9, 9))
    kernel.call("read_sectors", "page[0]", "inode[0].i_state", 0b1010)
    assert contents(kernel, 0) == [9, 2, 9, 4]


def test_read_sectors_past_the_disk_reads_zeroes(kernel):
    kernel.inode(0)
    kernel.inode(1, disk=(1, 2, 3, 4))          # what lies behind the disk of inode 0
    cache(kernel, 0, index=8, contents=(9, 9, 9, 9))
    kernel.call("read_sectors", "page[0]", "inode[0].i_state", 0b1111)
    assert contents(kernel, 0) == [0, 0, 0, 0]
