# SPDX-License-Identifier: GPL-2.0-only
"""Worlds to look at: what drawn sequences leave, and the same worlds with their parts moved."""

from collections.abc import Iterator
from functools import cache
from random import Random

from pykmm.engine import core, halves
from pykmm.report.paths import Map

SEED = 5
PFN_BASE, PAGE_SHIFT = 0x100, 12
PRESENT, PTE_FILE = 0x81, 0x40
PG_PRIVATE, PG_SWAPCACHE = 1 << 11, 1 << 15
GARBAGE = 0xFFFF


@cache
def machine() -> tuple[core.Runner, Map]:
    runner = core.Runner(sequences=True)
    return runner, Map(runner)


def _calm(case: bytes) -> bytes:
    """The case without another actor and without an allocation that fails."""
    at = {name: offset for name, offset, _, _ in core.SEQUENCE_CHOICES}
    calm = bytearray(case)
    calm[at["pause"]], calm[at["fail"]] = 0, 1
    return bytes(calm)


def images(cases: int, seed: int = SEED) -> Iterator[bytes]:
    """What half C leaves after each operation of some sequences."""
    runner, _ = machine()
    c, job = halves.c_half(), core.Job([halves.c_half()], seed=seed)
    for index in range(cases):
        case = _calm(job.case(0, index, True))
        runner.build(case)
        for name, actor, arguments in core.operations_of(case):
            outcome, _, _ = runner.operate(c, name, actor, *arguments)
            runner.forget_trace()
            if outcome != "returned":
                break
            yield runner.image()


class Moved:
    """The same world with things of a pool in other places, and versions with other numbers.

    orders : {array: [new place of element i]}
    """

    def __init__(self, random: Random, vmas: bool):
        self.where = machine()[1]
        self.orders = {}
        for array in ("page", "anon_vma", "buffer", "file", "swap", "mm", *["vma"] * vmas):
            count = self.where.arrays[array][3]
            # the zero page is the last, and swap slot 0 is no slot
            order = list(range(count))
            free = order[:-1] if array == "page" else order[1:] if array == "swap" else order
            moved = random.sample(free, len(free))
            for i, place in zip(free, moved, strict=True):
                order[i] = place
            self.orders[array] = order
        self.orders["task"] = self.orders["mm"]
        self.version = random.randrange(1, 900)

    def _version(self, version: int) -> int:
        return version if version in (0, GARBAGE) else version * 7 + self.version

    def _pointer(self, word: int) -> int:
        """Where a pointer leads now; bits and fields inside of an element stay."""
        offset = word - self.where.base
        for array, order in self.orders.items():
            _, start, stride, count = self.where.arrays[array]
            if start <= offset < start + stride * count:
                i, inside = divmod(offset - start, stride)
                return self.where.base + start + stride * order[i] + inside
        for array, each in (("pmd", self._pmds), ("pte", self._ptes)):
            _, start, stride, count = self.where.arrays[array]
            if start <= offset < start + stride * count:
                i, inside = divmod(offset - start, stride * each)
                return self.where.base + start + stride * each * self.orders["mm"][i] + inside
        return word

    @property
    def _pmds(self) -> int:
        return self.where.arrays["pmd"][3] // self.where.arrays["mm"][3]

    @property
    def _ptes(self) -> int:
        return self.where.arrays["pte"][3] // self.where.arrays["mm"][3]

    def _pte(self, word: int) -> int:
        if word & PRESENT:
            frame = (word >> PAGE_SHIFT) - PFN_BASE
            if 0 <= frame < len(self.orders["page"]):
                return (self.orders["page"][frame] + PFN_BASE) << PAGE_SHIFT | word & 0xFFF
        elif word and not word & PTE_FILE:
            return self.orders["swap"][word >> 8] << 8 | word & 0xFF
        return word

    def image(self, image: bytes) -> bytes:
        words = {}
        for place in self.where.places:
            word = int.from_bytes(image[place.offset:place.offset + place.size], "little")
            words[place.path] = self._word(place, word, image)
        moved = bytearray(image)
        for place in self.where.places:
            at = self._new_offset(place.offset)
            moved[at:at + place.size] = words[place.path].to_bytes(place.size, "little")
        return self._sort_swap_cache(bytes(moved))

    def _word(self, place, word: int, image: bytes) -> int:
        path = place.path
        if path == "world.version":
            return 30000        # above all that is in use
        if place.form == "pte" and ".pte[" in path:
            return self._pte(word)
        if "contents[" in path or "in_flight[" in path or "disk[" in path \
                or "unwritten[" in path:
            return self._version(word)
        if path.endswith(".private"):
            flags = self.where.read(image, path.replace("private", "flags"))
            if flags & PG_SWAPCACHE:
                return self.orders["swap"][word]
            return self._pointer(word) if flags & PG_PRIVATE else word
        if path.startswith("mapping[5].slot") and path.endswith("index_and_tags"):
            return self.orders["swap"][word >> 2] << 2 | word & 3
        # those of a table stand where its process stood
        fixed = path.startswith(("world.size", "world.pages", "world.vmas", "world.mms",
                                 "world.pmds", "world.ptes", "world.files", "world.anon_vmas",
                                 "world.buffers", "world.tasks", "world.swap"))
        return word if fixed or place.size < 8 else self._pointer(word)

    def _new_offset(self, offset: int) -> int:
        return self._pointer(offset + self.where.base) - self.where.base

    def _sort_swap_cache(self, image: bytes) -> bytes:
        where = self.where
        count = where.read(image, "mapping[5].page_tree.nr")
        slots = sorted((where.read(image, f"mapping[5].slot[{i}].index_and_tags"),
                        where.read(image, f"mapping[5].slot[{i}].page")) for i in range(count))
        for i, (index, page) in enumerate(slots):
            image = where.write(image, f"mapping[5].slot[{i}].index_and_tags", index)
            image = where.write(image, f"mapping[5].slot[{i}].page", page)
        return image
