# SPDX-License-Identifier: GPL-2.0-only
"""Where two versions of the patch are looked for to part: small scopes first, then larger ones."""

from collections.abc import Iterable

from ..engine.scope import DEFAULT, Scope

# lets half X run its text after the patch also of edits that are of no unit
PATCHED = 0xFF
UNPATCHED = 0

_BASE = ("mmap", "load", "store")
_WRITING = ("writeback", "sync", "complete")
# function -> the operations, beside _BASE, that lead to it and show what it did
NEEDS: dict[str, tuple[str, ...]] = {
    "is_shared_writable": ("mprotect", *_WRITING),
    "follow_page": ("pin", "unpin", "poke"),
    "do_wp_page": ("mprotect", *_WRITING),
    "do_no_page": ("munmap", *_WRITING),
    "do_mmap_pgoff": ("munmap", *_WRITING),
    "do_brk": ("brk",),
    "mprotect_fixup": ("mprotect", *_WRITING),
    "do_writepages": _WRITING,
    "test_clear_page_dirty": ("truncate", "invalidate", *_WRITING),
    "clear_page_dirty_for_io": _WRITING,
    "page_mkclean_one": _WRITING,
    "page_mkclean_file": _WRITING,
    "page_mkclean": _WRITING,
    "try_to_free_buffers": ("write", "flush_buffers", "commit", "release_page", "reclaim",
                            *_WRITING),
}
_OTHER_KINDS = ("ext3", "block_device", "tmpfs", "PFNMAP_driver", "prot_driver")


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
        *(Scope(kinds=(kind,), ops=own, units=PATCHED) for kind in _OTHER_KINDS),
        Scope(kinds=("ext3",), blocks=2048, ops=_together(own, ("munmap",)), units=PATCHED),
        Scope(ops=_together(own, ("anon", "pin", "unpin")), units=PATCHED),
        Scope(processes=2, ops=shared, units=PATCHED),
        Scope(ops=_together(own, ("fail", "munmap")), units=PATCHED),
        Scope(ops=_together(DEFAULT, own), units=PATCHED),
        Scope(file_pages=2, vmas=3, ops=_together(own, ("munmap", "mprotect")), units=PATCHED),
        Scope(ops=_together(own, ("munmap", "pause")), units=PATCHED),
    ]


def without_patch(scope: Scope) -> Scope:
    """The same by the kernel before the patch: lines taken out and context can have changed."""
    return Scope(scope.processes, scope.kinds, scope.pages, scope.vmas, scope.file_pages,
                 scope.blocks, scope.ops, scope.depth, UNPATCHED)
