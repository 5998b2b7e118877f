# SPDX-License-Identifier: GPL-2.0-only
"""Worlds said field by field: they add up, and each function of the patch can be called on them."""

import pytest
from written_stories import MAPPED, STORED, failed, verdict

from pykmm.engine import core
from pykmm.scenario import calls

BUFFERED = MAPPED + "buffers of page 0: Uptodate Dirty Mapped, Uptodate Mapped\n"
TWO_PROCESSES = """\
file f ext3 pages=4
file t tmpfs pages=2
page 0: f at 0, uptodate dirty lru active
page 1: anon 0 at 0x40004, uptodate lru
page 2: swap at 2, uptodate
page 3: t at 1, uptodate dirty
vma 0: p0 0..2 rw-s f at 0
vma 1: p1 0..2 r--s f at 0
vma 2: p0 4..6 rw-p anon anon_vma 0 ACCOUNT
vma 3: p0 6..8 rw-s t at 0 LOCKED
pte p0 at 0: page 0 RW D A
pte p1 at 0: page 0 RO
pte p0 at 4: page 1 RW D
pte p0 at 5: swap 2
pte p0 at 7: page 3 RW
call is_shared_writable flags=SHARED = 0
"""


@pytest.mark.parametrize("world", [MAPPED, TWO_PROCESSES, BUFFERED],
                         ids=["mapped", "processes", "buffers"])
def test_world_adds_up(world):
    assert verdict(world + "call is_shared_writable flags=SHARED\n", "properties hold") == (
        True, "properties hold")


@pytest.mark.parametrize("expectation", [
    "page 0: f at 0, dirty, lru active, tag D, count 3, mapped 2, not locked",
    "page 1: anon, count 1, mapped 1",
    "page 2: swap at 2, count 1, mapped 0, not tag D",
    "page 3: t at 1, dirty, tag D",
    "p0 at 0: page 0 RW D A", "p1 at 0: page 0 RO", "p0 at 5: swap 2", "swap 2: count 2",
    "p0 vmas: 0..2 rw-s f at 0 prot RO, 4..6 rw-p anon ACCOUNT, 6..8 rw-s t at 0 prot RW LOCKED",
    "p1 vmas: 0..2 r--s f at 0",
    "nr_dirty 1, nr_active 1, nr_inactive 1, nr_mapped 3, committed 2",
    "p0: alive, file_rss 2, anon_rss 1, total_vm 6, locked_vm 2, vmas 3",
    "p1: alive, file_rss 1, total_vm 2", "locks: none",
])
def test_world_is_as_it_was_said(expectation):
    assert verdict(TWO_PROCESSES, expectation)[0], verdict(TWO_PROCESSES, expectation)


@pytest.mark.parametrize("page", [
    "page 1: anon 0 at 0x40004, swap at 2", "page 1: swap at 2, anon 0 at 0x40004",
    "page 1: anon 0 at 0x40004\npage 1: swap at 2", "page 1: swap at 2\npage 1: anon 0 at 0x40004"])
def test_anonymous_page_is_in_the_swap_cache_too(page):
    world = "vma 0: p0 4..6 rw-p anon anon_vma 0\n" + page + "\npte p0 at 4: page 1 RW\n"
    call = "call is_shared_writable flags=SHARED = 0\n"

    assert verdict(world + call, "page 1: anon, swap at 2, index 0x40004, mapped 1")[0]
    assert verdict(world + call, "properties hold")[0]


def test_protection_of_a_vma_is_what_mmap_gives_with_these_units():
    world = "units all, -U3\n" + MAPPED + "call page_mkclean page=0\n"

    assert verdict(world, "p0 vma at 0: prot RO", 0)[0]
    assert verdict(world, "p0 vma at 0: prot RW", 1)[0]


