# SPDX-License-Identifier: GPL-2.0-only
"""From a page to all its ptes: page_referenced and try_to_unmap."""

import pytest
from written import (
    DIRTY,
    LOCKED,
    MAYSHARE,
    NONLINEAR,
    RW,
    YOUNG,
    anonymous,
    at,
    cached,
    calm,
    named,
    pte,
    shared,
    table,
    tags,
    word,
)

SUCCESS, AGAIN, FAIL = 0, 1, 2
SWAP_PTE_OF_1 = 0x100       # type 0, offset 1


@pytest.fixture
def file(kernel):
    """page[4] is page 1 of a disk file, locked.

    vma[0]  mm[0]  0x40000000  pages 0-2  shared, rw
    vma[1]  mm[1]  0x40003000  pages 1-3  shared, rw
    """
    kernel.inode(0)
    cached(kernel, 4, index=1)
    kernel.call("lock_page", "page[4]")
    shared(kernel, 0)
    shared(kernel, 1, start=3, pgoff=1, mm=1)
    return kernel


@pytest.mark.parametrize("first, second, result", [
    (0, 0, 0), (YOUNG, 0, 1), (0, YOUNG, 1), (YOUNG, YOUNG, 2),
])
@pytest.mark.parametrize("flag", [0, 1])
def test_page_referenced_counts_young_ptes_and_the_flag(file, first, second, result, flag):
    pte(file, 1, 4, first | DIRTY)
    pte(file, 3, 4, second | RW, mm=1)
    file.set("page[4].flags.referenced", flag)
    assert file.call("page_referenced", "page[4]") == result + flag
    # asked once, forgotten
    assert file.call("page_referenced", "page[4]") == 0
    assert word(file, 1) & (YOUNG | DIRTY) == DIRTY
    assert word(file, 3, mm=1) & (YOUNG | RW) == RW
    assert file.get("page[4].flags.referenced") == 0
    file.call("unlock_page", "page[4]")
    calm(file)


def test_page_referenced_stops_when_all_ptes_were_seen(file):
    pte(file, 1, 4, YOUNG)
    assert file.call("page_referenced", "page[4]") == 1
    # one pte there is, and it was in the first vma
    assert [event[2] for event in named(file, "vma_address")] == ["vma[0]"]


@pytest.mark.parametrize("flags, result", [
    (0xFB | LOCKED, 1), (0x7B | LOCKED, 0), (0xFB, 0),
])
def test_page_referenced_by_a_locked_vma_that_may_share(file, flags, result):
    file.set("vma[0].vm_flags", flags)
    pte(file, 1, 4)
    pte(file, 3, 4, YOUNG, mm=1)
    locked = flags & (LOCKED | MAYSHARE) == LOCKED | MAYSHARE
    # the walk ends at such a vma
    assert file.call("page_referenced", "page[4]") == (1 if locked else 1 + result)
    assert bool(word(file, 3, mm=1) & YOUNG) == locked


@pytest.mark.parametrize("what", ["unmapped", "without mapping"])
def test_page_referenced_walks_only_where_there_are_ptes_to_find(file, what):
    if what == "without mapping":
        pte(file, 1, 4, YOUNG)
        file.set("page[4].mapping", 0)
    file.set("page[4].flags.referenced", 1)
    assert file.call("page_referenced", "page[4]") == 1
    assert file.events() == [("page_referenced", "page[4]", 1)]


@pytest.mark.parametrize("op, more", [("page_referenced", ()), ("try_to_unmap", (0,))])
def test_walks_want_the_page_locked(file, op, more):
    file.call("unlock_page", "page[4]")
    assert file.end(op, "page[4]", *more) == "BUG"


def test_try_to_unmap_takes_a_file_page_from_everyone(file):
    pte(file, 1, 4, DIRTY | RW)
    pte(file, 3, 4, RW, mm=1)
    assert file.get("page[4]._count") == 3
    assert file.call("try_to_unmap", "page[4]", 0) == SUCCESS
    assert file.events()[0] == ("try_to_unmap", "page[4]", 0, SUCCESS)
    assert word(file, 1) == word(file, 3, mm=1) == 0
    assert file.get("page[4]._count") == 1
    assert file.get("page[4]._mapcount") == -1
    assert file.get("mm[0].file_rss") == file.get("mm[1].file_rss") == 0
    assert file.get("world.page_state.nr_mapped") == 0
    # the dirty bit moved to the page
    assert file.get("page[4].flags.dirty") == 1
    assert tags(file) == {"page[4]": {"DIRTY"}}
    file.call("unlock_page", "page[4]")
    calm(file)


