# SPDX-License-Identifier: GPL-2.0-only
"""Pages of files: looked up, read in, and given to faults."""

import pytest
from block_pictures import blocks, cache, contents, flags, names

ENOMEM = -12
OOM = -1                # NOPAGE_OOM is (struct page *)-1
MINOR, MAJOR = 2, 3
MAPPING, VMA = "mapping[0].host", "vma[0].vm_mm"
BASE = 0x40000000


def count(kernel, page):
    return kernel.get(f"page[{page}]._count")


def test_find_get_page(kernel):
    kernel.inode(0)
    cache(kernel, 3, index=2)
    assert kernel.call("find_get_page", MAPPING, 2) == kernel.at("page[3]")
    assert kernel.events() == [("get_page", "page[3]")]
    assert kernel.call("find_get_page", MAPPING, 1) == 0
    assert kernel.events() == []
    assert count(kernel, 3) == 2


def test_find_lock_page_of_a_page_that_is_there(kernel):
    kernel.inode(0)
    cache(kernel, 3, index=2)
    assert kernel.call("find_lock_page", MAPPING, 2, 0) == kernel.at("page[3]")
    assert kernel.events() == [("get_page", "page[3]"), ("lock_page", "page[3]")]
    assert kernel.call("find_lock_page", MAPPING, 1, 0) == 0


def test_find_lock_page_makes_a_page(kernel):
    kernel.inode(0)
    assert kernel.call("find_lock_page", MAPPING, 1, 1) == kernel.at("page[0]")
    assert names(kernel) == ["alloc_page", "add_to_page_cache", "lru_cache_add"]
    assert flags(kernel, 0) == "locked"
    assert kernel.slots() == [(1, "page[0]", set())]
    assert count(kernel, 0) == 3                # its caller, the page cache, the pagevec


@pytest.mark.parametrize("fail_in, slots", [(1, 8), (0, 0)])
def test_find_lock_page_that_cannot_make_one(kernel, fail_in, slots):
    kernel.inode(0)
    kernel.set("world.fail_in", fail_in)
    kernel.set("mapping[0].page_tree.capacity", slots)
    assert kernel.call("find_lock_page", MAPPING, 1, 1) == 0
    assert count(kernel, 0) == 0


def test_read_page_reads_what_is_not_there(kernel):
    kernel.inode(0, disk=(0, 0, 0, 0, 1, 2, 3, 4))
    assert kernel.call("read_page", MAPPING, 1) == kernel.at("page[0]")
    assert names(kernel) == ["alloc_page", "add_to_page_cache", "lru_cache_add",
                             "readpage", "SetPageUptodate", "unlock_page"]
    assert contents(kernel, 0) == [1, 2, 3, 4]
    assert flags(kernel, 0) == "uptodate"
    assert count(kernel, 0) == 3


def test_read_page_of_an_uptodate_page_looks_no_further(kernel):
    kernel.inode(0, disk=(1, 2, 3, 4))
    cache(kernel, 2, flags="uptodate", contents=(5, 6, 7, 8))
    assert kernel.call("read_page", MAPPING, 0) == kernel.at("page[2]")
    assert names(kernel) == ["get_page"]
    assert contents(kernel, 2) == [5, 6, 7, 8]


def test_read_page_of_a_page_that_was_written_in_part(kernel):
    kernel.inode(0, blkbits=11, disk=(1, 2, 3, 4))
    cache(kernel, 2, "DUM -", contents=(5, 6, 0xFFFF, 0xFFFF))
    assert kernel.call("read_page", MAPPING, 0) == kernel.at("page[2]")
    assert names(kernel) == ["get_page", "lock_page", "readpage", "SetPageUptodate", "unlock_page"]
    assert contents(kernel, 2) == [5, 6, 3, 4]
    assert blocks(kernel, 2) == "DUM UMQ"


@pytest.mark.parametrize("fail_in", [1, 2])     # the page; the first of the buffers for a hole
def test_read_page_without_memory(kernel, fail_in):
    kernel.inode(0, blkbits=11, mapped=0b10)
    kernel.set("world.fail_in", fail_in)
    assert kernel.call("read_page", MAPPING, 0) == ENOMEM
    if fail_in == 1:
        assert kernel.slots() == []
    else:
        # it stays, to be read by who comes next
        assert kernel.slots() == [(0, "page[0]", set())]
        assert flags(kernel, 0) == ""
        assert kernel.call("read_page", MAPPING, 0) == kernel.at("page[0]")
        assert blocks(kernel, 0) == "U UMQ"


def mapped(kernel, kind="ext2", pgoff=0, mm="mm[0]", **inode):
    kernel.inode(0, kind, **inode)
    kernel.file(0, 0)
    kernel.vma(0, start=BASE, pages=4, pgoff=pgoff, flags=0xFB, mm=mm)
    kernel.set("vma[0].vm_file", "file[0].f_mapping")
    kernel.call("f_op_mmap", "file[0].f_mapping", VMA)


@pytest.mark.parametrize("address, pgoff, index", [
    (BASE, 0, 0), (BASE + 0x1000, 0, 1), (BASE + 0x1FFF, 0, 1), (BASE + 0x1000, 2, 3),
])
def test_nopage_of_a_disk_file_finds_the_page_of_the_address(kernel, address, pgoff, index):
    mapped(kernel, pgoff=pgoff)
    cache(kernel, 4, index=index, flags="uptodate")
    assert kernel.call("nopage", VMA, address) == kernel.at("page[4]")
    assert kernel.events() == [
        ("nopage", "vma[0]", address, MINOR, "page[4]"),
        ("get_page", "page[4]"),
        ("mark_page_accessed", "page[4]"),
        ("PageActive", "page[4]", 0),
        ("PageReferenced", "page[4]", 0),
    ]
    assert flags(kernel, 4) == "uptodate"       # not dirty
    assert kernel.get("page[4].flags.referenced") == 1


