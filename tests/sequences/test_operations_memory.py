# SPDX-License-Identifier: GPL-2.0-only
"""Operations on a process's memory, one by one: results, errors, and what is different after.

A row: what was done before, the operation, its result, and {path: value} afterwards; both halves
run it.  File 0 is ext2, its sector i has version i + 1 on disk, and the first store makes 73.
"""

import pytest

R, W, RW, X, SEM = 1, 2, 3, 4, 8
SHARED, PRIVATE, ANYWHERE, LOCKED, POPULATE, GROWSDOWN = 1, 2, 4, 8, 16, 64
NO_FD, HEAP = 255, 16
EPERM, ESRCH, EIO, EBADF, EAGAIN, ENOMEM, EACCES, EFAULT = -1, -3, -5, -9, -11, -12, -13, -14
EBUSY, EINVAL = -16, -22
SIGBUS, SIGSEGV = -1007, -1011
ASYNC, INVALIDATE, SYNC = 1, 2, 4
FIRST, BRK = 0x40000000, 0x08050000
BY_1 = {"by": 1}
PTE, PTE_1 = "mm[0].pte[0x40000000]", "mm[0].pte[0x40001000]"
# pte words: PRESENT|USER 5, RW 2, ACCESSED 0x20, DIRTY 0x40, and the frame of a page from 0x100
CLEAN, DIRTY = 0x025, 0x067

MAPPED = ("mmap", 0, 0, 2, RW, SHARED, 0)
READ_ONLY = ("mmap", 2, 0, 2, R, SHARED, 0)
ANONYMOUS = ("mmap", NO_FD, 0, 2, RW, PRIVATE, 0)

DO_MMAP = [
    ("shared", [], MAPPED, FIRST,
     {"vma[0].vm_flags": 0xFB, "vma[0].vm_page_prot": 0x025, "mm[0].total_vm": 2}),
    ("read-only file", [], READ_ONLY, FIRST, {"vma[0].vm_flags": 0xD1}),
    ("read-only file to write", [], ("mmap", 2, 0, 1, RW, SHARED, 0), EACCES, {}),
    ("private of a read-only file", [], ("mmap", 2, 1, 1, RW, PRIVATE, 1), FIRST + 0x1000,
     {"vma[0].vm_flags": 0x100073, "vma[0].vm_pgoff": 1, "world.vm_committed_space": 1}),
    ("anonymous", [], ANONYMOUS, FIRST, {"vma[0].vm_file": 0, "world.vm_committed_space": 2}),
    ("anonymous shared", [], ("mmap", NO_FD, 0, 2, RW, SHARED, 0), FIRST,
     {"vma[0].vm_flags": 0xFB, "vma[0].vm_page_prot": 0x027, "inode[3].i_charged": 2}),
    ("where there is room", [MAPPED], ("mmap", 0, 9, 1, R, SHARED | ANYWHERE, 0),
     FIRST + 0x2000, {}),
    ("locked", [], ("mmap", 0, 0, 2, RW, SHARED | LOCKED, 0), FIRST,
     {"mm[0].locked_vm": 2, "mm[0].file_rss": 2, "page[0].flags.dirty": 1}),
    ("populated", [], ("mmap", 0, 0, 2, R, SHARED | POPULATE, 0), FIRST, {"mm[0].file_rss": 2}),
    ("file and stack", [], ("mmap", 0, 0, 1, R, PRIVATE | GROWSDOWN, 0), EINVAL, {}),
    ("no type", [], ("mmap", 0, 0, 1, R, 0, 0), EINVAL, {}),
    ("no length", [], ("mmap", 0, 0, 0, R, SHARED, 0), EINVAL, {}),
    ("no file", [("close", 0)], MAPPED, EBADF, {}),
    ("no such descriptor", [], ("mmap", 4, 0, 1, R, SHARED, 0), EBADF, {}),
    ("over another", [MAPPED, ("store", 0, 0)], ANONYMOUS, FIRST,
     {PTE: 0, "mm[0].map_count": 1, "mm[0].file_rss": 0}),
]

