# SPDX-License-Identifier: GPL-2.0-only
"""Truncation: pages, ptes, blocks and disk past the new end."""

import pytest
from written import (
    DIRTY,
    NONLINEAR,
    RW,
    at,
    cached,
    calm,
    contents,
    disk,
    named,
    pte,
    ring,
    shared,
    state,
    tags,
    word,
)

MAPPING, INODE = "mapping[0]", "inode[0].i_state"
FSIZE_LIMIT = "task[0].own_signal.fsize"


@pytest.fixture
def file(kernel):
    """4 pages of a disk file, all in memory in page[0] to page[3]; 0 and 2 are dirty."""
    kernel.inode(0, mapped=0xF, disk=range(1, 17))
    for i in range(4):
        cached(kernel, i, index=i, dirty=i in (0, 2), contents=range(4 * i + 1, 4 * i + 5))
    return kernel


def locked(kernel, page):
    kernel.call("lock_page", page)
    return page


def test_truncate_complete_page(file):
    file.set("page[2].flags.mappedtodisk", 1)
    file.set("page[2]._count", 2)
    file.call("truncate_complete_page", MAPPING, locked(file, "page[2]"))
    assert file.events()[0] == ("truncate_complete_page", MAPPING, "page[2]")
    assert [file.get(f"page[2].{field}") for field in ("mapping", "_count")] == [0, 1]
    assert [file.get(f"page[2].flags.{flag}") for flag in
            ("dirty", "uptodate", "mappedtodisk", "locked")] == [0, 0, 0, 1]
    assert list(tags(file)) == ["page[0]", "page[1]", "page[3]"]
    assert file.get(f"{MAPPING}.nrpages") == 3
    assert file.get("world.page_state.nr_dirty") == 1


def test_truncate_complete_page_of_a_page_that_left_the_file(file):
    file.set("page[2].mapping", 0)
    file.call("truncate_complete_page", MAPPING, locked(file, "page[2]"))
    assert file.events() == [("truncate_complete_page", MAPPING, "page[2]")]
    assert file.get("page[2]._count") == 1


def test_truncate_complete_page_forgets_its_blocks(file):
    ring(file, 2, 0, "mapped uptodate dirty")
    file.set("page[2]._count", 3)
    file.call("truncate_complete_page", MAPPING, locked(file, "page[2]"))
    assert named(file, "block_invalidatepage") == [("block_invalidatepage", "page[2]", 0)]
    assert file.get("page[2].flags.private") == 0
    assert file.get("page[2]._count") == 1


@pytest.mark.parametrize("offset, left", [(0, None), (1024, [True, False]), (2048, [True, False])])
def test_do_invalidatepage(file, offset, left):
    file.set("inode[0].i_blkbits", 11)
    ring(file, 2, 0, "mapped dirty", "mapped dirty")
    file.call("do_invalidatepage", locked(file, "page[2]"), offset)
    if left is None:
        assert file.get("page[2].flags.private") == 0
    else:
        assert ["dirty" in state(file, i) for i in (0, 1)] == left


@pytest.mark.parametrize("lstart, left", [
    (0, []), (1, [0]), (0x1000, [0]), (0x1001, [0, 1]), (0x2C00, [0, 1, 2]),
    (0x4000, [0, 1, 2, 3]), (0x7000, [0, 1, 2, 3]),
])
def test_truncate_inode_pages_takes_whole_pages(file, lstart, left):
    file.call("truncate_inode_pages", MAPPING, lstart)
    assert list(tags(file)) == [f"page[{i}]" for i in left]
    assert file.get(f"{MAPPING}.nrpages") == len(left)
    assert file.get("world.page_state.nr_dirty") == len({0, 2} & set(left))
    for i in range(4):
        assert file.get(f"page[{i}]._count") == (i in left)
    calm(file)


def test_truncate_inode_pages_of_a_file_without_pages(kernel):
    kernel.inode(0)
    kernel.call("truncate_inode_pages", MAPPING, 0)
    assert kernel.events() == []


@pytest.mark.parametrize("lstart, expected", [
    (0x2000, [9, 10, 11, 12]),          # not cut: page 2 goes as a whole
    (0x2400, [9, 0, 0, 0]), (0x2401, [9, 10, 0, 0]), (0x2C00, [9, 10, 11, 0]),
])
def test_truncate_inode_pages_zeroes_the_tail_of_the_last_page(file, lstart, expected):
    if lstart != 0x2000:
        file.call("truncate_inode_pages", MAPPING, lstart)
        # it is as dirty as it was
        assert tags(file)["page[2]"] == {"DIRTY"}
    assert contents(file, 2) == expected


