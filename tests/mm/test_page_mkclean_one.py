# SPDX-License-Identifier: GPL-2.0-only
"""page_mkclean_one: steps MK1-MK9."""

import pytest
from worlds import PRIVATE_RW, SHARED_RW, address

WHOLE = ["vma_address", "page_check_address", "ptep_get_and_clear", "ptep_establish",
         "lazy_mmu_prot_update", "pte_unmap_unlock"]
LOOKED = ["vma_address", "page_check_address", "pte_unmap_unlock"]


def one_page(pair, bits, **vma):
    #   file page  1              vma 0 maps pages 1, 2 at 4, 5
    #   pte        4: `bits`
    pair.file(0)
    pair.page(0, file=0, index=1, flags="locked")
    pair.vma(0, at=4, pages=2, file=0, pgoff=1, **vma)
    pair.pte(at=4, page=0, bits=bits)
    pair.held("mapping[0].i_mmap_lock")


# the table of the facts, row by row: dirty, writable, protect -> dirty, writable, return
@pytest.mark.parametrize("dirty, rw, protect, dirty_after, rw_after, ret", [
    (0, 0, 0, 0, 0, 0),
    (0, 0, 1, 0, 0, 0),
    (0, 1, 0, 0, 1, 0),
    (0, 1, 1, 0, 0, 1),
    (1, 0, 0, 0, 0, 1),
    (1, 0, 1, 0, 0, 1),
    (1, 1, 0, 0, 1, 1),
    (1, 1, 1, 0, 0, 1),
])
def test_page_mkclean_one_truth_table(pair, dirty, rw, protect, dirty_after, rw_after, ret):
    one_page(pair, f"accessed {'dirty' if dirty else ''} {'rw' if rw else ''}")

    out = pair.run("page_mkclean_one", page=0, vma=0, protect=protect)

    pte = f"mm[0].pte[{address(4):#x}]"
    assert (out.ended, out.ret) == ("returned", ret)
    assert out.read(f"{pte}.dirty") == dirty_after
    assert out.read(f"{pte}.rw") == rw_after
    assert out.read(f"{pte}.accessed") == 1
    assert out.events == (WHOLE if ret else LOOKED)
    assert out.steps == (["MK1", "MK2", "MK4", "MK6", "MK8"] if ret else ["MK1", "MK2", "MK8"])


@pytest.mark.parametrize("protect", [2, -1, 0x10000])
def test_page_mkclean_one_any_nonzero_protect_protects(pair, protect):
    one_page(pair, "rw")

    out = pair.run("page_mkclean_one", page=0, vma=0, protect=protect)

    assert out.ret == 1
    assert out.pte(0, 4) == "page 0 clean,read-only"


def test_page_mkclean_one_keeps_frame_and_caching_bits(pair):
    one_page(pair, "rw dirty accessed pcd")

    out = pair.run("page_mkclean_one", page=0, vma=0, protect=1)

    assert out.pte(0, 4) == "page 0 pcd,accessed"


def test_page_mkclean_one_leaves_the_page_itself_alone(pair):
    # the dirty bit of the pte is not handed on to the page: that is the caller's business
    one_page(pair, "rw dirty")

    out = pair.run("page_mkclean_one", page=0, vma=0, protect=1)

    assert out.read("page[0].flags.dirty") == 0
    assert out.read("page[0]._mapcount") == 0
    assert out.read("page[0]._count") == 3


def test_page_mkclean_one_finds_a_dirty_prot_none_pte(pair):
    # the processor cannot use it, but it is present, and its dirty bit is a promise
    one_page(pair, "PROT_NONE dirty")

    out = pair.run("page_mkclean_one", page=0, vma=0, protect=1)

    assert out.ret == 1
    assert out.pte(0, 4) == "PROT_NONE page 0 clean,read-only"


def test_page_mkclean_one_other_frame_there_changes_nothing(pair):
    # a private copy took the place of the file page
    pair.file(0)
    pair.page(0, file=0, index=1, flags="locked")
    pair.page(1, anon=0, index=1)
    pair.vma(0, at=4, file=0, pgoff=1, flags=PRIVATE_RW)
    pair.pte(at=4, page=1, bits="rw dirty")

    out = pair.run("page_mkclean_one", page=0, vma=0, protect=1)

    assert (out.ended, out.ret) == ("returned", 0)
    assert out.pte(0, 4) == "page 1 rw,dirty"
    assert out.events == ["vma_address", "page_check_address"]
    assert out.read("mm[0].pmd[0].ptl.held") == 0


@pytest.mark.parametrize("word", [0, 0x1040, 0x102], ids=["none", "file pte", "swap pte"])
def test_page_mkclean_one_absent_pte_changes_nothing(pair, word):
    pair.file(0)
    pair.page(0, file=0, index=1, flags="locked")
    pair.vma(0, at=4, file=0, pgoff=1)
    pair.pte(at=4, word=word)

    out = pair.run("page_mkclean_one", page=0, vma=0, protect=1)

    assert (out.ended, out.ret) == ("returned", 0)
    assert out.read(f"mm[0].pte[{address(4):#x}]") == word
    assert out.steps == ["MK1", "MK2"]


def test_page_mkclean_one_no_page_table_changes_nothing(pair):
    one_page(pair, "rw dirty")
    pair.set("mm[0].pmd[0].table", 0)

    out = pair.run("page_mkclean_one", page=0, vma=0, protect=1)

    assert (out.ended, out.ret) == ("returned", 0)
    assert out.steps == ["MK1", "MK2"]


def test_page_mkclean_one_anonymous_page_outside_the_vma_is_passed_over(pair):
    # only an anonymous page gets -EFAULT from vma_address
    pair.page(0, anon=0, index=9, flags="locked")
    pair.vma(0, at=4, pgoff=1, flags=PRIVATE_RW)

    out = pair.run("page_mkclean_one", page=0, vma=0, protect=1)

    assert (out.ended, out.ret) == ("returned", 0)
    assert out.events == ["vma_address"]


def test_page_mkclean_one_file_page_outside_the_vma_is_a_bug(pair):
    pair.file(0)
    pair.page(0, file=0, index=9, flags="locked")
    pair.vma(0, at=4, file=0, pgoff=1)

    out = pair.run("page_mkclean_one", page=0, vma=0, protect=1)

    assert out.ended == "BUG"
    assert out.steps == ["MK1"]


def test_page_mkclean_one_takes_and_drops_the_lock_of_the_page_table(pair):
    one_page(pair, "dirty", flags=SHARED_RW)
    pair.set("mm[0].pmd[0].ptl.held", 1)

    out = pair.run("page_mkclean_one", page=0, vma=0, protect=1)

    # held already: with one processor, taking it again would never end
    assert out.ended == "lock taken twice"
    assert out.events == ["vma_address", "page_check_address"]
