# SPDX-License-Identifier: GPL-2.0-only
"""page_mkclean_file: steps MFI1-MFI5."""

import pytest
from worlds import MAYSHARE, NONLINEAR, PFNMAP, PRIVATE_RW, SHARED_RO, SHARED_RW, address


def mapped_by(pair, vmas, *, accounts=True):
    """Page 2 of file 0, mapped rw and dirty by each (flags) at 3 pages apart, one process each."""
    pair.file(0, accounts=accounts)
    pair.page(0, file=0, index=2, flags="locked")
    for i, flags in enumerate(vmas):
        pair.vma(i, mm=i % 3, at=3 * i, pages=2, file=0, pgoff=1, flags=flags)
        pair.pte(mm=i % 3, at=3 * i + 1, page=0, bits="rw dirty", counts=not flags & PFNMAP)


def test_page_mkclean_file_cleans_every_mapping_and_counts_them(pair):
    mapped_by(pair, [SHARED_RW, SHARED_RW, SHARED_RW, SHARED_RW, SHARED_RW])

    out = pair.run("page_mkclean_file", page=0, mapping=0)

    assert (out.ended, out.ret) == ("returned", 5)
    for i in range(5):
        assert out.pte(i % 3, 3 * i + 1) == "page 0 clean,read-only"
    assert out.read("mapping[0].i_mmap_lock.held") == 0


@pytest.mark.parametrize("flags, after", [
    (SHARED_RW, "page 0 clean,read-only"),
    (SHARED_RO, "page 0 rw"),                       # not writable: only the dirty bit goes
    (PRIVATE_RW, "page 0 rw"),
    (PRIVATE_RW | MAYSHARE, "page 0 rw"),           # shared in name alone
    (SHARED_RW | PFNMAP, "page 0 rw"),              # v7: pfn mappings are left alone
    (SHARED_RW & ~1, "page 0 clean,read-only"),     # write-only counts as shared writable
], ids=["shared", "read-only", "private", "may share", "pfnmap", "write-only"])
def test_page_mkclean_file_protects_shared_writable_vmas_alone(pair, flags, after):
    mapped_by(pair, [flags])

    out = pair.run("page_mkclean_file", page=0, mapping=0)

    assert out.ret == 1
    assert out.pte(0, 1) == after


def test_page_mkclean_file_without_accounting_keeps_ptes_writable(pair):
    # the next store dirties the pte again without a fault
    mapped_by(pair, [SHARED_RW], accounts=False)

    out = pair.run("page_mkclean_file", page=0, mapping=0)

    assert out.ret == 1
    assert out.pte(0, 1) == "page 0 rw"


def test_page_mkclean_file_does_not_visit_nonlinear_vmas(pair):
    mapped_by(pair, [SHARED_RW | NONLINEAR])

    out = pair.run("page_mkclean_file", page=0, mapping=0)

    assert out.ret == 0
    assert out.pte(0, 1) == "page 0 rw,dirty"


def test_page_mkclean_file_does_not_visit_vmas_of_other_pages(pair):
    pair.file(0)
    pair.page(0, file=0, index=2, flags="locked")
    pair.vma(0, at=0, pages=2, file=0, pgoff=3)     # pages 3, 4
    pair.vma(1, at=4, pages=2, file=0, pgoff=0)     # pages 0, 1
    pair.vma(2, at=8, pages=3, file=0, pgoff=2)     # pages 2, 3, 4

    out = pair.run("page_mkclean_file", page=0, mapping=0)

    assert out.ret == 0
    assert out.events.count("vma_address") == 1


def test_page_mkclean_file_asks_the_capability_before_the_flags_of_each_vma(pair):
    mapped_by(pair, [SHARED_RW, SHARED_RO])

    out = pair.run("page_mkclean_file", page=0, mapping=0)

    assert out.events == [
        "PageAnon", "spin_lock", "vma_prio_tree_first",
        "mapping_cap_account_dirty", "vma_address", "page_check_address", "ptep_get_and_clear",
        "ptep_establish", "lazy_mmu_prot_update", "pte_unmap_unlock", "vma_prio_tree_next",
        "mapping_cap_account_dirty", "vma_address", "page_check_address", "ptep_get_and_clear",
        "ptep_establish", "lazy_mmu_prot_update", "pte_unmap_unlock", "vma_prio_tree_next",
        "spin_unlock",
    ]


def test_page_mkclean_file_anonymous_page_is_a_bug(pair):
    pair.file(0)
    pair.page(0, anon=0, index=2, flags="locked")

    out = pair.run("page_mkclean_file", page=0, mapping=0)

    assert out.ended == "BUG"
    assert out.steps == ["MFI2"]


def test_page_mkclean_file_lock_held_already_ends_there(pair):
    mapped_by(pair, [SHARED_RW])
    pair.held("mapping[0].i_mmap_lock")

    out = pair.run("page_mkclean_file", page=0, mapping=0)

    assert out.ended == "lock taken twice"
    assert out.read(f"mm[0].pte[{address(1):#x}].dirty") == 1
