# SPDX-License-Identifier: GPL-2.0-only
"""Life cycles: operations of processes, through the faults and actors around the functions.

Pages are in memory before, so that what is measured is faults and flags, and no reading of a disk.
"""

from collections.abc import Callable

from ..kernel import PAGE, READ, WRITE, Kernel, heap_number, heap_place, place, room
from ..row import Operation, Row, Start

FUNCTION = "life cycle"
_MS_SYNC = 4
# Operations know the places of a process by one byte: 16 where mappings go, the rest of the heap's.
_PLACES, _HEAP_PLACES = 16, 240


def _row(what: str, make: Callable[[int], Start], size: int = 1) -> Row:
    return Row(f"{FUNCTION}/{what}", FUNCTION, make, size=size)


def _store(number: int, actor: int = 0) -> Operation:
    return Operation("store", actor, (number, 0))


def _in_memory(kernel: Kernel) -> int:
    """A file whose page another mapping has read in."""
    file = kernel.file()
    kernel.load(kernel.mmap(file, at=place(1)))
    return file


def _first_store(units: int) -> Start:
    kernel = Kernel(units)
    kernel.mmap(_in_memory(kernel), at=place(0))
    return kernel.start(_store(0))


def _store_after_writeback(units: int) -> Start:
    """Before the patch nothing but msync tells writeback of a store: so both kernels call it."""
    kernel = Kernel(units)
    at = kernel.mmap(kernel.file(), at=place(0))
    kernel.store(at)
    kernel.msync(at, wait=True)
    return kernel.start(_store(0))


def _parts(pages: int) -> list[tuple[int, int, int]]:
    """(address, number of the first place, pages) of what together maps so many pages."""
    low = min(pages, _PLACES)
    parts = [(place(0), 0, low), (heap_place(0), heap_number(0), pages - low)]
    return [part for part in parts if part[2]]


def _rewritten(pages: int) -> Row:
    """Every page stored to, all of them synced, every page stored to again."""
    def make(units: int) -> Start:
        kernel = Kernel(units, **room(pages=pages))
        file = kernel.file(pages=pages)
        pgoff = 0
        for address, _, size in _parts(pages):
            kernel.mmap(file, size, at=address, pgoff=pgoff)
            for i in range(size):
                kernel.load(address + i * PAGE)
            pgoff += size
        stores = [_store(first + i) for _, first, size in _parts(pages) for i in range(size)]
        msyncs = [Operation("msync", 0, (first, size, _MS_SYNC))
                  for _, first, size in _parts(pages)]
        return kernel.start(*stores, *msyncs, *stores)

    return _row(f"write {pages} page{'s' * (pages != 1)}, msync, rewrite", make, pages)


def _forked(shared: bool) -> Callable[[int], Start]:
    """The child of a process that has stored stores to a page of a file, or to its memory."""
    def make(units: int) -> Start:
        kernel = Kernel(units)
        at = (kernel.mmap(kernel.file(), at=place(0)) if shared else
              kernel.memory(at=place(0)))
        kernel.store(at)
        return kernel.start(Operation("fork", 0), _store(0, actor=1))

    return make


def _reopened(units: int) -> Start:
    """A page that was only read is made writable, and written to."""
    kernel = Kernel(units)
    kernel.load(kernel.mmap(kernel.file(), at=place(0), prot=READ))
    return kernel.start(Operation("mprotect", 0, (0, 1, READ | WRITE)), _store(0))


ROWS = [
    _row("first store", _first_store),
    _row("store after writeback", _store_after_writeback),
    *[_rewritten(pages) for pages in (1, 16, _PLACES + _HEAP_PLACES)],
    _row("fork, store, shared", _forked(shared=True)),
    _row("fork, store, private", _forked(shared=False)),
    _row("mprotect to writable, store", _reopened),
]
