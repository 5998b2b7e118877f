# SPDX-License-Identifier: GPL-2.0-only
"""One sequence in which every kind of memory is allocated; each allocation fails once.

The k-th of them fails for every k.  Then the operation that needed it says so, both halves do the
same, everything that must hold still does, and nothing is left when everybody has gone.
"""

from functools import cache

import pytest
from by_hand import case_of

from pykmm.engine import core, finding
from pykmm.report.paths import Map

READ, RW, SHARED, PRIVATE, NO_FD, MS_SYNC = 1, 3, 1, 2, 255, 4
ENOMEM, ENFILE, ENOSPC, SIGKILL = -12, -23, -28, -1009
HEAP, OLD_BRK = 16, 0x08050000

# files: 0 ext2 with a hole where its first page is, 1 ext3 that is all holes, 2 a PFNMAP driver
FILES = {"inode_kind": [0, 5, 12], "inode_holes": [5, 4, 0]}
OPERATIONS = [
    ("mmap", 0, 3, 7, 2, RW, SHARED, 0),
    ("mmap", 0, 0, 0, 2, RW, SHARED, 0),
    ("mmap", 0, 0, 2, 2, RW, PRIVATE, 0),
    ("mmap", 0, NO_FD, 4, 3, RW, PRIVATE, 0),
    ("mmap", 0, NO_FD, 7, 2, RW, SHARED, 0),
    ("store", 0, 0, 0),                         # 5: page 0 of file 0
    ("load", 0, 2, 0),
    ("store", 0, 2, 0),                         # 7: a private copy of a page that is mapped
    ("store", 0, 3, 1),                         # 8: and of one that is not
    ("load", 0, 4, 0),
    ("store", 0, 4, 0),                         # 10: of the zero page
    ("store", 0, 7, 0),                         # 11: tmpfs
    ("brk", 0, 2),                              # 12
    ("store", 0, HEAP, 0),                      # 13: anonymous
    ("fork", 0),                                # 14
    ("store", 0, 4, 1),                         # 15: a page that the child has, too
    ("store", 1, 0, 1),
    ("mprotect", 0, 3, 1, READ),                # 17: splits at its start
    ("mprotect", 0, 4, 1, READ),                # 18: at its end
    ("munmap", 0, 1, 1),                        # 19
    ("write", 0, 0, 2, 0, 2),                   # 20
    ("write", 0, 1, 0, 0, 1),                   # 21
    ("msync", 0, 0, 1, MS_SYNC),                # 22: a place on disk for the hole
    ("drain", 0),
    ("reclaim", 0, 7, 1),                       # 24: the page at place 4 of process 0 is young,
    ("reclaim", 0, 7, 1),                       # 25: then written to swap
    ("complete", 0, 7, 1),
    ("reclaim", 0, 7, 1),                       # 27: and free
    ("load", 0, 4, 0),                          # 28: and read again
    ("sync", 0),
    ("fsync", 0, 1),
    ("remap_file_pages", 0, 0, 1, 1, 0),
]
RESULTS = [0x40007000, 0x40000000, 0x40002000, 0x40004000, 0x40007000, 73, 73, 74, 75, 0, 76, 77,
           0x08052000, 78, 1, 79, 80, 0, 0, 0, 2048, 1024, 0, 0, 0, 0, 0, 1, 76, 0, 0, 0]

# the operation in which each allocation happens, in turn, and what it gives if that one fails
FAILS = [
    (0, ENOMEM), (0, ENOMEM), (0, ENOMEM),      # the vma, and two page tables in the mmap hook
    (1, ENOMEM), (2, ENOMEM), (3, ENOMEM),
    (4, ENOMEM), (4, ENFILE), (4, ENOSPC),      # the vma; shmem_zero_setup's file and inode
    (5, SIGKILL),
    (7, SIGKILL), (7, SIGKILL),                 # an anon_vma and a page
    (8, SIGKILL), (8, SIGKILL),                 # nopage's page and the copy
    (10, SIGKILL), (10, SIGKILL),
    (11, SIGKILL),
    (12, OLD_BRK),
    (13, SIGKILL), (13, SIGKILL), (13, SIGKILL),    # page table, anon_vma, page
    *[(14, ENOMEM)] * 7,                        # five vmas and two page tables
    (15, SIGKILL),
    (17, ENOMEM), (18, ENOMEM), (19, ENOMEM),
    (20, ENOMEM), (20, ENOMEM), (20, ENOSPC),   # page, buffers, a block on disk
    (21, ENOMEM), (21, ENOMEM), (21, ENOSPC),
    (22, 0),                                    # asked a second time, there is a block
    (25, 0),                                    # not added to swap: the page stays where it is
    (28, SIGKILL), (28, SIGKILL),               # a page, and a node of the swap cache
]
ALLOCATIONS = range(1, len(FAILS) + 1)


