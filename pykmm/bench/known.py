# SPDX-License-Identifier: GPL-2.0-only
"""Rows in which P is further from C than 2 % and 2 instructions: by how many, and why."""

_REGISTERS = "the same statements: gcc keeps pte and flags in other registers"
_EARLY = ("the same statements: what variables start with is computed behind the first return in "
          "one half, and before it in the other")
_STACK = "the same statements: gcc keeps more of the arguments on the stack in one half"

KNOWN: dict[str, tuple[int, str]] = {
    "follow_page/drawn: no page table, zero page": (3, _REGISTERS),
    "do_wp_page/drawn: no memory": (7, _STACK),
    "do_mmap_pgoff/drawn: refused at once": (5, _EARLY),
    "do_mmap_pgoff/drawn: refused, ENOMEM": (5, _EARLY),
    "do_mmap_pgoff/drawn: refused, EOVERFLOW": (3, _EARLY),
    "do_brk/drawn: refused": (4, _EARLY),
    "mprotect_fixup/no change": (3, _EARLY),
    "mprotect_fixup/drawn: nothing to change": (3, _EARLY),
}
