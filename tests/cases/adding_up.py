# SPDX-License-Identifier: GPL-2.0-only
"""Statements about a world that say the same thing twice: counts, lists, trees, tags.

They hold of every legal world, and still do after a function was called on it.
A check takes the state, the call and what the call returned (None: not made yet).
"""

WRITE, EXEC, SHARED, GROWSDOWN, PFNMAP, DENYWRITE = 0x2, 0x4, 0x8, 0x100, 0x400, 0x800
LOCKED, IO, RESERVED, ACCOUNT, NONLINEAR = 0x2000, 0x4000, 0x80000, 0x100000, 0x800000
RW, DIRTY_TAG, WRITEBACK_TAG = 0x002, 1, 2
FOLL_GET = 4
FIRST_FRAME, TASK_UNMAPPED_BASE = 0x100, 0x40000000

PAGES = [f"page[{i}]" for i in range(8)]
FREE_PAGES = [f"page[{i}]" for i in range(8, 12)]
FILLERS = [f"page[{i}]" for i in range(12, 17)]
ZERO_PAGE = "page[17]"
ALL_PAGES = [*PAGES, *FREE_PAGES, *FILLERS, ZERO_PAGE]
MMS = [f"mm[{i}]" for i in range(3)]
SPARE, SWAPPER = "mapping[3]", "mapping[4]"
FILE_MAPPINGS = [f"mapping[{i}]" for i in range(4)]
MAPPINGS = [*FILE_MAPPINGS, SWAPPER]
FILES = [f"file[{i}]" for i in range(8)]
CALL_FILE = "file[6]"
SLOTS = 10


def signed(word):
    return word - (word >> 31 << 32)


def flag(state, page, number):
    return state[f"{page}.flags"] >> number & 1


def dirty(state, page):
    return flag(state, page, 4)


def is_anon(state, page):
    return state[f"{page}.mapping"] & 1


def pages_of(state, vma):
    return state[f"{vma}.vm_end"] - state[f"{vma}.vm_start"] >> 12


def page_of(pte):
    """The page that a present pte leads to, or None for a frame without one."""
    number = (pte[2] >> 12) - FIRST_FRAME
    return ALL_PAGES[number] if 0 <= number < len(ALL_PAGES) else None


def counted(state):
    """Present ptes that count in their page: of a driver's mapping, only private copies."""
    found = []
    for pte in state.present:
        page = page_of(pte)
        if page and (not state[f"{pte[3]}.vm_flags"] & PFNMAP or is_anon(state, page)):
            found.append(pte)
    return found


def linear_index(state, pte):
    _, address, _, vma = pte
    return state[f"{vma}.vm_pgoff"] + (address - state[f"{vma}.vm_start"] >> 12)


def slots(state, mapping):
    """[(index, tags, page)] of the page tree."""
    return [(state[f"{mapping}.slot[{i}].index_and_tags"] >> 2,
             state[f"{mapping}.slot[{i}].index_and_tags"] & 3,
             state.name(f"{mapping}.slot[{i}].page"))
            for i in range(state[f"{mapping}.page_tree.nr"])]


def in_cache(state, page):
    return flag(state, page, 15) or (state[f"{page}.mapping"] and not is_anon(state, page))


def every_pte_lies_in_a_vma(state, call, ret):
    assert all(vma is not None for *_, vma in state.ptes)


def mapcount_is_the_number_of_ptes(state, call, ret):
    found = [page_of(pte) for pte in counted(state)]
    for page in ALL_PAGES:
        assert signed(state[f"{page}._mapcount"]) + 1 == found.count(page)


def refcount_is_the_number_of_holders(state, call, ret):
    waiting = [state.name(f"world.{vec}[{i}]") for vec in ("lru_add", "lru_add_active")
               for i in range(state[f"world.{vec}.nr"])]
    got = state.map.name_of(ret) if ret and call.function == "follow_page" \
        and call["flags"] & FOLL_GET else None
    for page in ALL_PAGES:
        holders = signed(state[f"{page}._mapcount"]) + 1 + bool(in_cache(state, page)) \
            + flag(state, page, 11) + waiting.count(page) + (page == got)
        holders += state.name("world.page_of_other") == page
        # and somebody else: without a holder a page is free
        holders += page not in FREE_PAGES
        assert signed(state[f"{page}._count"]) == holders


def free_pages_hold_nothing(state, call, ret):
    for page in ALL_PAGES:
        if state[f"{page}._count"] == 0:
            assert state[f"{page}.flags"] == state[f"{page}.mapping"] == 0
            assert state[f"{page}.private"] == state[f"{page}.io"] == 0
            assert state[f"{page}._mapcount"] == 0xFFFFFFFF
            assert {state[f"{page}.contents[{i}]"] for i in range(4)} == {0xFFFF}


