# SPDX-License-Identifier: GPL-2.0-only
"""Rows of mm/mprotect.c: mprotect_fixup, on shared mappings of a file that has been read."""

from ..kernel import PAGE, READ, Kernel, place, room
from ..row import Call, Row, Start

PTES = (1, 4, 16, 64, 256, 1024, 4096)
_VM_WRITE = 0x2
_PAGES = 4      # of the vma, where their number is not what is measured


def _loaded(kernel: Kernel, pages: int) -> None:
    file = kernel.file(pages=pages)
    at = kernel.mmap(file, pages, at=place(0))
    for i in range(pages):
        kernel.load(at + i * PAGE)


def _call(kernel: Kernel, first: int, pages: int, changed: int) -> Start:
    """As sys_mprotect calls it for one vma, with `changed` bits of its flags turned over."""
    at = place(first)
    vma = kernel.vma(at)
    before = kernel.vma(at - PAGE) if first else 0
    flags = kernel.word(vma + kernel.offset("vma", "vm_flags"))
    # it is told the vma before the range: the vma itself where the range begins inside
    kernel.set("world", 0, "pprev", before)
    kernel.hold("down_write", kernel.at("mm", 0, "mmap_sem"))
    return kernel.start(Call("mprotect_fixup", {
        "vma": vma, "address": at, "end": at + pages * PAGE, "newflags": flags ^ changed}))


def _part(what: str, first: int, pages: int, changed: int = _VM_WRITE) -> Row:
    def make(units: int) -> Start:
        kernel = Kernel(units)
        _loaded(kernel, _PAGES)
        return _call(kernel, first, pages, changed)

    return Row(f"mprotect_fixup/{what}", "mprotect_fixup", make)


def _merge(units: int) -> Start:
    """The part that lost its write access gets it back, and is one with both its neighbours."""
    kernel = Kernel(units)
    _loaded(kernel, _PAGES)
    kernel.mprotect(place(1), 2, READ)
    return _call(kernel, 1, 2, _VM_WRITE)


def over_ptes(units: int, ptes: int) -> Start:
    """A whole vma with so many pages, all present: what is done is change_protection."""
    kernel = Kernel(units, **room(pages=ptes, places=ptes))
    _loaded(kernel, ptes)
    return _call(kernel, 0, ptes, _VM_WRITE)


def _over(ptes: int) -> Row:
    return Row(f"mprotect_fixup/change_protection of {ptes} pte{'s' * (ptes != 1)}",
               "mprotect_fixup", lambda units: over_ptes(units, ptes), size=ptes)


ROWS = [
    _part("no change", 0, _PAGES, changed=0),
    _part("whole vma", 0, _PAGES),
    _part("split in 2", 0, 2),
    _part("split in 3", 1, 2),
    Row("mprotect_fixup/merged", "mprotect_fixup", _merge),
    *[_over(ptes) for ptes in PTES],
]
