# SPDX-License-Identifier: GPL-2.0-only
"""What `pykmm explore` explores: a start, and the operations that are tried from every world.

Arguments are few and meaningful: every place, page and file that the scope has, one sector of each
block, the protections and flags that the patch asks about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ..errors import BadInput
from . import core

Operation = tuple[str, int, tuple[int, ...]]        # name, number of the process, arguments
# other actors: each with the number of the pause at which it acts, and what it does there
Pauses = tuple[tuple[int, Operation], ...]
# operation, number of the allocation that fails or 0, what at most two others do at its pauses
Action = tuple[Operation, int, Pauses]

KINDS = ("ext2", "ext3", "block_device", "tmpfs", "ramfs", "PFNMAP_driver", "prot_driver")
BLOCKS = (1024, 2048, 4096)
MOST = {"processes": 3, "files": 3, "pages": 16, "vmas": 6, "file_pages": 4, "depth": 200}
_SLOTS = 6              # as sequences have, so that what is found can be replayed there
_FDS = 4
_SWAP_SLOTS = 4
_TRACE_WORDS = 32768
_OPEN_FILES = 8
_BUFFERS = 16
_VMAS = 14
_UNNAMED = 2            # inodes for anonymous memory that is shared
_HEAP_PLACE = 16
_NO_FD = 255
_SHARED, _PRIVATE = 1, 2
_R, _RW, _NOTHING = 1, 3, 0
_ASYNC, _SYNC = 1, 4
_BOTH = 3               # f_mode: to read and to write
_ALL_PAGES = 32
_FAIL_UP_TO = 3
PAUSE_UP_TO = 12
# at a pause: what changes what the paused one has seen
_AT_PAUSE = ("store", "munmap", "truncate", "invalidate", "reclaim")

DEFAULT = ("mmap", "munmap", "mprotect", "msync", "load", "store", "write", "fsync", "truncate",
           "writeback", "complete", "flush_buffers", "commit", "reclaim", "drain", "fork", "exit")
# not operations of their own: memory of no file; whole blocks written and pages cut in the middle;
# I/O that fails; every operation once more with an allocation that fails, or with another actor
# at a pause
EXTRAS = ("anon", "parts", "error", "fail", "pause")
NAMES = (*(name for name, _ in core.OPERATIONS if name != "nothing"), *EXTRAS)


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
    file_pages : int     of each file, and places of a process
    blocks : int         bytes of a block
    ops : tuple          of NAMES
    depth : int          operations, at most
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
    _wanted: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, most in MOST.items():
            value = len(self.kinds) if name == "files" else getattr(self, name)
            if not 1 <= value <= most:
                raise BadInput(f"--{name.replace('_', '-')} {value}: it must be from 1 to {most}")
        for kind in self.kinds:
            if kind not in KINDS:
                raise BadInput(f"no kind of file {kind!r} to explore: there are {', '.join(KINDS)}")
        if self.blocks not in BLOCKS:
            raise BadInput(f"--blocks {self.blocks}: it must be 1024, 2048 or 4096 bytes")
        for name in self.ops:
            if name not in NAMES:
                raise BadInput(f"--ops: no operation {name!r}: there are {', '.join(NAMES)}")
        object.__setattr__(self, "_wanted", frozenset(self.ops))

    # The start.

    def size(self) -> dict[str, int]:
        """Capacities: of pages what the scope says, of all else what is never too few."""
        shares = "anon" in self._wanted
        files = _OPEN_FILES if shares or "open" in self._wanted else len(self.kinds)
        vmas = min(_VMAS, 2 * self.vmas + 2)
        return {
            "pages": self.pages + 1, "vmas": vmas, "mms": self._mms,
            "pmds": 3 if "brk" in self._wanted else 1, "table_shift": 3,
            "mappings": len(self.kinds) + (_UNNAMED if shares else 0) + 1, "slots": _SLOTS,
            "files": files, "anon_vmas": vmas,
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

    def first(self) -> list[Action]:
        """What makes the start: process 0 opens every file."""
        return [(("open", 0, (i, i, _BOTH)), 0, ()) for i in range(len(self.kinds))]

    @property
    def vma_slots(self) -> bool:
        """May an operation stop in the middle of a file's vmas?  Then their order shows."""
        return not self._wanted.isdisjoint({"reclaim", "pause"})

    # What is tried.

    def actions(self) -> list[Action]:
        """Everything that is tried from every world, in the order in which it is tried."""
        plain = list(self.operations())
        found: list[Action] = [(operation, 0, ()) for operation in plain]
        if "fail" in self._wanted:
            found += [(operation, number, ()) for operation in plain
                      for number in range(1, _FAIL_UP_TO + 1)]
        if "pause" in self._wanted:
            others = [operation for operation in plain if operation[0] in _AT_PAUSE]
            found += [(operation, 0, ((number, other),)) for operation in plain for other in others
                      for number in range(1, PAUSE_UP_TO + 1)]
        return found

    def operations(self) -> Iterator[Operation]:
        """Every operation by every process, with all its arguments."""
        for name, names in core.OPERATIONS:
            # a fork of the only process could only lead outside
            if name not in self._wanted or (name == "fork" and self.processes == 1):
                continue
            arguments: Callable[[], Iterator[tuple[int, ...]]] = getattr(self, f"_{name}", None) \
                or (lambda: iter([()]))
            for actor in range(self.processes if name in _BY_PROCESS else 1):
                for values in arguments():
                    if len(values) != len(names):
                        raise AssertionError(f"{name} takes {names}, not {values}")
                    yield name, actor, values

    @property
    def _places(self) -> list[int]:
        heap = [_HEAP_PLACE] if "brk" in self._wanted else []
        return [*range(self.file_pages), *heap]

    def _parts(self) -> Iterator[tuple[int, int]]:
        """(place, pages) of every run of places."""
        for at in range(self.file_pages):
            for pages in range(1, self.file_pages - at + 1):
                yield at, pages
        if "brk" in self._wanted:
            yield _HEAP_PLACE, 1

    @property
    def _sectors(self) -> range:
        """One sector of each block."""
        return range(0, 4, self.blocks // 1024)

    def _each_file(self) -> Iterator[tuple[int]]:
        return ((i,) for i in range(len(self.kinds)))

    def _each_page(self) -> Iterator[tuple[int]]:
        return ((i,) for i in range(self.pages))

    def _each_index(self, *kinds: str) -> Iterator[tuple[int, int]]:
        for i, kind in enumerate(self.kinds):
            if not kinds or kind in kinds:
                for index in range(self.file_pages):
                    yield i, index

    def _open(self) -> Iterator[tuple]:
        spare = len(self.kinds)
        if spare < _FDS:
            for (i,) in self._each_file():
                yield spare, i, _R
                yield spare, i, _BOTH

    def _close(self) -> Iterator[tuple]:
        return ((fd,) for fd in range(min(_FDS, len(self.kinds) + ("open" in self._wanted))))

    def _mmap(self) -> Iterator[tuple]:
        fds = list(range(min(_FDS, len(self.kinds) + ("open" in self._wanted))))
        for at, pages in self._parts():
            if at >= _HEAP_PLACE:
                continue
            for fd in fds:
                for pgoff in range(self.file_pages - pages + 1):
                    for flags in (_SHARED, _PRIVATE):
                        for prot in (_RW, _R):
                            yield fd, at, pages, prot, flags, pgoff
            if "anon" in self._wanted:
                for flags in (_SHARED, _PRIVATE):
                    yield _NO_FD, at, pages, _RW, flags, 0

    def _munmap(self) -> Iterator[tuple]:
        return self._parts()

    def _brk(self) -> Iterator[tuple]:
        return ((pages,) for pages in (0, 1))

    def _mprotect(self) -> Iterator[tuple]:
        return ((*part, prot) for part in self._parts() for prot in (_RW, _R, _NOTHING))

    def _msync(self) -> Iterator[tuple]:
        return ((*part, flags) for part in self._parts() for flags in (_SYNC, _ASYNC))

    def _remap_file_pages(self) -> Iterator[tuple]:
        return ((at, 1, pgoff, 0) for at in range(self.file_pages)
                for pgoff in range(self.file_pages))

    def _load(self) -> Iterator[tuple]:
        return ((at, 0) for at in self._places)

    def _store(self) -> Iterator[tuple]:
        return ((at, sector) for at in self._places for sector in self._sectors)

    def _poke(self) -> Iterator[tuple]:
        return ((process, at, 0, write) for process in range(self.processes)
                for at in self._places for write in (1, 0))

    def _pin(self) -> Iterator[tuple]:
        return ((at, write, 0) for at in self._places for write in (1, 0))

    def _unpin(self) -> Iterator[tuple]:
        return ((page, store, dirty) for page in range(self.pages + 1)
                for store, dirty in ((1, 1), (1, 0), (0, 0)))

    def _write(self) -> Iterator[tuple]:
        for fd, index in self._each_index():
            for sector in self._sectors:
                yield fd, index, sector, 1
                if "parts" in self._wanted and self.blocks > 1024:
                    yield fd, index, sector, self.blocks // 1024

    def _fsync(self) -> Iterator[tuple]:
        return self._each_file()

    def _truncate(self) -> Iterator[tuple]:
        sizes = list(range(0, 4 * self.file_pages + 1, 2 if "parts" in self._wanted else 4))
        return ((i, size) for (i,) in self._each_file() for size in sizes)

    def _invalidate(self) -> Iterator[tuple]:
        return self._each_file()

    def _writeback(self) -> Iterator[tuple]:
        return ((i, mode, _ALL_PAGES) for (i,) in self._each_file() for mode in (0, 1))

    def _complete(self) -> Iterator[tuple]:
        endings = (1, 0) if "error" in self._wanted else (1,)
        return ((page, ok) for (page,) in self._each_page() for ok in endings)

    def _flush_buffers(self) -> Iterator[tuple]:
        return self._each_index("ext3", "block_device")

    def _commit(self) -> Iterator[tuple]:
        return ((i,) for i, kind in enumerate(self.kinds) if kind == "ext3")

    def _release_page(self) -> Iterator[tuple]:
        return self._each_index()

    def _reclaim(self) -> Iterator[tuple]:
        return ((page, 1) for (page,) in self._each_page())

    def _strip(self) -> Iterator[tuple]:
        return self._each_page()

    def _lock_page(self) -> Iterator[tuple]:
        return self._each_page()


# operations of somebody: the others are tried once, not once for each process
_BY_PROCESS = {"open", "close", "mmap", "munmap", "brk", "mprotect", "msync", "remap_file_pages",
               "fork", "exit", "load", "store", "poke", "pin", "write", "fsync"}