def test_truncate_inode_pages_drops_blocks_past_the_cut(file):
    file.set("inode[0].i_blkbits", 10)
    ring(file, 2, 0, *["mapped uptodate dirty"] * 4)
    file.call("truncate_inode_pages", MAPPING, 0x2800)
    assert [state(file, i) for i in range(4)] == [
        {"mapped", "uptodate", "dirty"}, {"mapped", "uptodate", "dirty"},
        {"uptodate"}, {"uptodate"}]


def test_truncate_inode_pages_waits_for_writes_in_its_second_pass(file):
    file.call("filemap_fdatawrite", MAPPING)
    file.call("truncate_inode_pages", MAPPING, 0x1000)
    # page 0 is kept and its write goes on; page 2 was waited for
    assert named(file, "wait_on_page_writeback") == [("wait_on_page_writeback", "page[2]")]
    assert tags(file) == {"page[0]": {"WRITEBACK"}}
    # what needed no waiting went first
    assert [event[2] for event in named(file, "truncate_complete_page")] == [
        "page[1]", "page[3]", "page[2]"]
    assert disk(file, 0, 2) == [9, 10, 11, 12]


def test_truncate_inode_pages_waits_for_the_write_of_the_page_it_cuts(file):
    file.call("filemap_fdatawrite", MAPPING)
    file.call("truncate_inode_pages", MAPPING, 0x2400)
    assert named(file, "wait_on_page_writeback") == [("wait_on_page_writeback", "page[2]")]
    assert contents(file, 2) == [9, 0, 0, 0]


def test_truncate_inode_pages_waits_for_a_page_that_another_has_locked(file):
    file.set("page[3].flags.locked", 1)
    file.set("page[3]._count", file.get("page[3]._count") + 1)
    file.set("world.page_of_other", "page[3]")
    file.call("truncate_inode_pages", MAPPING, 0x2000)
    assert [event[2] for event in named(file, "truncate_complete_page")] == ["page[2]", "page[3]"]
    assert file.get("world.page_of_other") == 0


def test_truncate_to_less(file):
    shared(file, 0, pages=4)
    pte(file, 0, 0, DIRTY | RW)
    pte(file, 1, 1, DIRTY | RW)
    pte(file, 3, 3, RW)
    assert file.call("truncate", INODE, 0x1000) == 0
    assert file.events()[0] == ("vmtruncate", "inode[0]", 0x1000, 0)
    assert file.get("inode[0].i_size") == 0x1000
    assert [word(file, i) for i in (0, 1, 3)] == [0x100047, 0, 0]
    assert list(tags(file)) == ["page[0]"]
    assert file.get("mm[0].file_rss") == 1
    assert file.get(f"{MAPPING}.truncate_count") == 1
    # its blocks are holes and the disk is empty there
    assert file.get("inode[0].i_mapped") == 1
    assert [disk(file, 0, i) for i in (0, 1, 3)] == [[1, 2, 3, 4], [0] * 4, [0] * 4]
    assert ("unmap_mapping_range", MAPPING, 1) in [event[:3] for event in file.events()]
    calm(file)


@pytest.mark.parametrize("size, blkbits, mapped, there", [
    # what the last block has on disk beyond the end stays there until it is written
    (0, 12, 0, 0), (1, 12, 1, 4), (0x1000, 12, 1, 4), (0x1001, 12, 3, 8), (0x3C00, 12, 0xF, 16),
    (0x1800, 11, 7, 6), (0x1801, 11, 0xF, 8), (0x1400, 10, 0x1F, 5),
])
def test_truncate_leaves_blocks_up_to_the_end(kernel, size, blkbits, mapped, there):
    kernel.inode(0, blkbits=blkbits, mapped=0xFFFF, disk=range(1, 17))
    assert kernel.call("truncate", INODE, size) == 0
    assert kernel.get("inode[0].i_mapped") == mapped
    assert [kernel.get(f"inode[0].disk[{i}]") for i in range(16)] == [
        i + 1 if i < there else 0 for i in range(16)]


def test_truncate_takes_private_copies_too(file):
    shared(file, 0, pages=4, flags=0x73)
    file.set("mapping[0].i_mmap_writable", 0)
    # a copy on write of page 2, of nobody but this process
    file.set("page[5].mapping", file.at("anon_vma[0]") + 1)
    file.set("page[5].index", 2)
    pte(file, 2, 5, DIRTY | RW, anon=True)
    assert file.call("truncate", INODE, 0x2000) == 0
    assert word(file, 2) == 0
    assert file.get("page[5]._count") == 0
    assert file.get("mm[0].anon_rss") == 0


@pytest.mark.parametrize("size, first", [(0x1001, 2), (0x2000, 2), (0x2001, 3)])
def test_truncate_unmaps_from_the_first_whole_page_on(file, size, first):
    shared(file, 0, pages=4)
    for i in range(4):
        pte(file, i, i)
    file.call("truncate", INODE, size)
    assert [word(file, i) != 0 for i in range(4)] == [i < first for i in range(4)]


