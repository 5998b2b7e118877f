# SPDX-License-Identifier: GPL-2.0-only
"""Legal worlds add up: counts, lists, trees, tags and locks say the same thing twice.

Each check is one statement about a world; all of them are asked of the same
2,000 random cases and of the cases at the ends of the choices.
"""

import pytest

from pykmm.engine import core

READ, WRITE, SHARED, PFNMAP, NONLINEAR = 0x1, 0x2, 0x8, 0x400, 0x800000
RW, DIRTY_TAG, WRITEBACK_TAG = 0x002, 1, 2
FIRST_FRAME = 0x100
PAGES = [f"page[{i}]" for i in range(8)]
MMS = [f"mm[{i}]" for i in range(3)]
FILE_MAPPINGS = [f"mapping[{i}]" for i in range(3)]
MAPPINGS = [*FILE_MAPPINGS, "mapping[3]"]
PAGE_MKCLEAN_ONE = core.FUNCTIONS.index("page_mkclean_one")
TRY_TO_FREE_BUFFERS = core.FUNCTIONS.index("try_to_free_buffers")
CHOICE = {name: offset for name, offset, _, _ in core.CHOICES}


def signed(word):
    return word - (word >> 31 << 32)


def flag(state, page, number):
    return state[f"{page}.flags"] >> number & 1


def dirty(state, page):
    return flag(state, page, 4)


def is_anon(state, page):
    return state[f"{page}.mapping"] & 1


def counted(state):
    """[(mm, address, word, vma)] of the present ptes that count in their page."""
    return [pte for pte in state.present if not state[f"{pte[3]}.vm_flags"] & PFNMAP]


def page_of(pte):
    return f"page[{(pte[2] >> 12) - FIRST_FRAME}]"


def linear_index(state, pte):
    _, address, _, vma = pte
    return state[f"{vma}.vm_pgoff"] + (address - state[f"{vma}.vm_start"] >> 12)


def slots(state, mapping):
    """[(index, tags, page)] of the page tree."""
    return [(state[f"{mapping}.slot[{i}].index_and_tags"] >> 2,
             state[f"{mapping}.slot[{i}].index_and_tags"] & 3,
             state.name(f"{mapping}.slot[{i}].page"))
            for i in range(state[f"{mapping}.page_tree.nr"])]


def every_pte_lies_in_a_vma(state, case, call):
    assert all(vma is not None for *_, vma in state.ptes)


def mapcount_is_the_number_of_ptes(state, case, call):
    found = [page_of(pte) for pte in counted(state)]
    assert set(found) <= set(PAGES)
    for page in PAGES:
        assert signed(state[f"{page}._mapcount"]) + 1 == found.count(page)


def refcount_covers_ptes_and_page_cache(state, case, call):
    for page in PAGES:
        of_file = state[f"{page}.mapping"] != 0 and not is_anon(state, page)
        cached = of_file or flag(state, page, 15)
        mapcount = signed(state[f"{page}._mapcount"]) + 1
        buffers = flag(state, page, 11)
        # and one more: a page with no reference would be free
        assert signed(state[f"{page}._count"]) == mapcount + bool(cached) + buffers + 1


def counters_are_those_of_the_pages(state, case, call):
    accounting = [m for i, m in enumerate(FILE_MAPPINGS) if not state[f"bdi[{i}].capabilities"] & 1]
    assert state["world.page_state.nr_dirty"] == sum(
        dirty(state, p) for p in PAGES if not is_anon(state, p)
        and state.name(f"{p}.mapping") in accounting)
    assert state["world.page_state.nr_writeback"] == sum(flag(state, p, 12) for p in PAGES)
    assert state["world.page_state.nr_mapped"] == sum(
        signed(state[f"{p}._mapcount"]) >= 0 for p in PAGES)
    # an active page is on the LRU
    assert all(flag(state, p, 5) for p in PAGES if flag(state, p, 6))
    assert state["world.page_state.nr_active"] == sum(flag(state, p, 6) for p in PAGES)
    assert state["world.page_state.nr_inactive"] == sum(
        flag(state, p, 5) and not flag(state, p, 6) for p in PAGES)


def rss_is_that_of_the_ptes(state, case, call):
    for mm in MMS:
        ptes = [pte for pte in counted(state) if pte[0] == mm]
        anon = sum(is_anon(state, page_of(pte)) for pte in ptes)
        assert state[f"{mm}.anon_rss"] == anon
        assert state[f"{mm}.file_rss"] == len(ptes) - anon


