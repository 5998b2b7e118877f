# SPDX-License-Identifier: GPL-2.0-only
"""Names for the bytes of a world: `page[3].flags.dirty`, `mm[0].pte[0x40001000].rw`.

A Map is made for one runner's block and knows its arrays; it turns offsets into
paths, paths into offsets, and addresses into the names of what lies there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..engine import core
from ..errors import BadInput, HarnessError
from . import bits

PAGE_SHIFT = 12
SECTORS = 4     # of a page: KMM_SECTORS


@dataclass(frozen=True)
class Place:
    """One word of a world.

    path : str      its name
    offset : int    bytes from the start of the block
    size : int      2, 4 or 8 bytes
    form : str      as in machine/layout.def
    """

    path: str
    offset: int
    size: int
    form: str


# Of struct world_size, in order, 4 bytes each.
CAPACITIES = ("pages", "vmas", "mms", "pmds", "table_shift", "mappings", "slots", "files",
              "anon_vmas", "buffers", "trace_words", "swap_slots")

# Fields that are more than one word: (suffix, offset, size, form).
_PARTS = {
    "lock": [(".held", 0, 4, "int"), (".class", 4, 4, "int")],
    "tree": [(".slots", 0, 8, "ptr"), (".nr", 8, 4, "int"), (".capacity", 12, 4, "int")],
    "page_state": [(f".{name}", 8 * i, 8, "int") for i, name in
                   enumerate("nr_dirty nr_writeback nr_mapped nr_active nr_inactive".split())],
    "size": [(f".{name}", 4 * i, 4, "int") for i, name in enumerate(CAPACITIES)],
    "rb_node": [(f".{name}", 8 * i, 8, "ptr") for i, name in
                enumerate(("parent", "left", "right"))],
    "versions": [(f"[{i}]", 2 * i, 2, "int") for i in range(4)],
    "rlimits": [(f".{name}", 8 * i, 8, "hex") for i, name in
                enumerate("data memlock as fsize".split())],
    # of both other actors: the first by the name of the field, the second with [1]
    "two_words": [("", 0, 4, "int"), ("[1]", 4, 4, "int")],
    "two_halves": [("", 0, 2, "int"), ("[1]", 2, 2, "int")],
    "two_operations": [("", 0, 8, "hex"), ("[1]", 8, 8, "hex")],
    "pagevec": [(".nr", 0, 4, "int"), (".reserved", 4, 4, "int"),
                *((f"[{i}]", 8 + 8 * i, 8, "ptr") for i in range(14))],
}
_WBC = [(f".{name}", 8 * i, 8, "int") for i, name in
        enumerate("nr_to_write pages_skipped start end".split())] + [
    (f".{name}", 32 + 4 * i, 4, "int") for i, name in
    enumerate("sync_mode nonblocking encountered_congestion for_kupdate for_reclaim "
              "for_writepages".split())]
_WBC_BYTES = 56
_PARTS["wbcs"] = [(f"[{i}]{name}", i * _WBC_BYTES + at, size, form)
                  for i in range(4) for name, at, size, form in _WBC]


def _parts(form: str, size: int) -> list[tuple[str, int, int, str]]:
    if form in ("held", "fds"):
        return [(f"[{i}]", 8 * i, 8, "ptr") for i in range(size // 8)]
    parts = _PARTS.get(form, [("", 0, size, form)])
    if sum(part[2] for part in parts) != size:
        raise HarnessError(f"pykmm/report/paths.py: form {form} is not {size} bytes long")
    return parts


class Map:
    """Names of everything in the world of one runner."""

    def __init__(self, runner: core.Runner):
        self.base = runner.base
        self.bytes = runner.state_bytes
        self.arrays = {name: (structure, offset, stride, count)
                       for name, structure, offset, stride, count in runner.arrays()}
        self.fields: dict[str, list[tuple[str, str, int, int]]] = {}
        for structure, name, form, offset, size in core.FIELDS:
            self.fields.setdefault(structure, []).append((name, form, offset, size))
        self.places = list(self._all_places(runner.image()))
        self._by_path = {place.path: place for place in self.places}
        self.trace_bytes = 8 * (self.read(runner.image(), "world.size.trace_words") + 1)

    def _all_places(self, image: bytes) -> Iterator[Place]:
        for name, (structure, offset, stride, count) in self.arrays.items():
            for i in range(count):
                start = offset + i * stride
                label = self._label(image, name, i)
                if structure is None:
                    yield Place(label, start, stride, "pte" if name == "pte" else "int")
                    continue
                for field, form, at, size in self.fields[structure]:
                    for suffix, part, part_size, part_form in _parts(form, size):
                        yield Place(f"{label}.{field}{suffix}", start + at + part, part_size,
                                    part_form)

    def _label(self, image: bytes, name: str, i: int) -> str:
        """Name of an array's i-th element; the layout of tables is fixed once a world is made."""
        size = {part[0][1:]: self._word(image, "world", "size", part[1], 4)
                for part in _PARTS["size"]}
        if name == "world":
            return "world"
        if name in ("pmd", "pte"):
            table = i if name == "pmd" else i >> size["table_shift"]
            mm = f"mm[{table // size['pmds']}]"
            if name == "pmd":
                return f"{mm}.pmd[{table % size['pmds']}]"
            index = self._word(image, "pmd", "index", 0, 8, table)
            page = (index << size["table_shift"]) + i % (1 << size["table_shift"])
            return f"{mm}.pte[{page << PAGE_SHIFT:#x}]"
        if name in ("disk", "unwritten"):
            sectors = size["slots"] * SECTORS
            return f"inode[{i // sectors}].{name}[{i % sectors}]"
        if name == "slot":
            return f"mapping[{i // size['slots']}].slot[{i % size['slots']}]"
        return f"{name}[{i}]"

    def _word(self, image: bytes, array: str, field: str, part: int, size: int, i: int = 0) -> int:
        structure, offset, stride, _ = self.arrays[array]
        at = next(f[2] for f in self.fields[structure] if f[0] == field)
        start = offset + i * stride + at + part
        return int.from_bytes(image[start:start + size], "little")

    def place(self, path: str) -> Place:
        """The place of a path; raises BadInput if there is none."""
        if path not in self._by_path:
            raise BadInput(f"no field {path} in a world")
        return self._by_path[path]

    def has(self, path: str) -> bool:
        """Is there a whole word of this name?"""
        return path in self._by_path

    def place_at(self, offset: int) -> Place:
        """The place that a byte of the state belongs to."""
        for place in self.places:
            if place.offset <= offset < place.offset + place.size:
                return place
        raise HarnessError(f"byte {offset} of a world belongs to no field: see machine/layout.def")

    def address(self, name: str) -> int:
        """Address of an element or a field: page[3], mapping[0].tree_lock, mm[0].pmd[1]."""
        if name in self._by_path:
            return self.base + self._by_path[name].offset
        for place in self.places:
            if place.path.startswith(name + "."):
                return self.base + place.offset
        raise BadInput(f"nothing is called {name} in a world")

    def name_of(self, address: int) -> str | None:
        """What lies at an address, or None if it is not in the world."""
        offset = address - self.base
        if self.bytes <= offset < self.bytes + self.trace_bytes:
            return f"trace[{(offset - self.bytes) // 8}]"
        if not 0 <= offset < self.bytes:
            return None
        anon = ""
        if offset & 7 == 1:
            # page->mapping of an anonymous page: bit 0 is a flag
            offset, anon = offset - 1, "+anon"
        for name, (structure, start, stride, count) in self.arrays.items():
            if start <= offset < start + stride * count:
                if structure is not None and (offset - start) % stride == 0 and name != "world":
                    place = self.place_at(offset)
                    return place.path.rpartition(".")[0] + anon
                return re.sub(r"\.(held|slots|node)$", "", self.place_at(offset).path) + anon
        return None

    def read(self, image: bytes, path: str) -> int:
        """The word at a path, unsigned; a bit (page[3].flags.dirty) gives 0 or 1."""
        place, bit = self._place_and_bit(path)
        value = int.from_bytes(image[place.offset:place.offset + place.size], "little")
        return value if bit is None else value >> bit & 1

    def write(self, image: bytes, path: str, value: int) -> bytes:
        """The image with the word or bit at a path set to `value` (masked to its size)."""
        place, bit = self._place_and_bit(path)
        if bit is not None:
            old = int.from_bytes(image[place.offset:place.offset + place.size], "little")
            value = old & ~(1 << bit) | (bool(value) << bit)
        word = (value & ((1 << 8 * place.size) - 1)).to_bytes(place.size, "little")
        return image[:place.offset] + word + image[place.offset + place.size:]

    def _place_and_bit(self, path: str) -> tuple[Place, int | None]:
        if path in self._by_path:
            return self._by_path[path], None
        parent, _, name = path.rpartition(".")
        place = self._by_path.get(parent)
        names = bits.OF_FORM.get(place.form, []) if place else []
        if place is None or name not in names:
            raise BadInput(f"no field {path} in a world")
        return place, names.index(name)

    def text(self, place: Place, value: int) -> str:
        """A word as people read it."""
        if place.form == "ptr":
            return self.pointer(value)
        if place.form == "int":
            return str(value - (1 << 8 * place.size) if value >> (8 * place.size - 1) else value)
        if place.form == "pte":
            return f"{value:#x} ({bits.pte_text(value)})" if value else "0"
        if place.form == "slot":
            tags = [tag for i, tag in enumerate(("DIRTY", "WRITEBACK")) if value >> i & 1]
            return " ".join([f"index {value >> 2:#x}", *tags])
        if place.form in bits.OF_FORM:
            return f"{value:#x} ({','.join(bits.names(value, bits.OF_FORM[place.form]))})"
        return f"{value:#x}"

    def pointer(self, value: int) -> str:
        """A pointer as people read it: what it leads to."""
        if not value:
            return "NULL"
        return self.name_of(value) or "(table of the core library)"

    def differences(self, before: bytes, after: bytes) -> list[tuple[str, str, str]]:
        """[(path, before, after)] of every word that differs, down to bits that have names."""
        found = []
        for place in self.places:
            a = int.from_bytes(before[place.offset:place.offset + place.size], "little")
            b = int.from_bytes(after[place.offset:place.offset + place.size], "little")
            if a == b:
                continue
            names = bits.OF_FORM.get(place.form)
            changed = bits.names(a ^ b, names) if names else []
            if names and all(not n.startswith("bit") for n in changed):
                found += [(f"{place.path}.{n}", str(a >> names.index(n) & 1),
                           str(b >> names.index(n) & 1)) for n in changed]
            else:
                found.append((place.path, self.text(place, a), self.text(place, b)))
        return found
