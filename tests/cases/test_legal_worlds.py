# SPDX-License-Identifier: GPL-2.0-only
"""Legal worlds add up, and what a function expects on entry is so.

Each check is one statement about a world; all of them are asked of the same
2,000 random cases and of the cases at the ends of the choices.
"""

import adding_up
import pytest
from adding_up import (
    CALL_FILE,
    LOCKED,
    MMS,
    NONLINEAR,
    PFNMAP,
    RW,
    SHARED,
    TASK_UNMAPPED_BASE,
    WRITE,
    flag,
    is_anon,
    linear_index,
    page_of,
)

from pykmm.engine import core

NO_PAGE_CALL = {"do_wp_page", "do_no_page", "do_mmap_pgoff", "do_brk", "mprotect_fixup",
                "do_writepages"}
CHANGES_VMAS = {"do_mmap_pgoff", "do_brk", "mprotect_fixup"}
FAULTS = {"do_wp_page", "do_no_page"}
WRITER = 0xFFFFFFFF
CHOICE = {name: offset for name, offset, _, _ in core.CHOICES}


def choice(case, name, at=0):
    return case[CHOICE[name] + at]


def writable_ptes_only_where_the_vma_is(state, case, call):
    for _, _, word, vma in state.present:
        if word & RW:
            assert state[f"{vma}.vm_flags"] & WRITE
            # and the processor could use it: never PROT_NONE
            assert word & 0x081 == 0x001


def ptes_lead_where_the_vma_says(state, case, call):
    for pte in state.ptes:
        _, _, word, vma = pte
        flags, page = state[f"{vma}.vm_flags"], page_of(pte)
        if not word & 0x081:
            # a file pte only where offsets are not linear, a swap pte only where pages are private
            assert flags & NONLINEAR if word & 0x040 else not flags & SHARED
        elif page is None:
            # a driver's frame: the one that lies there, and nobody can write to it
            assert flags & (PFNMAP | SHARED) == PFNMAP
            assert word >> 12 == linear_index(state, pte) and not word & RW
        elif page == adding_up.ZERO_PAGE:
            # what changes under do_wp_page changes by itself
            assert not word & (RW | 0x040) or call["page_table"] == f"{pte[0]}.pte[{pte[1]:#x}]"
        elif is_anon(state, page):
            assert state[f"{page}.index"] == linear_index(state, pte)
            assert state[f"{vma}.anon_vma"] == state[f"{page}.mapping"] - 1
        else:
            assert state[f"{page}.index"] == linear_index(state, pte)
            assert state.name(f"{page}.mapping") == state.mapping_of_vma(vma)
            # without a copy, a private vma has no writable pte
            assert not word & RW or flags & SHARED


RAMFS = 4       # ext2, ext3, block device, tmpfs, ramfs; drivers and others come after


def vmas_have_the_operations_of_their_file(state, case, call):
    kinds = {}
    for vma in state.vmas:
        ops = state[f"{vma}.vm_ops"]
        mapping = state.mapping_of_vma(vma)
        if mapping is None and (call.function, call["vma"]) == ("do_no_page", vma):
            assert ops != 0     # a mapping of the kernel's own
        elif mapping is None or state[f"{vma}.vm_flags"] & PFNMAP:
            assert ops == 0
        else:
            assert ops != 0
            # one table for each kind of file
            kind = state[f"inode[{mapping[8]}].i_kind"]
            assert kinds.setdefault(kind, ops) == ops
            # no driver's table can populate, so its mappings are never nonlinear
            assert not state[f"{vma}.vm_flags"] & NONLINEAR or kind <= RAMFS
        # offsets of memory without a file are addresses
        if mapping is None:
            assert state[f"{vma}.vm_pgoff"] == state[f"{vma}.vm_start"] >> 12