def page_trees_are_sorted_and_agree_with_their_pages(state, case, call):
    for mapping in MAPPINGS:
        items = slots(state, mapping)
        assert state[f"{mapping}.nrpages"] == len(items)
        indices = [index for index, _, _ in items]
        assert indices == sorted(set(indices))
        for index, _, page in items:
            if mapping == "mapping[3]":
                assert flag(state, page, 15) and is_anon(state, page)
                assert state[f"{page}.private"] == index
            else:
                assert state.name(f"{page}.mapping") == mapping
                assert state[f"{page}.index"] == index
        # what is behind the last slot is nothing
        for i in range(len(items), 8):
            assert state[f"{mapping}.slot[{i}].page"] == 0
            assert state[f"{mapping}.slot[{i}].index_and_tags"] == 0
    in_trees = [page for mapping in MAPPINGS for _, _, page in slots(state, mapping)]
    assert sorted(in_trees) == [
        p for p in PAGES
        if flag(state, p, 15) or (state[f"{p}.mapping"] and not is_anon(state, p))]


def dirty_pages_are_tagged_and_writeback_is_where_its_tag_is(state, case, call):
    for mapping in MAPPINGS:
        for _, tags, page in slots(state, mapping):
            # a clean page may still have the tag: clear_page_dirty_for_io leaves it
            assert tags & DIRTY_TAG or not dirty(state, page)
            assert bool(tags & WRITEBACK_TAG) == flag(state, page, 12)


def vma_lists_are_sorted_and_whole(state, case, call):
    listed = []
    for mm in MMS:
        vmas = state.chain(f"{mm}.mmap", "vm_next")
        assert state[f"{mm}.map_count"] == len(vmas)
        assert all(state.name(f"{vma}.vm_mm") == mm for vma in vmas)
        ends = [0]
        for vma in vmas:
            assert ends[-1] <= state[f"{vma}.vm_start"] < state[f"{vma}.vm_end"]
            assert (state[f"{vma}.vm_start"] | state[f"{vma}.vm_end"]) & 0xFFF == 0
            ends.append(state[f"{vma}.vm_end"])
        listed += vmas
    assert sorted(listed) == state.vmas


def in_order(state, path, parent=None):
    """Names of the vmas of an interval tree, after a look at parents and last pages."""
    node = state.name(path)
    if node is None:
        return []
    assert state.name(f"{node}.i_mmap_parent") == parent
    left = in_order(state, f"{node}.i_mmap_left", node)
    right = in_order(state, f"{node}.i_mmap_right", node)
    last = max(state[f"{vma}.vm_pgoff"]
               + (state[f"{vma}.vm_end"] - state[f"{vma}.vm_start"] >> 12) - 1
               for vma in [*left, node, *right])
    assert state[f"{node}.i_mmap_last"] == last
    return [*left, node, *right]


def file_vmas_are_where_reverse_mapping_looks(state, case, call):
    for i, mapping in enumerate(FILE_MAPPINGS):
        of_file = [vma for vma in state.vmas if state.mapping_of_vma(vma) == mapping]
        nonlinear = [vma for vma in of_file if state[f"{vma}.vm_flags"] & NONLINEAR]
        tree = in_order(state, f"{mapping}.i_mmap")
        assert tree == sorted((vma for vma in of_file if vma not in nonlinear),
                              key=lambda vma: (state[f"{vma}.vm_pgoff"], vma))
        assert sorted(state.chain(f"{mapping}.i_mmap_nonlinear", "nonlinear_next")) == nonlinear
        assert state[f"{mapping}.i_mmap_writable"] == sum(
            bool(state[f"{vma}.vm_flags"] & SHARED) for vma in of_file)
        assert state[f"file[{i}].f_count"] == 1 + len(of_file)
    assert state["mapping[3].i_mmap"] == state["mapping[3].i_mmap_nonlinear"] == 0


def writable_ptes_only_where_the_vma_is(state, case, call):
    for _, _, word, vma in state.present:
        if word & RW:
            assert state[f"{vma}.vm_flags"] & WRITE
            # and the processor could use it: never PROT_NONE
            assert word & 0x081 == 0x001


