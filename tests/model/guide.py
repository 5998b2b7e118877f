# SPDX-License-Identifier: GPL-2.0-only
"""Operations that meet something: chosen with an eye on the world as it is.

Sequences as `pykmm fuzz` draws them choose blindly, which it can afford; of a few thousand cases
hardly a write would ever be completed.  Here most arguments are taken from what is there, and
some still are anything.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from .neutral import FIELDS, Rows
from .state import HEAP_START, PAGE_SIZE, UNMAPPED_BASE

WEIGHTS = {
    "store": 30, "load": 12, "mmap": 16, "munmap": 5, "brk": 3, "mprotect": 10, "msync": 6,
    "remap_file_pages": 7, "fork": 5, "exit": 2, "poke": 6, "pin": 8, "unpin": 12, "write": 10,
    "fsync": 3, "truncate": 5, "invalidate": 4, "writeback": 12, "sync": 2, "complete": 12,
    "flush_buffers": 6, "commit": 3, "release_page": 5, "reclaim": 16, "strip": 3, "drain": 4,
    "lock_page": 5, "open": 5, "close": 2, "fail_in": 4, "truncate_count": 1,
}
# what often comes next: only one after the other do these get anywhere
FOLLOWING = {
    "mmap": ("store", "load", "mmap"),
    "store": ("store", "drain", "msync", "writeback"),
    "drain": ("reclaim",),
    "reclaim": ("reclaim", "reclaim", "complete", "load"),
    "complete": ("reclaim", "reclaim", "load", "store", "writeback"),
    "write": ("write", "writeback", "flush_buffers", "fsync", "commit"),
    "writeback": ("complete", "store", "write", "reclaim", "commit"),
    "remap_file_pages": ("store", "remap_file_pages", "drain", "reclaim", "reclaim"),
    "truncate": ("truncate", "store", "writeback", "load"),
    "truncate_count": ("truncate", "invalidate", "load"),
    "fail_in": ("store", "load", "write", "writeback", "fork", "mmap", "mprotect", "reclaim"),
    "fork": ("store",),
    "pin": ("unpin", "store", "writeback"),
}
FOLLOWS = 0.5
HEAP_PLACE = 16
ANYTHING = 0.08         # how often an argument is not looked for
AGAIN = 0.6             # how often it is the same as before, if that still is there


class NotThere(Exception):
    """What an operation would be done to: another operation is better."""


class Guide:
    """Chooses operations of one case.

    random : Random     seeded with the case's numbers
    """

    def __init__(self, random: Random):
        self.random = random
        self.rows: Rows = {}
        self.last = ""
        self.before: dict[str, Any] = {}    # what was chosen last, of each kind

    def next(self, rows: Rows) -> tuple[str, int, tuple[int, ...]]:
        """An operation for the world of these rows."""
        self.rows = rows
        while True:
            name = self._kind()
            try:
                actor = self._one("mm", self._with("mm", lambda mm: mm["users"]),
                                  lambda: self.random.randrange(3))
                wanted = getattr(self, f"_{name}", None)
                arguments = tuple(wanted(actor)) if wanted else ()
            except NotThere:
                continue
            self.last = name
            return name, actor, arguments

    def _kind(self) -> str:
        if self.last in FOLLOWING and self.random.random() < FOLLOWS:
            return self.random.choice(FOLLOWING[self.last])
        return self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]

    def _all(self, what: str) -> list[tuple[int, dict[str, Any]]]:
        return [(number, dict(zip(FIELDS[what], row, strict=True)))
                for (kind, number), row in self.rows.items() if kind == what]

    def _with(self, what: str, wanted: Callable[[dict[str, Any]], Any]) -> list[int]:
        return [number for number, values in self._all(what) if wanted(values)]

    # what arguments are taken from

    def _one(self, what: str, found: list, otherwise: Callable[[], Any]) -> Any:
        """One of what was found, often the same as before: that is how things get deep."""
        if self.random.random() < ANYTHING:
            return otherwise()
        if not found:
            raise NotThere
        again = self.before.get(what)
        if again not in found or self.random.random() > AGAIN:
            again = self.before[what] = self.random.choice(found)
        return again

    def _place(self, actor: int, wanted: Callable[[dict], Any] = lambda vma: True) -> int:
        places = []
        for _, vma in self._all("vma"):
            if vma["mm"] == actor and wanted(vma):
                for address in range(vma["start"], min(vma["end"], vma["start"] + 6 * PAGE_SIZE),
                                     PAGE_SIZE):
                    base = UNMAPPED_BASE if address >= UNMAPPED_BASE else HEAP_START
                    place = (address - base) // PAGE_SIZE
                    if place < (16 if base == UNMAPPED_BASE else 8):
                        places.append(place + (0 if base == UNMAPPED_BASE else HEAP_PLACE))
        return self._one("place", places, lambda: self.random.choice([0, 1, 2, 3, 4, 7, 16]))

    def _page(self, wanted: Callable[[dict], Any] = lambda page: page["count"]) -> int:
        return self._one("page", self._with("page", wanted), lambda: self.random.randrange(10))

    def _inode(self, wanted: Callable[[dict], Any] = lambda inode: inode["count"]) -> int:
        return self._one("inode", self._with("inode", wanted), lambda: self.random.randrange(4))

    def _fd(self, actor: int, there: bool = True) -> int:
        fds = [i for i, file in enumerate(self.rows["task", actor][0]) if (file is None) != there]
        return self._one("fd", fds, lambda: self.random.randrange(4))

    def _indices(self, inode: int) -> int:
        found = dict(zip(FIELDS["mapping"], self.rows["mapping", inode], strict=True))["pages"]
        return self._one("index", sorted(found), lambda: self.random.randrange(5))

    def _pages(self) -> int:
        return self.random.choice([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4, 8, 0, 33, 66])

    def _prot(self) -> int:
        return self.random.choice([3, 3, 3, 3, 3, 1, 1, 0, 2, 5, 6, 7, 9])

    # the arguments of each operation

    def _fail_in(self, actor: int) -> tuple:
        return (self.random.choice([1, 1, 1, 2, 2, 3, 4]),)

    def _truncate_count(self, actor: int) -> tuple:
        return self._inode(), self.random.choice([0xFFE, 0xFFF, 0xFFFFFFFF])

    def _open(self, actor: int) -> tuple:
        return self._fd(actor, False), self._inode(), self.random.choice([3, 3, 1, 2, 0])

    def _close(self, actor: int) -> tuple:
        return (self._fd(actor),)

    def _mmap(self, actor: int) -> tuple:
        fd = 255 if self.random.random() < 0.25 else self._fd(actor)
        flags = self.random.choice([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 9, 17, 26, 1 | 16 | 128 | 32, 5,
                                    2 | 4 | 64, 2 | 64, 2 | 32])
        place = self.random.choice([0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 10, HEAP_PLACE + 1])
        return (fd, place, self._pages(), self._prot(), flags,
                self.random.choice([0, 0, 0, 0, 1, 1, 2, 3, 5]))

    def _munmap(self, actor: int) -> tuple:
        return self._place(actor), self._pages()

    def _brk(self, actor: int) -> tuple:
        return (self.random.choice([0, 1, 1, 2, 2, 3, 4, 6]),)

    def _mprotect(self, actor: int) -> tuple:
        return self._place(actor), self._pages(), self._prot()

    def _msync(self, actor: int) -> tuple:
        return (self._place(actor), self._pages(),
                self.random.choice([4, 4, 4, 1, 1, 1, 2, 6, 0, 8, 5]))

    def _remap_file_pages(self, actor: int) -> tuple:
        return (self._place(actor, lambda vma: vma["flags"] & 8), self._pages() or 1,
                self.random.choice([0, 0, 1, 1, 2, 3, 5]), self.random.randrange(2))

    def _load(self, actor: int) -> tuple:
        return self._place(actor), self.random.randrange(4)

    def _store(self, actor: int) -> tuple:
        writable = self.random.random() > ANYTHING
        return (self._place(actor, lambda vma: not writable or vma["flags"] & 2),
                self.random.randrange(4))

    def _poke(self, actor: int) -> tuple:
        other = self._one("other", self._with("mm", lambda mm: mm["users"]),
                          lambda: self.random.randrange(3))
        return other, self._place(other), self.random.randrange(4), self.random.choice([1, 1, 1, 0])

    def _pin(self, actor: int) -> tuple:
        return self._place(actor), self.random.choice([1, 1, 1, 0]), self.random.randrange(2)

    def _unpin(self, actor: int) -> tuple:
        return (self._page(lambda page: page["pins"]), self.random.choice([1, 1, 0]),
                self.random.choice([1, 1, 1, 0]))

    def _write(self, actor: int) -> tuple:
        return (self._fd(actor), self.random.choice([0, 0, 0, 1, 1, 2, 3, 4, 5]),
                self.random.randrange(4), self.random.choice([1, 1, 1, 2, 3, 4, 4, 0]))

    def _fsync(self, actor: int) -> tuple:
        return (self._fd(actor),)

    def _truncate(self, actor: int) -> tuple:
        return self._inode(), self.random.choice([0, 1, 2, 4, 4, 5, 6, 8, 8, 10, 12, 13, 16, 20])

    def _invalidate(self, actor: int) -> tuple:
        return (self._inode(),)

    def _writeback(self, actor: int) -> tuple:
        return (self._inode(lambda inode: inode["state"] & 7), self.random.choice([0, 0, 1]),
                self.random.choice([1, 2, 4, 32, 32, 32]))

    def _complete(self, actor: int) -> tuple:
        return self._page(lambda page: page["io"]), self.random.choice([1, 1, 1, 0])

    def _flush_buffers(self, actor: int) -> tuple:
        inode = self._inode(lambda inode: inode["kind"] in ("ext3", "block device"))
        return inode, self._indices(inode)

    def _commit(self, actor: int) -> tuple:
        return (self._inode(lambda inode: inode["kind"] == "ext3"),)

    def _release_page(self, actor: int) -> tuple:
        inode = self._inode()
        return inode, self._indices(inode)

    def _reclaim(self, actor: int) -> tuple:
        return (self._page(lambda page: page["count"] and "reserved" not in page["flags"]),
                self.random.choice([1, 1, 1, 0]))

    def _strip(self, actor: int) -> tuple:
        return (self._page(lambda page: "private" in page["flags"]),)

    def _lock_page(self, actor: int) -> tuple:
        return (self._page(),)
