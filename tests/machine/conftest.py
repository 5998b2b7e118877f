# SPDX-License-Identifier: GPL-2.0-only
"""An empty world, and the primitives of the machine to try on it.

Every test here starts from the same world: 8 pages that nobody uses, 5 vmas that
are all zero, 3 processes with both page tables present and empty, 3 files and
swapper_space without pages, no lock held, an empty trace.
"""

import pytest
from file_kinds import KINDS
from worlds import empty_world

from pykmm import paths
from pykmm.engine import core
from pykmm.report.paths import Map


class World:
    """One world and what tests do to it; a str argument stands for the address of what it names."""

    def __init__(self):
        self.runner, self.map = empty_world()
        self.empty = self.runner.image()
        self._names = {}

    def reset(self):
        self.runner.restore(self.empty)

    def at(self, name: str) -> int:
        """Address of what a path names."""
        return self.map.address(name)

    def get(self, path: str) -> int:
        """The word or bit at a path; fields that print as int are signed."""
        value = self.map.read(self.runner.image(), path)
        place, bit = self.map._place_and_bit(path)
        if bit is None and place.form == "int" and value >> (8 * place.size - 1):
            value -= 1 << 8 * place.size
        return value

    def name(self, path: str) -> str | None:
        """What the pointer at a path leads to."""
        value = self.get(path)
        return self._name(value) if value else None

    def set(self, path: str, value: int | str):
        """A str is stored as the address of what it names."""
        word = self.at(value) if isinstance(value, str) else value
        self.runner.restore(self.map.write(self.runner.image(), path, word))

    def call(self, primitive: str, *arguments: int | str) -> int:
        """Run a primitive that must return; what it gave (0 if it gives nothing)."""
        outcome, result, _ = self._run(primitive, arguments)
        assert outcome == "returned", f"{primitive}{arguments} ended as {outcome}"
        return result

    def end(self, primitive: str, *arguments: int | str) -> str:
        """Run a primitive; the way in which it ended."""
        return self._run(primitive, arguments)[0]

    def _run(self, primitive, arguments):
        # the trace holds the events of the last primitive only
        self.set("world.trace_at", self.get("world.trace"))
        words = [self.at(a) if isinstance(a, str) else a for a in arguments]
        return self.runner.primitive(primitive, *words)

    def events(self) -> list[tuple]:
        """Events of the last primitive: (name, argument, ..., result); addresses by name."""
        words, _ = self.runner.trace()
        found, at = [], 0
        while at < len(words):
            name, args, result, count = core.EVENTS[words[at] & 0xFFFF]
            assert words[at] >> 16 == count == len(args) + len(result.split())
            found.append((name, *map(self._name, words[at + 1:at + 1 + count])))
            at += 1 + count
        return found

    def _name(self, word: int) -> int | str:
        if word not in self._names:
            self._names[word] = self._find_name(word)
        return self._names[word]

    def _find_name(self, word: int) -> int | str:
        name = self.map.name_of(word)
        if name is None:
            return word - (word >> 63 << 64)
        return name.replace("buffer[", "bh[")

    def changes(self, before: bytes) -> dict[str, str]:
        """{path: new text} of all that differs from an earlier image, the trace's end aside."""
        return {path: after for path, _, after in
                self.map.differences(before, self.runner.image()) if path != "world.trace_at"}

    def held(self) -> list[str]:
        """The locks that are held, in the order in which they were taken."""
        return [self._name(self.get(f"world.held[{i}]")) for i in range(self.get("world.nr_held"))]

    def buffer(self, i: int) -> int:
        """Address of the i-th buffer head."""
        return self.at(f"buffer[{i}]")

    def get_buffer(self, i: int, field: str) -> int | str:
        value = self.get(f"buffer[{i}].{field}")
        return self._name(value) if field in ("b_this_page", "b_page") else value

    def set_buffer(self, i: int, field: str, value: int | str):
        self.set(f"buffer[{i}].{field}", value)

    # Pieces of worlds that many tests need.

    def vma(self, i, *, start=0x40000000, pages=3, pgoff=0, flags=0x0, mm="mm[0]"):
        self.set(f"vma[{i}].vm_mm", mm)
        self.set(f"vma[{i}].vm_start", start)
        self.set(f"vma[{i}].vm_end", start + pages * 0x1000)
        self.set(f"vma[{i}].vm_pgoff", pgoff)
        self.set(f"vma[{i}].vm_flags", flags)

    def cached(self, page: int, mapping: int = 0, index: int = 0):
        """Put a page into the page cache the way the kernel does, then unlock it."""
        assert self.call("add_to_page_cache", f"page[{page}]", f"mapping[{mapping}]", index) == 0
        self.call("unlock_page", f"page[{page}]")
        self.set("world.trace_at", self.get("world.trace"))

    def slots(self, mapping: int = 0) -> list[tuple[int, str, set]]:
        """The page tree: (index, page, tags)."""
        found = []
        for i in range(self.get(f"mapping[{mapping}].page_tree.nr")):
            word = self.get(f"mapping[{mapping}].slot[{i}].index_and_tags")
            tags = {tag for bit, tag in enumerate(("DIRTY", "WRITEBACK")) if word >> bit & 1}
            found.append((word >> 2, self.name(f"mapping[{mapping}].slot[{i}].page"), tags))
        return found


@pytest.fixture(scope="session")
def _world():
    return World()


class Kernel(World):
    """A fresh world for actors: nothing in it but files on disk; half C is what actors call.

    16 pages and the zero page, 12 vmas, 3 processes (mms and tasks 0 to 2, of which 0 is there
    and runs) each with page tables for 16 pages from 0x40000000 and 8 from 0x08050000, inodes
    0 to 2 (named, see `inode`), 3 to 4 (for unnamed files), mapping[5] the swapper space with
    slots 1 to 3, 8 files, 6 anon_vmas, 16 buffers.
    """

    def __init__(self):
        self.runner = core.Runner(pages=17, vmas=12, mms=3, pmds=3, table_shift=3, mappings=6,
                                  slots=8, files=8, anon_vmas=6, buffers=16, trace_words=8192,
                                  swap_slots=4)
        self.runner.use(core.Half.load(paths.lib() / "c.so", "C"))
        self.map = Map(self.runner)
        self._names = {}
        self.set("mm[0].mm_users", 1)
        self.set("world.units", 0x7F)
        self.call("use_swap_aops", "mapping[5]")
        self.empty = self.runner.image()

    def inode(self, i: int, kind: str = "ext2", *, size: int = 4 << 12, blkbits: int = 12,
              mapped: int = 0xFFFF, disk=()):
        """A named file of 4 pages, all on disk; disk: the versions of its sectors."""
        self.call("make_inode", f"inode[{i}]", KINDS.index(kind), size)
        self.set(f"inode[{i}].i_blkbits", blkbits)
        self.set(f"inode[{i}].i_mapped", mapped)
        for at, version in enumerate(disk):
            self.set(f"inode[{i}].disk[{at}]", version)

    def file(self, number: int, inode: int, mode: int = 3):
        """An open file by hand; mode: FMODE_READ 1, FMODE_WRITE 2."""
        self.call("open_into", f"file[{number}].f_mapping", f"inode[{inode}]", mode)


@pytest.fixture(scope="session")
def _kernel():
    return Kernel()


@pytest.fixture
def kernel(_kernel):
    _kernel.reset()
    return _kernel


@pytest.fixture
def world(_world):
    _world.reset()
    return _world
