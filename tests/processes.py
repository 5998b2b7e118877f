# SPDX-License-Identifier: GPL-2.0-only
"""Worlds with a process, files and memory to give away, on which both halves run and must agree.

    process.file(0, "ext2")
    page = process.page(0, file=0, index=1)
    process.vma(0, at=4, pages=2, file=0, pgoff=1, flags=SHARED_RW)
    process.pte(at=4, page=0)
    out = process.wp_fault(at=4)
    assert out.ret == 0x12 and out.pte(0, 4) == "page 0 rw,accessed,dirty"

`at` is in pages from 0x40000000; process 0, which runs, has 16 of them and 8 from HEAP on.
"""

from collections.abc import Sequence

from worlds import ALL_UNITS, Outcome, Pair, address

from pykmm import half as cython_half
from pykmm import paths
from pykmm.engine import core
from pykmm.report.paths import Map

SIZES = dict(pages=17, vmas=12, mms=3, pmds=3, table_shift=3, mappings=6, slots=8, files=8,
             anon_vmas=6, buffers=16, trace_words=8192, swap_slots=4)
ZERO_PAGE = "page[16]"
KINDS = ["ext2", "ext3", "block device", "tmpfs", "ramfs", "PFNMAP driver", "prot driver",
         "hugetlbfs", "no mmap", "failing driver"]
RW_FILE, RO_FILE, WO_FILE = 3, 1, 2         # FMODE_*
HEAP = 0x08050000
PAGE = 1 << 12
MM, SEM = "mm[0]", "mm[0].mmap_sem"
LAST = 2**64


