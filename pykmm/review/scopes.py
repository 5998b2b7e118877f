# SPDX-License-Identifier: GPL-2.0-only
"""Every table of scopes: of units and lines of the patch, of both kernels, of two of its versions.

Which operations and values there are says engine/alphabet.py; here is which of them are tried
together, and how far.
"""

from collections.abc import Iterable
from dataclasses import replace

from ..engine.alphabet import ALL, DEFAULT, EXTRAS, FAIL_UP_TO, OPERATIONS, PAUSE_UP_TO
from ..engine.scope import BLOCKS, KINDS, Action, Scope
from ..engine.start import CONDITIONS


def _ops(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Of units: where runs are looked for, in this order, from tiny to larger; without a depth: to the end.
# Left out is remap_file_pages: in nonlinear mappings v8 breaks what it is meant for
# (docs/properties.md).
OF_UNITS: dict[str, Scope] = {
    "mapped": Scope(ops=_ops("mmap:locked+populate munmap mprotect load store")),
    "written": Scope(ops=_ops("mmap:locked+populate munmap mprotect msync load store write fsync "
                              "writeback sync complete exit")),
    "half blocks": Scope(blocks=2048, ops=_ops("mmap:locked+populate munmap load store write fsync "
                                               "writeback sync complete")),
    "journal": Scope(kinds=("ext3",), ops=_ops(
        "mmap:locked+populate munmap load store write fsync sync complete flush_buffers commit "
        "release_page exit")),
    "device": Scope(kinds=("block_device",), ops=_ops(
        "mmap:locked+populate munmap load store write fsync sync complete flush_buffers "
        "release_page")),
    "no disk": Scope(kinds=("tmpfs",), ops=_ops(
        "mmap:locked+populate munmap mprotect load store write fsync reclaim")),
    "little memory": Scope(depth=9, ops=_ops(
        "mmap munmap load store write fsync writeback complete reclaim truncate")),
    "two processes": Scope(processes=2, depth=9, ops=_ops(
        "mmap munmap mprotect load store fsync writeback fork exit")),
    "two pages": Scope(file_pages=2, vmas=3, depth=5, ops=_ops(
        "mmap munmap mprotect load store write fsync")),
}

# Whole alphabets: where it is shown that no run is shorter.  As deep as some minutes allow.
EVERY = tuple(name for name in ALL if name not in EXTRAS)
_ON_DISK = ("ext2", "ext3", "block_device")


def _whole() -> dict[str, Scope]:
    found = {}
    for kind in KINDS:
        # a block means nothing where there is no disk
        for blocks in BLOCKS if kind in _ON_DISK else (4096,):
            found[f"{kind}, blocks of {blocks}"] = Scope(
                kinds=(kind,), blocks=blocks, ops=EVERY, descriptors=1,
                depth=3 if kind in _ON_DISK and blocks == 4096 else 2)
    for kind in (*_ON_DISK, "tmpfs"):
        found[f"{kind}, two processes"] = Scope(kinds=(kind,), processes=2, ops=EVERY,
                                                descriptors=1, depth=2)
        found[f"{kind}, two descriptors"] = Scope(kinds=(kind,), ops=EVERY, depth=2)
    for kind in ("ext2", "ext3"):
        found[f"{kind}, two places"] = Scope(kinds=(kind,), ops=EVERY, descriptors=1, places=2,
                                             vmas=3, depth=2)
        for name in CONDITIONS:
            found[f"{kind}, {name}"] = Scope(kinds=(kind,), ops=EVERY, descriptors=1,
                                             start=(name,), depth=2)
        for name in ("fail", "pause"):
            found[f"{kind}, {name}"] = Scope(kinds=(kind,), ops=(*EVERY, name), descriptors=1,
                                             depth=2)
    return found


WHOLE: dict[str, Scope] = _whole()

_DISK = "mmap munmap load store write fsync writeback complete"
_HAND = f"{_DISK} flush_buffers commit release_page"
_DRIVERS = ("PFNMAP_driver", "prot_driver")

class FailedAtAPause(Scope):
    """A scope that also tries each operation with one more of its first allocations failing, and
    another actor at a pause of the same operation."""

    def actions(self) -> list[Action]:
        found = super().actions()
        plain = list(self.operations())
        others = [one for one in plain if one[0] == "store"]
        return found + [(operation, fail, ((number, other),)) for operation in plain
                        for fail in range(1, FAIL_UP_TO + 2) for other in others
                        for number in range(1, PAUSE_UP_TO + 1)]


# Of both kernels; each asks something that the others leave out.  Where another actor may act, scopes
# are small in what they try: of what breaks one property only the nearest runs are looked at, and the
# first race would hide all others.
OF_BOTH: dict[str, Scope] = {
    # what a file system writes by hand
    "journal": Scope(kinds=("ext3",), ops=_ops(f"{_HAND} sync")),
    "device": Scope(kinds=("block_device",), ops=_ops(f"{_HAND} sync")),
    # small blocks, written and cut in parts
    "half blocks, cut": Scope(blocks=2048, depth=8, ops=_ops(
        "mmap munmap store write fsync truncate complete parts")),
    "a hole and a cut": Scope(blocks=1024, start=("holes",), depth=6, ops=_ops(
        "mmap munmap store fsync truncate:sectors complete")),
    "half blocks, cut, journal": Scope(kinds=("ext3",), blocks=2048, depth=7, ops=_ops(
        f"{_HAND} truncate parts")),
    # a debugger writes where the process may not
    "forced writes": Scope(depth=8, ops=_ops(f"{_DISK} mprotect poke truncate invalidate reclaim")),
    "forced writes, a child": Scope(processes=2, depth=6, ops=_ops(
        "mmap mprotect store poke fork load")),
    "forced writes, journal": Scope(kinds=("ext3",), depth=7, ops=_ops(f"{_HAND} mprotect poke")),
    # a device writes into a page that it holds
    "pins": Scope(depth=7, ops=_ops(f"{_DISK} pin:force unpin:dirty truncate invalidate reclaim")),
    "pins, device": Scope(kinds=("block_device",), depth=7, ops=_ops(f"{_HAND} pin unpin strip"),
                          start=("many-buffers",)),
    # mappings that remap_file_pages has changed
    "nonlinear": Scope(file_pages=2, depth=7, ops=_ops(
        "mmap munmap load store fsync writeback complete remap_file_pages")),
    "nonlinear, swept": Scope(file_pages=2, depth=6, ops=_ops(
        "mmap store poke drain reclaim remap_file_pages fsync")),
    "nonlinear, at once": Scope(file_pages=2, vmas=3, depth=4, ops=_ops(
        "mmap munmap mprotect store poke pin fsync remap_file_pages:nonblock+pages truncate fork "
        "exit"), processes=2),
    # kinds of file without a disk, and without a mapping
    "no disk": Scope(kinds=("tmpfs",), depth=8, ops=_ops(
        "mmap munmap mprotect load store poke pin unpin write fsync truncate reclaim")),
    "memory alone": Scope(kinds=("ramfs",), depth=6, ops=OPERATIONS),
    "frames of a driver": Scope(kinds=("PFNMAP_driver",), depth=6, ops=OPERATIONS),
    "pages of a driver": Scope(kinds=("prot_driver",), depth=6, ops=OPERATIONS),
    "a driver that fails": Scope(kinds=("failing_driver",), depth=4, ops=(*OPERATIONS, "anon",
                                                                          "fail")),
    "huge pages": Scope(kinds=("hugetlbfs",), depth=4, ops=OPERATIONS),
    "no mapping": Scope(kinds=("no_mmap",), depth=4, ops=OPERATIONS),
    # too little memory, and disks that fail
    "no memory": Scope(depth=9, ops=_ops(f"{_DISK} mprotect truncate reclaim fail")),
    "no memory, forced writes": Scope(depth=6, ops=_ops(
        f"{_DISK} mprotect msync poke pin truncate reclaim fork exit fail anon")),
    "no memory, drivers": Scope(kinds=_DRIVERS, depth=4, ops=_ops(
        "mmap munmap mprotect load store poke pin fork fail")),
    "no space": Scope(blocks=2048, start=("holes",), depth=6, ops=_ops(
        "mmap load store write fsync truncate release_page fail parts")),
    "no space, and a store meanwhile": FailedAtAPause(blocks=2048, start=("holes",), depth=4, ops=_ops(
        "mmap store write:blocks fsync")),
    "errors": Scope(depth=10, ops=_ops(f"{_DISK} truncate invalidate parts error")),
    "errors, half blocks": Scope(blocks=2048, depth=6, ops=_ops(
        f"{_DISK} truncate invalidate parts error")),
    "swap": Scope(processes=2, depth=9, ops=_ops(
        "mmap munmap load store anon fork exit reclaim drain complete")),
    # another actor at a pause
    "a store at a pause": Scope(kinds=("block_device",), depth=9, ops=_ops(
        "mmap munmap load store msync fsync writeback complete pause")),
    "a store at a pause, journal": Scope(kinds=("ext3",), depth=9, ops=_ops(
        "mmap munmap load store write fsync commit complete pause")),
    "truncated at a pause": Scope(depth=7, ops=_ops("mmap load store write fsync truncate pause")),
    "cut at a pause": Scope(blocks=2048, depth=4, ops=_ops(
        "mmap store write fsync truncate complete parts pause")),
    "invalidated at a pause": Scope(depth=6, ops=_ops(
        "mmap munmap load store write fsync invalidate pause")),
    "invalidated at a pause, device": Scope(kinds=("block_device",), depth=6, ops=_ops(
        "mmap munmap load store write fsync flush_buffers invalidate pause")),
    "given back at a pause": Scope(depth=7, ops=_ops(
        "mmap munmap load store write fsync complete release_page pause")),
    "given back at a pause, journal": Scope(kinds=("ext3",), depth=9, ops=_ops(
        "mmap munmap load store write commit release_page pause")),
    "given back at a pause, device": Scope(kinds=("block_device",), depth=7, ops=_ops(
        "mmap munmap load store flush_buffers complete release_page msync pause")),
    "taken back at a pause": Scope(depth=8, ops=_ops("mmap munmap load store fsync reclaim pause")),
    "forced at a pause": Scope(processes=2, depth=5, ops=_ops(
        "mmap munmap mprotect store poke fork fsync pause")),
    "nonlinear at a pause": Scope(file_pages=2, depth=4, ops=_ops(
        "mmap munmap store fsync remap_file_pages reclaim pause")),
    "no disk, at a pause": Scope(kinds=("tmpfs",), depth=5, ops=_ops(
        "mmap munmap load store write truncate reclaim pause")),
    "pages of a driver, at a pause": Scope(kinds=("prot_driver",), depth=4, ops=_ops(
        "mmap munmap mprotect load store truncate invalidate pause")),
    # three actors
    "two others, a store": Scope(kinds=("ext3",), depth=6, ops=_ops("mmap store fsync pauses")),
    "two others, given back": Scope(kinds=("block_device",), depth=5, ops=_ops(
        "mmap munmap load store release_page pauses")),
    "two others, truncated": Scope(depth=4, ops=_ops("mmap store truncate fsync pauses")),
    "two others, invalidated": Scope(depth=5, ops=_ops("mmap load store invalidate pauses")),
    # everything at once, as far as it goes
    "all operations": Scope(depth=5, ops=(*OPERATIONS, "anon", "parts", "error")),
    "all operations, journal": Scope(kinds=("ext3",), depth=5, ops=(*OPERATIONS, "anon", "parts")),
    "every value": Scope(depth=3, ops=EVERY, descriptors=1),
    "every value, device": Scope(kinds=("block_device",), depth=3, ops=EVERY, descriptors=1),
    "two files": Scope(kinds=("ext2", "tmpfs"), depth=5, ops=_ops(
        f"{_DISK} mprotect poke pin unpin truncate reclaim")),
    "half blocks": Scope(blocks=2048, kinds=("ext3",), depth=8, ops=(*DEFAULT, "release_page")),
    "journal, two processes": Scope(processes=2, kinds=("ext3",), depth=9, ops=_ops(
        f"{_HAND} mprotect msync truncate fork exit")),
    "two processes": Scope(processes=2, depth=9),
}

# Of both kernels, with a device that says nothing; memory of one page, as two kernels need not give the
# same number to a second one.
OF_REST: dict[str, Scope] = {
    "a silent device": Scope(pages=1, depth=5, ops=_ops(
        "mmap munmap load store write pin unpin fsync")),
    "a silent device, journal": Scope(pages=1, kinds=("ext3",), depth=5, ops=_ops(
        "mmap munmap load store write pin unpin fsync commit")),
}

_MAPPED = ("mmap", "munmap", "mprotect", "load", "store")
# Of lines: those of units, and these.
OF_LINES: dict[str, Scope] = {**OF_UNITS, **{
    "driver": Scope(kinds=("PFNMAP_driver",), ops=_MAPPED),
    "driver with a protection": Scope(kinds=("prot_driver",), ops=_MAPPED),
    "memory without backing": Scope(kinds=("ramfs",), ops=(*_MAPPED, "write", "fsync")),
    "pinned": Scope(depth=7, ops=("mmap", "load", "store", "pin", "poke", "unpin", "fsync")),
    "poked": Scope(depth=8, ops=("mmap", "mprotect", "load", "store", "poke", "fsync")),
    "forked": Scope(processes=2, depth=6, ops=(*_MAPPED, "fork", "exit", "anon")),
    "paused": Scope(depth=3, ops=("mmap", "load", "store", "truncate", "reclaim", "fsync",
                                  "pause")),
}}

# Of two versions of the patch: where they are looked for to part.
# lets half X run its text after the patch also of edits that are of no unit
PATCHED = 0xFF
UNPATCHED = 0

_BASE = ("mmap", "load", "store")
# what brings stores to the disk, and what asks for them: fsync has promised, exit leaves nothing
_WRITING = ("writeback", "sync", "complete", "fsync", "exit")
# function -> the operations, beside _BASE, that lead to it and show what it did
NEEDS: dict[str, tuple[str, ...]] = {
    "is_shared_writable": ("mprotect", *_WRITING),
    "follow_page": ("pin", "unpin", "poke", *_WRITING),
    "do_wp_page": ("mprotect", *_WRITING),
    "do_no_page": ("munmap", *_WRITING),
    "do_mmap_pgoff": ("munmap", *_WRITING),
    "do_brk": ("brk",),
    "mprotect_fixup": ("mprotect", *_WRITING),
    "do_writepages": _WRITING,
    "test_clear_page_dirty": ("truncate", "invalidate", "release_page", *_WRITING),
    "clear_page_dirty_for_io": _WRITING,
    "page_mkclean_one": _WRITING,
    "page_mkclean_file": _WRITING,
    "page_mkclean": _WRITING,
    "try_to_free_buffers": ("write", "flush_buffers", "commit", "release_page", "reclaim",
                            *_WRITING),
}


def _together(*parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part))


