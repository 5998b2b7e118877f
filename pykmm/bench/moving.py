# SPDX-License-Identifier: GPL-2.0-only
"""A world for another process, where its block and the core library lie elsewhere.

Every aligned word of an image that is an address in the block or in the core
library is taken for a pointer.  Nothing else in a world looks like one: its own
addresses end at 4 GiB, and packed versions and pairs of counts would have to be
near 2**15 in their upper half and hit a range of some megabytes in their lower.
"""

from array import array
from dataclasses import dataclass

from ..engine import core
from ..errors import HarnessError
from ..report.paths import CAPACITIES

_WORD = 8
_TRACES = 2         # the trace and the places behind it
_GAP_WORDS = 64     # behind each of them in sanitized builds


@dataclass(frozen=True)
class Moved:
    """An image, and what to add to its words elsewhere.

    size : dict              capacities of its world, as core.Runner takes them
    base, library : int      where its block and the core library lay
    in_block, in_library     bytes as long as the image: 1 in each word that points there
    """

    size: dict[str, int]
    image: bytes
    base: int
    library: int
    in_block: bytes
    in_library: bytes

    def at(self, base: int, library: int) -> bytes:
        """The image as it is when block and library lie there."""
        whole = int.from_bytes(self.image, "little")
        whole += (base - self.base) * int.from_bytes(self.in_block, "little")
        whole += (library - self.library) * int.from_bytes(self.in_library, "little")
        return whole.to_bytes(len(self.image), "little")

    def word_at(self, word: int, base: int) -> int:
        """An argument of a call when the block lies at `base`."""
        return word + base - self.base if word in _block(self.base, self.size, self.image) else word


def core_library() -> range:
    """Where this process has the core library."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        ends = [int(end, 16) for line in maps if line.rstrip().endswith("/libkmm.so")
                for end in line.split()[0].split("-")]
    if not ends:
        raise HarnessError("/proc/self/maps does not say where libkmm.so was loaded")
    return range(min(ends), max(ends))


def capacities(runner: core.Runner, image: bytes) -> dict[str, int]:
    """Capacities of the world that an image of this runner is of."""
    at = next(offset for structure, name, _, offset, _ in core.FIELDS
              if (structure, name) == ("world", "size"))
    words = memoryview(image)[at:at + 4 * len(CAPACITIES)].cast("I")
    return dict(zip(CAPACITIES, words, strict=True))


def _block(base: int, size: dict[str, int], image: bytes) -> range:
    return range(base, base + len(image) + _TRACES * _WORD * (size["trace_words"] + _GAP_WORDS))


def _mask(words: memoryview, places: range) -> bytes:
    return array("Q", [word in places for word in words]).tobytes()


def movable(runner: core.Runner, image: bytes) -> Moved:
    """An image of this runner's block, to be put into another one of its size."""
    size = capacities(runner, image)
    words, library = memoryview(image).cast("Q"), core_library()
    return Moved(size, image, runner.base, library.start,
                 _mask(words, _block(runner.base, size, image)), _mask(words, library))
