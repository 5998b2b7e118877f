# SPDX-License-Identifier: GPL-2.0-only
"""An empty world, and the primitives of the machine to try on it.

Every test here starts from the same world: 8 pages that nobody uses, 5 vmas that
are all zero, 3 processes with both page tables present and empty, 3 files and
swapper_space without pages, no lock held, an empty trace.
"""

import struct

import pytest

from pykmm.engine import core
from pykmm.report.paths import Map

NR_PAGES, NR_VMAS, NR_MMS, NR_FILES, NR_TABLES = 8, 5, 3, 3, 2
BUFFER_BYTES = 40
# buffer heads of tests lie over the last vma, from this field on: see World.buffer
BUFFERS_FROM = "vma[4].vm_start"


class World:
    """One world and what tests do to it; a str argument stands for the address of what it names."""

    def __init__(self):
        self.runner = core.Runner()
        # all choices 0: a call of is_shared_writable, so no lock is held on entry
        self.runner.build(bytes(core.CASE_BYTES))
        self.map = Map(self.runner)
        self._clear()
        self.empty = self.runner.image()
        self._names = {}

    def _clear(self):
        """Take out what the case with all choices 0 holds."""
        image = bytearray(self.runner.image())
        for name, _, offset, stride, count in self.runner.arrays():
            if name in ("page", "vma", "slot", "pte"):
                image[offset:offset + stride * count] = bytes(stride * count)
        self.runner.restore(bytes(image))
        for i in range(NR_PAGES):
            self.set(f"page[{i}]._mapcount", -1)
        for i in range(NR_MMS):
            for field in ("mmap", "map_count", "file_rss", "anon_rss"):
                self.set(f"mm[{i}].{field}", 0)
            for j in range(NR_TABLES):
                first = 0x40000000 + j * 0x8000
                self.set(f"mm[{i}].pmd[{j}].table", self.at(f"mm[{i}].pte[{first:#x}]"))
        for i in range(NR_FILES + 1):
            for field in ("page_tree.nr", "i_mmap", "i_mmap_nonlinear", "i_mmap_writable",
                          "nrpages"):
                self.set(f"mapping[{i}].{field}", 0)
        for i in range(NR_FILES):
            self.set(f"file[{i}].f_count", 1)
            self.set(f"bdi[{i}].capabilities", 4)
            self.set(f"inode[{i}].i_state", 0)
            self.set(f"inode[{i}].i_is", 1)
        for field in ("nr_dirty", "nr_writeback", "nr_mapped", "nr_active", "nr_inactive"):
            self.set(f"world.page_state.{field}", 0)

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
        first = self.at(BUFFERS_FROM)
        if first <= word < first + 3 * BUFFER_BYTES and (word - first) % BUFFER_BYTES == 0:
            return f"bh[{(word - first) // BUFFER_BYTES}]"
        name = self.map.name_of(word)
        return name if name is not None else word - (word >> 63 << 64)

    def changes(self, before: bytes) -> dict[str, str]:
        """{path: new text} of all that differs from an earlier image, the trace's end aside."""
        return {path: after for path, _, after in
                self.map.differences(before, self.runner.image()) if path != "world.trace_at"}

    def held(self) -> list[str]:
        """The locks that are held, in the order in which they were taken."""
        return [self._name(self.get(f"world.held[{i}]")) for i in range(self.get("world.nr_held"))]

    # Direct worlds have no buffer heads, so those of these tests lie in the bytes
    # of vma[4]: a primitive is told where a buffer head is and asks nothing else
    # about the place.

    def buffer(self, i: int) -> int:
        """Address of the i-th buffer head, i < 3."""
        return self.at(BUFFERS_FROM) + i * BUFFER_BYTES

    def _buffer_field(self, i: int, field: str) -> tuple[int, str]:
        offset, code = {"b_state": (0, "Q"), "b_this_page": (8, "Q"), "b_page": (16, "Q"),
                        "b_assoc_mapping": (24, "Q"), "b_count": (32, "i"),
                        "b_blocknr": (36, "I")}[field]
        return self.buffer(i) - self.runner.base + offset, code

    def get_buffer(self, i: int, field: str) -> int | str:
        offset, code = self._buffer_field(i, field)
        value, = struct.unpack_from("<" + code, self.runner.image(), offset)
        return self._name(value) if field in ("b_this_page", "b_page") else value

    def set_buffer(self, i: int, field: str, value: int | str):
        value = self.at(value) if isinstance(value, str) else value
        offset, code = self._buffer_field(i, field)
        image = bytearray(self.runner.image())
        struct.pack_into("<" + code, image, offset, value)
        self.runner.restore(bytes(image))

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
        self.set(f"page[{page}].flags.locked", 0)
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


@pytest.fixture
def world(_world):
    _world.reset()
    return _world