OTHERS = [
    ("munmap", "all", [MAPPED, ("store", 0, 0)], ("munmap", 0, 2), 0,
     {"mm[0].map_count": 0, "mm[0].total_vm": 0, PTE: 0, "page[0].flags.dirty": 1}),
    ("munmap", "half", [MAPPED], ("munmap", 1, 1), 0,
     {"vma[0].vm_end": FIRST + 0x1000, "mm[0].total_vm": 1}),
    ("munmap", "nothing there", [], ("munmap", 3, 2), 0, {}),
    ("munmap", "no length", [MAPPED], ("munmap", 0, 0), EINVAL, {"mm[0].map_count": 1}),
    ("brk", "grows", [], ("brk", 2), BRK + 0x2000,
     {"vma[0].vm_flags": 0x100073, "vma[0].vm_page_prot": 0x025, "world.vm_committed_space": 2}),
    ("brk", "shrinks", [("brk", 3)], ("brk", 1), BRK + 0x1000, {"world.vm_committed_space": 1}),
    ("brk", "goes", [("brk", 3)], ("brk", 0), BRK, {"mm[0].map_count": 0}),
    ("brk", "meets a mapping", [("mmap", NO_FD, HEAP + 2, 1, R, PRIVATE, 0)], ("brk", 2), BRK, {}),
    ("mprotect", "to read", [MAPPED, ("store", 0, 0)], ("mprotect", 0, 2, R), 0,
     {"vma[0].vm_flags": 0xF9, PTE: 0x100065}),
    ("mprotect", "to none", [MAPPED, ("load", 0, 0)], ("mprotect", 0, 2, 0), 0, {PTE: 0x1000A0}),
    ("mprotect", "with PROT_SEM", [MAPPED], ("mprotect", 0, 2, R | SEM), 0,
     {"vma[0].vm_flags": 0xF9}),
    ("mprotect", "of a read-only file to write", [READ_ONLY], ("mprotect", 0, 2, RW), EACCES, {}),
    ("mprotect", "into a hole", [MAPPED], ("mprotect", 0, 4, R), ENOMEM,
     {"vma[0].vm_flags": 0xF9}),
    ("mprotect", "of nothing", [], ("mprotect", 0, 1, R), ENOMEM, {}),
    ("mprotect", "no length", [], ("mprotect", 0, 0, R), 0, {}),
    ("mprotect", "unknown bit", [MAPPED], ("mprotect", 0, 1, 16), EINVAL, {}),
    ("msync", "async", [MAPPED, ("store", 0, 0), ("writeback", 0, 1, 32), ("store", 0, 0)],
     ("msync", 0, 2, ASYNC), 0, {PTE: 0x100027, "page[0].flags.dirty": 1}),
    ("msync", "sync", [MAPPED, ("store", 0, 1)], ("msync", 0, 2, SYNC), 0,
     {"inode[0].disk[1]": 73, "page[0].flags.dirty": 0, PTE: 0x100025}),
    ("msync", "locked", [("mmap", 0, 0, 2, RW, SHARED | LOCKED, 0)], ("msync", 0, 2, INVALIDATE),
     EBUSY, {}),
    ("msync", "async and sync", [MAPPED], ("msync", 0, 2, ASYNC | SYNC), EINVAL, {}),
    ("msync", "unknown bit", [MAPPED], ("msync", 0, 2, 8), EINVAL, {}),
    ("msync", "nothing there", [], ("msync", 0, 2, ASYNC), ENOMEM, {}),
    ("msync", "hole first", [("mmap", 0, 1, 1, RW, SHARED, 0)], ("msync", 0, 2, ASYNC), ENOMEM,
     {}),
    ("msync", "no length", [], ("msync", 0, 0, SYNC), 0, {}),
    ("remap_file_pages", "another page", [MAPPED], ("remap_file_pages", 0, 1, 1, 0), 0,
     {"vma[0].vm_flags": 0x8000FB, PTE: 0x100025, "page[0].index": 1}),
    ("remap_file_pages", "its own page", [MAPPED], ("remap_file_pages", 0, 1, 0, 0), 0,
     {"vma[0].vm_flags": 0xFB, PTE: 0x100025}),
    ("remap_file_pages", "not there, nonblocking", [MAPPED], ("remap_file_pages", 0, 1, 1, 1), 0,
     {PTE: 0x42}),
    ("remap_file_pages", "past the end", [MAPPED], ("remap_file_pages", 0, 1, 5, 0), EINVAL, {}),
    ("remap_file_pages", "private", [ANONYMOUS], ("remap_file_pages", 0, 1, 1, 0), EINVAL, {}),
    ("remap_file_pages", "no length", [MAPPED], ("remap_file_pages", 0, 0, 1, 0), EINVAL, {}),
    ("fork", "first", [ANONYMOUS, ("store", 0, 0)], ("fork",), 1,
     {PTE: 0x100065, "mm[1].pte[0x40000000]": 0x100045, "page[0]._mapcount": 1,
      "mm[1].mm_users": 1, "mm[1].anon_rss": 1, "file[0].f_count": 2}),
    ("fork", "shared file is not copied", [MAPPED, ("store", 0, 0)], ("fork",), 1,
     {PTE: 0x100067, "mm[1].map_count": 1, "mm[1].file_rss": 0, "page[0]._mapcount": 0}),
    ("fork", "no more room", [("fork",), ("fork",)], ("fork",), EAGAIN, {}),
    ("exit", "a child", [MAPPED, ("fork",)], ("exit", BY_1), 0,
     {"mm[1].mm_users": 0, "mm[1].map_count": 0, "file[0].f_count": 2, "mm[0].map_count": 1}),
    ("exit", "who is not there", [], ("exit", BY_1), ESRCH, {}),
    ("load", "file", [MAPPED], ("load", 1, 2), 7, {PTE_1: 0x100025, "page[0].flags.dirty": 0}),
    ("load", "anonymous", [ANONYMOUS], ("load", 0, 0), 0, {PTE: 0x110025, "mm[0].file_rss": 1}),
    ("load", "nothing there", [], ("load", 0, 0), SIGSEGV, {}),
    ("load", "PROT_NONE", [("mmap", 0, 0, 1, 0, SHARED, 0)], ("load", 0, 0), SIGSEGV, {}),
    ("load", "past the end of the file", [("mmap", 0, 0, 1, R, SHARED, 5)], ("load", 0, 0), SIGBUS,
     {PTE: 0}),
    ("load", "who is not there", [MAPPED], ("load", 0, 0, BY_1), ESRCH, {}),
    ("store", "shared", [MAPPED], ("store", 0, 3), 73,
     {PTE: 0x100067, "page[0].contents[3]": 73, "page[0].flags.dirty": 1,
      "world.page_state.nr_dirty": 1}),
    ("store", "private", [("mmap", 0, 0, 1, RW, PRIVATE, 0)], ("store", 0, 0), 73,
     {PTE: 0x101067, "page[0].contents[0]": 1, "page[1].contents[1]": 2, "mm[0].anon_rss": 1}),
    ("store", "read-only", [READ_ONLY], ("store", 0, 0), SIGSEGV, {PTE: 0}),
    ("store", "heap", [("brk", 1)], ("store", HEAP, 0), 73, {"mm[0].anon_rss": 1}),
    ("poke", "own", [MAPPED], ("poke", 0, 0, 1, 1), 73,
     {"page[0].contents[1]": 73, "page[0].flags.dirty": 1, PTE: 0x100067}),
    ("poke", "read-only private", [("mmap", 0, 0, 1, R, PRIVATE, 0)], ("poke", 0, 0, 0, 1), 73,
     {PTE: 0x101065, "page[0].contents[0]": 1, "page[1].contents[0]": 73}),
    ("poke", "to read", [MAPPED], ("poke", 0, 0, 1, 0), 2, {PTE: 0x100025}),
    ("poke", "another process", [MAPPED, ("fork",)], ("poke", 1, 0, 0, 1), 73,
     {"mm[1].pte[0x40000000]": 0x100067, PTE: 0}),
    ("poke", "nothing there", [], ("poke", 0, 0, 0, 1), EIO, {}),
    ("poke", "a process that is not there", [MAPPED], ("poke", 1, 0, 0, 1), ESRCH, {}),
    ("pin", "to write", [MAPPED], ("pin", 0, 1, 0), 0,
     {"page[0].pins": 1, "page[0]._count": 4, "page[0].flags.dirty": 1}),
    ("pin", "anonymous to read", [ANONYMOUS], ("pin", 0, 0, 0), 16, {"page[16].pins": 1, PTE: 0}),
    ("pin", "read-only", [READ_ONLY], ("pin", 0, 1, 0), EFAULT, {"page[0].pins": 0}),
    ("pin", "read-only, forced", [READ_ONLY], ("pin", 0, 1, 1), EFAULT, {}),
    ("pin", "nothing there", [], ("pin", 0, 0, 0), EFAULT, {}),
    ("unpin", "written", [MAPPED, ("pin", 0, 1, 0), ("writeback", 0, 1, 32)], ("unpin", 0, 1, 1), 0,
     {"page[0].pins": 0, "page[0].contents[0]": 73, "page[0].flags.dirty": 1}),
    ("unpin", "written and not told", [MAPPED, ("pin", 0, 1, 0), ("writeback", 0, 1, 32)],
     ("unpin", 0, 1, 0), 0, {"page[0].contents[0]": 73, "page[0].flags.dirty": 0}),
    ("unpin", "after its process", [MAPPED, ("pin", 0, 1, 0), ("exit",)], ("unpin", 0, 0, 0), 0,
     {"page[0]._count": 1, "page[0].pins": 0}),
    ("unpin", "not pinned", [MAPPED, ("load", 0, 0)], ("unpin", 0, 1, 1), -2, {}),
    ("unpin", "no such page", [], ("unpin", 200, 1, 1), -2, {}),
]

