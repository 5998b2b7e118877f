# SPDX-License-Identifier: GPL-2.0-only
"""Situations in which a function of the patch takes each of its ways, for test_expected_calls.py.

Each draws its world on `process` or on `pair` and acts; what is to be called then, in which order and
with which arguments, stands in expected_calls/<function>.toml by the same name.
"""

from collections.abc import Callable

from processes import HEAP, PAGE, RO_FILE, Process
from worlds import ALL_UNITS, SHARED_RO, SHARED_RW, Outcome, Pair, address

PRIVATE = 0x73          # READ, WRITE and all three MAYs
MAYSHARE, VM_SHARED, VM_WRITE, PFNMAP = 0x80, 8, 2, 0x400
FOLL_WRITE, FOLL_TOUCH, FOLL_GET, FOLL_ANON = 1, 2, 4, 8
R, W = 1, 2
SHARED, MAP_PRIVATE, FIXED, ANONYMOUS, LOCKED, POPULATE, NONBLOCK = (1, 2, 0x10, 0x20, 0x2000,
                                                                    0x8000, 0x10000)
FILE = 0xF8             # SHARED and all four MAYs; R, W, X come to it

ON_PROCESS: dict[str, Callable[[Process], Outcome]] = {}
ON_PAIR: dict[str, Callable[[Pair], Outcome]] = {}


def on_process(name: str):
    return lambda act: ON_PROCESS.setdefault(name, act)


def on_pair(name: str):
    return lambda act: ON_PAIR.setdefault(name, act)


def file_page(process: Process, vma: int, *, kind: str = "ext2", flags: str = "",
              bits: str = "") -> None:
    """Page 0 is page 1 of file 0, mapped at page 4 by vma[0]."""
    process.file(0, kind)
    process.page(0, file=0, index=1, flags=flags)
    process.vma(0, at=4, pages=2, file=0, pgoff=1, flags=vma)
    process.pte(at=4, page=0, bits=bits)


# -- follow_page


def follow(pair: Pair, flags: int, *, at: int = 4, bits: str = "rw") -> Outcome:
    pair.file(0)
    pair.page(0, file=0, index=1)
    pair.vma(0, at=4, pages=2, file=0, pgoff=1)
    pair.pte(at=4, page=0, bits=bits)
    return pair.run("follow_page", vma=0, address=address(at) + 0x123, flags=flags)


@on_pair("follow_page/to write, touch and keep")
def _(pair):
    return follow(pair, FOLL_WRITE | FOLL_TOUCH | FOLL_GET)


@on_pair("follow_page/to write where the pte knows of a store")
def _(pair):
    return follow(pair, FOLL_WRITE | FOLL_TOUCH, bits="rw dirty")


@on_pair("follow_page/to read and touch")
def _(pair):
    return follow(pair, FOLL_TOUCH, bits="")


@on_pair("follow_page/no page, for anonymous memory")
def _(pair):
    pair.vma(0, at=4, pages=2, flags=0x71)
    pair.set("mm[0].pmd[0].table", 0)
    return pair.run("follow_page", vma=0, address=address(5) + 0x123,
                    flags=FOLL_ANON | FOLL_GET)


# -- do_wp_page


@on_process("do_wp_page/a shared page is reused")
def _(process):
    file_page(process, SHARED_RW)
    return process.wp_fault(at=4)


@on_process("do_wp_page/a file's private page is copied")
def _(process):
    file_page(process, PRIVATE)
    return process.wp_fault(at=4)


@on_process("do_wp_page/an anonymous page of one process is reused")
def _(process):
    process.page(0, anon=0, index=0x40004)
    process.vma(0, at=4, pages=2, flags=PRIVATE, anon=0)
    process.pte(at=4, page=0)
    return process.wp_fault(at=4)


@on_process("do_wp_page/the zero page is copied")
def _(process):
    process.vma(0, at=4, pages=2, flags=PRIVATE)
    process.pte(at=4, page=16)
    return process.wp_fault(at=4)


@on_process("do_wp_page/no memory for a copy")
def _(process):
    file_page(process, PRIVATE)
    process.set("world.fail_in", 2)
    return process.wp_fault(at=4)


