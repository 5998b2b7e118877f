# SPDX-License-Identifier: GPL-2.0-only
"""What an exploration tries: every operation with every value of its arguments, or fewer.

Each operation has a few *usual* values, and names for the others (OTHERS).  An alphabet says for
each operation which of these names are tried as well:

    mmap                      the usual values alone
    mmap:locked+populate      these as well, and every combination with the others
    mmap:all                  every value
    all                       every operation, every value, and EXTRAS but `pauses`

Two actions that do the same in every world are tried once: `plainest` says which of them.
docs/explorer.md tells both in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Protocol

from ..errors import BadInput
from . import core

Operation = tuple[str, int, tuple[int, ...]]        # name, number of the process, arguments
Values = tuple[int, ...]

OPERATIONS = tuple(name for name, _ in core.OPERATIONS if name != "nothing")
HEAP_PLACE = 16
DESCRIPTORS = 4         # of a process
_NO_FD = 255
_PAGE_SECTORS = 4
_ALL_PAGES = 32         # of nr_to_write: as many as there are
_SHARED, _PRIVATE, _TYPE = 1, 2, 3
# KMM_MMAP_* of machine/operation.h
_ANYWHERE, _LOCKED, _POPULATE, _NORESERVE, _GROWSDOWN, _NONBLOCK = 4, 8, 16, 32, 64, 128
_R, _W, _RW, _RWX, _SEM = 1, 2, 3, 7, 8
_ASYNC, _INVALIDATE, _SYNC = 1, 2, 4

# Operation -> the names of its unusual values, and what they are.
OTHERS: dict[str, dict[str, str]] = {
    "open": {"modes": "only to write, and neither to read nor to write",
             "descriptors": "numbers that a file has at the start"},
    "mmap": {"anonymous": "memory of no file", "anywhere": "without MAP_FIXED",
             "locked": "MAP_LOCKED", "populate": "MAP_POPULATE",
             "nonblock": "MAP_POPULATE and MAP_NONBLOCK", "noreserve": "MAP_NORESERVE",
             "growsdown": "MAP_GROWSDOWN", "prot": "protections other than to read and to write "
                                                  "and to read", "beyond": "pages after a file's",
             "refused": "neither shared nor private, and both"},
    "brk": {"more": "a heap of two pages"},
    "mprotect": {"prot": "with PROT_EXEC, and only to write"},
    "msync": {"invalidate": "MS_INVALIDATE", "odd": "no flag, both of MS_SYNC and MS_ASYNC, a flag "
                                                   "that there is not"},
    "remap_file_pages": {"nonblock": "MAP_NONBLOCK", "pages": "of more pages than one",
                         "beyond": "pages after a file's"},
    "load": {"sectors": "sectors that are not the first of the page"},
    "store": {"sectors": "sectors that are not the first of a block"},
    "poke": {"sectors": "sectors that are not the first of the page"},
    "pin": {"force": "as a debugger does"},
    "unpin": {"dirty": "set_page_dirty without a store"},
    "write": {"blocks": "whole blocks of several sectors", "sectors": "every part of a page",
              "beyond": "the page after a file's", "descriptors": "opened after the start"},
    "fsync": {"descriptors": "opened after the start"},
    "truncate": {"halves": "to the middle of a page", "sectors": "to every sector",
                 "beyond": "to more than a file's pages"},
    "writeback": {"few": "nr_to_write of fewer pages than there are"},
    "complete": {"errors": "I/O that fails"},
    "flush_buffers": {"beyond": "the page after a file's"},
    "release_page": {"beyond": "the page after a file's"},
    "reclaim": {"clean": "that may not write"},
}
# what the short name means, where these operations are tried
_SHORT = {"anon": {"mmap": ("anonymous",)}, "error": {"complete": ("errors",)},
          "parts": {"write": ("blocks",), "truncate": ("halves",)}}
# every operation once more, with an allocation that fails, with another actor at a pause, with two
# others at two pauses: as that is the square of many, it is tried only where it is named
_USUAL_EXTRAS = ("fail", "pause")
EXTRAS = (*_USUAL_EXTRAS, "pauses")
NAMES = (*OPERATIONS, *_SHORT, *EXTRAS)
FAIL_UP_TO = 3
PAUSE_UP_TO = 12
# at a pause: what changes what the paused one has seen
AT_PAUSE = ("store", "munmap", "truncate", "invalidate", "reclaim")
# operations of somebody: the others are tried once, not once for each process
BY_PROCESS = frozenset({"open", "close", "mmap", "munmap", "brk", "mprotect", "msync",
                        "remap_file_pages", "fork", "exit", "load", "store", "poke", "pin", "write",
                        "fsync"})

DEFAULT = ("mmap", "munmap", "mprotect", "msync", "load", "store", "write", "fsync", "truncate",
           "writeback", "complete", "flush_buffers", "commit", "reclaim", "drain", "fork", "exit")
ALL = (*(f"{name}:all" if name in OTHERS else name for name in OPERATIONS),
       *_USUAL_EXTRAS)


class Bounds(Protocol):
    """How much of everything there is (scope.Scope)."""

    processes: int
    kinds: tuple[str, ...]
    pages: int
    file_pages: int
    blocks: int

    @property
    def nr_places(self) -> int: ...

    @property
    def nr_descriptors(self) -> int: ...


@dataclass(frozen=True)
class Alphabet:
    """Of each operation that is tried the names of OTHERS that are; extras: of EXTRAS."""

    others: dict[str, frozenset[str]]
    extras: frozenset[str]

    def has(self, operation: str, name: str | None = None) -> bool:
        """Is the operation tried, and with these values?"""
        return operation in self.others and (name is None or name in self.others[operation])


def parse(ops: Iterable[str]) -> Alphabet:
    """What names of operations and of their values mean; raises BadInput for one that is none."""
    others: dict[str, frozenset[str]] = {}
    short, extras = [], set()
    for word in (one for op in ops for one in (ALL if op == "all" else (op,))):
        name, _, values = word.partition(":")
        if name not in NAMES:
            raise BadInput(f"--ops: no operation {name!r}: there are {', '.join(NAMES)}")
        if values and name not in OTHERS:
            raise BadInput(f"--ops {word}: {name} has no other values than the usual ones")
        if name in EXTRAS:
            # where two act, one may
            extras |= {name, "pause"} if name == "pauses" else {name}
        elif name in _SHORT:
            short.append(name)
        else:
            others[name] = others.get(name, frozenset()) | _values(name, values)
    for name in short:
        for operation, values_of in _SHORT[name].items():
            if operation in others:
                others[operation] |= frozenset(values_of)
    return Alphabet(others, frozenset(extras))


def _values(operation: str, said: str) -> frozenset[str]:
    known = OTHERS.get(operation, {})
    if said == "all":
        return frozenset(known)
    names = said.split("+") if said else []
    for name in names:
        if name not in known:
            raise BadInput(f"--ops {operation}:{said}: {operation} has no values {name!r}: there "
                           f"are all, {', '.join(known)}")
    return frozenset(names)


class Tried:
    """All operations of an alphabet within some bounds, in the order in which they are tried."""

    def __init__(self, bounds: Bounds, alphabet: Alphabet):
        self.bounds, self.alphabet = bounds, alphabet

    def operations(self) -> Iterator[Operation]:
        """Every operation by every process, with its arguments."""
        for name in OPERATIONS:
            if not self.alphabet.has(name) or self._leads_outside(name):
                continue
            chosen = self.alphabet.others[name]
            for actor in range(self.bounds.processes if name in BY_PROCESS else 1):
                for values in self.every(name):
                    if self.others(name, values) <= chosen:
                        yield name, actor, values

    def _leads_outside(self, name: str) -> bool:
        """A fork of the only process could do nothing else."""
        return name == "fork" and self.bounds.processes == 1

    def every(self, name: str) -> Iterator[Values]:
        """Every value of every argument, of actions that do the same the plainest one."""
        make: Callable[[], Iterator[Values]] = getattr(self, f"_{name}", lambda: iter([()]))
        return (values for values in make() if self.plainest(name, values) == values)

    def left_out(self) -> list[str]:
        """In words, what is not tried: operations, values of those that are tried, and extras."""
        names = [name for name in OPERATIONS
                 if not self.alphabet.has(name) and not self._leads_outside(name)
                 and any(True for _ in self.every(name))]
        found = [" ".join(names)] if names else []
        for name, chosen in self.alphabet.others.items():
            unused: set[str] = set()
            for values in self.every(name):
                needs = self.others(name, values) - chosen
                unused |= needs
            if unused:
                found.append(f"{name} " + ", ".join(one for one in OTHERS[name] if one in unused))
        return [*found, *self._extras_left_out()]

    def _extras_left_out(self) -> list[str]:
        found = []
        if "fail" in self.alphabet.extras:
            found.append(f"allocations that fail after the {FAIL_UP_TO}rd of an operation")
        else:
            found.append("allocations that fail")
        if "pause" in self.alphabet.extras:
            found.append(f"at a pause: all but {' '.join(AT_PAUSE)}; pauses after the "
                         f"{PAUSE_UP_TO}th of an operation"
                         + "; two others at two pauses" * ("pauses" not in self.alphabet.extras))
        else:
            found.append("other actors at a pause")
        return found

    # What belongs together.

    def plainest(self, name: str, values: Values) -> Values | None:
        """Of all arguments that do the same in every world, the plainest ones; None: these never
        do anything.  tests/explore/test_alphabet.py holds both kernels to it."""
        plain = getattr(self, f"_plainest_{name}", None)
        return plain(*values) if plain else values

    def others(self, name: str, values: Values) -> frozenset[str]:
        """The names of OTHERS without which an action is not tried."""
        needs = getattr(self, f"_others_{name}", None)
        return frozenset(needs(*values)) if needs else frozenset()

    # Ranges.

    @property
    def _files(self) -> range:
        return range(len(self.bounds.kinds))

    @property
    def _descriptors(self) -> range:
        """Those that can be open."""
        return range(self.bounds.nr_descriptors if self.alphabet.has("open") else len(self._files))

    @property
    def _heap(self) -> list[int]:
        if not self.alphabet.has("brk"):
            return []
        return [HEAP_PLACE, HEAP_PLACE + 1][:1 + self.alphabet.has("brk", "more")]

    @property
    def _places(self) -> list[int]:
        return [*range(self.bounds.nr_places), *self._heap]

    def _parts(self) -> Iterator[tuple[int, int]]:
        """(place, pages) of every run of places."""
        for places in (range(self.bounds.nr_places), self._heap):
            for at in places:
                for pages in range(1, places[-1] - at + 2):
                    yield at, pages

    @property
    def _block_sectors(self) -> int:
        return self.bounds.blocks // 1024

    @property
    def _indexes(self) -> range:
        """Pages of a file, and the one after them."""
        return range(self.bounds.file_pages + 1)

    def _is_beyond(self, index: int) -> bool:
        return index >= self.bounds.file_pages

    def _each_index(self, *kinds: str) -> Iterator[tuple[int, int]]:
        return ((i, index) for i in self._files if not kinds or self.bounds.kinds[i] in kinds
                for index in self._indexes)

    def _each_page(self) -> Iterator[tuple[int]]:
        return ((i,) for i in range(self.bounds.pages))

    def _each_file(self) -> Iterator[tuple[int]]:
        return ((i,) for i in self._files)

    # Operations, as machine/operations.def has them: every value, and what is unusual.

    def _open(self) -> Iterator[Values]:
        return product(self._descriptors, self._files, (1, 3, 0, 2))

    def _others_open(self, fd: int, _inode: int, mode: int) -> Iterator[str]:
        if fd < len(self._files):
            yield "descriptors"
        if not mode & _R:
            yield "modes"

    def _close(self) -> Iterator[Values]:
        return ((fd,) for fd in self._descriptors)

    def _mmap(self) -> Iterator[Values]:
        flags = [kind | bits for bits in range(0, 256, _TYPE + 1)
                 for kind in (_SHARED, _PRIVATE, 0, _TYPE)]
        prots = (_RW, _R, 0, _W, 4, 5, 6, _RWX)
        for at, pages in self._parts():
            if at >= HEAP_PLACE:
                continue
            for fd in (*self._descriptors, _NO_FD):
                for pgoff in self._indexes:
                    for one in flags:
                        for prot in prots:
                            yield fd, at, pages, prot, one, pgoff

    def _plainest_mmap(self, fd: int, at: int, pages: int, prot: int, flags: int,
                       pgoff: int) -> Values | None:
        kind, anonymous = flags & _TYPE, fd == _NO_FD
        if not pages:
            return None                         # MM3
        prot &= _RWX                            # PROT_SEM means nothing
        if kind not in (_SHARED, _PRIVATE):
            return fd, 0, 1, _RW, kind, 0       # refused before anything is looked at (MM7)
        if flags & _ANYWHERE:
            at = 0                              # is not looked at
        if flags & _GROWSDOWN and not anonymous:
            # a file cannot: what was there is unmapped, then it is refused (MM15)
            if flags & _ANYWHERE:
                return None
            return fd, at, pages, prot, kind | _GROWSDOWN, 0
        if not flags & _POPULATE or (kind == _PRIVATE and not self._may_pause):
            flags &= ~(_POPULATE | _NONBLOCK)   # only what is shared is populated
        if not (anonymous or prot & _W) or (kind == _SHARED and not anonymous) or (
                kind == _PRIVATE and not prot & _W):
            flags &= ~_NORESERVE                # nothing to be reserved (MM11, MM17)
        if anonymous and kind == _PRIVATE:
            pgoff = 0                           # is not looked at (MM7c)
        return fd, at, pages, prot, flags, pgoff

    @property
    def _may_pause(self) -> bool:
        """Populating gives mmap_sem back: another actor can do something there."""
        return "pause" in self.alphabet.extras

    def _others_mmap(self, fd: int, _at: int, pages: int, prot: int, flags: int,
                     pgoff: int) -> Iterator[str]:
        for bit, name in ((_ANYWHERE, "anywhere"), (_LOCKED, "locked"), (_NORESERVE, "noreserve"),
                          (_GROWSDOWN, "growsdown")):
            if flags & bit:
                yield name
        if flags & _POPULATE:
            yield "nonblock" if flags & _NONBLOCK else "populate"
        if fd == _NO_FD:
            yield "anonymous"
        if prot not in (_RW, _R) or (fd == _NO_FD and prot != _RW):
            yield "prot"
        # memory of no file has none of a file's pages
        if pgoff + (pages if fd != _NO_FD else 1) > (self.bounds.file_pages if fd != _NO_FD else 1):
            yield "beyond"
        if flags & _TYPE not in (_SHARED, _PRIVATE):
            yield "refused"

    def _munmap(self) -> Iterator[Values]:
        return self._parts()

    def _plainest_munmap(self, at: int, pages: int) -> Values | None:
        return (at, pages) if pages else None

    def _brk(self) -> Iterator[Values]:
        return ((pages,) for pages in (0, 1, 2))

    def _others_brk(self, pages: int) -> Iterator[str]:
        if pages > 1:
            yield "more"

    def _mprotect(self) -> Iterator[Values]:
        return ((*part, prot) for part in self._parts()
                for prot in (_RW, _R, 0, _W, 4, 5, 6, _RWX))

    def _others_mprotect(self, _at: int, _pages: int, prot: int) -> Iterator[str]:
        if prot not in (_RW, _R, 0):
            yield "prot"

    def _plainest_mprotect(self, at: int, pages: int, prot: int) -> Values | None:
        return (at, pages, prot & ~_SEM) if pages else None

    def _msync(self) -> Iterator[Values]:
        return ((*part, flags) for part in self._parts() for flags in (_SYNC, _ASYNC, 2, 3, 6, 0, 5,
                                                                       7, 8))

    def _plainest_msync(self, at: int, pages: int, flags: int) -> Values | None:
        return (at, pages, flags) if pages else None

    def _others_msync(self, _at: int, _pages: int, flags: int) -> Iterator[str]:
        if flags in (0, _SYNC | _ASYNC, _SYNC | _ASYNC | _INVALIDATE) or flags > 7:
            yield "odd"
        elif flags & _INVALIDATE:
            yield "invalidate"

    def _remap_file_pages(self) -> Iterator[Values]:
        return ((at, pages, pgoff, flags) for at, pages in self._parts() if at < HEAP_PLACE
                for pgoff in self._indexes for flags in (0, 1))

    def _plainest_remap_file_pages(self, at: int, pages: int, pgoff: int,
                                   flags: int) -> Values | None:
        return (at, pages, pgoff, flags) if pages else None

    def _others_remap_file_pages(self, _at: int, pages: int, pgoff: int,
                                 flags: int) -> Iterator[str]:
        if pages > 1:
            yield "pages"
        if flags:
            yield "nonblock"
        if pgoff + pages > self.bounds.file_pages:
            yield "beyond"

    def _load(self) -> Iterator[Values]:
        return product(self._places, range(_PAGE_SECTORS))

    def _others_load(self, _at: int, sector: int) -> Iterator[str]:
        if sector:
            yield "sectors"

    def _store(self) -> Iterator[Values]:
        return product(self._places, range(_PAGE_SECTORS))

    def _others_store(self, _at: int, sector: int) -> Iterator[str]:
        if sector % self._block_sectors:
            yield "sectors"

    def _poke(self) -> Iterator[Values]:
        return product(range(self.bounds.processes), self._places, range(_PAGE_SECTORS), (1, 0))

    def _others_poke(self, _process: int, _at: int, sector: int, _write: int) -> Iterator[str]:
        if sector:
            yield "sectors"

    def _pin(self) -> Iterator[Values]:
        return product(self._places, (1, 0), (0, 1))

    def _others_pin(self, _at: int, _write: int, force: int) -> Iterator[str]:
        if force:
            yield "force"

    def _unpin(self) -> Iterator[Values]:
        return ((page, store, dirty) for page in range(self.bounds.pages + 1)
                for store, dirty in ((1, 1), (1, 0), (0, 0), (0, 1)))

    def _others_unpin(self, _page: int, store: int, dirty: int) -> Iterator[str]:
        if dirty and not store:
            yield "dirty"

    def _write(self) -> Iterator[Values]:
        for fd in self._descriptors:
            for index in self._indexes:
                for sector in range(_PAGE_SECTORS):
                    for sectors in range(1, _PAGE_SECTORS - sector + 1):
                        yield fd, index, sector, sectors

    def _others_write(self, fd: int, index: int, sector: int, sectors: int) -> Iterator[str]:
        if fd >= len(self._files):
            yield "descriptors"
        if self._is_beyond(index):
            yield "beyond"
        if sector % self._block_sectors or sectors not in (1, self._block_sectors):
            yield "sectors"
        elif sectors > 1:
            yield "blocks"

    def _plainest_write(self, fd: int, index: int, sector: int, sectors: int) -> Values | None:
        # a write ends at the end of its page
        return (fd, index, sector, min(sectors, _PAGE_SECTORS - sector)) if sectors else None

    def _fsync(self) -> Iterator[Values]:
        return ((fd,) for fd in self._descriptors)

    def _others_fsync(self, fd: int) -> Iterator[str]:
        if fd >= len(self._files):
            yield "descriptors"

    def _truncate(self) -> Iterator[Values]:
        return product(self._files, range(_PAGE_SECTORS * len(self._indexes) + 1))

    def _others_truncate(self, _inode: int, size: int) -> Iterator[str]:
        if size > _PAGE_SECTORS * self.bounds.file_pages:
            yield "beyond"
        if size % 2:
            yield "sectors"
        elif size % _PAGE_SECTORS:
            yield "halves"

    def _invalidate(self) -> Iterator[Values]:
        return self._each_file()

    def _writeback(self) -> Iterator[Values]:
        return product(self._files, (0, 1), (_ALL_PAGES, *range(1, len(self._indexes) + 1)))

    def _others_writeback(self, _inode: int, _mode: int, nr_to_write: int) -> Iterator[str]:
        if nr_to_write != _ALL_PAGES:
            yield "few"

    def _complete(self) -> Iterator[Values]:
        return ((page, ok) for (page,) in self._each_page() for ok in (1, 0))

    def _others_complete(self, _page: int, ok: int) -> Iterator[str]:
        if not ok:
            yield "errors"

    def _flush_buffers(self) -> Iterator[Values]:
        # of other files it gives -EINVAL, and does nothing
        return self._each_index("ext3", "block_device")

    def _others_flush_buffers(self, _inode: int, index: int) -> Iterator[str]:
        if self._is_beyond(index):
            yield "beyond"

    def _commit(self) -> Iterator[Values]:
        return ((i,) for i in self._files if self.bounds.kinds[i] == "ext3")

    def _release_page(self) -> Iterator[Values]:
        return self._each_index()

    def _others_release_page(self, _inode: int, index: int) -> Iterator[str]:
        if self._is_beyond(index):
            yield "beyond"

    def _reclaim(self) -> Iterator[Values]:
        return ((page, may_write) for (page,) in self._each_page() for may_write in (1, 0))

    def _others_reclaim(self, _page: int, may_write: int) -> Iterator[str]:
        if not may_write:
            yield "clean"

    def _strip(self) -> Iterator[Values]:
        return self._each_page()

    def _lock_page(self) -> Iterator[Values]:
        return self._each_page()
