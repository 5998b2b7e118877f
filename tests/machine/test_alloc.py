# SPDX-License-Identifier: GPL-2.0-only
"""Pools: the lowest free slot first, failing where the case says so, and sleeping."""

import pytest

GFP_KERNEL, GFP_HIGHUSER = 0xD0, 0x200D2
GARBAGE = -1        # 0xFFFF: what nobody wrote
FIRST, HEAP = 0x40000000, 0x08050000
LAST_PAGE = 16      # the zero page

ALLOCATORS = [
    ("alloc_page", (GFP_KERNEL,)),
    ("alloc_page_vma", (GFP_HIGHUSER, "vma[0]", FIRST)),
    ("alloc_zeroed_user_highpage", ("vma[0]", FIRST)),
    ("kmem_cache_zalloc", (GFP_KERNEL,)),
    ("pte_alloc", ("mm[0]", FIRST)),
    ("anon_vma_alloc", ()),
    ("buffer_alloc", ("page[0]",)),
    ("file_alloc", ()),
    ("inode_alloc", ()),
]
IDS = [name for name, _ in ALLOCATORS]
FOUND = ["page[0]", "page[0]", "page[0]", "vma[0]", "mm[0].pmd[0]", "anon_vma[0]", "bh[0]",
         "file[0]", "inode[0]"]


def given(kernel, name, *arguments):
    """What an allocator gave, by name; None for NULL."""
    return kernel._name(kernel.call(name, *arguments)) or None


@pytest.mark.parametrize("allocator, found", list(zip(ALLOCATORS, FOUND, strict=True)), ids=IDS)
def test_allocation_gives_the_lowest_free_one(kernel, allocator, found):
    name, arguments = allocator
    # an array's address is also that of its first field
    assert given(kernel, name, *arguments).split(".flags")[0].startswith(found)


@pytest.mark.parametrize("allocator", ALLOCATORS, ids=IDS)
@pytest.mark.parametrize("fail_in, fails", [(0, False), (1, True), (2, False)])
def test_allocation_fails_when_the_case_says_so(kernel, allocator, fail_in, fails):
    name, arguments = allocator
    kernel.set("world.fail_in", fail_in)
    assert (given(kernel, name, *arguments) is None) == fails
    assert kernel.get("world.fail_in") == max(fail_in - 1, 0)


@pytest.mark.parametrize("allocator", ALLOCATORS, ids=IDS)
def test_allocation_that_fails_takes_nothing(kernel, allocator):
    name, arguments = allocator
    kernel.set("world.fail_in", 1)
    before = kernel.runner.image()
    assert given(kernel, name, *arguments) is None
    assert kernel.changes(before) == {"world.fail_in": "0"}


@pytest.mark.parametrize("allocator", ALLOCATORS, ids=IDS)
def test_allocation_under_a_spinlock_is_a_fault(kernel, allocator):
    name, arguments = allocator
    given(kernel, name, *arguments)
    assert kernel.get("world.sleep_fault") == 0
    kernel.reset()
    kernel.call("spin_lock", "mm[0].page_table_lock.held")
    given(kernel, name, *arguments)
    assert kernel.get("world.sleep_fault") == 1 << 6     # LOCK_PAGE_TABLE


# page:  0      1      2          3       ...
#        in use in use on the LRU free
@pytest.mark.parametrize("name, arguments, event", [
    ("alloc_page", (GFP_KERNEL,), (GFP_KERNEL,)),
    ("alloc_page_vma", (GFP_HIGHUSER, "vma[0]", FIRST), (GFP_HIGHUSER, "vma[0]", FIRST)),
    ("alloc_zeroed_user_highpage", ("vma[0]", FIRST), ("vma[0]", FIRST)),
])
def test_alloc_page_skips_pages_in_use(kernel, name, arguments, event):
    kernel.set("page[0]._count", 1)
    kernel.set("page[1]._count", 3)
    kernel.set("page[2].flags.lru", 1)      # its last reference is just being dropped
    assert given(kernel, name, *arguments) == "page[3]"
    assert kernel.events() == [(name, *event, "page[3]")]


@pytest.mark.parametrize("name, arguments, contents", [
    ("alloc_page", (GFP_KERNEL,), GARBAGE),
    ("alloc_page_vma", (GFP_HIGHUSER, "vma[0]", FIRST), GARBAGE),
    ("alloc_zeroed_user_highpage", ("vma[0]", FIRST), 0),
])
def test_alloc_page_gives_a_fresh_page(kernel, name, arguments, contents):
    for flag in ("error", "referenced", "uptodate", "dirty", "checked", "mappedtodisk"):
        kernel.set(f"page[0].flags.{flag}", 1)
    for field, value in (("private", 7), ("mapping", "mapping[0]"), ("index", 9), ("io", 3),
                         ("pins", 2), ("_mapcount", 4), ("contents[1]", 8), ("in_flight[2]", 8)):
        kernel.set(f"page[0].{field}", value)
    assert given(kernel, name, *arguments) == "page[0]"
    page = {field: kernel.get(f"page[0].{field}") for field in
            ("flags", "_count", "_mapcount", "private", "mapping", "index", "io", "pins")}
    assert page == {"flags": 0, "_count": 1, "_mapcount": -1, "private": 0, "mapping": 0,
                    "index": 0, "io": 0, "pins": 0}
    assert [kernel.get(f"page[0].contents[{i}]") for i in range(4)] == [contents] * 4
    assert [kernel.get(f"page[0].in_flight[{i}]") for i in range(4)] == [0] * 4