@on_process("do_wp_page/what has no page is no file's to be asked about")
def _(process):
    # VM_PFNMAP beside a page that is one: a private copy in a driver's mapping
    process.file(0, "PFNMAP driver")
    process.page(0, file=0, index=1)
    process.vma(0, at=4, pages=2, file=0, pgoff=1, flags=SHARED_RW | PFNMAP)
    process.set("vma[0].vm_pgoff", 0)
    process.pte(at=4, page=0)
    return process.wp_fault(at=4)


@on_process("do_wp_page/what may become shared is private now")
def _(process):
    file_page(process, SHARED_RW & ~VM_SHARED)
    return process.wp_fault(at=4)


# -- do_no_page


def untouched(process: Process, flags: int, *, prot: int | None = None) -> None:
    process.file(0)
    process.page(0, file=0, index=1)
    process.vma(0, at=4, pages=2, file=0, pgoff=1, flags=flags, prot=prot)


@on_process("do_no_page/a store to a shared page")
def _(process):
    untouched(process, SHARED_RW, prot=0x25)
    return process.no_page_fault(at=4, write=True)


@on_process("do_no_page/a load")
def _(process):
    untouched(process, SHARED_RO)
    return process.no_page_fault(at=4, write=False)


@on_process("do_no_page/a store to a private page")
def _(process):
    untouched(process, PRIVATE)
    return process.no_page_fault(at=4, write=True)


@on_process("do_no_page/a store to what may become shared and is private now")
def _(process):
    untouched(process, SHARED_RW & ~VM_SHARED)
    return process.no_page_fault(at=4, write=True)


@on_process("do_no_page/no memory for a copy")
def _(process):
    untouched(process, PRIVATE)
    process.set("world.fail_in", 2)
    return process.no_page_fault(at=4, write=True)


@on_process("do_no_page/beyond the end of the file")
def _(process):
    process.file(0, size=PAGE)
    process.vma(0, at=4, pages=2, file=0, pgoff=1, flags=SHARED_RW)
    return process.no_page_fault(at=4, write=True)


@on_process("do_no_page/somebody was there before")
def _(process):
    untouched(process, SHARED_RW)
    process.pte(at=4, page=0)
    return process.no_page_fault(at=4, write=True)


# -- do_mmap_pgoff


@on_process("do_mmap_pgoff/a file, shared and writable")
def _(process):
    process.file(0)
    process.table(0)
    return process.mmap(file=0, prot=R | W, flags=SHARED, pgoff=1)


@on_process("do_mmap_pgoff/a file, shared and to be read, that may become writable")
def _(process):
    process.file(0)
    process.table(0)
    return process.mmap(file=0, prot=R, flags=SHARED)


@on_process("do_mmap_pgoff/private memory")
def _(process):
    process.table(0)
    return process.mmap(prot=R | W, flags=MAP_PRIVATE | ANONYMOUS)


@on_process("do_mmap_pgoff/shared memory")
def _(process):
    process.table(0)
    return process.mmap(prot=R | W, flags=SHARED | ANONYMOUS)


@on_process("do_mmap_pgoff/in the place of another one")
def _(process):
    process.vma(0, at=0, pages=4, flags=0x71)
    return process.mmap(addr=address(1), prot=R | W, flags=MAP_PRIVATE | ANONYMOUS | FIXED)


@on_process("do_mmap_pgoff/memory beside its like")
def _(process):
    process.vma(0, at=0, pages=2, flags=0x100073)
    return process.mmap(addr=address(2), prot=R | W, flags=MAP_PRIVATE | ANONYMOUS | FIXED)


@on_process("do_mmap_pgoff/a file beside its like")
def _(process):
    process.file(0)
    process.table(0)
    process.vma(0, at=0, pages=2, file=0, pgoff=0, flags=FILE | R | W, prot=0x25)
    return process.mmap(file=0, addr=address(2), prot=R | W, flags=SHARED | FIXED, pgoff=2)


@on_process("do_mmap_pgoff/locked")
def _(process):
    process.file(0)
    process.page(0, file=0, index=0)
    process.page(1, file=0, index=1)
    process.table(0)
    process.set("task[0].capabilities", 1)
    return process.mmap(file=0, prot=R, flags=SHARED | LOCKED)


