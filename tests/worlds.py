# SPDX-License-Identifier: GPL-2.0-only
"""Small worlds written by hand, on which both halves run and must agree.

    pair.file(0)                                  a disk file: it accounts dirty pages
    page = pair.page(0, file=0, index=1, flags="locked dirty")
    vma = pair.vma(0, mm=0, at=4, pages=2, file=0, pgoff=0, flags=SHARED_RW)
    pair.pte(mm=0, at=5, page=0, bits="rw dirty")
    out = pair.run("page_mkclean", page=0)
    assert out.ret == 1 and out.pte(0, 5) == "page 0 clean,read-only"

`at` is in pages from 0x40000000; a process has 16 of them, in two page tables.
"""

from dataclasses import dataclass

from pykmm import half as cython_half
from pykmm import paths
from pykmm.engine import core, finding
from pykmm.report import bits
from pykmm.report.paths import Map

READ, WRITE, EXEC, SHARED = 1, 2, 4, 8
MAY = 0x70
MAYSHARE, PFNMAP, NONLINEAR = 0x80, 0x400, 0x800000
SHARED_RW = READ | WRITE | SHARED | MAY | MAYSHARE
SHARED_RO = READ | SHARED | MAY | MAYSHARE
PRIVATE_RW = READ | WRITE | MAY

ALL_UNITS = 0x7F
BASE = 0x40000000
FIRST_FRAME = 0x100
NO_ACCT_DIRTY = 1


def address(at: int) -> int:
    return BASE + (at << 12)


@dataclass
class Outcome:
    """What both halves did; they were compared before this exists."""

    ended: str                  # "returned", "BUG", ...
    ret: int
    steps: list[str]            # of the events, repetitions dropped
    events: list[str]           # names of the primitives called, in order
    image: bytes
    map: Map
    calls: list[str]            # those by the function itself: step, name, arguments, result

    def read(self, path: str) -> int:
        return self.map.read(self.image, path)

    def pte(self, mm: int, at: int) -> str:
        return bits.pte_text(self.read(f"mm[{mm}].pte[{address(at):#x}]"))


def empty_world() -> tuple[core.Runner, Map]:
    """8 pages that nobody uses, 5 vmas, 3 processes with both page tables present and empty,
    3 disk files without pages, mapping[3] the swapper space; page[8] is the zero page."""
    runner = core.Runner(pages=9, vmas=5, mms=3, pmds=2, table_shift=3, mappings=4, slots=8,
                         files=3, anon_vmas=2, buffers=4, trace_words=2048, swap_slots=0)
    where = Map(runner)

    def put(path: str, value: int) -> None:
        runner.restore(where.write(runner.image(), path, value))

    for mm in range(3):
        for table in range(2):
            first = BASE + table * 0x8000
            put(f"mm[{mm}].pmd[{table}].table", where.address(f"mm[{mm}].pte[{first:#x}]"))
    for i in range(3):
        put(f"file[{i}].f_mapping", where.address(f"mapping[{i}]"))
        put(f"file[{i}].f_mode", 3)
        put(f"file[{i}].f_count", 1)
        put(f"bdi[{i}].capabilities", 4)
        put(f"inode[{i}].i_is", 1)
        put(f"inode[{i}].i_size", 8 << 12)
        runner.primitive("use_disk_aops", where.address(f"mapping[{i}]"))
    runner.primitive("use_no_buffers_aops", where.address("mapping[3]"))
    put("world.trace_at", where.read(runner.image(), "world.trace"))
    return runner, where