def test_alloc_page_until_there_is_none(kernel):
    pages = [given(kernel, "alloc_page", GFP_KERNEL) for _ in range(LAST_PAGE + 1)]
    assert pages == [f"page[{i}]" for i in range(LAST_PAGE)] + [None]
    kernel.call("put_page", "page[5]")
    assert given(kernel, "alloc_page", GFP_KERNEL) == "page[5]"


def test_kmem_cache_zalloc_and_free(kernel):
    vmas = [given(kernel, "kmem_cache_zalloc", GFP_KERNEL) for _ in range(13)]
    assert vmas == [f"vma[{i}]" for i in range(12)] + [None]
    kernel.vma(4, flags=0x73)
    kernel.call("kmem_cache_free", "vma[4]")
    assert kernel.events() == [("kmem_cache_free", "vma[4]")]
    assert [kernel.get(f"vma[4].{field}") for field in
            ("vm_mm", "vm_start", "vm_end", "vm_flags")] == [0, 0, 0, 0]
    assert given(kernel, "kmem_cache_zalloc", GFP_KERNEL) == "vma[4]"
    assert kernel.events() == [("kmem_cache_zalloc", GFP_KERNEL, "vma[4]")]
    # an empty vma ends at 1, as a mark that it is taken; all else is zero
    assert kernel.get("vma[4].vm_end") == 1 and kernel.get("vma[4].vm_mm") == 0


@pytest.mark.parametrize("address, pmd, table", [
    (FIRST, "mm[1].pmd[0]", "mm[1].pte[0x40000000]"),
    (FIRST + 0x7FFF, "mm[1].pmd[0]", "mm[1].pte[0x40000000]"),
    (FIRST + 0x8000, "mm[1].pmd[1]", "mm[1].pte[0x40008000]"),
    (HEAP, "mm[1].pmd[2]", "mm[1].pte[0x8050000]"),
    (FIRST + 0x10000, None, None), (FIRST - 1, None, None), (0, None, None),
])
def test_pte_alloc(kernel, address, pmd, table):
    found = given(kernel, "pte_alloc", "mm[1]", address)
    assert found == pmd
    assert kernel.events() == [("pte_alloc", "mm[1]", address, pmd or 0)]
    if pmd:
        assert kernel.name(f"{pmd}.table") == table
        # a table that is there needs no memory
        kernel.set("world.fail_in", 1)
        assert given(kernel, "pte_alloc", "mm[1]", address) == pmd
        assert kernel.get("world.fail_in") == 1
    else:
        kernel.set("world.fail_in", 3)
        given(kernel, "pte_alloc", "mm[1]", address)
        assert kernel.get("world.fail_in") == 2


def test_free_page_tables(kernel):
    for address in (FIRST, FIRST + 0x8000, HEAP):
        kernel.call("pte_alloc", "mm[1]", address)
    kernel.call("pte_alloc", "mm[2]", FIRST)
    kernel.call("free_page_tables", "mm[1]")
    assert [kernel.get(f"mm[1].pmd[{i}].table") for i in range(3)] == [0, 0, 0]
    assert kernel.name("mm[2].pmd[0].table") == "mm[2].pte[0x40000000]"


def test_anon_vma_alloc_takes_one_without_vmas(kernel):
    kernel.set("anon_vma[0].head", "vma[0]")
    assert given(kernel, "anon_vma_alloc").startswith("anon_vma[1]")
    for i in range(6):
        kernel.set(f"anon_vma[{i}].head", "vma[0]")
    assert given(kernel, "anon_vma_alloc") is None


def test_buffer_alloc_until_there_is_none(kernel):
    buffers = [given(kernel, "buffer_alloc", "page[3]") for _ in range(17)]
    assert [b and b.partition(".")[0] for b in buffers] == [f"bh[{i}]" for i in range(16)] + [None]
    assert kernel.name("buffer[15].b_page") == "page[3]"


def test_file_alloc_until_there_is_none(kernel):
    files = [given(kernel, "file_alloc") for _ in range(9)]
    assert [f and f.partition(".")[0] for f in files] == [f"file[{i}]" for i in range(8)] + [None]
    assert kernel.get("file[7].f_count") == 1


# inode:  0      1      2   3     4     (mapping 5 is swapper_space and has none)
#         named  named  -   used  used
def test_inode_alloc_takes_one_that_no_file_has(kernel):
    for i in (0, 1, 3, 4):
        kernel.set(f"inode[{i}].i_count", 1)
    assert given(kernel, "inode_alloc").startswith("inode[2]")
    kernel.set("inode[2].i_count", 1)
    assert given(kernel, "inode_alloc") is None