@on_process("do_mmap_pgoff/populated")
def _(process):
    process.file(0)
    process.page(0, file=0, index=0)
    process.table(0)
    return process.mmap(file=0, pages=1, prot=R, flags=SHARED | POPULATE | NONBLOCK)


@on_process("do_mmap_pgoff/a hook that refuses")
def _(process):
    process.file(0, "failing driver", mode=RO_FILE)
    return process.mmap(file=0, prot=R, flags=MAP_PRIVATE | 0x800)


@on_process("do_mmap_pgoff/a hook that refuses, above another mapping")
def _(process):
    process.vma(0, at=0, pages=1, flags=0x71)
    process.file(0, "failing driver", mode=RO_FILE)
    return process.mmap(file=0, addr=address(2), prot=R, flags=MAP_PRIVATE | FIXED)


@on_process("do_mmap_pgoff/a program whose writers are kept out")
def _(process):
    process.file(0, mode=RO_FILE)
    return process.mmap(file=0, prot=R, flags=MAP_PRIVATE | 0x1800)


@on_process("do_mmap_pgoff/no memory for a vma")
def _(process):
    process.set("world.fail_in", 1)
    return process.mmap(prot=R | W, flags=MAP_PRIVATE | ANONYMOUS)


@on_process("do_mmap_pgoff/memory that cannot be promised")
def _(process):
    process.set("world.commit_limit", 1)
    return process.mmap(prot=R | W, flags=MAP_PRIVATE | ANONYMOUS)


# -- do_brk


@on_process("do_brk/new memory")
def _(process):
    process.set("mm[0].pmd[2].table", process.address(f"mm[0].pte[{HEAP:#x}]"))
    return process.brk(pages=2)


@on_process("do_brk/locked")
def _(process):
    process.set("mm[0].pmd[2].table", process.address(f"mm[0].pte[{HEAP:#x}]"))
    process.set("mm[0].def_flags", 0x2000)
    process.set("task[0].capabilities", 1)
    return process.brk(pages=1)


@on_process("do_brk/beside its like")
def _(process):
    process.set("mm[0].pmd[2].table", process.address(f"mm[0].pte[{HEAP:#x}]"))
    process.heap(0, 1, flags=0x100073)
    return process.brk(addr=HEAP + PAGE, pages=1)


@on_process("do_brk/over what is there")
def _(process):
    process.set("mm[0].pmd[2].table", process.address(f"mm[0].pte[{HEAP:#x}]"))
    process.heap(0, 2, flags=0x71)
    return process.brk(pages=1)


@on_process("do_brk/above another mapping")
def _(process):
    process.set("mm[0].pmd[2].table", process.address(f"mm[0].pte[{HEAP:#x}]"))
    process.heap(0, 1, flags=0x71)
    return process.brk(addr=HEAP + 2 * PAGE, pages=1)


@on_process("do_brk/no memory for a vma")
def _(process):
    process.set("world.fail_in", 1)
    return process.brk(pages=1)


# -- mprotect_fixup


def shared_vma(process: Process, rwx: int, *, pages: int = 4, kind: str = "ext2") -> None:
    process.file(0, kind)
    process.vma(0, at=4, pages=pages, file=0, pgoff=0, flags=FILE | rwx)


@on_process("mprotect_fixup/a shared file becomes writable")
def _(process):
    shared_vma(process, R)
    return process.mprotect(at=4, pages=4, flags=FILE | R | W)


@on_process("mprotect_fixup/a shared file that may be written becomes one to be read")
def _(process):
    shared_vma(process, R | W)
    return process.mprotect(at=4, pages=4, flags=FILE | R)


@on_process("mprotect_fixup/a private file becomes writable")
def _(process):
    process.file(0)
    process.vma(0, at=4, pages=4, file=0, pgoff=0, flags=0x71)
    return process.mprotect(at=4, pages=4, flags=0x73)


@on_process("mprotect_fixup/a file that is shared in name alone becomes writable")
def _(process):
    process.file(0)
    process.vma(0, at=4, pages=4, file=0, pgoff=0, flags=0xF1)
    return process.mprotect(at=4, pages=4, flags=0xF3)