def test_try_to_unmap_one_in_its_order(file):
    pte(file, 1, 4, DIRTY)
    file.call("try_to_unmap", "page[4]", 0)
    slot, ptl = f"mm[0].pte[{at(1):#x}]", "mm[0].pmd[0].ptl"
    names = [event[0] for event in file.events()]
    assert file.events()[4:7] == [
        ("page_check_address", "page[4]", "mm[0]", at(1), ptl, slot),
        ("ptep_clear_flush_young", "vma[0]", at(1), slot, 0),
        ("flush_cache_page", "vma[0]", at(1), 0x104)]
    assert names.index("ptep_clear_flush") < names.index("set_page_dirty") \
        < names.index("dec_mm_counter") < names.index("page_remove_rmap") \
        < names.index("put_page") < names.index("pte_unmap_unlock")


def test_try_to_unmap_of_a_clean_pte_dirties_nothing(file):
    pte(file, 1, 4, RW)
    assert file.call("try_to_unmap", "page[4]", 0) == SUCCESS
    assert file.get("page[4].flags.dirty") == 0


@pytest.mark.parametrize("flags, bits, ignore, result", [
    (0xFB, 0, 0, SUCCESS), (0xFB, YOUNG, 0, FAIL), (0xFB, YOUNG, 1, SUCCESS),
    (0xFB | LOCKED, 0, 0, FAIL), (0xFB | LOCKED, YOUNG, 1, FAIL),
])
def test_try_to_unmap_of_what_is_locked_or_young(file, flags, bits, ignore, result):
    file.set("vma[0].vm_flags", flags)
    pte(file, 1, 4, bits)
    pte(file, 3, 4, mm=1)
    assert file.call("try_to_unmap", "page[4]", ignore) == result
    # the walk stops at the failure
    assert bool(word(file, 3, mm=1)) == bool(word(file, 1)) == (result == FAIL)
    # but a young pte is old by then; one in a locked vma is not looked at
    if result == FAIL:
        assert bool(word(file, 1) & YOUNG) == bool(bits and flags & LOCKED)
    file.call("unlock_page", "page[4]")
    calm(file)


def test_try_to_unmap_with_a_pte_that_no_vma_leads_to(file):
    pte(file, 1, 4)
    file.set("page[4]._mapcount", 1)
    assert file.call("try_to_unmap", "page[4]", 0) == AGAIN
    assert file.get("page[4]._mapcount") == 0


def test_try_to_unmap_of_a_page_that_nobody_maps(file):
    assert file.call("try_to_unmap", "page[4]", 0) == SUCCESS
    assert file.events() == [("try_to_unmap", "page[4]", 0, SUCCESS)]


@pytest.fixture
def nonlinear(file):
    """vma[2] in mm[2]: 4 pages at 0x40006000, over two page tables, nonlinear."""
    shared(file, 2, start=6, pages=4, flags=0xFB | NONLINEAR, mm=2)
    cached(file, 5, index=0)
    cached(file, 6, index=2)
    return file


def test_try_to_unmap_sweeps_nonlinear_vmas(nonlinear):
    pte(nonlinear, 6, 4, DIRTY, mm=2)       # page 1, where page 0 would belong
    pte(nonlinear, 7, 6, YOUNG, mm=2)       # page 2, where 1 would
    pte(nonlinear, 8, 6, mm=2)              # page 2, its own place
    assert nonlinear.call("try_to_unmap", "page[4]", 0) == SUCCESS
    # a file pte remembers page 1: 1 << 1 and the FILE bit
    assert word(nonlinear, 6, mm=2) == 0x42
    # used lately: left, and old now
    assert word(nonlinear, 7, mm=2) == 0x106005
    # another page's pte went as well; nothing is to be remembered of it
    assert word(nonlinear, 8, mm=2) == 0
    assert nonlinear.get("page[4].flags.dirty") == 1
    assert nonlinear.get("mm[2].file_rss") == 1
    assert nonlinear.get("page[4]._count") == 1
    assert nonlinear.get("page[6]._count") == 2
    nonlinear.call("unlock_page", "page[4]")
    calm(nonlinear)


@pytest.mark.parametrize("bits", [0, YOUNG])
@pytest.mark.parametrize("what", ["anonymous", "frame"])
def test_a_sweep_stops_at_what_is_no_page_of_a_file_touched_or_not(nonlinear, what, bits):
    pte(nonlinear, 7, 4, mm=2)
    if what == "anonymous":
        anonymous(nonlinear, 3, 2, index=6)
        pte(nonlinear, 6, 3, bits, mm=2, anon=True)
    else:
        nonlinear.set(f"mm[2].pte[{at(6):#x}]", 0xF0000 << 12 | 5 | bits)
    before = word(nonlinear, 6, mm=2)
    assert nonlinear.end("try_to_unmap", "page[4]", 0) == "BUG"
    assert word(nonlinear, 6, mm=2) == before


