# SPDX-License-Identifier: GPL-2.0-only
"""Every kind of expectation: it holds where it should, and fails where it should, saying why."""

import pytest
from written_stories import MAPPED, STORED, entries, failed, verdict

WRITTEN = STORED + "writeback f\n"
CALLED = MAPPED + "call page_mkclean page=0\n"
SWAPPED = """\
p0: a = mmap anon flags=private
p0: store a
drain
reclaim p0[a]
reclaim p0[a]
"""
TORN = """\
file f ext2 pages=2
p0: a = mmap f pages=2
p0: mprotect a+1 prot=r
p0: brk pages=1
"""

# (world, what holds, what does not, what is found then)
CASES = [
    (STORED, "p0 at a: page 0 RW D A", "p0 at a: page 0 RW D", "page 0 RW D A"),
    (STORED, "p0 at a: page 0, RW, D, not NONE", "p0 at a: page 0, RO", "page 0 RW D A"),
    (STORED, "p0 at a+1: none", "p0 at a+1: not none", "none"),
    (STORED, "p0 at a: not page 1", "p0 at a: page 1", "page 0 RW D A"),
    (STORED, "page f[0]: dirty, uptodate, not writeback, count 3, mapped 1",
     "page f[0]: dirty, count 2", "count 3"),
    (STORED, "page f[0]: contents [v 2 3 4]", "page f[0]: contents [1 2 3 4]",
     "contents [9 2 3 4]"),
    (STORED, "page f[0]: contents [* 2 * 4]", "page f[0]: contents [* 2 3]",
     "contents [9 2 3 4]"),
    (STORED, "page f[0]: f at 0, pagevec, index 0, buffers 0", "page f[0]: f at 1", "f at 0"),
    (STORED, "page p0[a]: tag D, not tag W", "page 0: tag W", "not tag W"),
    (STORED, "page f[1]: absent", "page f[1]: dirty", "f[1] is not in memory"),
    (STORED, "page f[0]: not absent", "page f[0]: absent", "there"),
    (STORED, "page 5: free, no file", "page 0: free", "not free"),
    (WRITTEN, "page 0: writing, flying [v 2 3 4]", "page 0: flying [1 2 3 4]",
     "flying [9 2 3 4]"),
    (SWAPPED, "p0 at a: swap 1", "p0 at a: swap 2", "swap 1"),
    (SWAPPED, "page 0: anon, swap at 1", "page 0: swap at 2", "swap at 1"),
    (SWAPPED, "swap 1: count 2", "swap 1: count 1", "count 2"),
    (SWAPPED + "complete all\n", "swap 1: contents [1 0 0 0]", "swap 1: contents [2 0 0 0]",
     "contents [1 0 0 0]"),
    (STORED, "nr_dirty 1, nr_writeback 0, nr_mapped 1, nr_active 0, nr_inactive 0",
     "nr_dirty 0, nr_mapped 1", "nr_dirty 1"),
    (STORED, "committed 0, free_pages 15", "free_pages 16", "free_pages 15"),
    (STORED, "faults 1", "faults 2", "faults 1"),
    (STORED, "result v", "result 8", "9"),
    (STORED, "result 9", "result -EINVAL", "9"),
    (STORED, "steps WP2 WP3 WP14", "steps WP14 WP3",
     "steps WP1 WP2 WP3 WP13 WP14, and without an event SW1"),
    (STORED, "only steps SW1 WP1 WP2 WP3 WP13 WP14", "only steps WP1 WP2 WP3 WP13 WP14",
     "steps WP1 WP2 WP3 WP13 WP14, and without an event SW1"),
    (STORED, "no steps WP4 MK* NP*", "no steps WP*",
     "steps WP1 WP2 WP3 WP13 WP14, and without an event SW1"),
    (STORED, "steps SW1", "no steps SW1",
     "steps WP1 WP2 WP3 WP13 WP14, and without an event SW1"),
    (STORED, "events get_page, set_page_dirty, put_page", "events put_page, get_page",
     "events get_page(page[0]), put_page(page[0])"),
    (STORED, 'events "set_page_dirty(page[0]) = 1"', 'events "set_page_dirty(page[1])*"',
     "events set_page_dirty(page[0]) = 1"),
    (STORED, "no events drop_buffers", "no events get_page", "events get_page(page[0])"),
    (STORED, 'no events "*drop_buffers*"', 'no events "*t_page(page[0])"',
     "events get_page(page[0]), put_page(page[0])"),
    (STORED, "1 events get_page", "2 events get_page", "events get_page(page[0])"),
    (STORED, "properties hold", "properties broken", "properties hold"),
    (STORED + "set page[0]._count = 7\n", "properties broken", "properties hold",
     "property refcounts broken"),
    (STORED + "set page[0]._count = 7\n", "property refcounts broken",
     "property refcounts holds", "property refcounts broken"),
    (STORED + "set world.page_state.nr_dirty = 7\n", "property page_state broken",
     "property dirty_tags broken", "property dirty_tags holds"),
    (STORED, "property tracked_writes holds", "property tracked_writes broken",
     "property tracked_writes holds"),
    (STORED + "set page[0].flags.dirty = 0\n", "property tracked_writes broken",
     "property tracked_writes holds", "property tracked_writes broken"),
    (STORED, "property page_state holds", "property page_state broken",
     "property page_state holds"),
    (STORED, "file f: size 8192, pages 1, disk [1 2 3 4] [5 6 7 8], dirty_pages",
     "file f: disk [9 2 3 4] [5 6 7 8]", "disk [1 2 3 4] [5 6 7 8]"),
    (STORED, "file f: not EIO, not congested, writers 1, held 2", "file f: EIO", "not EIO"),
    (STORED, "p0: alive, file_rss 1, anon_rss 0, total_vm 2, vmas 1, fd 0 f, fd 1 closed",
     "p0: file_rss 2", "file_rss 1"),
    (STORED, "p0: fd 0 f", "p0: fd 0 closed", "fd 0 f"),
    (STORED, "p1: not alive", "p1: alive", "not alive"),
    (STORED, "p1 vmas: none", "p0 vmas: none", "0..2 rw-s f at 0 prot RO"),
    (TORN, "p0 vmas: heap..heap+1 rw-p anon ACCOUNT, a..a+1 rw-s f at 0, "
           "a+1..a+2 r--s f at 1 prot RO",
     "p0 vmas: heap..heap+1 rw-p anon ACCOUNT, a..a+2 rw-s f at 0",
     "heap..heap+1 rw-p anon prot RO ACCOUNT, 0..1 rw-s f at 0 prot RO, 1..2 r--s f at 1 prot RO"),
    (TORN, "p0 vma at a+1: r--s, f at 1, prot RO, pages 1, not LOCKED, pgoff 1",
     "p0 vma at a+1: rw-s", "r--s"),
    (TORN, "p0 vma at a+2: absent", "p0 vma at a: absent", "there"),
    (TORN, "p0: heap 1, vmas 3", "p0: heap 0", "heap 1"),
    (TORN, "result heap+1", "result heap", "heap+1"),
    (CALLED, "locks: none", "locks: f.tree_lock", "none"),
    (STORED + "hold f.tree_lock\n", "locks: f.tree_lock", "locks: none", "mapping[0].tree_lock"),
    (CALLED, "interference none", "interference happened", "interference none"),
    (STORED, "page[0]._mapcount = 0", "page[0]._mapcount = -1", "page[0]._mapcount = 0"),
    (STORED, "page[1]._mapcount = -1", "page[1]._mapcount = 0", "page[1]._mapcount = -1"),
    (STORED, "f.nrpages = 1", "f.nrpages = 2", "f.nrpages = 1"),
    (STORED, "f.i_size = 0x2000", "f.i_size = 1", "f.i_size = 0x2000"),
    (STORED, "p0.total_vm = 2", "p0.total_vm = 3", "p0.total_vm = 2"),
    (STORED, "page[0].flags.dirty = 1", "page[0].flags.dirty = 0", "page[0].flags.dirty = 1"),
    (STORED + "p0: load a+1 sector=2 = 7\np0: load a+1\n", "nothing changed",
     "faults 1", "faults 0"),
    (MAPPED + "buffers of page 0: Uptodate Dirty, Mapped\ncall page_mkclean page=0\n",
     "buffer 0 of page 0: Uptodate, Dirty, not Lock, count 0, block 4",
     "buffer 1 of page 0: Dirty", "not Dirty"),
    (MAPPED + "buffers of page 0: Uptodate\ncall page_mkclean page=0\n", "buffer 0: Uptodate",
     "buffer 0: Dirty", "not Dirty"),
    (STORED, "buffer 0 of page f[0]: absent", "buffer 0 of page f[0]: Dirty", "absent"),
]