@on_process("mprotect_fixup/private memory with pages of its own becomes one to be read")
def _(process):
    process.vma(0, at=4, pages=2, flags=0x100073, anon=0)
    return process.mprotect(at=4, pages=2, flags=0x100071)


@on_process("mprotect_fixup/huge pages become writable")
def _(process):
    process.file(0, "hugetlbfs")
    process.vma(0, at=4, pages=2, file=0, pgoff=0, flags=FILE | 0x400000 | R)
    return process.mprotect(at=4, pages=2, flags=FILE | 0x400000 | R | W)


@on_process("mprotect_fixup/the middle of private memory becomes writable")
def _(process):
    process.vma(0, at=4, pages=4, flags=0x71)
    return process.mprotect(at=5, pages=2, flags=0x73)


@on_process("mprotect_fixup/merged with what is before")
def _(process):
    process.vma(1, at=2, pages=2, flags=0x71)
    process.vma(0, at=4, pages=2, flags=0x70)
    return process.mprotect(at=4, pages=2, flags=0x71, prev=1)


@on_process("mprotect_fixup/the same flags")
def _(process):
    process.vma(0, at=4, pages=2, flags=0x71)
    return process.mprotect(at=4, pages=2, flags=0x71)


@on_process("mprotect_fixup/memory that cannot be promised")
def _(process):
    process.vma(0, at=4, pages=2, flags=0x71)
    process.set("world.commit_limit", 1)
    return process.mprotect(at=4, pages=2, flags=0x73)


@on_process("mprotect_fixup/no memory to split")
def _(process):
    process.vma(0, at=4, pages=4, flags=0x71)
    process.set("world.fail_in", 1)
    return process.mprotect(at=5, pages=2, flags=0x73)


# -- writeback, cleaning and buffers


@on_process("do_writepages/a file system's own")
def _(process):
    return write_back(process, "ext2")


@on_process("do_writepages/the generic one")
def _(process):
    return write_back(process, "ext3")


def write_back(process: Process, kind: str) -> Outcome:
    process.file(0, kind)
    process.page(0, file=0, index=1, flags="dirty")
    process.set("world.nr_wbc", 1)
    process.set("world.wbc[0].nr_to_write", 8)
    return process.run("do_writepages", mapping="mapping[0]", wbc="world.wbc[0].nr_to_write")


@on_pair("test_clear_page_dirty/a dirty page that is mapped")
def _(pair):
    pair.dirty_mapped()
    return pair.run("test_clear_page_dirty", page=0)


@on_pair("test_clear_page_dirty/a clean page")
def _(pair):
    pair.dirty_mapped(flags="locked")
    return pair.run("test_clear_page_dirty", page=0)


@on_pair("clear_page_dirty_for_io/a dirty page that is mapped")
def _(pair):
    pair.dirty_mapped()
    return pair.run("clear_page_dirty_for_io", page=0)


@on_pair("page_mkclean/mapped twice, once writable")
def _(pair):
    pair.dirty_mapped()
    pair.vma(1, mm=1, at=3, pages=1, file=0, pgoff=2, flags=SHARED_RO)
    pair.pte(mm=1, at=3, page=0, bits="")
    return pair.run("page_mkclean", page=0)


@on_pair("try_to_free_buffers/clean buffers of a dirty page")
def _(pair):
    pair.dirty_mapped(flags="locked dirty")
    pair.buffers(0, ["Uptodate Mapped", "Uptodate Mapped"], held=None, associated=None)
    return pair.run("try_to_free_buffers", page=0)


@on_pair("try_to_free_buffers/a busy one")
def _(pair):
    pair.dirty_mapped(flags="locked dirty")
    pair.buffers(0, ["Uptodate Mapped", "Uptodate Dirty"], held=None, associated=None)
    return pair.run("try_to_free_buffers", page=0)


@on_pair("try_to_free_buffers/of no file any more")
def _(pair):
    pair.dirty_mapped(flags="locked dirty")
    pair.buffers(0, ["Uptodate Mapped"], held=None, associated=None)
    pair.set("page[0].mapping", 0)
    return pair.run("try_to_free_buffers", page=0)


# what each is asked with: v8, and the kernel before it
UNITS = {"v8": ALL_UNITS, "before": 0}
