# SPDX-License-Identifier: GPL-2.0-only
"""Rows of mm/memory.c: follow_page, do_wp_page, do_no_page, each as its caller calls it."""

from collections.abc import Callable

from ..kernel import FOLL_GET, FOLL_TOUCH, FOLL_WRITE, PTE_ACCESSED, Kernel
from ..row import Call, Row, Start
from . import rmap

_Prepare = Callable[[Kernel], int]     # makes a mapping: its address


def _of_file(prepare: Callable[[Kernel, int], int], kind: str = "ext2") -> _Prepare:
    return lambda kernel: prepare(kernel, kernel.file(kind))


def _memory_written_once_and_forked(kernel: Kernel) -> int:
    """The child is gone, and the pte still as fork left it: read-only, of this process alone."""
    at = kernel.memory()
    kernel.store(at)
    kernel.operate("exit", actor=kernel.operate("fork"))
    return at


def _memory_read(kernel: Kernel) -> int:
    at = kernel.memory()
    kernel.load(at)
    return at


def _in_memory(shared: bool) -> _Prepare:
    """A mapping of a page that another one has read in."""
    def prepare(kernel: Kernel) -> int:
        file = kernel.file()
        rmap.loaded(kernel, file)
        return kernel.mmap(file, shared=shared)

    return prepare


def _fault(kernel: Kernel, at: int) -> dict[str, int]:
    """What both faults are called with; mmap_sem is held, the pte mapped and its table locked."""
    pmd = kernel.pmd(at)
    arguments = {"mm": kernel.at("mm"), "vma": kernel.vma(at), "address": at, "pmd": pmd,
                 "page_table": kernel.pte(at)}
    kernel.hold("down_read", kernel.at("mm", 0, "mmap_sem"))
    kernel.hold("pte_offset_map_lock", kernel.at("mm"), pmd, at)
    return arguments


def _wp(what: str, prepare: _Prepare, has_before: bool = True, stale: int = 0) -> Row:
    """stale: bits of the pte that another processor has set since the fault began."""
    def make(units: int) -> Start:
        kernel = Kernel(units)
        at = prepare(kernel)
        orig_pte = kernel.pte_word(at) & ~stale
        arguments = _fault(kernel, at)
        ptl = kernel.lock_of(arguments["pmd"])
        return kernel.start(Call("do_wp_page", arguments | {"ptl": ptl, "orig_pte": orig_pte}))

    return Row(f"do_wp_page/{what}", "do_wp_page", make, has_before)


def _no(what: str, prepare: _Prepare, write: int) -> Row:
    def make(units: int) -> Start:
        kernel = Kernel(units)
        arguments = _fault(kernel, prepare(kernel))
        kernel.hold("spin_unlock", kernel.lock_of(arguments["pmd"]))
        return kernel.start(Call("do_no_page", arguments | {"write_access": write}))

    return Row(f"do_no_page/{what}", "do_no_page", make)


def _follow(what: str, prepare: _Prepare, write: int = 0, has_before: bool = True) -> Row:
    """As get_user_pages asks for a page."""
    def make(units: int) -> Start:
        kernel = Kernel(units)
        at = prepare(kernel)
        vma = kernel.vma(at)
        kernel.hold("down_read", kernel.at("mm", 0, "mmap_sem"))
        return kernel.start(Call("follow_page", {
            "vma": vma, "address": at, "flags": FOLL_GET | FOLL_TOUCH | write * FOLL_WRITE}))

    return Row(f"follow_page/{what}", "follow_page", make, has_before)


ROWS = [
    _follow("found", _of_file(rmap.loaded)),
    # of a file whose writes are not tracked: of others the patch leaves no such pte
    _follow("found, dirtied", _of_file(rmap.loaded, "tmpfs"), write=1),
    _follow("none", _in_memory(shared=True)),
    _follow("write kept back", _of_file(rmap.loaded), write=1, has_before=False),
    # before the patch no shared mapping of a file gets here
    _wp("shared, reused", _of_file(rmap.loaded), has_before=False),
    _wp("anonymous, reused", _memory_written_once_and_forked),
    _wp("file, copied", _of_file(rmap.loaded_privately)),
    _wp("zero page, copied", _memory_read),
    # do_wp_page looks at the table again once it has its copy, and finds another bit set
    _wp("race lost", _of_file(rmap.loaded_privately), stale=PTE_ACCESSED),
    _no("read", _in_memory(shared=True), write=0),
    _no("write, shared", _in_memory(shared=True), write=1),
    _no("write, private", _in_memory(shared=False), write=1),
]
