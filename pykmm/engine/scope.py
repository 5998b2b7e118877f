# SPDX-License-Identifier: GPL-2.0-only
"""What `pykmm explore` explores: a start, and the operations that are tried from every world.

Which operations, with which arguments, says an alphabet (alphabet.py); under which conditions it
starts, start.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from ..errors import BadInput
from . import alphabet, start
from .alphabet import AT_PAUSE, DEFAULT, FAIL_UP_TO, PAUSE_UP_TO, Operation

# other actors: each with the number of the pause at which it acts, and what it does there
Pauses = tuple[tuple[int, Operation], ...]
# operation, number of the allocation that fails or 0, what at most two others do at its pauses
Action = tuple[Operation, int, Pauses]

KINDS = ("ext2", "ext3", "block_device", "tmpfs", "ramfs", "PFNMAP_driver", "prot_driver",
         "hugetlbfs", "no_mmap", "failing_driver")
BLOCKS = (1024, 2048, 4096)
MOST = {"processes": 3, "files": 3, "pages": 16, "vmas": 6, "file_pages": 4, "places": 8,
        "descriptors": alphabet.DESCRIPTORS, "depth": 200}
_SLOTS = 6              # as sequences have, so that what is found can be replayed there
_SWAP_SLOTS = 4
_TRACE_WORDS = 32768
_OPEN_FILES = 8
_BUFFERS = 16
_VMAS = 14
_UNNAMED = 2            # inodes for anonymous memory that is shared


def cost(action: Action) -> int:
    """Operations that all actors perform in an action: its own, and one at each pause."""
    return 1 + len(action[2])


def length(actions: Iterable[Action]) -> int:
    """Operations of a run, those of all actors."""
    return sum(map(cost, actions))


@dataclass(frozen=True)
class Scope:
    """The start, and what is tried.

    processes : int      at most so many at a time
    kinds : tuple        of each file, of KINDS
    pages : int          memory to allocate from
    vmas : int           a world with more is outside of the scope, as one with more processes is
    file_pages : int     of each file
    blocks : int         bytes of a block
    ops : tuple          names of operations and of their values, as alphabet.parse takes them
    depth : int          operations, at most
    start : tuple        of start.CONDITIONS
    places : int         pages of a process, without its heap; 0: as many as a file has
    descriptors : int    of a process; 0: those of the files, and one more where `open` is tried
    """

    processes: int = 1
    kinds: tuple[str, ...] = ("ext2",)
    pages: int = 2
    vmas: int = 2
    file_pages: int = 1
    blocks: int = 4096
    ops: tuple[str, ...] = DEFAULT
    depth: int = MOST["depth"]
    units: int = 0x7F
    start: tuple[str, ...] = ()
    places: int = 0
    descriptors: int = 0

    def __post_init__(self) -> None:
        for name, most in MOST.items():
            value = len(self.kinds) if name == "files" else getattr(self, name)
            # 0 of these: what follows from the others
            if not (name not in ("places", "descriptors")) <= value <= most:
                raise BadInput(f"--{name.replace('_', '-')} {value}: it must be from 1 to {most}")
        for kind in self.kinds:
            if kind not in KINDS:
                raise BadInput(f"no kind of file {kind!r} to explore: there are {', '.join(KINDS)}")
        if self.blocks not in BLOCKS:
            raise BadInput(f"--blocks {self.blocks}: it must be 1024, 2048 or 4096 bytes")
        if self.descriptors and self.descriptors < len(self.kinds):
            raise BadInput(f"--descriptors {self.descriptors}: each of {len(self.kinds)} files "
                           "has one")
        for name in self.start:
            if name not in start.CONDITIONS:
                raise BadInput(f"--start: no condition {name!r}: there are "
                               f"{', '.join(start.CONDITIONS)}")
        self.alphabet       # names are looked at now

    @cached_property
    def alphabet(self) -> alphabet.Alphabet:
        return alphabet.parse(self.ops)

    @cached_property
    def _tried(self) -> alphabet.Tried:
        return alphabet.Tried(self, self.alphabet)

    @property
    def nr_places(self) -> int:
        return self.places or self.file_pages

    @property
    def nr_descriptors(self) -> int:
        spare = self.alphabet.has("open")
        return self.descriptors or min(MOST["descriptors"], len(self.kinds) + spare)

    # The start.

    def size(self) -> dict[str, int]:
        """Capacities: of pages what the scope says, of all else what is never too few."""
        shares = self.alphabet.has("mmap", "anonymous")
        opens = shares or self.alphabet.has("open")
        vmas = min(_VMAS, 2 * self.vmas + 2)
        heap = 2 * self.alphabet.has("brk")
        return {
            "pages": self.pages + 1, "vmas": vmas, "mms": self._mms,
            # anywhere: behind all that is there
            "pmds": max(1 + heap, 1 + self.alphabet.has("mmap", "anywhere")), "table_shift": 3,
            "mappings": len(self.kinds) + (_UNNAMED if shares else 0) + 1, "slots": _SLOTS,
            "files": _OPEN_FILES if opens else len(self.kinds), "anon_vmas": vmas,
            "buffers": min(_BUFFERS, self.pages * (4096 // self.blocks)),
            "trace_words": _TRACE_WORDS, "swap_slots": _SWAP_SLOTS,
        }

    @property
    def _mms(self) -> int:
        """One more than there may be: that fork succeeds, and leads outside."""
        return min(MOST["processes"], self.processes + (self.processes > 1))

    def files(self) -> list[tuple[int, int, int]]:
        """(number of its kind, pages, log2 of the bytes of a block) of each file."""
        return [(KINDS.index(kind), self.file_pages, self.blocks.bit_length() - 1)
                for kind in self.kinds]

    def file_starts(self) -> list[start.FileStart]:
        """The files as conditions of the start see them."""
        return [start.FileStart(i, kind, self.file_pages, self.blocks)
                for i, kind in enumerate(self.kinds)]

    def fields(self, tasks: int | None = None) -> list[start.Field]:
        """What is not as in the plain start; tasks: how many the world has room for."""
        return start.fields(self.start, self.file_starts(), self._mms if tasks is None else tasks)

    def first(self) -> list[Action]:
        """What makes the start: process 0 opens every file."""
        return [(("open", 0, (i, i, start.mode(self.start))), 0, ())
                for i in range(len(self.kinds))]

    @property
    def vma_slots(self) -> bool:
        """May an operation stop in the middle of a file's vmas?  Then their order shows."""
        return self.alphabet.has("reclaim") or "pause" in self.alphabet.extras

    # What is tried.

    def actions(self) -> list[Action]:
        """Everything that is tried from every world, in the order in which it is tried."""
        plain = list(self.operations())
        found: list[Action] = [(operation, 0, ()) for operation in plain]
        if "fail" in self.alphabet.extras:
            found += [(operation, number, ()) for operation in plain
                      for number in range(1, FAIL_UP_TO + 1)]
        if "pause" in self.alphabet.extras:
            others = [operation for operation in plain if operation[0] in AT_PAUSE]
            found += [(operation, 0, ((number, other),)) for operation in plain for other in others
                      for number in range(1, PAUSE_UP_TO + 1)]
        if "pauses" in self.alphabet.extras:
            numbers = list(combinations(range(1, PAUSE_UP_TO + 1), 2))
            found += [(operation, 0, ((a, first), (b, second))) for operation in plain
                      for first in others for second in others for a, b in numbers]
        return found

    def operations(self) -> Iterator[Operation]:
        """Every operation by every process, with all its arguments."""
        return self._tried.operations()

    @cached_property
    def left_out(self) -> tuple[str, ...]:
        """In words, all of the table of operations, and of starts, that is not tried."""
        starts = [name for name, one in start.CONDITIONS.items() if name not in self.start
                  and any(one.changes(kind) for kind in self.kinds)]
        return (*self._tried.left_out(), *([f"start {' '.join(starts)}"] if starts else []))

    def words(self) -> str:
        """Start and bounds in a line."""
        def counted(number: int, what: str) -> str:
            return f"{number} {what}{'' if number == 1 else 'es' if what[-1] == 's' else 's'}"

        also = "".join(f", {start.CONDITIONS[name].says}" for name in self.start)
        places = self.nr_places
        return (f"{counted(self.processes, 'process')} of {counted(places, 'place')} and "
                f"{counted(self.nr_descriptors, 'descriptor')}, {' '.join(self.kinds)} of "
                f"{counted(self.file_pages, 'page')} in blocks of {self.blocks}{also}, "
                f"{counted(self.pages, 'page')} of memory, {counted(self.vmas, 'vma')}")