def ptes_lead_where_the_vma_says(state, case, call):
    for pte in state.ptes:
        _, _, word, vma = pte
        flags = state[f"{vma}.vm_flags"]
        if not word & 0x081:
            # a file pte only where offsets are not linear, a swap pte only where pages are private
            assert flags & NONLINEAR if word & 0x040 else not flags & SHARED
            continue
        page = page_of(pte)
        assert state[f"{page}.index"] == linear_index(state, pte)
        if is_anon(state, page):
            assert state[f"{vma}.anon_vma"] == state[f"{page}.mapping"] - 1
        else:
            assert state.name(f"{page}.mapping") == state.mapping_of_vma(vma)
            # without a copy, a private vma has no writable pte
            assert not word & RW or flags & SHARED


def anon_vmas_list_their_vmas(state, case, call):
    for i in range(2):
        members = state.chain(f"anon_vma[{i}].head", "anon_vma_next")
        assert sorted(members) == [
            vma for vma in state.vmas
            if state[f"{vma}.anon_vma"] == state.map.address(f"anon_vma[{i}].head") - 8]


def nothing_is_in_a_page_table_that_is_not_there(state, case, call):
    for i in range(6):
        path = f"mm[{i // 2}].pmd[{i % 2}].table"
        assert (state[path] != 0) == (case[CHOICE["table"] + i] != 0)
    for mm, address, _, _ in state.ptes:
        assert state[f"{mm}.pmd[{(address - 0x40000000) >> 15}].table"]


def locks_are_those_that_the_call_expects(state, case, call):
    held = [state.map.name_of(state[f"world.held[{i}]"]) for i in range(state["world.nr_held"])]
    assert sorted(held) == sorted(path.removesuffix(".held") for path in state
                                  if path.endswith(".held") and state[path])
    _, vma, _ = call
    expected = []
    if case[0] == PAGE_MKCLEAN_ONE and state[f"{vma}.vm_file"]:
        expected = [f"{state.mapping_of_vma(vma)}.i_mmap_lock"]
    assert held == expected
    assert state["world.kmaps"] == state["world.irqs_disabled"] == 0


def the_page_of_the_call_is_locked_as_the_case_says(state, case, call):
    page, _, _ = call
    focus = case[CHOICE["focus"]]
    meant = focus if case[CHOICE["page_is_focus"]] else case[CHOICE["page"]]
    if case[0] != TRY_TO_FREE_BUFFERS:
        assert page == f"page[{meant}]"
    elif page == "page[8]":
        return      # no page of the world could have buffers: the zero page stands in
    else:
        assert not is_anon(state, page)
    assert flag(state, page, 0) == (case[CHOICE["page_is_locked"]] != 0)
    assert state["world.units"] == case[1]


CHECKS = [
    every_pte_lies_in_a_vma, mapcount_is_the_number_of_ptes, refcount_covers_ptes_and_page_cache,
    counters_are_those_of_the_pages, rss_is_that_of_the_ptes,
    page_trees_are_sorted_and_agree_with_their_pages,
    dirty_pages_are_tagged_and_writeback_is_where_its_tag_is, vma_lists_are_sorted_and_whole,
    file_vmas_are_where_reverse_mapping_looks, writable_ptes_only_where_the_vma_is,
    ptes_lead_where_the_vma_says, anon_vmas_list_their_vmas,
    nothing_is_in_a_page_table_that_is_not_there, locks_are_those_that_the_call_expects,
    the_page_of_the_call_is_locked_as_the_case_says,
]


@pytest.fixture(scope="module")
def worlds(builder, job, make_case):
    """[(state, case, call)]: cases as fuzzing draws them, evenly drawn ones, and the two ends."""
    cases = [job.case(0, i) for i in range(1000)]
    lowest = bytes(core.CASE_BYTES)
    highest = b"".join(bytes([limit - 1] * count) for _, _, count, limit in core.CHOICES)
    for case in [*(make_case(seed) for seed in range(1000)), lowest, highest]:
        cases.append(case[:CHOICE["wild"]] + b"\0" + case[CHOICE["wild"] + 1:])
    return [(builder.build(case), case, builder.call()) for case in cases]


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
def test_legal_world(worlds, check):
    for i, (state, case, call) in enumerate(worlds):
        try:
            check(state, case, call)
        except AssertionError as error:
            raise AssertionError(f"world {i}, case {case.hex()}: {error}") from error