def counters_are_those_of_the_pages(state, call, ret):
    accounting = [m for i, m in enumerate(FILE_MAPPINGS) if not state[f"bdi[{i}].capabilities"] & 1]
    assert state["world.page_state.nr_dirty"] == sum(
        dirty(state, p) for p in ALL_PAGES if not is_anon(state, p)
        and state.name(f"{p}.mapping") in accounting)
    assert state["world.page_state.nr_writeback"] == sum(flag(state, p, 12) for p in ALL_PAGES)
    assert state["world.page_state.nr_mapped"] == sum(
        signed(state[f"{p}._mapcount"]) >= 0 for p in ALL_PAGES)
    # an active page is on the LRU
    assert all(flag(state, p, 5) for p in ALL_PAGES if flag(state, p, 6))
    assert state["world.page_state.nr_active"] == sum(flag(state, p, 6) for p in ALL_PAGES)
    assert state["world.page_state.nr_inactive"] == sum(
        flag(state, p, 5) and not flag(state, p, 6) for p in ALL_PAGES)


def rss_is_that_of_the_ptes(state, call, ret):
    for mm in MMS:
        ptes = [pte for pte in counted(state) if pte[0] == mm]
        anon = sum(is_anon(state, page_of(pte)) for pte in ptes)
        assert state[f"{mm}.anon_rss"] == anon
        assert state[f"{mm}.file_rss"] == len(ptes) - anon


def page_trees_are_sorted_and_agree_with_their_pages(state, call, ret):
    for mapping in MAPPINGS:
        items = slots(state, mapping)
        assert state[f"{mapping}.nrpages"] == len(items)
        indices = [index for index, _, _ in items]
        assert indices == sorted(set(indices))
        for index, _, page in items:
            if mapping == SWAPPER:
                assert flag(state, page, 15) and is_anon(state, page)
                assert state[f"{page}.private"] == index
            else:
                assert state.name(f"{page}.mapping") == mapping
                assert state[f"{page}.index"] == index
        # what is behind the last slot is nothing
        for i in range(len(items), SLOTS):
            assert state[f"{mapping}.slot[{i}].page"] == 0
            assert state[f"{mapping}.slot[{i}].index_and_tags"] == 0
    in_trees = [page for mapping in MAPPINGS for _, _, page in slots(state, mapping)]
    assert sorted(in_trees) == sorted(p for p in ALL_PAGES if in_cache(state, p))


def dirty_pages_are_tagged_and_writeback_is_where_its_tag_is(state, call, ret):
    for mapping in MAPPINGS:
        for _, tags, page in slots(state, mapping):
            # a clean page may still have the tag: clear_page_dirty_for_io leaves it
            assert tags & DIRTY_TAG or not dirty(state, page)
            assert bool(tags & WRITEBACK_TAG) == flag(state, page, 12)


def what_is_written_will_end(state, call, ret):
    for page in ALL_PAGES:
        # a page under writeback has a write under way that ends it
        if flag(state, page, 12):
            assert state[f"{page}.io"] & 0x0F
    for i in range(12):
        bh = f"buffer[{i}]"
        if state[f"{bh}.b_end_io"]:
            assert state[f"{bh}.b_state"] >> 2 & 1 and state[f"{state.name(bh + '.b_page')}.io"]


def swap_map_counts_ptes_and_the_cache(state, call, ret):
    users = [word >> 8 for _, _, word, _ in state.ptes if not word & 0x0C1]
    users += [index for index, _, _ in slots(state, SWAPPER)]
    for i in range(11):
        assert state[f"swap[{i}].map"] == users.count(i)
    assert state["world.nr_swap_used"] == len(set(users))


def tree_of(state, mm, path, parent=None):
    """The vmas of a process's tree in order, after a look at parents."""
    vma = state.node(path)
    if vma is None:
        return []
    assert state.node(f"{vma}.vm_rb.parent") == parent
    return [*tree_of(state, mm, f"{vma}.vm_rb.left", vma), vma,
            *tree_of(state, mm, f"{vma}.vm_rb.right", vma)]


def vma_lists_are_sorted_and_trees_the_same(state, call, ret):
    listed = []
    for mm in MMS:
        vmas = state.chain(f"{mm}.mmap", "vm_next")
        assert state[f"{mm}.map_count"] == len(vmas)
        assert tree_of(state, mm, f"{mm}.mm_rb") == vmas
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
    last = max(state[f"{vma}.vm_pgoff"] + pages_of(state, vma) - 1 for vma in [*left, node, *right])
    assert state[f"{node}.i_mmap_last"] == last
    return [*left, node, *right]


def file_vmas_are_where_reverse_mapping_looks(state, call, ret):
    for mapping in FILE_MAPPINGS:
        of_file = [vma for vma in state.vmas if state.mapping_of_vma(vma) == mapping]
        nonlinear = [vma for vma in of_file if state[f"{vma}.vm_flags"] & NONLINEAR]
        assert in_order(state, f"{mapping}.i_mmap") == sorted(
            (vma for vma in of_file if vma not in nonlinear),
            key=lambda vma: (state[f"{vma}.vm_pgoff"], vma))
        assert sorted(state.chain(f"{mapping}.i_mmap_nonlinear", "nonlinear_next")) == nonlinear
        assert state[f"{mapping}.i_mmap_writable"] == sum(
            bool(state[f"{vma}.vm_flags"] & SHARED) for vma in of_file)
    assert state[f"{SWAPPER}.i_mmap"] == state[f"{SWAPPER}.i_mmap_nonlinear"] == 0


