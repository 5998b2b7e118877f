# SPDX-License-Identifier: GPL-2.0-only
"""Drivers and hugetlbfs: what their mmap hooks do, and a driver's own pages."""

import pytest
from block_pictures import cache, contents, flags, names

EIO, ENOMEM = -5, -12
OOM, MINOR = -1, 2
FILE, VMA, BASE = "file[0].f_mapping", "vma[0].vm_mm", 0x40000000
SHARED_RW, PRIVATE_RW = 0xFB, 0x73
IO, RESERVED, PFNMAP, HUGETLB, ACCOUNT = 0x4000, 0x80000, 0x400, 0x400000, 0x100000
PCD, PWT = 0x10, 0x08
FRAME = 0xF0000


def mapping_of(kernel, kind, *, flags_=SHARED_RW, start=BASE, pages=3, pgoff=0, prot=0x027):
    kernel.inode(0, kind)
    kernel.file(0, 0)
    kernel.vma(0, start=start, pages=pages, pgoff=pgoff, flags=flags_)
    kernel.set("vma[0].vm_file", FILE)
    kernel.set("vma[0].vm_page_prot", prot)


def pte(kernel, at):
    return kernel.get(f"mm[0].pte[{BASE + (at << 12):#x}]")


@pytest.mark.parametrize("flags_, pgoff, after", [
    (SHARED_RW, 0, 0), (SHARED_RW, 5, 5),       # a shared one keeps its offset
    (PRIVATE_RW, 0, FRAME), (PRIVATE_RW, 5, FRAME + 5),
    (0x71, 2, FRAME + 2),
    (0xD1, 2, 2),                               # MAP_SHARED without VM_SHARED and VM_MAYWRITE
])
def test_pfnmap_mmap(kernel, flags_, pgoff, after):
    mapping_of(kernel, "PFNMAP driver", flags_=flags_, pgoff=pgoff)
    assert kernel.call("f_op_mmap", FILE, VMA) == 0
    assert kernel.get("vma[0].vm_flags") == flags_ | IO | RESERVED | PFNMAP
    assert kernel.get("vma[0].vm_pgoff") == after
    assert kernel.get("vma[0].vm_ops") == 0
    frames = [(FRAME + pgoff + i) << 12 | 0x027 for i in range(3)]
    assert [pte(kernel, i) for i in range(4)] == [*frames, 0]
    # none of them has a page
    for i in range(3):
        assert kernel.call("vm_normal_page", VMA, BASE + (i << 12), frames[i]) == 0
    # nothing is counted
    assert kernel.get("mm[0].file_rss") == 0
    assert kernel.get("world.page_state.nr_mapped") == 0


def test_pfnmap_mmap_in_order(kernel):
    mapping_of(kernel, "PFNMAP driver", start=BASE + 0x7000, pages=2)       # in two page tables
    kernel.call("f_op_mmap", FILE, VMA)
    assert kernel.events()[:2] == [
        ("f_op_mmap", "file[0]", "vma[0]", 0),
        ("remap_pfn_range", "vma[0]", BASE + 0x7000, FRAME, 0x2000, 0x27, 0),
    ]
    assert [event[0] for event in kernel.events()[2:]] == [
        "flush_cache_range",
        "pte_alloc", "pte_offset_map_lock", "set_pte_at", "pte_unmap_unlock",
        "pte_alloc", "pte_offset_map_lock", "set_pte_at", "pte_unmap_unlock",
    ]
    assert pte(kernel, 7) >> 12 == FRAME
    assert pte(kernel, 8) >> 12 == FRAME + 1
    assert kernel.held() == []


def test_pfnmap_mmap_without_page_tables(kernel):
    mapping_of(kernel, "PFNMAP driver", start=BASE + 0xF000, pages=2)       # the second has none
    assert kernel.call("f_op_mmap", FILE, VMA) == ENOMEM
    assert pte(kernel, 15) != 0


def test_pfnmap_mmap_over_something_is_a_bug(kernel):
    mapping_of(kernel, "PFNMAP driver")
    kernel.set("mm[0].pmd[0].table", f"mm[0].pte[{BASE:#x}]")
    kernel.set(f"mm[0].pte[{BASE + 0x1000:#x}]", 0x40)
    assert kernel.end("f_op_mmap", FILE, VMA) == "BUG"