class Process(Pair):
    """The empty world is built once; reset brings it back."""

    def __init__(self) -> None:
        self.runner = core.Runner(**SIZES)
        self.halves = [core.Half.load(paths.lib() / "c.so", "C"),
                       core.Half.at(cython_half.ADDRESS, "P")]
        self.runner.use(self.halves[0])
        self.map = Map(self.runner)
        self.set("mm[0].mm_users", 1)
        self.primitive("use_swap_aops", self.address("mapping[5]"))
        self.units(ALL_UNITS)
        self.empty = self.runner.image()

    def reset(self) -> None:
        self.runner.restore(self.empty)

    def call(self, name: str, *arguments: int | str) -> int:
        """A primitive; a str stands for the address of what it names."""
        words = [self.address(a) if isinstance(a, str) else a for a in arguments]
        outcome, result, _ = self.runner.primitive(name, *words)
        assert outcome == "returned", f"building a world: {name}{arguments} ended as {outcome}"
        return result

    def file(self, number: int, kind: str = "ext2", *, mode: int = RW_FILE,
             size: int = 8 * PAGE) -> None:
        """file[number], open, of inode[number], whose blocks are all on disk."""
        inode = f"inode[{number}]"
        self.call("make_inode", inode, KINDS.index(kind), size)
        self.set(f"{inode}.i_blkbits", 12)
        self.set(f"{inode}.i_mapped", 0xFF)
        self.call("open_into", f"file[{number}]", inode, mode)

    def page(self, number: int, *, file: int | None = None, index: int = 0, flags: str = "",
             anon: int | None = None, swap: int | None = None) -> None:
        assert swap is None
        super().page(number, file=file, index=index, anon=anon,
                     flags=" ".join(["uptodate", *flags.split()]))
        # the page cache's reference; that of an anonymous page is its first pte's
        self.set(f"page[{number}]._count", 0 if file is None else 1)

    def vma(self, number: int, *, at: int, pages: int = 1, file: int | None = None,
            pgoff: int | None = None, flags: int, prot: int | None = None,
            anon: int | None = None) -> None:
        """A vma in the list, tree and file; without a file its offset is its address."""
        self._vma(number, address(at), pages, file, pgoff, flags, prot, anon)

    def heap(self, number: int, pages: int, *, flags: int) -> None:
        """A vma of memory at the start of the heap."""
        self._vma(number, HEAP, pages, None, None, flags, None, None)

    def _vma(self, number, start, pages, file, pgoff, flags, prot, anon) -> None:
        name = f"vma[{number}]"
        self.set(f"{name}.vm_mm", self.address(MM))
        self.set(f"{name}.vm_start", start)
        self.set(f"{name}.vm_end", start + pages * PAGE)
        self.set(f"{name}.vm_flags", flags)
        self.set(f"{name}.vm_page_prot", self.call("protection_map", flags & 15)
                 if prot is None else prot)
        self.set(f"{name}.vm_pgoff", start >> 12 if pgoff is None else pgoff)
        if file is not None:
            self.set(f"{name}.vm_file", self.address(f"file[{file}]"))
            self.add(f"file[{file}].f_count", 1)
            self.call("use_file_vm_ops", name)
        if anon is not None:
            self.set(f"{name}.anon_vma", self.address(f"anon_vma[{anon}]"))
        self.call("vma_link", MM, name)
        self.add("mm[0].total_vm", pages)

    def table(self, at: int) -> str:
        """Path of the directory entry for an address, its page table present."""
        path = f"mm[0].pmd[{at >> 3}]"
        self.set(f"{path}.table", self.address(f"mm[0].pte[{address(at & ~7):#x}]"))
        return path

    def pte(self, *, mm: int = 0, at: int, page: int | None = None, bits: str = "",
            word: int | None = None, counts: bool = True) -> None:
        self.table(at)
        super().pte(mm=mm, at=at, page=page, bits=bits, word=word, counts=counts)
        if page is not None and counts:
            anon = self.get(f"page[{page}].mapping") & 1
            self.add(f"mm[{mm}].{'anon_rss' if anon else 'file_rss'}", 1)
            if self.get(f"page[{page}]._mapcount") == 0:
                self.add("world.page_state.nr_mapped", 1)

    def word(self, at: int) -> int:
        return self.get(f"mm[0].pte[{address(at):#x}]")

    def run(self, function: str, locked: Sequence[tuple] = (), **arguments: int | str) -> Outcome:
        """A run of both halves; a str argument is the name of what it points to.

        locked : [(primitive, argument...)]   called before; all is undone after the run
        """
        before = self.runner.image()
        for primitive in locked:
            self.call(*primitive)
        try:
            return self.compare(function, {name: self.address(value) if isinstance(value, str)
                                           else value for name, value in arguments.items()})
        finally:
            self.runner.restore(before)

    def wp_fault(self, *, at: int, orig_pte: int | None = None, vma: int = 0) -> Outcome:
        """do_wp_page as handle_pte_fault calls it: mmap_sem and the table's lock are held."""
        pmd = self.table(at)
        locked = ("down_read", SEM), ("pte_offset_map_lock", MM, pmd, address(at))
        return self.run("do_wp_page", locked, mm=MM, vma=f"vma[{vma}]", address=address(at) + 0x123,
                        page_table=f"mm[0].pte[{address(at):#x}]", pmd=pmd,
                        ptl=pmd + ".ptl",
                        orig_pte=self.word(at) if orig_pte is None else orig_pte)

    def no_page_fault(self, *, at: int, write: bool, vma: int = 0) -> Outcome:
        """do_no_page as handle_pte_fault calls it: mmap_sem held, the pte mapped."""
        pmd = self.table(at)
        mapped = [("down_read", SEM), ("pte_offset_map_lock", MM, pmd, address(at)),
                  ("spin_unlock", pmd + ".ptl")]
        return self.run("do_no_page", mapped, mm=MM, vma=f"vma[{vma}]",
                        address=address(at) + 0x123, pmd=pmd,
                        page_table=f"mm[0].pte[{address(at):#x}]", write_access=int(write))

    def mmap(self, *, file: int | None = None, addr: int = 0, pages: int = 2, prot: int,
             flags: int, pgoff: int = 0, len: int | None = None) -> Outcome:
        """do_mmap_pgoff as the system call calls it, with mmap_sem held for write."""
        return self.run("do_mmap_pgoff", [("down_write", SEM)],
                        file=f"file[{file}]" if file is not None else 0,
                        address=addr, len=pages * PAGE if len is None else len, prot=prot,
                        map_flags=flags, pgoff=pgoff)

    def brk(self, *, addr: int = HEAP, pages: int = 2, len: int | None = None) -> Outcome:
        """do_brk as sys_brk calls it."""
        return self.run("do_brk", [("down_write", SEM)], address=addr,
                        len=pages * PAGE if len is None else len)

    def mprotect(self, *, at: int, pages: int, flags: int, vma: int = 0,
                 prev: int | None = None) -> Outcome:
        """mprotect_fixup as sys_mprotect's loop calls it; prev : what *pprev leads to."""
        self.set("world.pprev", 0 if prev is None else self.address(f"vma[{prev}]"))
        return self.run("mprotect_fixup", [("down_write", SEM)], vma=f"vma[{vma}]",
                        address=address(at), end=address(at + pages), newflags=flags)

    def vmas(self, out: Outcome) -> list[tuple[int, int]]:
        """(first page, pages) of the vmas of process 0 after a run, by their list."""
        found, at = [], out.read("mm[0].mmap")
        while at:
            name = self.map.name_of(at)
            start, end = out.read(f"{name}.vm_start"), out.read(f"{name}.vm_end")
            found.append(((start - address(0)) >> 12, (end - start) >> 12))
            at = out.read(f"{name}.vm_next")
        assert len(found) == out.read("mm[0].map_count")
        return found

    def named(self, out: Outcome, path: str) -> str | None:
        """What the pointer at a path leads to after a run."""
        return self.map.name_of(out.read(path)) if out.read(path) else None


def calm(out: Outcome, *held: str) -> None:
    """A run returned, holds these locks, and did nothing that it must not."""
    assert out.ended == "returned"
    assert out.read("world.nr_held") == len(held)
    for i, lock in enumerate(held):
        assert out.map.name_of(out.read(f"world.held[{i}]")) == lock
    for field in ("kmaps", "order_fault", "sleep_fault", "pages_locked"):
        assert out.read(f"world.{field}") == 0, field