class Pair:
    """A world under construction, and C and P to run on it."""

    def __init__(self) -> None:
        self.runner, self.map = empty_world()
        self.halves = [core.Half.load(paths.lib() / "c.so", "C"),
                       core.Half.at(cython_half.ADDRESS, "P")]
        self.units(ALL_UNITS)

    def set(self, path: str, value: int) -> None:
        self.runner.restore(self.map.write(self.runner.image(), path, value))

    def get(self, path: str) -> int:
        return self.map.read(self.runner.image(), path)

    def add(self, path: str, more: int) -> None:
        self.set(path, self.get(path) + more)

    def address(self, name: str) -> int:
        return self.map.address(name)

    def units(self, mask: int) -> None:
        self.set("world.units", mask)

    def primitive(self, name: str, *arguments: int) -> None:
        outcome = self.runner.primitive(name, *arguments)
        assert outcome[0] == "returned", f"building a world: {name} ended as {outcome[0]}"

    def file(self, number: int, *, accounts: bool = True) -> None:
        self.set(f"bdi[{number}].capabilities", 4 if accounts else 3)
        name = "use_disk_aops" if accounts else "use_no_buffers_aops"
        self.primitive(name, self.address(f"mapping[{number}]"))

    def page(self, number: int, *, file: int | None = None, index: int = 0, flags: str = "",
             anon: int | None = None, swap: int | None = None) -> None:
        """file: in its cache; anon: of this anon_vma; swap: at this entry of the swap cache."""
        name = f"page[{number}]"
        self.set(f"{name}._count", 1)
        if file is not None:
            self.primitive("add_to_page_cache", self.address(name),
                           self.address(f"mapping[{file}]"), index)
            self.primitive("unlock_page", self.address(name))
        if swap is not None:
            self.primitive("add_to_page_cache", self.address(name),
                           self.address("mapping[3]"), swap)
            self.primitive("unlock_page", self.address(name))
            self.set(f"{name}.private", swap)
        if anon is not None:
            self.set(f"{name}.mapping", self.address(f"anon_vma[{anon}]") | 1)
        self.set(f"{name}.index", index)
        self.set(f"{name}.flags", 0)
        for flag in flags.split() + (["swapcache"] if swap is not None else []):
            self.set(f"{name}.flags.{flag}", 1)
        if "dirty" in flags.split() and file is not None:
            self.primitive("radix_tree_tag_set", self.address(f"mapping[{file}].page_tree.slots"),
                           index, 0)
            if self.get(f"bdi[{file}].capabilities") & NO_ACCT_DIRTY == 0:
                self.add("world.page_state.nr_dirty", 1)

    def vma(self, number: int, *, mm: int = 0, at: int, pages: int = 1, file: int | None = None,
            pgoff: int = 0, flags: int = SHARED_RW) -> None:
        name = f"vma[{number}]"
        self.set(f"{name}.vm_mm", self.address(f"mm[{mm}]"))
        self.set(f"{name}.vm_start", address(at))
        self.set(f"{name}.vm_end", address(at + pages))
        self.set(f"{name}.vm_flags", flags)
        self.set(f"{name}.vm_pgoff", pgoff)
        if file is not None:
            self.set(f"{name}.vm_file", self.address(f"file[{file}]"))
            insert = "vma_nonlinear_insert" if flags & NONLINEAR else "vma_prio_tree_insert"
            self.primitive(insert, self.address(name), self.address(f"mapping[{file}]"))

    def pte(self, *, mm: int = 0, at: int, page: int | None = None, bits: str = "",
            word: int | None = None, counts: bool = True) -> None:
        """bits: of rw dirty accessed pcd PROT_NONE; word: the whole word instead."""
        path = f"mm[{mm}].pte[{address(at):#x}]"
        if word is None:
            wanted = bits.split()
            word = (FIRST_FRAME + page) << 12 | (0x80 if "PROT_NONE" in wanted else 0x05)
            for bit, value in (("rw", 2), ("pcd", 0x10), ("accessed", 0x20), ("dirty", 0x40)):
                word |= value if bit in wanted else 0
            if counts:
                self.add(f"page[{page}]._mapcount", 1)
                self.add(f"page[{page}]._count", 1)
        self.set(path, word)

    def buffers(self, page: int, states: list[str], *, held: int | None = None,
                associated: int | None = None) -> None:
        """Buffers of a page, by the names of their state bits; held: this one has b_count 1."""
        self.primitive("attach_buffers", self.address(f"page[{page}]"), self.address("buffer[0]"),
                       len(states))
        for i, state in enumerate(states):
            for name in state.split():
                self.set(f"buffer[{i}].b_state.{name}", 1)
            self.set(f"buffer[{i}].b_count", held == i)
            if associated == i:
                self.set(f"buffer[{i}].b_assoc_mapping", self.address("mapping[0]"))

    def dirty_mapped(self, *, accounts: bool = True, flags: str = "locked dirty") -> None:
        """Page 0: index 2 of file 0, mapped at 2 by a writable dirty pte of a shared vma."""
        self.file(0, accounts=accounts)
        self.page(0, file=0, index=2, flags=flags)
        self.vma(0, at=0, pages=3, file=0)
        self.pte(at=2, page=0, bits="rw dirty")

    def held(self, lock: str) -> None:
        self.primitive("spin_lock", self.address(f"{lock}.held"))

    def run(self, function: str, *, page: int | None = None, vma: int | None = None,
            mapping: int | None = None, protect: int = 0, flags: int = 0,
            address: int = 0) -> Outcome:
        """Both halves from the same start at the same address; they must agree in every bit."""
        arguments = {
            "page": self.address(f"page[{page}]") if page is not None else 0,
            "vma": self.address(f"vma[{vma}]") if vma is not None else 0,
            "mapping": self.address(f"mapping[{mapping}]") if mapping is not None else 0,
            "protect": protect, "flags": flags, "address": address,
        }
        return self.compare(function, arguments)

    def compare(self, function: str, arguments: dict[str, int]) -> Outcome:
        """A run with these arguments of Runner.run_on."""
        start = self._without_trace()
        seen = []
        for half in self.halves:
            ended, ret, _ = self.runner.run_on(half, start, function, **arguments)
            words, places = self.runner.trace()
            events = finding.events_of(words, places, half, self.map)
            steps = [e["step"] for e in events if e["step"]]
            seen.append((ended, ret, words, self.runner.image(), steps, events))
        self.runner.restore(start)
        c, p = seen
        assert c[:4] == p[:4], f"C and P differ in {function}: {c[5]} {p[5]}"
        assert c[4] == p[4], f"C and P put events of {function} into other steps: {c[4]} {p[4]}"
        steps = [s for i, s in enumerate(c[4]) if i == 0 or c[4][i - 1] != s]
        names = [e["text"].partition("(")[0] for e in c[5]]
        calls = [f"{e['step']} {e['text']}" for e in c[5] if e["step"]]
        return Outcome(c[0], c[1], steps, names, c[3], self.map, calls)

    def _without_trace(self) -> bytes:
        """The state as it is, with the events of building it forgotten."""
        image = self.runner.image()
        return self.map.write(image, "world.trace_at", self.map.read(image, "world.trace"))
