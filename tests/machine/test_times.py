# SPDX-License-Identifier: GPL-2.0-only
"""Which bits of an inode say that it is dirty itself: what time stamps, sizes and blocks do."""

import pytest
from block_pictures import cache, names

SYNC, DATASYNC, PAGES = 1, 2, 4
ALL = SYNC | DATASYNC | PAGES
FILE, INODE = "file[0].f_mapping", "inode[0].i_state"
MOVES, STANDS = 0, 1


def opened(kernel, kind, stands, **facts):
    kernel.inode(0, kind, **facts)
    kernel.file(0, 0)
    kernel.set("world.clock_stands", stands)


def bits(kernel):
    return kernel.get(INODE)


@pytest.mark.parametrize("kind, moves, stands", [
    ("ext2", SYNC, 0), ("ext3", SYNC, 0), ("tmpfs", SYNC, 0), ("ramfs", SYNC, 0),
    ("block device", 0, 0), ("prot driver", 0, 0), ("hugetlbfs", 0, 0),
])
def test_mapping_a_file_changes_its_time_of_access(kernel, kind, moves, stands):
    for clock, expected in ((MOVES, moves), (STANDS, stands)):
        opened(kernel, kind, clock)
        kernel.set("inode[0].i_state", 0)
        kernel.vma(0, flags=0xFB, pages=1)
        kernel.call("f_op_mmap", FILE, "vma[0].vm_mm")
        assert bits(kernel) == expected


# write(2) within the file, to a block that is on disk
@pytest.mark.parametrize("kind, moves, stands", [
    ("ext2", SYNC | PAGES, PAGES), ("ext3", SYNC | PAGES, PAGES), ("ramfs", SYNC | PAGES, PAGES),
    ("tmpfs", PAGES, PAGES),                    # its times are stored, and the inode is not told
    ("block device", PAGES, PAGES),             # they are its node's
])
@pytest.mark.parametrize("clock", [MOVES, STANDS])
def test_write_changes_the_times_of_change(kernel, kind, moves, stands, clock):
    opened(kernel, kind, clock)
    assert kernel.call("kmm_write", FILE, 0, 1024) == 1024
    assert bits(kernel) == (stands if clock else moves)


@pytest.mark.parametrize("clock", [MOVES, STANDS])
def test_a_write_of_nothing_and_one_that_is_refused_change_no_time(kernel, clock):
    opened(kernel, "ext2", clock)
    kernel.set("task[0].own_signal.fsize", 1024)
    assert kernel.call("kmm_write", FILE, 0, 0) == 0
    # the limit is asked first
    assert kernel.call("kmm_write", FILE, 1024, 0) == -27
    assert kernel.call("kmm_write", FILE, 1024, 1024) == -27
    assert bits(kernel) == 0


@pytest.mark.parametrize("kind", ["ext2", "ext3"])
@pytest.mark.parametrize("facts, pos", [
    ({"size": 1024}, 1024),                     # it grows
    ({"mapped": 0}, 0),                         # a block is allocated
])
def test_growth_and_a_new_block_make_all_of_an_inode_dirty(kernel, kind, facts, pos):
    opened(kernel, kind, STANDS, **facts)
    assert kernel.call("kmm_write", FILE, pos, 1024) == 1024
    assert bits(kernel) == ALL


@pytest.mark.parametrize("kind", ["ext2", "ext3"])
@pytest.mark.parametrize("mapped, after", [(0, ALL), (1, 0)])
def test_writing_out_a_page_may_allocate_a_block(kernel, kind, mapped, after):
    opened(kernel, kind, STANDS, mapped=mapped)
    cache(kernel, 0, flags="uptodate locked")
    assert kernel.call("writepage", "mapping[0].host", "page[0]") == 0
    assert bits(kernel) == after


@pytest.mark.parametrize("clock", [MOVES, STANDS])
@pytest.mark.parametrize("kind, size, result, after", [
    ("ext2", 4096, 0, ALL), ("ext3", 4096, 0, ALL), ("tmpfs", 4096, 0, ALL), ("ramfs", 4096, 0, ALL),
    ("ext2", 8192, 0, ALL),                     # to the size that it has
    ("ext2", 12288, 0, ALL),
    ("ext2", 1 << 40, -27, 0), ("block device", 4096, -22, 0),
])
def test_truncation_makes_all_of_an_inode_dirty(kernel, kind, size, result, after, clock):
    opened(kernel, kind, clock, size=8192)
    assert kernel.call("truncate", INODE, size) == result
    assert bits(kernel) == after


def test_truncation_to_the_same_size_touches_no_page(kernel):
    opened(kernel, "ext2", MOVES, size=1024, disk=(1, 2, 3, 4))
    cache(kernel, 0, flags="uptodate", contents=(1, 5, 6, 7))
    assert kernel.call("truncate", INODE, 1024) == 0
    assert kernel.get("page[0].contents[1]") == 5
    assert names(kernel) == ["vmtruncate", "__mark_inode_dirty"]


@pytest.mark.parametrize("clock", [MOVES, STANDS])
def test_what_has_no_time(kernel, clock):
    """A page that becomes dirty by a store says so of the pages alone."""
    opened(kernel, "ext2", clock)
    cache(kernel, 0, flags="uptodate")
    kernel.call("set_page_dirty", "page[0]")
    assert bits(kernel) == PAGES
