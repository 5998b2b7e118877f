# SPDX-License-Identifier: GPL-2.0-only
"""Rows of mm/mmap.c: do_mmap_pgoff where there is room, and do_brk, in a process with mappings."""

from ..kernel import PAGE, READ, WRITE, Kernel, heap_place
from ..row import Call, Row, Start

_MAP_SHARED, _MAP_PRIVATE = 1, 2
_PAGES = 2


def _process(units: int) -> tuple[Kernel, int]:
    """A process that has mapped a file thrice, and memory last."""
    kernel = Kernel(units)
    file = kernel.file(pages=_PAGES)
    for prot in (READ, READ | WRITE, READ):
        kernel.mmap(file, _PAGES, prot=prot)
    kernel.memory(_PAGES)
    return kernel, file


def _call(kernel: Kernel, function: str, arguments: dict[str, int]) -> Start:
    kernel.hold("down_write", kernel.at("mm", 0, "mmap_sem"))
    return kernel.start(Call(function, {"len": _PAGES * PAGE} | arguments))


def _mmap(what: str, of_file: bool, flags: int, prot: int = READ | WRITE) -> Row:
    def make(units: int) -> Start:
        kernel, file = _process(units)
        return _call(kernel, "do_mmap_pgoff", {
            "file": kernel.open_file(file) if of_file else 0, "prot": prot, "map_flags": flags})

    return Row(f"do_mmap_pgoff/{what}", "do_mmap_pgoff", make)


def _brk(what: str, heap: int) -> Row:
    """heap: pages of it that there are."""
    def make(units: int) -> Start:
        kernel, _ = _process(units)
        kernel.brk(heap)
        return _call(kernel, "do_brk", {"address": heap_place(heap)})

    return Row(f"do_brk/{what}", "do_brk", make)


ROWS = [
    _mmap("file, shared", True, _MAP_SHARED),
    _mmap("file, private", True, _MAP_PRIVATE),
    # the process's own memory is private and writable: with other rights it cannot be merged
    _mmap("memory", False, _MAP_PRIVATE, READ),
    _mmap("memory, merged", False, _MAP_PRIVATE),
    _brk("first", 0),
    _brk("merged", _PAGES),
]