# (world, call with its result, what holds after it)
CALLS = [
    ("", "is_shared_writable flags=SHARED|WRITE = 1", "nothing changed"),
    ("", "is_shared_writable flags=SHARED|WRITE|PFNMAP = 0", "nothing changed"),
    (MAPPED, "test_clear_page_dirty page=0 = 1", "page 0: not dirty, not tag D, locked"),
    (MAPPED, "test_clear_page_dirty page=f[2] = 1", "p0 at 2: page 0 RO"),
    (MAPPED, "clear_page_dirty_for_io page=0 = 1", "page 0: not dirty, tag D"),
    (MAPPED, "page_mkclean page=0 = 1", "page 0: dirty"),
    (MAPPED, "page_mkclean page=0 locked=0 = BUG", "steps PM1"),
    (MAPPED, "page_mkclean_one page=0 vma=0 protect=1 = 1", "p0 at 2: page 0 RO"),
    (MAPPED, "page_mkclean_one page=0 vma=0 = 1", "locks: f.i_mmap_lock"),
    (MAPPED, "page_mkclean_file page=0 file=f = 1", "p0 at 2: page 0 RO"),
    (BUFFERED, "try_to_free_buffers page=0 = 0", "page 0: buffers 2"),
    (MAPPED + "buffers of page 0: Uptodate, Uptodate\n", "try_to_free_buffers page=0 = 1",
     "page 0: buffers 0, not dirty"),
    (MAPPED, "follow_page at=2 = page 0", "locks: p0.mmap_sem"),
    (MAPPED, "follow_page at=1 = NULL", "page 0: count 2"),
    (MAPPED, "follow_page at=2 flags=WRITE|TOUCH|GET = page 0", "page 0: count 3, referenced"),
    (MAPPED, "do_wp_page at=2 offset=0x123 = 18", "p0 at 2: page 0 RW D A"),
    (MAPPED, "do_wp_page at=2 orig_pte=0x100025 = 18", "locks: p0.mmap_sem"),
    (MAPPED, "do_no_page at=1 write=1 = 3", "p0 at 1: page 1 RW D A"),
    (MAPPED, "do_no_page at=1 = 3", "p0 at 1: page 1 RO A"),
    (STORED, "do_mmap_pgoff fd=f flags=shared at=8 pages=2 = 8",
     "p0 vmas: 0..2 rw-s f at 0, 8..10 rw-s f at 0"),
    (STORED, "do_mmap_pgoff fd=anon flags=private = a+2", "p0: vmas 2"),
    (STORED, "do_mmap_pgoff fd=f pages=0 = -EINVAL", "nothing changed"),
    (STORED, "do_mmap_pgoff fd=f at=8 length=4097 = 8", "p0 vma at 8: pages 2"),
    (STORED, "do_mmap_pgoff fd=f at=8 offset=1 = -EINVAL", "nothing changed"),
    (STORED, "do_mmap_pgoff fd=f pages=2 pgoff=0xffffffffffffffff = -EOVERFLOW",
     "nothing changed"),
    (STORED, "do_brk at=heap length=1 = heap", "p0 vma at heap: pages 1"),
    (STORED, "do_brk at=heap pages=2 = heap", "p0 vma at heap+1: rw-p, anon, pages 2"),
    (STORED, "mprotect_fixup at=a pages=2 prot=r = 0", "p0 vmas: a..a+2 r--s f at 0"),
    (STORED, "mprotect_fixup at=a+1 prot=r = 0", "p0: vmas 2"),
    (STORED, "do_writepages file=f mode=all = 0", "page f[0]: writeback, not dirty"),
]


@pytest.mark.parametrize(("world", "call", "expectation"), CALLS,
                         ids=[f"{i}-{case[1][:40]}" for i, case in enumerate(CALLS)])
def test_call_gives_and_leaves(world, call, expectation):
    text = f"{world}call {call}\nexpect {expectation}\n"

    assert failed(text) == []
    # what was taken for the call is given back
    if "BUG" not in call:
        assert failed(f"{text}drain\nexpect locks: none\nexpect page 0: not locked\n") == []