ROWS = [("mmap", *row) for row in DO_MMAP] + OTHERS


@pytest.mark.parametrize("before, operation, result, after",
                         [pytest.param(*row[2:], id=f"{row[0]} {row[1]}") for row in ROWS])
def test_operation_gives_this_and_leaves_that(start, before, operation, result, after):
    kernels = start(*before)
    words = list(operation)
    by = words.pop() if isinstance(words[-1], dict) else {}

    assert kernels.do(*words, **by) == result

    assert {path: kernels.get(path) for path in after} == after


def test_rows_are_of_the_operation_that_they_name():
    assert all(name == operation[0] for name, _, _, operation, *_ in ROWS)


@pytest.mark.parametrize("limits, before, operation, result", [
    pytest.param(9, [], ("mmap", 0, 0, 3, R, SHARED | LOCKED, 0), EAGAIN, id="memlock 2 pages"),
    pytest.param(10, [], ("mmap", 0, 0, 1, R, SHARED | LOCKED, 0), EPERM, id="memlock 0"),
    pytest.param(11, [("mmap", 0, 0, 4, R, SHARED, 0)], ("mmap", 0, 4, 2, R, SHARED, 0), ENOMEM,
                 id="address space 5 pages"),
    pytest.param(12, [], ("mmap", NO_FD, 0, 4, RW, PRIVATE, 0), ENOMEM, id="committed 3 pages"),
    pytest.param(12, [("mmap", NO_FD, 0, 3, RW, PRIVATE, 0)], ("fork",), ENOMEM, id="fork"),
    pytest.param(13, [], ("brk", 3), BRK, id="data 2 pages"),
    pytest.param(15, [("mmap", 0, n, 1, R, SHARED, 0) for n in (0, 2, 4, 7)],
                 ("mmap", 0, 9, 1, R, SHARED, 0), ENOMEM, id="more than 3 vmas"),
    pytest.param(15, [("mmap", 0, 0, 3, RW, SHARED, 0), ("mmap", 0, 4, 1, R, SHARED, 0),
                      ("mmap", 0, 7, 1, R, SHARED, 0)], ("mprotect", 1, 1, R), ENOMEM,
                 id="3 vmas and a split"),
])
def test_limit_is_in_the_way(start, limits, before, operation, result):
    assert start(*before, limits=limits).do(*operation) == result


@pytest.mark.parametrize("kind, result", [
    pytest.param(12, FIRST, id="PFNMAP driver"), pytest.param(13, FIRST, id="prot driver"),
    pytest.param(14, FIRST, id="hugetlbfs"), pytest.param(15, EIO, id="failing driver"),
])
def test_mmap_of_other_kinds_of_file(make_kernels, kind, result):
    kernels = make_kernels(inode_kind=[0, kind])

    assert kernels.do("mmap", 1, 0, 1, R, PRIVATE, 0) == result
