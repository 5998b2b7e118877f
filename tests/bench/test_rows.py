# SPDX-License-Identifier: GPL-2.0-only
"""Each row: its world is legal, halves agree on it, and what happens is what its name says."""

import re
from collections import Counter
from dataclasses import dataclass, field

import pytest

from pykmm.bench import check, rows
from pykmm.bench.row import AFTER, BEFORE, Call, Operation, Row, Start
from pykmm.engine import core, halves, properties

HALVES = [halves.c_half(), halves.p_half()]
BOTH = [(row, units) for row in rows.ROWS for units in (AFTER, BEFORE)
        if units == AFTER or row.has_before]
each_row = pytest.mark.parametrize(
    "row, units", BOTH, ids=[f"{row.name}{'' if units else ', before'}" for row, units in BOTH])

NEW_FUNCTIONS = {"is_shared_writable", "page_mkclean_one", "page_mkclean_file", "page_mkclean"}
NEW_SITUATIONS = {"do_wp_page/shared, reused", "follow_page/write kept back"}

# what a caller holds: locks, pages, page tables mapped
HELD = {
    "is_shared_writable": (0, 0, 0), "follow_page": (1, 0, 0), "do_wp_page": (2, 0, 1),
    "do_no_page": (1, 0, 1), "do_mmap_pgoff": (1, 0, 0), "do_brk": (1, 0, 0),
    "mprotect_fixup": (1, 0, 0), "do_writepages": (0, 0, 0), "test_clear_page_dirty": (0, 1, 0),
    "clear_page_dirty_for_io": (0, 1, 0), "page_mkclean_one": (1, 1, 0),
    "page_mkclean_file": (0, 1, 0), "page_mkclean": (0, 1, 0), "try_to_free_buffers": (0, 1, 0),
    "life cycle": (0, 0, 0),
}


@dataclass(frozen=True)
class Expected:
    """ret: what the last step gives, None: an address; events: how often each occurs.

    after: events that occur so often with the patch and never before it
    """

    ret: int | None
    events: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)