def test_truncate_to_more_only_sets_the_size(file):
    assert file.call("truncate", INODE, 0x5000) == 0
    assert file.get("inode[0].i_size") == 0x5000
    assert len(tags(file)) == 4
    assert file.get("inode[0].i_mapped") == 0xF
    assert [disk(file, 0, i) for i in (0, 3)] == [[1, 2, 3, 4], [13, 14, 15, 16]]
    assert named(file, "unmap_mapping_range", "truncate_complete_page") == []


@pytest.mark.parametrize("limit, size, result", [
    (0x5000, 0x5000, 0), (0x5000, 0x5001, -27), (0, 0x4001, -27),
    # shrinking asks no limit
    (0, 0x1000, 0),
    # 8 pages are what this disk has for a file
    (2**64 - 1, 0x8000, 0), (2**64 - 1, 0x8001, -27), (2**64 - 1, 2**62, -27),
])
def test_truncate_to_more_than_may_be(file, limit, size, result):
    file.set(FSIZE_LIMIT, limit)
    assert file.call("truncate", INODE, size) == result
    assert file.get("inode[0].i_size") == (0x4000 if result else size)
    calm(file)


def test_truncate_of_a_swap_file(file):
    file.set("inode[0].i_flags", 32)
    assert file.call("truncate", INODE, 0x1000) == -26
    assert file.get("inode[0].i_size") == 0x4000
    assert len(tags(file)) == 4
    # it may grow
    assert file.call("truncate", INODE, 0x5000) == 0


def test_truncate_to_a_negative_size(file):
    assert file.call("truncate", INODE, 2**64 - 1) == -22
    assert file.get("inode[0].i_size") == 0x4000


@pytest.mark.parametrize("kind, result", [
    ("ext2", 0), ("ext3", 0), ("tmpfs", 0), ("ramfs", 0), ("block device", -22),
    ("PFNMAP driver", -22), ("prot driver", -22), ("hugetlbfs", -22),
])
def test_truncate_by_kind(kernel, kind, result):
    kernel.inode(0, kind)
    cached(kernel, 1, index=1, dirty=True)
    assert kernel.call("truncate", INODE, 0x1000) == result
    assert bool(tags(kernel)) == (result != 0)


def test_truncate_under_the_mutex_in_the_order_of_locks(file):
    shared(file, 0, pages=4)
    pte(file, 2, 2, DIRTY)
    file.call("truncate", INODE, 0x1000)
    names = [event[:2] for event in file.events()]
    assert names[1] == ("down_write", "inode[0].i_mutex")
    assert names[-1] == ("up_write", "inode[0].i_mutex")
    assert word(file, 2) == 0 and at(2) == 0x40002000
    calm(file)


def test_truncate_twice_meets_the_mutex(file):
    file.call("down_write", "inode[0].i_mutex")
    assert file.end("truncate", INODE, 0) == "lock taken twice"
    assert file.get("inode[0].i_size") == 0x4000


# counts whose low twelve bits are 0 are left to addresses; at 0 all vmas begin anew
@pytest.mark.parametrize("before, after, other", [
    (0, 1, 5), (4094, 4095, 5), (4095, 4097, 5), (0xFFFFFFFF, 1, 0),
])
def test_numbers_of_truncations(file, before, after, other):
    shared(file, 0, pages=4)
    shared(file, 1, pgoff=8, pages=2, mm=1)
    shared(file, 2, pgoff=8, pages=2, mm=2, flags=0xFB | NONLINEAR)
    file.set(f"{MAPPING}.truncate_count", before)
    file.set("vma[1].vm_truncate_count", 5)
    file.call("unmap_mapping_range", MAPPING, 0, 4096, 1)
    assert file.get(f"{MAPPING}.truncate_count") == after
    assert [file.get(f"vma[{i}].vm_truncate_count") for i in (0, 1, 2)] == [after, other, after]


def test_unmap_mapping_range_marks_a_vma_that_is_done_and_drains_before_it(file):
    shared(file, 0, pages=4)
    shared(file, 1, pgoff=8, pages=2, mm=1)
    pte(file, 2, 2)
    file.call("lru_cache_add", "page[2]")
    assert file.call("truncate", INODE, 8192) == 0
    events = [event[0] for event in file.events()]
    assert events.index("lru_add_drain") < events.index("zap_page_range")
    assert word(file, 2) == 0
    # only who maps something of what goes is looked at
    assert (file.get("vma[0].vm_truncate_count"), file.get("vma[1].vm_truncate_count")) == (1, 1)