def scopes(functions: Iterable[str]) -> list[Scope]:
    """What is explored, in this order.

    functions : names   that the changed edits are in; none: anything may have changed
    """
    needs = [NEEDS[name] for name in functions]
    own = _together(_BASE, *needs) if needs else _together(DEFAULT, ("sync",))
    # a second process, and who looks from outside, are what most of the patch is about
    shared = _together(own, ("fork", "exit", "poke"))
    return [
        Scope(ops=own, units=PATCHED),
        *(Scope(kinds=(kind,), ops=own, units=PATCHED) for kind in KINDS if kind != "ext2"),
        # in these every unit shows what it is for
        *(replace(scope, units=PATCHED) for scope in OF_UNITS.values()),
        Scope(kinds=("ext3",), blocks=2048, ops=_together(own, ("munmap",)), units=PATCHED),
        Scope(ops=_together(own, ("mmap:locked+populate", "munmap", "msync")), units=PATCHED),
        Scope(ops=_together(own, ("anon", "pin", "unpin")), units=PATCHED),
        Scope(processes=2, ops=shared, units=PATCHED),
        Scope(ops=_together(own, ("fail", "munmap")), units=PATCHED),
        Scope(ops=_together(DEFAULT, own), units=PATCHED),
        Scope(file_pages=2, vmas=3, ops=_together(own, ("munmap", "mprotect")), units=PATCHED),
        Scope(ops=_together(own, ("munmap", "pause")), units=PATCHED),
        Scope(ops=EVERY, descriptors=1, depth=3, units=PATCHED),
    ]


def without_patch(scope: Scope) -> Scope:
    """The same by the kernel before the patch: lines taken out and context can have changed."""
    return replace(scope, units=UNPATCHED)