MINOR, WRITTEN = 0x02, 0x12
CLEANED, LEFT = {"ptep_establish": 1}, {"pte_unmap_unlock": 1, "ptep_establish": 0}
EXPECTED = {
    "is_shared_writable/yes": Expected(1),
    "is_shared_writable/no": Expected(0),
    "follow_page/found": Expected(None, {"get_page": 1, "PageDirty": 0}),
    "follow_page/found, dirtied": Expected(None, {"get_page": 1, "set_page_dirty": 1}),
    "follow_page/none": Expected(0, {"vm_normal_page": 0}),
    "follow_page/write kept back": Expected(0, {"vm_normal_page": 0}),
    "do_wp_page/shared, reused": Expected(WRITTEN, {"ptep_set_access_flags": 1,
                                                    "set_page_dirty": 1}),
    "do_wp_page/anonymous, reused": Expected(WRITTEN, {"ptep_set_access_flags": 1,
                                                       "can_share_swap_page": 1}),
    "do_wp_page/file, copied": Expected(WRITTEN, {"cow_user_page": 1, "ptep_establish": 1,
                                                  "dec_mm_counter": 1}),
    "do_wp_page/zero page, copied": Expected(WRITTEN, {"alloc_zeroed_user_highpage": 1,
                                                       "ptep_establish": 1}),
    "do_wp_page/race lost": Expected(MINOR, {"cow_user_page": 1, "ptep_establish": 0}),
    "do_no_page/read": Expected(MINOR, {"page_add_file_rmap": 1, "set_page_dirty": 0}),
    "do_no_page/write, shared": Expected(MINOR, {"page_add_file_rmap": 1}, {"set_page_dirty": 1}),
    "do_no_page/write, private": Expected(MINOR, {"copy_user_highpage": 1,
                                                  "page_add_new_anon_rmap": 1}),
    "do_mmap_pgoff/file, shared": Expected(None, {"vma_link": 1},
                                           {"mapping_cap_account_dirty": 1}),
    "do_mmap_pgoff/file, private": Expected(None, {"vma_link": 1, "f_op_mmap": 1}),
    "do_mmap_pgoff/memory": Expected(None, {"vma_link": 1, "f_op_mmap": 0, "vma_adjust": 0}),
    "do_mmap_pgoff/memory, merged": Expected(None, {"vma_link": 0, "vma_adjust": 1}),
    "do_brk/first": Expected(None, {"vma_link": 1}),
    "do_brk/merged": Expected(None, {"vma_link": 0, "vma_adjust": 1}),
    "mprotect_fixup/no change": Expected(0, {"change_protection": 0}),
    "mprotect_fixup/whole vma": Expected(0, {"split_vma": 0, "set_pte_at": 4}),
    "mprotect_fixup/split in 2": Expected(0, {"split_vma": 1, "set_pte_at": 2}),
    "mprotect_fixup/split in 3": Expected(0, {"split_vma": 2, "set_pte_at": 2}),
    # both neighbours go, and the middle one with them
    "mprotect_fixup/merged": Expected(0, {"split_vma": 0, "kmem_cache_free": 2},
                                      {"mapping_cap_account_dirty": 1}),
    **{f"mprotect_fixup/change_protection of {n} pte{'s' * (n != 1)}":
       Expected(0, {"split_vma": 0, "change_protection": 1, "set_pte_at": n})
       for n in (1, 4, 16, 64, 256, 1024, 4096)},
    "do_writepages/nothing to write": Expected(0, {"writepages": 0}),
    "do_writepages/1 page": Expected(0, {"submit_bio": 1}, {"ptep_establish": 1}),
    "do_writepages/16 pages": Expected(0, {"submit_bio": 16}, {"ptep_establish": 16}),
    **{f"{cleaner}/clean page": Expected(0, {"dec_page_state": 0})
       for cleaner in ("test_clear_page_dirty", "clear_page_dirty_for_io")},
    **{f"{cleaner}/not mapped": Expected(1, {"dec_page_state": 1}, {"page_mapped": 1})
       for cleaner in ("test_clear_page_dirty", "clear_page_dirty_for_io")},
    **{f"{cleaner}/{n} mapping{'s' * (n != 1)}":
       Expected(1, {"dec_page_state": 1}, {"ptep_establish": n})
       for cleaner in ("test_clear_page_dirty", "clear_page_dirty_for_io") for n in (1, 64)},
    "page_mkclean_one/untracked, clean, read-only": Expected(0, LEFT),
    "page_mkclean_one/untracked, clean, writable": Expected(0, LEFT),
    "page_mkclean_one/untracked, dirty, read-only": Expected(1, CLEANED),
    "page_mkclean_one/untracked, dirty, writable": Expected(1, CLEANED),
    "page_mkclean_one/tracked, clean, read-only": Expected(0, LEFT),
    "page_mkclean_one/tracked, clean, writable": Expected(1, CLEANED),
    "page_mkclean_one/tracked, dirty, read-only": Expected(1, CLEANED),
    "page_mkclean_one/tracked, dirty, writable": Expected(1, CLEANED),
    "page_mkclean_one/not there": Expected(0, {"page_check_address": 1, "pte_unmap_unlock": 0}),
    "page_mkclean_one/another page there": Expected(0, {"page_check_address": 1,
                                                        "pte_unmap_unlock": 0}),
    **{f"page_mkclean_file/{n} mapping{'s' * (n != 1)}": Expected(n, {"ptep_establish": n})
       for n in (1, 64)},
    "page_mkclean/not mapped": Expected(0, {"page_mapped": 1, "page_mapping": 0}),
    **{f"page_mkclean/{n} mapping{'s' * (n != 1)}": Expected(n, {"ptep_establish": n})
       for n in (1, 4, 16, 64, 256, 1024, 4096)},
    "try_to_free_buffers/clean page": Expected(1, {"free_buffer_head": 4, "dec_page_state": 0}),
    "try_to_free_buffers/dirty page": Expected(1, {"free_buffer_head": 4, "dec_page_state": 1},
                                               {"page_mapped": 1}),
    "try_to_free_buffers/kept": Expected(0, {"free_buffer_head": 0, "drop_buffers": 1}),
    # stores give their versions
    "life cycle/first store": Expected(1, {"handle_pte_fault": 1}, {"set_page_dirty": 1}),
    "life cycle/store after writeback": Expected(2, {"user_store": 1}, {"handle_pte_fault": 1}),
    **{f"life cycle/write {n} page{'s' * (n != 1)}, msync, rewrite":
       Expected(2 * n, {"user_store": 2 * n, "submit_bio": n}, {"handle_pte_fault": 2 * n})
       for n in (1, 16, 256)},
    "life cycle/fork, store, shared": Expected(2, {"nopage": 1}, {"set_page_dirty": 1}),
    "life cycle/fork, store, private": Expected(2, {"cow_user_page": 1}),
    "life cycle/mprotect to writable, store": Expected(1, {"change_protection": 1},
                                                       {"handle_pte_fault": 1}),
}

# rows of page_mkclean_one: protected, dirty, writable before; dirty, writable after
PTES = {
    "untracked, clean, read-only": (0, 0, 0, 0, 0), "untracked, clean, writable": (0, 0, 1, 0, 1),
    "untracked, dirty, read-only": (0, 1, 0, 0, 0), "untracked, dirty, writable": (0, 1, 1, 0, 1),
    "tracked, clean, read-only": (1, 0, 0, 0, 0), "tracked, clean, writable": (1, 0, 1, 0, 0),
    "tracked, dirty, read-only": (1, 1, 0, 0, 0), "tracked, dirty, writable": (1, 1, 1, 0, 0),
}


def events(words: list[int]) -> Counter[str]:
    """How often each event stands in a trace."""
    found, at = Counter(), 0
    while at < len(words):
        found[core.EVENTS[words[at] & 0xFFFF][0]] += 1
        at += 1 + (words[at] >> 16)
    return found