def page_tables_are_there_as_the_case_says(state, case, call):
    for i in range(6):
        path = f"mm[{i // 2}].pmd[{i % 2}].table"
        if call["pmd"] == path.removesuffix(".table"):
            assert state[path]      # a fault has allocated it
        elif call.function != "do_wp_page":
            assert (state[path] != 0) == (choice(case, "table", i) != 0)
    for mm, address, _, _ in state.ptes:
        assert state[f"{mm}.pmd[{(address - TASK_UNMAPPED_BASE) >> 15}].table"]


def locks_are_those_that_the_call_expects(state, case, call):
    held = [state.map.name_of(state[f"world.held[{i}]"]) for i in range(state["world.nr_held"])]
    assert sorted(held) == sorted(path.removesuffix(".held") for path in state
                                  if path.endswith(".held") and state[path])
    vma, mm = call["vma"], state.name(f"{call['vma']}.vm_mm")
    expected = []
    if call.function == "page_mkclean_one" and state[f"{vma}.vm_file"]:
        expected = [f"{state.mapping_of_vma(vma)}.i_mmap_lock"]
    elif call.function in CHANGES_VMAS | FAULTS | {"follow_page"}:
        expected = [f"{mm}.mmap_sem"]
        assert state[f"{mm}.mmap_sem.held"] == (WRITER if call.function in CHANGES_VMAS else 1)
    if call.function == "do_wp_page":
        expected.append(call["ptl"])
        assert call["ptl"] == f"{call['pmd']}.ptl"
    assert held == expected
    # the page table is mapped
    assert state["world.kmaps"] == (call.function in FAULTS)
    assert state["world.irqs_disabled"] == 0
    assert state["world.order_fault"] == state["world.sleep_fault"] == 0


def the_page_of_the_call_is_locked_as_the_case_says(state, case, call):
    assert state["world.units"] == case[1]
    if call.function in NO_PAGE_CALL:
        assert call["page"] is None and state["world.pages_locked"] == 0
        return
    page = call["page"]
    focus = f"page[{choice(case, 'focus')}]"
    meant = focus if choice(case, "page_is_focus") else f"page[{choice(case, 'page')}]"
    if call.function != "try_to_free_buffers":
        assert page == meant
    elif page == adding_up.ZERO_PAGE:
        return      # no page of the world could have buffers: the zero page stands in
    else:
        assert not is_anon(state, page)
    assert flag(state, page, 0) == (choice(case, "page_is_locked") != 0)
    # by who calls, who would not lock it to follow a pte
    assert state["world.pages_locked"] == (flag(state, page, 0) and call.function != "follow_page")


def pages_that_are_waited_for_become_free(state, case, call):
    if call.function not in NO_PAGE_CALL - {"do_wp_page", "mprotect_fixup"}:
        return
    locked = [p for p in adding_up.ALL_PAGES if flag(state, p, 0)]
    other = state.name("world.page_of_other")
    assert locked == ([other] if other else [])
    assert (other is not None) == (choice(case, "page_is_locked") == 1)


def pte_of(state, call):
    return state[call["page_table"]]


def a_fault_is_where_its_vma_and_its_pte_say(state, case, call):
    if call.function not in FAULTS:
        return
    vma, address = call["vma"], call["address"]
    assert state[f"{vma}.vm_start"] <= address < state[f"{vma}.vm_end"]
    assert call["mm"] == state.name(f"{vma}.vm_mm")
    assert call["page_table"] == f"{call['mm']}.pte[{address & ~0xFFF:#x}]"
    number = (address - TASK_UNMAPPED_BASE) >> 15
    assert call["pmd"] == f"{call['mm']}.pmd[{number}]"
    word, old = pte_of(state, call), call["orig_pte"]
    if call.function == "do_wp_page":
        assert word & 0x081
        # at most touched or written to since it was read
        assert word ^ old in (0, 0x020, 0x040)
    else:
        # at most filled since it was seen
        assert word == 0 or choice(case, "pte_is") >= 60
        assert not state[f"{vma}.vm_flags"] & PFNMAP
        assert state[f"{vma}.vm_ops"] and call["write_access"] in (0, 1)