@pytest.mark.parametrize(("world", "holds", "wrong", "found"), CASES,
                         ids=[f"{case[1][:40]}-{i}" for i, case in enumerate(CASES)])
def test_expectation_holds_or_fails(world, holds, wrong, found):
    assert verdict(world, holds)[0], verdict(world, holds)
    assert verdict(world, wrong) == (False, found)


def test_nothing_changed_fails_where_something_did():
    so, found = verdict(STORED, "nothing changed")

    assert not so
    assert found.startswith("changed: ") and "page[0].flags.dirty" in found


def test_interference_happened_and_was_refused():
    pause = """\
file f ext2 pages=2
p0: a = mmap f pages=2
p0: fork
pause {}: p1: truncate f sectors=0
p0: store a+1 = ?
"""

    assert verdict(pause.format(6), "interference happened") == (True, "interference happened")
    assert verdict(pause.format(5), "interference refused") == (True, "interference refused")
    assert verdict(pause.format(5), "interference happened")[0] is False


def test_condition_decides_whether_an_expectation_is_looked_at():
    text = "units all, -U1, none\n" + STORED + """\
expect if U1: page f[0]: dirty
expect unless U1: page f[0]: not dirty
expect if all: steps WP3
expect if none: faults 0
expect if U2+U3: faults 1
expect unless none: faults 1
expect if U1: page f[0]: not dirty
"""
    looked_at = [[entry["line"] for entry in entries(text, i) if entry["kind"] == "expect"]
                 for i in range(3)]

    assert looked_at == [[6, 8, 10, 11, 12], [7, 10, 11], [7, 9]]
    assert failed(text, 0) == ["12: dirty"]