def cursors(kernel, *vmas):
    return [kernel.get(f"vma[{vma}].vm_private_data") for vma in vmas]


CLUSTER = 0x20000


def test_a_sweep_remembers_where_it_found_enough_and_the_next_one_begins_anew(nonlinear):
    pte(nonlinear, 6, 4, mm=2)
    assert nonlinear.call("try_to_unmap", "page[4]", 0) == SUCCESS
    assert cursors(nonlinear, 2) == [CLUSTER]
    # all of the vma was swept: the next sweep finds nothing, and forgets that
    pte(nonlinear, 6, 4, mm=2)
    assert nonlinear.call("try_to_unmap", "page[4]", 0) == AGAIN
    assert word(nonlinear, 6, mm=2) == 0x104005
    assert cursors(nonlinear, 2) == [0]
    assert nonlinear.call("try_to_unmap", "page[4]", 0) == SUCCESS
    assert word(nonlinear, 6, mm=2) == 0x42


def test_a_sweep_goes_on_in_a_vma_that_was_swept_less(nonlinear):
    shared(nonlinear, 3, start=10, pages=4, flags=0xFB | NONLINEAR, mm=2)
    pte(nonlinear, 6, 4, mm=2)
    pte(nonlinear, 10, 6, mm=2)
    nonlinear.set("vma[2].vm_private_data", CLUSTER)
    # vma[3] is swept up to where vma[2] was: its page goes, and page[4] stays
    assert nonlinear.call("try_to_unmap", "page[4]", 0) == AGAIN
    assert word(nonlinear, 10, mm=2) == 0x44
    assert word(nonlinear, 6, mm=2) == 0x104005
    # enough was found, so nothing is forgotten
    assert cursors(nonlinear, 2, 3) == [CLUSTER, CLUSTER]


def test_a_sweep_takes_no_more_than_map_the_page_but_all_of_a_window(nonlinear):
    shared(nonlinear, 3, start=10, pages=4, flags=0xFB | NONLINEAR, mm=2)
    pte(nonlinear, 6, 6, mm=2)
    pte(nonlinear, 10, 6, mm=2)
    pte(nonlinear, 11, 6, mm=2)
    pte(nonlinear, 7, 4, mm=2)
    # the newest vma comes first
    assert nonlinear.call("try_to_unmap", "page[4]", 0) == AGAIN
    assert [word(nonlinear, i, mm=2) & 1 for i in (10, 11, 6, 7)] == [0, 0, 1, 1]
    assert cursors(nonlinear, 2, 3) == [0, CLUSTER]


def test_a_sweep_brings_each_vma_to_where_the_furthest_is(nonlinear):
    nonlinear.set("vma[2].vm_private_data", 2 * CLUSTER)
    shared(nonlinear, 3, start=10, pages=2, flags=0xFB | NONLINEAR, mm=2)
    shared(nonlinear, 4, start=12, pages=2, flags=0xFB | NONLINEAR, mm=2)
    pte(nonlinear, 10, 4, mm=2)
    # the newest vma comes first, and has nothing; the next one has enough
    assert nonlinear.call("try_to_unmap", "page[4]", 0) == SUCCESS
    assert cursors(nonlinear, 2, 3, 4) == [2 * CLUSTER, CLUSTER, 2 * CLUSTER]


@pytest.mark.parametrize("cursor, windows, after", [
    (0, 4, 0), (CLUSTER, 3, 0), (3 * CLUSTER, 1, 0), (8 * CLUSTER, 0, 0),
])
def test_a_sweep_of_a_long_vma_goes_from_window_to_window(nonlinear, cursor, windows, after):
    # 100 pages: four windows, the first of them not whole
    nonlinear.set("vma[2].vm_end", at(106))
    nonlinear.set("vma[2].vm_private_data", cursor)
    for i in range(2):      # no page table elsewhere
        pte(nonlinear, 6 + 2 * i, 6, mm=2)
    pte(nonlinear, 3, 4, mm=1)
    nonlinear.set("page[4]._mapcount", 5)
    nonlinear.set("vma[1].vm_pgoff", 40)        # so that no tree leads there
    assert nonlinear.call("try_to_unmap", "page[4]", 0) == AGAIN
    assert [word(nonlinear, i, mm=2) & 1 for i in (6, 8)] == ([0, 0] if windows == 4 else [1, 1])
    assert cursors(nonlinear, 2) == [after]