def test_every_function_can_be_called():
    assert set(calls.ARGUMENTS) == set(core.FUNCTIONS)
    assert {case[1].split()[0] for case in CALLS} == set(core.FUNCTIONS)


def test_call_keeps_the_lock_that_the_scenario_has_taken():
    world = MAPPED.replace("uptodate dirty", "uptodate dirty locked") + "call page_mkclean page=0\n"

    assert failed(f"{world}drain\nexpect page 0: locked\n") == []


def test_call_leaves_no_reference_to_a_file_behind():
    text = STORED + "call do_mmap_pgoff fd=f at=8 = 8\np0: munmap 8\nexpect file[0].f_count = {}\n"

    assert failed(text.format(2)) == []
    assert failed(text.format(3)) == ["7: file[0].f_count = 2"]


def test_allocation_fails_where_it_is_told_to():
    text = "file f ext2 pages=1\np0: a = mmap f flags=private\np0: load a\nfail allocation 1\n"

    assert failed(text + "p0: store a = SIGKILL\np0: store a\n") == []


def test_building_meets_no_trouble_that_waits_for_an_operation():
    text = MAPPED.replace("vma 0", "fail allocation 1\npause 1: p0: sync\nvma 0")
    text += "expect world.fail_in = 1\nexpect world.pauses_left = 1\np0: mmap anon = -ENOMEM\n"

    assert failed(text) == []


def test_pause_comes_again_as_often_as_it_is_told():
    text = STORED + "pause 1 every=1 more=2: drain\np0: load a+1 = 5\n"
    text += "expect {} events interference\n"

    assert failed(text.format(3)) == []
    assert failed(text.replace(" more=2", "").format(1)) == []


def test_forced_field_and_lock_are_as_they_were_said():
    text = STORED + """\
set f.truncate_count = 7
set page[0].flags.error = 1
expect f.truncate_count = 7
expect page 0: error
hold write p0.mmap_sem
expect locks: p0.mmap_sem
p0: load a = 9
p0: load a+1 = lock taken twice
"""
    assert failed(text) == []


def test_memory_and_limits_are_kept():
    text = "limit memory=1 max_map_count=1\nfile f ext2 pages=2\np0: a = mmap f pages=2\n"

    assert failed(text + """\
p0: load a
p0: load a+1 = SIGKILL
p0: mmap f at=8 pages=1
p0: mmap f at=12 pages=1 = -ENOMEM
limit memory=2
p0: load a+1 = 5
""") == []


@pytest.mark.parametrize(("options", "expectation"), [
    ("ext2 size=5120 block=1024", "file f: size 5120, disk [1 2 3 4] [5]"),
    ("ext2 pages=2 block=1024 holes=0,2", "file f: disk [- 1 - 2] [3 4 5 6]"),
    ("ext2 pages=1 block=2048 mapped=0x2", "file f: disk [- - 1 2]"),
    ("ext2 pages=1 congested=1", "file f: congested"),
    ("tmpfs pages=1", "file f: size 4096, disk [0 0 0 0]"),
    ("block device pages=1", "file f: disk [1 2 3 4]"),
    ("ext2 flags=append|swapfile", "f.i_flags = 36"),
])
def test_file_is_as_it_was_said(options, expectation):
    world = f"file f {options}\ndrain\n"

    assert verdict(world, expectation)[0], verdict(world, expectation)


def test_file_is_opened_as_its_mode_says():
    text = "file f ext2 pages=1 mode=r\np0: mmap f = -EACCES\np0: mmap f prot=r\n"

    assert failed(text) == []
    assert failed(text.replace("mode=r\n", "mode=r\np0: open f mode=rw\n")) == ["3: 0"]


def test_file_that_is_open_four_times_can_be_closed():
    text = "file f ext2 pages=1\n" + "p0: open f\n" * 4 + "p0: close 2\nexpect p0: fd 2 closed\n"

    assert failed(text + "p0: open f fd=2\np0: open f fd=2 = -EBUSY\n") == []