def test_result_is_by_condition_and_no_error_if_none_is_meant():
    text = "units all, -U4, none\n" + STORED + "p0: store a = 10 if U4, 11 if U3\n"

    assert [failed(text, i) for i in range(3)] == [[], ["6: 10"], []]
    assert failed(STORED + "p0: munmap a pages=0\n") == ["5: -EINVAL"]
    assert failed(STORED + "p0: munmap a pages=0 = -EINVAL\np0: munmap a pages=0 = ?\n") == []


def test_world_that_ended_fails_what_comes_after_it():
    text = """\
file d PFNMAP driver pages=4
vma 0: p0 0..2 rw-s d at 0 PFNMAP
call do_no_page at=0 = BUG
expect steps NP2
p0: load 0
"""
    assert failed(text) == ["5: the world ended in line 3: BUG"]
    assert failed(text.replace("= BUG", "= 2"))[0] == "3: BUG"


def test_operand_that_is_not_in_memory_fails_its_line():
    assert failed(STORED + "complete f[1]\np0: load a\n") == ["5: f[1] is not in memory"]
    assert failed(STORED + "reclaim p0[a+1]\n") == ["5: p0[a+1] is no page: none"]


def test_named_result_that_is_an_error_ends_the_run():
    assert failed("p0: a = mmap anon pages=0\np0: load a = 7\n") == ["1: -EINVAL"]
