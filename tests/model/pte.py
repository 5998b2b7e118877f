# SPDX-License-Identifier: GPL-2.0-only
"""Page table entries and protections: 32-bit words (facts 20.1 to 20.3).

Conventions: `word` is a pte value, `prot` a protection, both plain ints; an entry that is none is
not in `mm.ptes`.  Addresses are bytes and may point into a page, where "raw" is not said.
"""

from __future__ import annotations

from .constants import (
    PAGE_MASK,
    PAGE_SHIFT,
    UINT_MASK,
    VM_MAYWRITE,
    VM_PFNMAP,
    VM_SHARED,
    VM_WRITE,
)
from .state import PFN_BASE, Mm, Page, Vma, World

PAGE_PRESENT = 0x001
PAGE_RW = 0x002
PAGE_USER = 0x004
PAGE_PWT = 0x008
PAGE_PCD = 0x010
PAGE_ACCESSED = 0x020
PAGE_DIRTY = 0x040
PAGE_FILE = 0x040               # the same bit as DIRTY, of an entry that is not present
PAGE_PSE = 0x080
PAGE_PROTNONE = 0x080           # the same bit as PSE, of an entry that is not present
PAGE_CHG_MASK = 0xFFFFF060      # what a change of protection keeps: pfn, A, D

NONE = 0x0A0
READONLY = 0x025
SHARED = 0x027

# By READ 1 + WRITE 2 + EXEC 4 + SHARED 8.
PROTECTION_MAP = (
    NONE, READONLY, READONLY, READONLY, READONLY, READONLY, READONLY, READONLY,
    NONE, READONLY, SHARED, SHARED, READONLY, READONLY, SHARED, SHARED,
)


def protection_map(flags: int) -> int:
    """The page protection of a vma whose low four VM_ flags are these."""
    return PROTECTION_MAP[flags & 0xF]


def get_pte(mm: Mm, address: int) -> int:
    """The word at this address; 0: none, or no page table."""
    return mm.ptes.get(address & PAGE_MASK, 0)


def set_pte(mm: Mm, address: int, word: int) -> None:
    """Store a word; 0 takes the entry out."""
    if word:
        mm.ptes[address & PAGE_MASK] = word
    else:
        mm.ptes.pop(address & PAGE_MASK, None)


def pte_clear(mm: Mm, address: int) -> int:
    """ptep_get_and_clear: take the entry out and give back what it was."""
    return mm.ptes.pop(address & PAGE_MASK, 0)


def pte_none(word: int) -> bool:
    """Nothing at all."""
    return word == 0


def pte_present(word: int) -> bool:
    """There is a page behind it.  True for PROT_NONE too, which the processor may not use."""
    return bool(word & (PAGE_PRESENT | PAGE_PROTNONE))


def pte_write(word: int) -> bool:
    """Writable.  Of a present entry only."""
    return bool(word & PAGE_RW)


def pte_dirty(word: int) -> bool:
    """Written through.  Of a present entry only."""
    return bool(word & PAGE_DIRTY)


def pte_young(word: int) -> bool:
    """Used.  Of a present entry only."""
    return bool(word & PAGE_ACCESSED)


def pte_file(word: int) -> bool:
    """A page of a nonlinear mapping, by its index.  Of an entry that is not present only."""
    return bool(word & PAGE_FILE)


def pte_mkclean(word: int) -> int:
    return word & ~PAGE_DIRTY


def pte_mkdirty(word: int) -> int:
    return word | PAGE_DIRTY


def pte_wrprotect(word: int) -> int:
    return word & ~PAGE_RW


def pte_mkwrite(word: int) -> int:
    return word | PAGE_RW


def pte_mkold(word: int) -> int:
    return word & ~PAGE_ACCESSED


def pte_mkyoung(word: int) -> int:
    return word | PAGE_ACCESSED


def pte_modify(word: int, prot: int) -> int:
    """A new protection.  Keeps pfn, A and D; every other bit is the new one's."""
    return (word & PAGE_CHG_MASK) | prot


def maybe_mkwrite(word: int, vma: Vma) -> int:
    """Writable if the vma is (VM_WRITE); VM_SHARED does not matter."""
    return pte_mkwrite(word) if vma.flags & VM_WRITE else word


def pte_pfn(word: int) -> int:
    """The frame's number."""
    return word >> PAGE_SHIFT


def pfn_pte(pfn: int, prot: int) -> int:
    """The entry of a frame."""
    return ((pfn << PAGE_SHIFT) | prot) & UINT_MASK


def mk_pte(page: Page, prot: int) -> int:
    """The entry of a page."""
    return pfn_pte(page.pfn, prot)


def pgoff_to_pte(pgoff: int) -> int:
    """A file pte for a page index of 29 bits: five bits low, the rest from bit 8."""
    return (((pgoff & 0x1F) << 1) | ((pgoff >> 5) << 8) | PAGE_FILE) & UINT_MASK


def pte_to_pgoff(word: int) -> int:
    """The page index in a file pte."""
    return ((word >> 1) & 0x1F) | ((word >> 8) << 5)


def swp_entry_to_pte(offset: int, kind: int = 0) -> int:
    """A swap pte for a slot of the one swap area (type 0)."""
    return (kind << 1) | (offset << 8)


def pte_to_swp_offset(word: int) -> int:
    """The slot in a swap pte."""
    return word >> 8


def pfn_to_page(world: World, pfn: int) -> Page | None:
    """The page of a frame; None: a frame without one, like a device's."""
    number = pfn - PFN_BASE
    return world.pages[number] if 0 <= number < len(world.pages) else None


def is_cow_mapping(flags: int) -> bool:
    """Private, and may ever be written."""
    return flags & (VM_SHARED | VM_MAYWRITE) == VM_MAYWRITE


def vm_normal_page(world: World, vma: Vma, address: int, word: int) -> Page | None:
    """The page that a present entry stands for, if it is one to be counted.

    1. VM_PFNMAP: None where the frame is the linear one, or the mapping is not copy on write.
    2. None for a frame without a page.
    """
    if vma.flags & VM_PFNMAP:
        linear = vma.pgoff + ((address - vma.start) >> PAGE_SHIFT)
        if pte_pfn(word) == linear or not is_cow_mapping(vma.flags):
            return None
    return pfn_to_page(world, pte_pfn(word))


def linear_page_index(vma: Vma, address: int) -> int:
    """The page index that an address of a vma has if nothing was remapped."""
    return ((address - vma.start) >> PAGE_SHIFT) + vma.pgoff