def case(fails):
    """The sequence with the how-manieth allocation failing."""
    return case_of(OPERATIONS, **FILES, fail=0, fail_at=4 * (fails - 1))


@cache
def ran(half, fails):
    """(results of the operations, {(step, event)} of the patch, how many more until one fails)."""
    runner = core.Runner.of(case(fails))
    ended, _, _ = runner.run(half)
    assert ended == "returned"
    where = Map(runner)
    events = finding.events_of(*runner.trace(), half, where)
    results = [e["words"][-1] for e in events if e["text"].startswith("operation(")]
    steps = {(e["step"], e["text"].partition("(")[0]) for e in events if e["step"]}
    no_page = any(e["text"].startswith("nopage(") and e["words"][-1] == (1 << 64) - 1
                  for e in events)
    if no_page:
        steps.add(("NP5", "oom"))
    return ([r - (r >> 63 << 64) for r in results], steps,
            where.read(runner.image(), "world.fail_in"))


def test_every_allocation_of_the_sequence_is_known(halves):
    results, _, left = ran(halves[0], 64)

    assert results == RESULTS
    assert left == 64 - len(FAILS)


@pytest.mark.parametrize("fails", ALLOCATIONS)
def test_operation_whose_allocation_fails_says_so(halves, fails):
    results, _, left = ran(halves[0], fails)

    operation, result = FAILS[fails - 1]
    assert left == 0
    assert results[:operation] == RESULTS[:operation]
    assert results[operation] == result


@pytest.mark.parametrize("fails", ALLOCATIONS)
def test_halves_are_equal_whichever_allocation_fails(halves, fails):
    for units in (0x7F, 0):
        with_units = bytearray(case(fails))
        with_units[0] = units
        assert core.Runner.of(bytes(with_units)).first_differing(halves) == 0
    assert ran(halves[0], fails) == ran(halves[1], fails)


@pytest.mark.parametrize("fails", [*ALLOCATIONS, 64])
@pytest.mark.parametrize("which", [0, 1], ids=["C", "P"])
def test_all_that_must_hold_does_and_nothing_is_left(halves, which, fails):
    runner = core.Runner.of(case(fails))

    assert runner.run_checked(halves[which])[:4] == ("returned", len(OPERATIONS), None, "")


@pytest.mark.parametrize("label, allocations", [
    pytest.param(("WP15", "put_page"), {11, 12, 15, 16, 29}, id="WP15"),
    pytest.param(("NP5", "oom"), {10, 13, 17}, id="NP5 NOPAGE_OOM"),
    pytest.param(("NP13", "put_page"), {14}, id="NP13"),
    pytest.param(("MM24", "unmap_region"), {2, 3}, id="MM24 unmap_and_free_vma"),
    pytest.param(("MM25", "kmem_cache_free"), {2, 3, 8, 9}, id="MM25 free_vma"),
    pytest.param(("MM26", "vm_unacct_memory"), {5, 6}, id="MM26 unacct_error"),
    pytest.param(("MF11", "vm_unacct_memory"), {30, 31}, id="MF11 fail"),
    pytest.param(("BK8", "vm_unacct_memory"), {18}, id="BK8 unacct"),
])
def test_way_out_is_taken_by_these_failures_and_no_others(halves, label, allocations):
    for half in halves:
        assert {fails for fails in ALLOCATIONS if label in ran(half, fails)[1]} == allocations
