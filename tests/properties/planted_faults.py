# SPDX-License-Identifier: GPL-2.0-only
"""Faults that are planted into a half, each of which breaks one property in one small world.

    planted_faults.FAULTS[0].in_c(text), .in_p(text)   cref/<c_file> and pykmm/<p_file> with the fault
    planted_faults.FAULTS[0].world(half)               a World after the operations that show it

A machine does what it should in all of them: what is wrong is a function that the patch changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pykmm import World

BASE = 0x40000000


@dataclass(frozen=True)
class Fault:
    """c, p: what stands once in the file of each half, and what comes in its place."""

    breaks: str
    c_file: str
    c: tuple[str, str]
    p: tuple[str, str]
    world: Callable[..., World]

    @property
    def p_file(self) -> str:
        return self.c_file.replace("page-writeback.c", "page_writeback.pyx").replace(".c", ".pyx")

    def in_c(self, text: str) -> str:
        return _once(text, *self.c)

    def in_p(self, text: str) -> str:
        return _once(text, *self.p)

    @property
    def name(self) -> str:
        return f"{self.breaks}: {' '.join(self.c[0].split())} -> {' '.join(self.c[1].split())}"


def _once(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times, not once"
    return text.replace(old, new)


def mapped(half, kind="ext2", units="all", **options):
    """(world, file, process, address) of one page of a file that is mapped shared."""
    w = World(half=half, units=units)
    f, p = w.file(kind, pages=1), w.process
    return w, f, p, p.mmap(f, **options)


def read(half):
    w, _, p, at = mapped(half)
    p.read(at)
    return w


def stored_and_synced(half):
    w, f, p, at = mapped(half)
    p.write(at)
    assert w.fsync(f) == 0
    return w


def stored_and_msynced_before_the_patch(half):
    w, _, p, at = mapped(half, units="none")
    p.write(at)
    assert p.msync(at, flags="sync") == 0
    return w


def forced(half):
    """A debugger writes where the process may not."""
    w, _, p, at = mapped(half, prot="r")
    p.poke(at)
    return w


def stored(half):
    """mmap has made the inode dirty, too: it is written first."""
    w, _, p, at = mapped(half)
    p.read(at), w.sync(), p.write(at)
    return w


def stored_after_fork(half):
    w = World(half=half, units="none")
    p = w.process
    at = p.mmap(shared=False)
    p.write(at), p.fork(), p.write(at)
    return w


def made_writable(half):
    w, _, p, at = mapped(half, prot="r")
    p.mprotect(at, 1, "rw")
    return w


def just_mapped(half):
    return mapped(half)[0]


def mapped_uncached(half):
    return mapped(half, kind="prot driver")[0]


FAULTS = [
    Fault("synced_writes", "mm/page-writeback.c", ("return 1;				/* CI5 */", "return 0;"),
          ("return 1                                    # CI5", "return 0"), stored_and_synced),
    Fault("msynced_writes", "mm/page-writeback.c",
          ("return 1;				/* CI5 */", "return 0;"),
          ("return 1                                    # CI5", "return 0"),
          stored_and_msynced_before_the_patch),
    # a page that is read
    Fault("dirtied_pages", "mm/memory.c", ("unit(KMM_U2) && write_access", "unit(KMM_U2)"),
          ("unit(KMM_U2) and write_access", "unit(KMM_U2)"), read),
    Fault("dirtied_pages", "mm/memory.c",
          ("		if (write_access)\n			entry = maybe_mkwrite",
           "		if (1)\n			entry = maybe_mkwrite"),
          ("if write_access:\n", "if 1:\n"), read),
    # reused although a child has it too
    Fault("anonymous_pages", "mm/memory.c", ("reuse = can_share_swap_page(old_page);", "reuse = 1;"),
          ("reuse = can_share_swap_page(old_page)", "reuse = 1"), stored_after_fork),
    Fault("tracked_protection", "mm/mmap.c",
          ("if (mapping && mapping_cap_account_dirty(mapping))",
           "if (mapping && !mapping_cap_account_dirty(mapping))"),
          ("if mapping is not NULL and mapping_cap_account_dirty(mapping):",
           "if mapping is not NULL and not mapping_cap_account_dirty(mapping):"), just_mapped),
    Fault("tracked_protection", "mm/mprotect.c", ("mask &= ~VM_SHARED;", "mask &= ~VM_EXEC;"),
          ("mask &= ~VM_SHARED", "mask &= ~VM_EXEC"), made_writable),
    # the protection made anew from the flags
    Fault("driver_bits", "mm/mmap.c",
          ("__pgprot(pte_val(pte_wrprotect(__pte(pgprot_val(vma->vm_page_prot)))));",
           "protection_map[vm_flags & (VM_READ|VM_WRITE|VM_EXEC)];"),
          ("__pgprot(pte_val(pte_wrprotect(__pte(pgprot_val(vma.vm_page_prot)))))",
           "protection_map[vm_flags & (VM_READ | VM_WRITE | VM_EXEC)]"), mapped_uncached),
    Fault("write_permission", "mm/memory.c",
          ("entry = maybe_mkwrite(pte_mkdirty(entry), vma);\n		ptep_establish(",
           "entry = __pte(pte_val(pte_mkdirty(entry)) | _PAGE_RW);\n		ptep_establish("),
          ("entry = maybe_mkwrite(pte_mkdirty(entry), vma)\n            ptep_establish(",
           "entry.pte_low = pte_mkdirty(entry).pte_low | 2\n            ptep_establish("), forced),
    # only the flag: neither tag nor count nor inode
    Fault("dirty_inodes", "mm/memory.c",
          ("	if (dirty_page) {				/* WP14 E06 */\n		set_page_dirty(dirty_page);",
           "	if (dirty_page) {\n		dirty_page->flags |= 1UL << PG_dirty;"),
          ("if dirty_page is not NULL:                      # WP14 E06\n"
           "            set_page_dirty(dirty_page)",
           "if dirty_page is not NULL:\n            dirty_page.flags |= 1 << 4"), stored),
]