def a_full_pagevec_is_one_page_short(state, case, call):
    assert state["world.lru_add.nr"] == 0
    filled = call.function in FAULTS | {"do_mmap_pgoff", "do_brk"} and not choice(case, "pagevec")
    pages = [state.name(f"world.lru_add_active[{i}]") for i in range(14)]
    assert state["world.lru_add_active.nr"] == (13 if filled else 0)
    assert len(set(pages)) == (14 if filled else 1) and pages[13] is None
    assert not any(flag(state, page, 5) for page in pages if page)


def the_process_whose_memory_changes_runs(state, case, call):
    if call.function not in CHANGES_VMAS:
        return
    mm = state.name(f"{call['vma']}.vm_mm")
    task = state.name("world.current_task")
    assert call["mm"] == mm and state.name(f"{task}.mm") == mm


def a_range_to_protect_lies_in_its_vma(state, case, call):
    if call.function != "mprotect_fixup":
        return
    vma, start, end = call["vma"], call["address"], call["end"]
    assert state[f"{vma}.vm_start"] <= start < end <= state[f"{vma}.vm_end"]
    assert (start | end) & 0xFFF == 0
    order = state.chain(f"{call['mm']}.mmap", "vm_next")
    at = order.index(vma)
    before = order[at - 1] if at else None
    assert state.name("world.pprev") == (vma if start > state[f"{vma}.vm_start"] else before)
    new, old = call["newflags"], state[f"{vma}.vm_flags"]
    # it changes what can be done, within what may be
    assert (new ^ old) & ~7 == 0 and new & ~(new >> 4) & 7 & ~old == 0


def a_file_that_is_mapped_is_open(state, case, call):
    if call.function != "do_mmap_pgoff" or call["file"] is None:
        return
    file = call["file"]
    assert state[f"{file}.f_count"] >= 1
    mapping = state.name(f"{file}.f_mapping")
    assert state.name(f"{file}.own_dentry") == f"inode[{mapping[8]}]"
    assert file == CALL_FILE or mapping != adding_up.SPARE


def files_that_are_written_back_can_be(state, case, call):
    if call.function != "do_writepages":
        return
    assert call["wbc"].startswith("world.wbc[0]") and state["world.nr_wbc"] == 1
    if state["world.wbc[0].nr_to_write"]:
        assert not state[f"bdi[{call['mapping'][8]}].capabilities"] & 2
    for name in ("pages_skipped", "encountered_congestion", "for_writepages"):
        assert state[f"world.wbc[0].{name}"] == 0


def memory_is_locked_by_vmas_only(state, case, call):
    for mm in MMS:
        assert state[f"{mm}.def_flags"] in (0, LOCKED)
        assert state[f"{mm}.mm_users"] == 1


ON_ENTRY = [
    writable_ptes_only_where_the_vma_is, ptes_lead_where_the_vma_says,
    vmas_have_the_operations_of_their_file, page_tables_are_there_as_the_case_says,
    locks_are_those_that_the_call_expects, the_page_of_the_call_is_locked_as_the_case_says,
    pages_that_are_waited_for_become_free, a_fault_is_where_its_vma_and_its_pte_say,
    a_full_pagevec_is_one_page_short, the_process_whose_memory_changes_runs,
    a_range_to_protect_lies_in_its_vma, a_file_that_is_mapped_is_open,
    files_that_are_written_back_can_be, memory_is_locked_by_vmas_only,
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


@pytest.mark.parametrize("holds", adding_up.CHECKS, ids=lambda check: check.__name__)
def test_legal_world_adds_up(worlds, holds):
    for i, (state, case, call) in enumerate(worlds):
        adding_up.check(holds, i, case, state, call, None)


@pytest.mark.parametrize("holds", ON_ENTRY, ids=lambda check: check.__name__)
def test_legal_world_on_entry(worlds, holds):
    for i, (state, case, call) in enumerate(worlds):
        adding_up.check(holds, i, case, state, case, call)