def held(start: Start) -> tuple[int, int, int]:
    def word(name: str) -> int:
        offset, size = next((f[3], f[4]) for f in core.FIELDS if f[:2] == ("world", name))
        return int.from_bytes(start.image[offset:offset + size], "little")

    return word("nr_held"), word("pages_locked"), word("kmaps")


def tracked(start: Start) -> bool:
    """What page_mkclean_file finds: the file accounts, its mapping is shared and writable."""
    page, vma = (start.steps[0].arguments[name] for name in ("page", "vma"))
    start.runner.restore(start.image)
    _, mapping, _ = start.runner.primitive("page_mapping", page)
    _, accounts, _ = start.runner.primitive("mapping_cap_account_dirty", mapping)
    at = next(f[3] for f in core.FIELDS if f[:2] == ("vm_area_struct", "vm_flags"))
    flags = int.from_bytes(start.image[vma + at - start.runner.base:][:8], "little")
    return bool(accounts) and check.run(
        Start(start.runner, start.image, (Call("is_shared_writable", {"flags": flags}),)),
        HALVES[0]).results == [("returned", 1, 0)]


@each_row
def test_a_row_is_of_a_legal_world_and_does_what_it_says(row, units):
    start = row.make(units)
    assert held(start) == HELD[row.function]
    start.runner.restore(start.image)
    broken = start.runner.broken(properties.expected(properties.ALL, units))
    locked = any(HELD[row.function])
    assert properties.names(broken) == (["nothing_held"] if locked else [])

    assert check.unequal(start, HALVES) is None
    expected, done = EXPECTED[row.name], check.run(start, HALVES[0])
    outcome, ret, _ = done.results[-1]
    assert outcome == "returned"
    assert ret == expected.ret if expected.ret is not None else ret > 0
    found = events(done.words)
    wanted = expected.events | {name: n if units else 0 for name, n in expected.after.items()}
    assert {name: found[name] for name in wanted} == wanted


@pytest.mark.parametrize("what", PTES)
def test_rows_of_page_mkclean_one_are_those_of_its_table(what):
    start = rows.find(f"page_mkclean_one/{what}").make(AFTER)
    done = check.run(start, HALVES[0])
    # the pte that was looked at, and what it was and became
    pte = next(words[4] for name, words in check.events_of(done.words)
               if name == "page_check_address")
    old, new = (int.from_bytes(state[pte - start.runner.base:][:4], "little")
                for state in (start.image, done.state))
    protect = start.steps[0].arguments["protect"]
    assert protect == tracked(start)
    assert (protect, old >> 6 & 1, old >> 1 & 1, new >> 6 & 1, new >> 1 & 1) == PTES[what]


def test_every_function_has_rows_and_names_are_what_they_must_be():
    assert set(rows.FUNCTIONS) == {*core.FUNCTIONS, "life cycle"}
    names = [row.name for row in rows.ROWS]
    assert len(set(names)) == len(names)
    assert set(names) == set(EXPECTED)
    assert all(row.name.startswith(f"{row.function}/") for row in rows.ROWS)


def test_sizes_are_what_names_say():
    for row in rows.ROWS:
        said = re.search(r"(\d+) (mapping|pte|page)s?\b", row.name)
        assert row.size == (int(said[1]) if said else 1), row.name


def test_rows_without_a_before_are_those_that_the_patch_brings():
    assert {row.name for row in rows.ROWS if not row.has_before} == NEW_SITUATIONS | {
        row.name for row in rows.ROWS if row.function in NEW_FUNCTIONS}


@pytest.mark.parametrize("name", sorted(NEW_SITUATIONS))
def test_a_situation_that_the_patch_brings_is_another_one_before_it(name):
    done = check.run(rows.find(name).make(BEFORE), HALVES[0])
    wanted = EXPECTED[name]
    found = events(done.words)
    assert (done.results[-1][1], {event: found[event] for event in wanted.events}) != (
        wanted.ret, wanted.events)


def test_before_the_patch_nothing_calls_its_functions():
    for row in rows.ROWS:
        if row.has_before and row.size <= 64:
            # each calls this one first
            assert not events(check.run(row.make(BEFORE), HALVES[0]).words)["vma_address"], row.name


def test_a_row_is_the_same_each_time_it_is_made():
    for row in rows.ROWS:
        if row.size <= 64:
            first, second = (_without_addresses(row) for _ in range(2))
            assert first == second, row.name


def _without_addresses(row: Row) -> list:
    start = row.make(AFTER)
    base, end = start.runner.base, start.runner.base + len(start.image)
    done = check.run(start, HALVES[0])
    return [word - base if base <= word < end else word for word in done.words]


def test_operations_are_such_as_processes_can_do():
    kinds = dict(core.OPERATIONS)
    for row in rows.ROWS:
        for step in row.make(AFTER).steps if row.size <= 256 else ():
            if isinstance(step, Operation):
                assert len(step.arguments) == len(kinds[step.name])
                assert all(0 <= argument <= 255 for argument in step.arguments)
