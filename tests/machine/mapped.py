# SPDX-License-Identifier: GPL-2.0-only
"""Mapped pages, built by hand and counted as the kernel counts them.

    scene = Scene(kernel)
    scene.file(0)                                       file[0], open, of inode[0]
    scene.vma(0, at=2, pages=3, flags=SHARED_RW, file=0)
    scene.page(4, inode=0, index=1)                     page[4] is page 1 of it
    scene.pte(3, page=4, bits="rw dirty")               mapped at 0x40003000

`at` is in pages from 0x40000000, of which a process has 16; AT(n) is their address.
"""

from pykmm.report import bits

READ, WRITE, EXEC, SHARED = 1, 2, 4, 8
MAY, MAYSHARE = 0x70, 0x80
PFNMAP, DENYWRITE, LOCKED, IO = 0x400, 0x800, 0x2000, 0x4000
DONTCOPY, ACCOUNT, HUGETLB, NONLINEAR = 0x20000, 0x100000, 0x400000, 0x800000
SHARED_RW, SHARED_RO, PRIVATE_RW = 0xFB, 0xF9, 0x73
PRESENT, RW, USER, ACCESSED, DIRTY, PROTNONE = 1, 2, 4, 0x20, 0x40, 0x80
HEAP = 0x08050000
FIRST_FRAME = 0x100
PTES = 8        # in a page table


def AT(page: int) -> int:
    return 0x40000000 + (page << 12)


def word(text: str) -> int:
    """Bits of a pte: "rw dirty accessed", of which a present one is made, or "protnone"."""
    named = {"rw": RW, "dirty": DIRTY, "accessed": ACCESSED, "protnone": PROTNONE}
    value = sum(named[name] for name in text.split())
    return value if value & PROTNONE else value | PRESENT | USER


class Scene:
    def __init__(self, kernel):
        self.kernel = kernel
        self.get, self.set, self.call = kernel.get, kernel.set, kernel.call

    def add(self, path: str, by: int = 1):
        self.set(path, self.get(path) + by)

    def table(self, address: int, mm: int = 0):
        """The page table of an address, if it is not there yet."""
        for i in range(3):
            index = self.get(f"mm[{mm}].pmd[{i}].index")
            if index == address >> 15 and not self.get(f"mm[{mm}].pmd[{i}].table"):
                self.set(f"mm[{mm}].pmd[{i}].table", f"mm[{mm}].pte[{index << 15:#x}]")

    def tables(self, mm: int) -> list[bool]:
        return [self.get(f"mm[{mm}].pmd[{i}].table") != 0 for i in range(3)]

    def file(self, number: int, kind: str = "ext2", **facts):
        """file[number], open, of inode[number]."""
        self.kernel.inode(number, kind, **facts)
        self.kernel.file(number, number)

    def vma(self, i: int, *, at: int = 0, pages: int = 4, pgoff: int = 0, flags: int = SHARED_RW,
            file: int | None = None, mm: int = 0, start: int | None = None, anon: int | None = None,
            linked: bool = True):
        """A vma in its process, and in its file and anon_vma."""
        start = AT(at) if start is None else start
        self.kernel.vma(i, start=start, pages=pages, pgoff=pgoff, flags=flags, mm=f"mm[{mm}]")
        self.set(f"vma[{i}].vm_page_prot", self.call("protection_map", flags))
        if file is not None:
            self.set(f"vma[{i}].vm_file", f"file[{file}]")
            self.add(f"file[{file}].f_count")
            self.call("use_file_vm_ops", f"vma[{i}]")
        if anon is not None:
            self.set(f"vma[{i}].anon_vma", f"anon_vma[{anon}]")
        if linked:
            self.call("vma_link", f"mm[{mm}]", f"vma[{i}]")
        self.add(f"mm[{mm}].total_vm", pages)
        if file is not None:
            self.add(f"mm[{mm}].shared_vm", pages)

    def page(self, number: int, *, inode: int | None = None, index: int = 0,
             anon: int | None = None):
        """A page with one reference, which for a page of a file is the page cache's."""
        page = f"page[{number}]"
        if inode is not None:
            self.kernel.cached(number, mapping=inode, index=index)
        else:
            self.set(f"{page}._count", 1)
            self.set(f"{page}.index", index)
            if anon is not None:
                self.set(f"{page}.mapping", self.kernel.at(f"anon_vma[{anon}]") + 1)
        self.set(f"{page}.flags.uptodate", 1)

    def pte(self, at: int, *, page: int, bits: str = "", mm: int = 0, address: int | None = None):
        """Map a page; an anonymous one's first pte takes the reference that it began with."""
        address = AT(at) if address is None else address
        self.table(address, mm)
        anon = self.get(f"page[{page}].mapping") & 1
        self.set(f"mm[{mm}].pte[{address:#x}]", FIRST_FRAME + page << 12 | word(bits))
        if not anon or self.get(f"page[{page}]._mapcount") >= 0:
            self.add(f"page[{page}]._count")
        self.add(f"page[{page}]._mapcount")
        if self.get(f"page[{page}]._mapcount") == 0:
            self.add("world.page_state.nr_mapped")
        self.add(f"mm[{mm}].{'anon' if anon else 'file'}_rss")

    def raw(self, at: int, value: int, mm: int = 0):
        """A pte that maps no page of ours."""
        self.table(AT(at), mm)
        self.set(f"mm[{mm}].pte[{AT(at):#x}]", value)

    def word_at(self, at: int, mm: int = 0) -> int:
        return self.get(f"mm[{mm}].pte[{AT(at):#x}]")

    def shown(self, at: int, mm: int = 0) -> str:
        """A pte as people read it: "page 4 rw,dirty"."""
        return bits.pte_text(self.word_at(at, mm))

    def rss(self, mm: int = 0) -> tuple[int, int]:
        return self.get(f"mm[{mm}].file_rss"), self.get(f"mm[{mm}].anon_rss")

    def counts(self, page: int) -> tuple[int, int]:
        return self.get(f"page[{page}]._count"), self.get(f"page[{page}]._mapcount")

    def calm(self):
        """Nothing is held, nothing slept where it must not, every table is unmapped."""
        assert self.kernel.held() == []
        assert [self.get(f"world.{field}") for field in
                ("held_classes", "kmaps", "order_fault", "sleep_fault", "pages_locked")] == [0] * 5

    def named(self, *names: str) -> list[tuple]:
        """Events of the last primitive that have one of these names."""
        return [event for event in self.kernel.events() if event[0] in names]
