# SPDX-License-Identifier: GPL-2.0-only
"""Rows of mm/page-writeback.c: do_writepages, test_clear_page_dirty, clear_page_dirty_for_io."""

from ..kernel import PAGE, Kernel, place, room
from ..row import Call, Row, Start

_SYNC_ALL = 1


def _dirty(units: int, mappings: int) -> tuple[Kernel, int]:
    """A file whose page is dirty in any kernel: by write(2), or by stores that msync has seen."""
    kernel = Kernel(units, **room(mappings))
    file = kernel.file()
    for i in range(mappings):
        kernel.store(kernel.mmap(file, at=place(i)))
        kernel.msync(place(i))
    if not mappings:
        kernel.operate("write", file, 0, 0, 1)
    return kernel, file


def _cleaned(function: str, mappings: int) -> Row:
    def make(units: int) -> Start:
        kernel, file = _dirty(units, mappings)
        page = kernel.page(file)
        kernel.hold("lock_page", page)
        return kernel.start(Call(function, {"page": page}))

    what = {0: "not mapped", 1: "1 mapping"}.get(mappings, f"{mappings} mappings")
    return Row(f"{function}/{what}", function, make, size=max(mappings, 1))


def _clean(function: str) -> Row:
    def make(units: int) -> Start:
        kernel = Kernel(units)
        file = kernel.file()
        kernel.load(kernel.mmap(file))
        page = kernel.page(file)
        kernel.hold("lock_page", page)
        return kernel.start(Call(function, {"page": page}))

    return Row(f"{function}/clean page", function, make)


def _written(pages: int) -> Row:
    """As sync calls it, for so many dirty pages of one mapping."""
    def make(units: int) -> Start:
        kernel = Kernel(units, **room(pages=pages))
        file = kernel.file(pages=max(pages, 1))
        at = kernel.mmap(file, max(pages, 1))
        for i in range(pages):
            kernel.store(at + i * PAGE)
        kernel.msync(at, max(pages, 1))
        wbc = kernel.hold("get_wbc")
        kernel.put_word(wbc + kernel.offset("wbc", "sync_mode"), _SYNC_ALL, 4)
        kernel.put_word(wbc + kernel.offset("wbc", "nr_to_write"), 2 * pages)
        return kernel.start(Call("do_writepages", {"mapping": kernel.mapping(file), "wbc": wbc}))

    what = {0: "nothing to write", 1: "1 page"}.get(pages, f"{pages} pages")
    return Row(f"do_writepages/{what}", "do_writepages", make, size=max(pages, 1))


_CLEANERS = ("test_clear_page_dirty", "clear_page_dirty_for_io")

ROWS = [
    *[_written(pages) for pages in (0, 1, 16)],
    *[_clean(function) for function in _CLEANERS],
    *[_cleaned(function, mappings) for function in _CLEANERS for mappings in (0, 1, 64)],
]
