# SPDX-License-Identifier: GPL-2.0-only
"""Rows of mm/rmap.c: page_mkclean_one, page_mkclean_file, page_mkclean; all new with the patch."""

from collections.abc import Callable

from ..kernel import READ, WRITE, Kernel, place, room
from ..row import Call, Row, Start

# makes a mapping of page 0 of a file: its address
_Prepare = Callable[[Kernel, int], int]

MAPPINGS = (1, 4, 16, 64, 256, 1024, 4096)


def mapped(kernel: Kernel, file: int) -> int:
    return kernel.mmap(file)


def loaded(kernel: Kernel, file: int) -> int:
    at = kernel.mmap(file)
    kernel.load(at)
    return at


def stored(kernel: Kernel, file: int) -> int:
    at = kernel.mmap(file)
    kernel.store(at)
    return at


def stored_and_msynced(kernel: Kernel, file: int) -> int:
    """msync without MS_SYNC takes the dirty bit away and leaves the pte writable."""
    at = stored(kernel, file)
    kernel.msync(at)
    return at


def stored_and_closed_to_stores(kernel: Kernel, file: int) -> int:
    """mprotect leaves the dirty bit where it is."""
    at = stored(kernel, file)
    kernel.mprotect(at, 1, READ)
    return at


def stored_and_reopened_to_stores(kernel: Kernel, file: int) -> int:
    """The patch makes mprotect keep write access back."""
    at = stored_and_closed_to_stores(kernel, file)
    kernel.mprotect(at, 1, READ | WRITE)
    return at


def loaded_privately(kernel: Kernel, file: int) -> int:
    at = kernel.mmap(file, shared=False)
    kernel.load(at)
    return at


def copied(kernel: Kernel, file: int) -> int:
    """A private copy: the page of the file is in memory and not mapped here."""
    at = kernel.mmap(file, shared=False)
    kernel.store(at)
    return at


def _not_there(kernel: Kernel, file: int) -> int:
    """The page is in memory by another mapping, and this one's page table is there."""
    loaded(kernel, file)
    return mapped(kernel, file)


def many_stored(kernel: Kernel, file: int, mappings: int) -> None:
    """So many mappings of page 0, each with a dirty pte."""
    for i in range(mappings):
        at = kernel.mmap(file, at=place(i))
        kernel.store(at)


def _one(what: str, prepare: _Prepare, protect: int, kind: str = "ext2") -> Row:
    """protect: what page_mkclean_file finds for such a file and mapping."""
    def make(units: int) -> Start:
        kernel = Kernel(units)
        file = kernel.file(kind)
        at = prepare(kernel, file)
        page, vma = kernel.page(file), kernel.vma(at)
        kernel.hold("lock_page", page)
        kernel.hold("spin_lock", kernel.at("mapping", file, "i_mmap_lock"))
        return kernel.start(Call("page_mkclean_one",
                                 {"page": page, "vma": vma, "protect": protect}))

    return Row(f"page_mkclean_one/{what}", "page_mkclean_one", make, has_before=False)


def start(units: int, function: str, mappings: int) -> Start:
    """page_mkclean_file or page_mkclean of a page that is mapped so often."""
    kernel = Kernel(units, **room(mappings))
    file = kernel.file()
    if mappings:
        many_stored(kernel, file, mappings)
    else:
        kernel.operate("write", file, 0, 0, 1)
    page = kernel.page(file)
    kernel.hold("lock_page", page)
    arguments = {"page": page}
    if function == "page_mkclean_file":
        arguments["mapping"] = kernel.mapping(file)
    return kernel.start(Call(function, arguments))


def _walk(function: str, mappings: int) -> Row:
    what = {0: "not mapped", 1: "1 mapping"}.get(mappings, f"{mappings} mappings")
    return Row(f"{function}/{what}", function, lambda units: start(units, function, mappings),
               has_before=False, size=max(mappings, 1))


ROWS = [
    _one("untracked, clean, read-only", loaded_privately, 0),
    _one("untracked, clean, writable", loaded, 0, "tmpfs"),
    _one("untracked, dirty, read-only", stored_and_closed_to_stores, 0, "tmpfs"),
    _one("untracked, dirty, writable", stored, 0, "tmpfs"),
    _one("tracked, clean, read-only", loaded, 1),
    _one("tracked, clean, writable", stored_and_msynced, 1),
    _one("tracked, dirty, read-only", stored_and_reopened_to_stores, 1),
    _one("tracked, dirty, writable", stored, 1),
    _one("not there", _not_there, 1),
    _one("another page there", copied, 0),
    *[_walk("page_mkclean_file", mappings) for mappings in (1, 64)],
    *[_walk("page_mkclean", mappings) for mappings in (0, *MAPPINGS)],
]