@pytest.mark.parametrize("kind, read, buffers", [
    ("ext2", [1, 2, 3, 4], "none"), ("ext3", [1, 2, 3, 4], "none"),
    ("block device", [1, 2, 3, 4], "UMQ"), ("ramfs", [0, 0, 0, 0], "none")])
def test_nopage_that_reads_is_a_major_fault(kernel, kind, read, buffers):
    mapped(kernel, kind, disk=(1, 2, 3, 4))
    assert kernel.call("nopage", VMA, BASE) == kernel.at("page[0]")
    assert kernel.events()[0] == ("nopage", "vma[0]", BASE, MAJOR, "page[0]")
    assert contents(kernel, 0) == read
    assert blocks(kernel, 0) == buffers
    assert flags(kernel, 0) == ("uptodate" if buffers == "none" else "uptodate private")
    assert count(kernel, 0) == (3 if buffers == "none" else 4)


@pytest.mark.parametrize("size, blkbits, buffers, read", [
    (4096, 10, "UMQ UMQ UMQ UMQ", [1, 2, 3, 4]),
    (2048, 10, "UMQ UMQ U U", [1, 2, 0, 0]),    # past the device: nothing is asked of the disk
    (1024, 11, "UMQ U", [1, 2, 0, 0]),          # of its last block all that is there is read
])
def test_a_page_of_a_device_is_read_into_buffers(kernel, size, blkbits, buffers, read):
    mapped(kernel, "block device", size=size, blkbits=blkbits, disk=(1, 2, 3, 4))
    kernel.call("nopage", VMA, BASE)
    assert blocks(kernel, 0) == buffers
    assert contents(kernel, 0) == read
    assert "create_empty_buffers" in names(kernel)


def test_a_page_of_a_device_cannot_be_read_without_buffers(kernel):
    mapped(kernel, "block device", disk=(1, 2, 3, 4))
    kernel.set("world.fail_in", 2)              # the page; its buffer
    assert kernel.call("nopage", VMA, BASE) == OOM
    assert flags(kernel, 0) == ""


@pytest.mark.parametrize("kind", ["ext2", "ext3"])
@pytest.mark.parametrize("size, blkbits, read", [
    (1024, 12, [1, 2, 3, 4]),                   # the last block is read as the disk has it
    (1024, 11, [1, 2, 0, 0]),                   # and a block past the end not at all
    (1025, 10, [1, 2, 0, 0]),
])
def test_what_is_read_beyond_the_end(kernel, kind, size, blkbits, read):
    mapped(kernel, kind, size=size, blkbits=blkbits, disk=(1, 2, 3, 4))
    kernel.call("nopage", VMA, BASE)
    assert contents(kernel, 0) == read
    assert blocks(kernel, 0) == "none"


def test_a_page_that_is_one_hole_asks_nothing_of_the_disk(kernel):
    mapped(kernel, "ext2", blkbits=11, mapped=0, disk=(1, 2, 3, 4))
    kernel.call("nopage", VMA, BASE)
    assert contents(kernel, 0) == [0, 0, 0, 0]
    assert flags(kernel, 0) == "uptodate"


@pytest.mark.parametrize("size, index, there", [
    (8192, 1, True), (8192, 2, False), (8193, 2, True), (1, 0, True), (0, 0, False),
])
def test_nopage_past_the_end_of_the_file(kernel, size, index, there):
    mapped(kernel, size=size)
    page = kernel.call("nopage", VMA, BASE + (index << 12))
    assert page == (kernel.at("page[0]") if there else 0)


def test_nopage_past_the_end_for_a_tracer(kernel):
    mapped(kernel, size=4096, mm="mm[1]", disk=(0, 0, 0, 0, 9, 9, 9, 9))
    assert kernel.call("nopage", VMA, BASE + 0x1000) == kernel.at("page[0]")
    assert contents(kernel, 0) == [0, 0, 0, 0]


def test_nopage_without_memory(kernel):
    mapped(kernel)
    kernel.set("world.fail_in", 1)
    assert kernel.call("nopage", VMA, BASE) == OOM


def test_read_page_with_an_old_error_is_read_twice(kernel):
    kernel.inode(0, blkbits=11, disk=(1, 2, 3, 4))
    cache(kernel, 2, "DUM -", flags="error", contents=(5, 6, 0xFFFF, 0xFFFF))
    assert kernel.call("read_page", MAPPING, 0) == kernel.at("page[2]")
    assert names(kernel).count("readpage") == 2
    assert contents(kernel, 2) == [5, 6, 3, 4]
    assert flags(kernel, 2) == "uptodate private"


def test_read_page_that_is_there_and_cannot_be_read_is_an_error_of_the_disk(kernel):
    kernel.inode(0, blkbits=11, mapped=0b10)
    cache(kernel, 2, flags="error")
    for buffer in range(kernel.get("world.size.buffers")):
        kernel.set(f"buffer[{buffer}].b_page", "page[3]")
    assert kernel.call("read_page", MAPPING, 0) == -5
    assert names(kernel).count("readpage") == 2
    assert flags(kernel, 2) == ""
    assert count(kernel, 2) == 1