def test_prot_driver_mmap_keeps_the_cache_out(kernel):
    mapping_of(kernel, "prot driver")
    before = kernel.runner.image()
    assert kernel.call("f_op_mmap", FILE, VMA) == 0
    assert kernel.events() == [("f_op_mmap", "file[0]", "vma[0]", 0)]
    assert kernel.get("vma[0].vm_page_prot") == 0x027 | PCD | PWT
    assert set(kernel.changes(before)) == {"vma[0].vm_page_prot.pcd", "vma[0].vm_page_prot.pwt",
                                           "vma[0].vm_ops"}


def test_driver_nopage_makes_ordinary_pages(kernel):
    mapping_of(kernel, "prot driver", pgoff=4)
    kernel.call("f_op_mmap", FILE, VMA)
    assert kernel.call("nopage", VMA, BASE + 0x1000) == kernel.at("page[0]")
    assert kernel.events()[0] == ("nopage", "vma[0]", BASE + 0x1000, MINOR, "page[0]")
    assert names(kernel) == ["nopage", "alloc_page", "add_to_page_cache", "SetPageUptodate",
                             "unlock_page"]
    assert kernel.slots() == [(5, "page[0]", set())]
    assert contents(kernel, 0) == [0, 0, 0, 0]
    assert flags(kernel, 0) == "uptodate"
    assert kernel.get("page[0]._count") == 2
    # and the second time
    assert kernel.call("nopage", VMA, BASE + 0x1000) == kernel.at("page[0]")
    assert names(kernel) == ["nopage", "get_page"]
    assert kernel.get("page[0]._count") == 3


def test_nopage_of_the_kernel_itself_gives_the_zero_page(kernel):
    kernel.vma(0, start=BASE, pages=3, flags=PRIVATE_RW)
    kernel.call("use_own_vm_ops", VMA)
    count = kernel.get("page[16]._count")

    assert kernel.call("nopage", VMA, BASE + 0x1000) == kernel.at("page[16]")
    assert kernel.events() == [("nopage", "vma[0]", BASE + 0x1000, MINOR, "page[16]"),
                               ("get_page", "page[16]")]
    assert kernel.get("page[16]._count") == count + 1
    # it has no file, and nothing but nopage
    assert kernel.get("vma[0].vm_file") == 0


@pytest.mark.parametrize("fail_in, capacity", [(1, 8), (0, 0)])
def test_driver_nopage_without_memory(kernel, fail_in, capacity):
    mapping_of(kernel, "prot driver")
    kernel.call("f_op_mmap", FILE, VMA)
    kernel.set("world.fail_in", fail_in)
    kernel.set("mapping[0].page_tree.capacity", capacity)
    assert kernel.call("nopage", VMA, BASE) == OOM


def test_driver_vmas_are_opened_and_closed(kernel):
    mapping_of(kernel, "prot driver")
    kernel.call("f_op_mmap", FILE, VMA)
    before = kernel.runner.image()
    kernel.call("vm_ops_open", VMA)
    assert kernel.events() == [("vm_ops_open", "vma[0]")]
    kernel.call("vm_ops_close", VMA)
    assert kernel.events() == [("vm_ops_close", "vma[0]")]
    assert kernel.changes(before) == {}


def test_a_driver_s_page_can_be_dirtied_like_any_other(kernel):
    mapping_of(kernel, "prot driver")
    cache(kernel, 0, flags="uptodate")
    assert kernel.call("set_page_dirty", "page[0]") == 1
    assert kernel.get("world.page_state.nr_dirty") == 1


def test_hugetlb_mmap(kernel):
    mapping_of(kernel, "hugetlbfs")
    assert kernel.call("f_op_mmap", FILE, VMA) == 0
    assert kernel.get("vma[0].vm_flags") == SHARED_RW | HUGETLB | RESERVED
    assert kernel.get("vma[0].vm_ops") == 0
    assert kernel.call("is_file_hugepages", FILE) == 1


@pytest.mark.parametrize("inode_flags, after", [(0, SHARED_RW), (64, SHARED_RW | ACCOUNT)])
def test_failing_mmap(kernel, inode_flags, after):
    mapping_of(kernel, "failing driver")
    kernel.set("inode[0].i_flags", inode_flags)
    assert kernel.call("f_op_mmap", FILE, VMA) == EIO
    assert kernel.get("vma[0].vm_flags") == after


def test_a_file_without_mmap_has_no_hook(kernel):
    mapping_of(kernel, "no mmap")
    assert kernel.end("f_op_mmap", FILE, VMA) == "oops"