def test_no_sweep_once_the_tree_says_no(nonlinear):
    pte(nonlinear, 1, 4, YOUNG)
    pte(nonlinear, 6, 6, mm=2)
    assert nonlinear.call("try_to_unmap", "page[4]", 0) == FAIL
    assert word(nonlinear, 6, mm=2) == 0x106005
    assert cursors(nonlinear, 2) == [0]


def test_try_to_unmap_leaves_locked_nonlinear_vmas(nonlinear):
    nonlinear.set("vma[2].vm_flags", 0xFB | NONLINEAR | LOCKED)
    pte(nonlinear, 6, 4, mm=2)
    # nobody could ever take it out: as bad as a locked linear vma
    assert nonlinear.call("try_to_unmap", "page[4]", 0) == FAIL
    assert word(nonlinear, 6, mm=2) == 0x104005


def test_try_to_unmap_sweeps_where_no_page_table_is(nonlinear):
    nonlinear.set("mm[2].pmd[0].table", 0)
    pte(nonlinear, 8, 4, mm=2)
    assert nonlinear.call("try_to_unmap", "page[4]", 0) == SUCCESS
    assert word(nonlinear, 8, mm=2) == 0x42


def test_try_to_unmap_sweeps_no_further_than_it_must(nonlinear):
    shared(nonlinear, 3, start=10, pages=2, flags=0xFB | NONLINEAR, mm=2)
    first = nonlinear.name("mapping[0].i_mmap_nonlinear")
    for where in (6, 10):
        pte(nonlinear, where, 5, mm=2)
    # one pte maps the page, in neither of them: as many were taken from the first
    pte(nonlinear, 1, 4, mm=1)
    assert nonlinear.call("try_to_unmap", "page[4]", 0) == AGAIN
    left = {"vma[2]": word(nonlinear, 6, mm=2), "vma[3]": word(nonlinear, 10, mm=2)}
    assert [name for name, value in left.items() if not value & 1] == [first]


@pytest.fixture
def anon(kernel):
    """page[4] is the second page of vma[0] in mm[0] and of its copy vma[1] in mm[1]."""
    for i in (0, 1):
        kernel.vma(i, flags=0x73, mm=f"mm[{i}]")
        table(kernel, i)
    anonymous(kernel, 4, 1, 0, index=1)
    kernel.call("lock_page", "page[4]")
    kernel.set("page[4]._count", 1)
    return kernel


def in_swap_cache(kernel):
    """Under entry 1, and clean."""
    assert kernel.call("add_to_swap", "page[4]") == 1
    assert kernel.get("page[4].private") == 1
    kernel.set("page[4].flags.dirty", 0)


@pytest.mark.parametrize("first, second, result", [(YOUNG, 0, 1), (YOUNG, YOUNG, 2), (0, 0, 0)])
def test_page_referenced_of_an_anonymous_page(anon, first, second, result):
    pte(anon, 1, 4, first, anon=True)
    pte(anon, 1, 4, second, mm=1, anon=True)
    assert anon.call("page_referenced", "page[4]") == result
    assert [event[1] for event in named(anon, "ptep_clear_flush_young")] == ["vma[1]", "vma[0]"]
    anon.call("unlock_page", "page[4]")
    calm(anon)


def test_try_to_unmap_of_an_anonymous_page_leaves_swap_ptes(anon):
    in_swap_cache(anon)
    pte(anon, 1, 4, DIRTY, anon=True)
    pte(anon, 1, 4, mm=1, anon=True)
    assert anon.call("try_to_unmap", "page[4]", 0) == SUCCESS
    assert word(anon, 1) == word(anon, 1, mm=1) == SWAP_PTE_OF_1
    # the swap cache and two ptes
    assert anon.get("swap[1].map") == 3
    assert anon.get("mm[0].anon_rss") == anon.get("mm[1].anon_rss") == 0
    assert anon.get("page[4].flags.dirty") == 1
    assert tags(anon, 5) == {"page[4]": {"DIRTY"}}
    # the first one's and the swap cache's
    assert anon.get("page[4]._count") == 2
    anon.call("unlock_page", "page[4]")
    calm(anon)


def test_try_to_unmap_of_an_anonymous_page_out_of_the_swap_cache_is_a_bug(anon):
    pte(anon, 1, 4, anon=True)
    assert anon.end("try_to_unmap", "page[4]", 0) == "BUG"


def test_try_to_unmap_skips_vmas_that_the_page_lies_outside_of(anon):
    in_swap_cache(anon)
    # the newer vma was cut: it begins one page later now
    anon.vma(1, start=at(2), pages=1, pgoff=2, flags=0x73, mm="mm[1]")
    pte(anon, 1, 4, anon=True)
    assert anon.call("try_to_unmap", "page[4]", 0) == SUCCESS
    assert ("vma_address", "page[4]", "vma[1]", -14) in anon.events()
