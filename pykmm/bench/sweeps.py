# SPDX-License-Identifier: GPL-2.0-only
"""What grows: the same calls in worlds that differ in how many of one thing they have."""

from collections.abc import Callable
from dataclasses import dataclass

from .kernel import PAGE, READ, WRITE, Kernel, place, room
from .row import AFTER, Call, Start
from .rows import mprotect, rmap

SIZES = tuple(1 << i for i in range(13))     # 1 to 4096
_SAMPLES = 8        # places of a tree that are tried: its paths are not equally long
_MAP_PRIVATE, _MAP_FIXED = 0x02, 0x10
_APART = 3          # pages from one mapping to the next, with room for one that joins the first


@dataclass(frozen=True)
class Sweep:
    """A function whose cost is measured at several sizes.

    name : str            unique: "page_mkclean: mappings of the page"
    function : str        that is called
    of : str              what there are n of
    make : (n) -> Start    a world of this size; what counts is the mean of its steps
    at_most : str         the worst shape (shapes.SHAPES) that the function may have
    """

    name: str
    function: str
    of: str
    make: Callable[[int], Start]
    at_most: str
    sizes: tuple[int, ...] = SIZES


def _samples(size: int) -> list[int]:
    """Numbers of mappings, evenly spread over all of them."""
    count = min(size, _SAMPLES)
    return [(2 * i + 1) * size // (2 * count) for i in range(count)]


def _one_of_many(size: int) -> Start:
    """A file mapped page by page: one vma has the page, and the others have other pages of it."""
    kernel = Kernel(AFTER, **room(mappings=size, pages=_SAMPLES, places=2 * size) | {"slots": size})
    file = kernel.file(pages=size)
    for i in range(size):
        # neighbours in the file and in memory would be one vma
        kernel.mmap(file, at=place(2 * i), pgoff=i)
    for i in _samples(size):
        kernel.store(place(2 * i))
    pages = [kernel.page(file, i) for i in _samples(size)]
    for page in pages:
        kernel.hold("lock_page", page)
    return kernel.start(*[Call("page_mkclean", {"page": page}) for page in pages])


def _among_vmas(size: int) -> Start:
    """Memory behind one of n mappings of memory, which takes it in: found in the tree, and no more.

    A vma of its own would be measured too: in this machine that is the first free of a list.
    """
    kernel = Kernel(AFTER, **room(mappings=size))
    for i in range(size):
        kernel.memory(at=place(_APART * i))
    kernel.hold("down_write", kernel.at("mm", 0, "mmap_sem"))
    return kernel.start(*[Call("do_mmap_pgoff", {
        "address": place(_APART * i + 1), "len": PAGE, "prot": READ | WRITE,
        "map_flags": _MAP_PRIVATE | _MAP_FIXED}) for i in _samples(size)])


SWEEPS = [
    Sweep("page_mkclean: mappings of the page", "page_mkclean", "mappings of the page",
          lambda size: rmap.start(AFTER, "page_mkclean", size), "n"),
    Sweep("page_mkclean: mappings of other pages", "page_mkclean",
          "mappings of the file, one of them of the page", _one_of_many, "log n"),
    Sweep("mprotect_fixup: ptes", "mprotect_fixup", "ptes of the vma",
          lambda size: mprotect.over_ptes(AFTER, size), "n"),
    Sweep("do_mmap_pgoff: vmas", "do_mmap_pgoff", "vmas of the process", _among_vmas, "log n"),
]