def files_are_held_by_their_vmas_and_openers(state, call, ret):
    for i, file in enumerate(FILES):
        vmas = sum(state.name(f"{vma}.vm_file") == file for vma in state.vmas)
        held_by_call = call.function == "do_mmap_pgoff" and file == call["file"]
        assert state[f"{file}.f_count"] == vmas + (i < 6) + held_by_call


def writers_of_a_file_are_counted(state, call, ret):
    if call.function == "do_mmap_pgoff" and call["map_flags"] & DENYWRITE:
        return      # such a call may be about a program that nobody has opened for writing
    for i in range(3):
        mapping = FILE_MAPPINGS[i]
        writers = 1 + (call["file"] == CALL_FILE and state.name(f"{CALL_FILE}.f_mapping") == mapping
                       and state[f"{CALL_FILE}.f_mode"] >> 1 & 1)
        denied = sum(state.mapping_of_vma(vma) == mapping
                     and bool(state[f"{vma}.vm_flags"] & DENYWRITE) for vma in state.vmas)
        assert signed(state[f"inode[{i}].i_writecount"]) == writers - denied


def processes_count_their_vmas(state, call, ret):
    for mm in MMS:
        vmas = [(pages_of(state, v), state[f"{v}.vm_flags"], state[f"{v}.vm_file"])
                for v in state.vmas if state.name(f"{v}.vm_mm") == mm]
        assert state[f"{mm}.total_vm"] == sum(pages for pages, _, _ in vmas)
        assert state[f"{mm}.locked_vm"] == sum(p for p, flags, _ in vmas if flags & LOCKED)
        assert state[f"{mm}.shared_vm"] == sum(p for p, _, file in vmas if file)
        assert state[f"{mm}.exec_vm"] == sum(
            p for p, flags, file in vmas if file and flags & (EXEC | WRITE) == EXEC)
        assert state[f"{mm}.stack_vm"] == sum(
            p for p, flags, file in vmas if not file and flags & GROWSDOWN)
        assert state[f"{mm}.reserved_vm"] == sum(p for p, f, _ in vmas if f & (RESERVED | IO))


def committed_memory_is_that_of_vmas_and_unnamed_files(state, call, ret):
    if call.function == "do_mmap_pgoff" and ret is not None and ret < 0:
        return      # a hook that fails takes back what was never charged: MM24
    charged = sum(pages_of(state, vma) for vma in state.vmas
                  if state[f"{vma}.vm_flags"] & ACCOUNT)
    assert state["world.vm_committed_space"] == charged + sum(
        state[f"inode[{i}].i_charged"] for i in range(4))


def anon_vmas_list_their_vmas(state, call, ret):
    for i in range(4):
        members = state.chain(f"anon_vma[{i}].head", "anon_vma_next")
        assert sorted(members) == [vma for vma in state.vmas if state[f"{vma}.anon_vma"]
                                   == state.map.address(f"anon_vma[{i}]")]


def buffers_are_in_the_ring_of_their_page(state, call, ret):
    seen = []
    for page in ALL_PAGES:
        if not flag(state, page, 11):
            continue
        first = at = state.map.name_of(state[f"{page}.private"])
        while True:
            assert state.name(f"{at}.b_page") == page
            seen.append(at)
            at = state.name(f"{at}.b_this_page")
            if at == first:
                break
    assert sorted(seen) == sorted(f"buffer[{i}]" for i in range(12)
                                  if state[f"buffer[{i}].b_page"])


CHECKS = [
    every_pte_lies_in_a_vma, mapcount_is_the_number_of_ptes, refcount_is_the_number_of_holders,
    free_pages_hold_nothing, counters_are_those_of_the_pages, rss_is_that_of_the_ptes,
    page_trees_are_sorted_and_agree_with_their_pages,
    dirty_pages_are_tagged_and_writeback_is_where_its_tag_is, what_is_written_will_end,
    swap_map_counts_ptes_and_the_cache, vma_lists_are_sorted_and_trees_the_same,
    file_vmas_are_where_reverse_mapping_looks, files_are_held_by_their_vmas_and_openers,
    writers_of_a_file_are_counted, processes_count_their_vmas,
    committed_memory_is_that_of_vmas_and_unnamed_files, anon_vmas_list_their_vmas,
    buffers_are_in_the_ring_of_their_page,
]


def check(holds, number, case, *what):
    """One statement of one world; the case is named where it does not hold."""
    try:
        holds(*what)
    except AssertionError as error:
        raise AssertionError(f"world {number}, case {case.hex()}: {error}") from error
