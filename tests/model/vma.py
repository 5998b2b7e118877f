# SPDX-License-Identifier: GPL-2.0-only
"""Vmas: finding, linking, merging, splitting, and their anon_vmas (facts 20.12 to 20.14).

Conventions: addresses are bytes, `pgoff` a page index; `mm.vmas` is in order of address.
"""

from __future__ import annotations

import dataclasses

from . import alloc, files
from .constants import (
    EINVAL,
    ENOMEM,
    HPAGE_SIZE,
    PAGE_SHIFT,
    TASK_SIZE,
    UINT_MASK,
    ULONG_MASK,
    VM_DENYWRITE,
    VM_EXEC,
    VM_HUGETLB,
    VM_NONLINEAR,
    VM_READ,
    VM_SHARED,
    VM_SPECIAL,
    VM_WRITE,
)
from .state import UNMAPPED_BASE, AnonVma, Bug, Mapping, Mm, OpenFile, Vma, World

# vm_ops with a close hook: such a vma never merges
OPS_WITH_CLOSE = frozenset({"driver"})


def vma_pages(vma: Vma) -> int:
    """Its length in pages."""
    return (vma.end - vma.start) >> PAGE_SHIFT


def vma_next(vma: Vma) -> Vma | None:
    """The vma above it."""
    vmas = vma.mm.vmas
    at = vmas.index(vma) + 1
    return vmas[at] if at < len(vmas) else None


def find_vma(world: World, mm: Mm, address: int) -> Vma | None:
    """The first vma that ends above an address, whether or not it holds it."""
    return next((vma for vma in mm.vmas if vma.end > address), None)


def find_vma_prev(world: World, mm: Mm, address: int) -> tuple[Vma | None, Vma | None]:
    """find_vma, and the vma below that one (the last one if there is none)."""
    prev = None
    for vma in mm.vmas:
        if vma.end > address:
            return vma, prev
        prev = vma
    return None, prev


def get_unmapped_area(world: World, mm: Mm, address: int, length: int) -> int:
    """An address where `length` bytes are free: the hint, or the first gap; or -ENOMEM.

    1. A hint that is not 0, rounded up to a page, if it fits below TASK_SIZE and the next vma.
    2. Else the first gap from TASK_UNMAPPED_BASE on.
    """
    if length > TASK_SIZE:
        return -ENOMEM
    if address:
        address = alloc.page_align(address)
        vma = find_vma(world, mm, address)
        if address <= TASK_SIZE - length and (vma is None or address + length <= vma.start):
            return address
    address = UNMAPPED_BASE
    while address <= TASK_SIZE - length:
        vma = find_vma(world, mm, address)
        if vma is None or address + length <= vma.start:
            return address
        address = vma.end
    return -ENOMEM


# A file's vmas


def order_in_file(vma: Vma) -> tuple[int, int]:
    """By what the linear vmas of a file are visited."""
    return vma.pgoff, vma.number


def i_mmap_insert(mapping: Mapping, vma: Vma) -> None:
    """Put a linear vma among those of its file."""
    mapping.i_mmap.append(vma)
    mapping.i_mmap.sort(key=order_in_file)


def link_file(vma: Vma) -> None:
    """Make a vma known to the file that it maps, if it maps one (__vma_link_file).

    1. VM_DENYWRITE: writecount - 1.  VM_SHARED: i_mmap_writable + 1.
    2. VM_NONLINEAR: head of the list; else into the tree.
    """
    if vma.file is None:
        return
    mapping = vma.file.mapping
    if vma.flags & VM_DENYWRITE:
        mapping.inode.writecount -= 1
    if vma.flags & VM_SHARED:
        mapping.i_mmap_writable = (mapping.i_mmap_writable + 1) & UINT_MASK
    if vma.flags & VM_NONLINEAR:
        mapping.nonlinear.insert(0, vma)
    else:
        i_mmap_insert(mapping, vma)


def unlink_file_vma(world: World, vma: Vma) -> None:
    """The file that a vma maps, if any, knows it no more: link_file taken back."""
    if vma.file is None:
        return
    mapping = vma.file.mapping
    if vma.flags & VM_DENYWRITE:
        mapping.inode.writecount += 1
    if vma.flags & VM_SHARED:
        mapping.i_mmap_writable = (mapping.i_mmap_writable - 1) & UINT_MASK
    if vma.flags & VM_NONLINEAR:
        mapping.nonlinear.remove(vma)
    else:
        mapping.i_mmap.remove(vma)


# anon_vmas


def anon_vma_link(world: World, vma: Vma) -> None:
    """Put a vma on its anon_vma's list, if it has one; at the head."""
    if vma.anon_vma is not None:
        vma.anon_vma.vmas.insert(0, vma)


def anon_vma_unlink(world: World, vma: Vma) -> None:
    """Take a vma off its anon_vma's list; an anon_vma whose list is empty is free."""
    if vma.anon_vma is not None:
        vma.anon_vma.vmas.remove(vma)


def anon_vma_merge(world: World, vma: Vma, gone: Vma) -> None:
    """`gone` becomes part of `vma`, which has the same anon_vma."""
    if vma.anon_vma is not gone.anon_vma:
        raise Bug("merged vmas have different anon_vmas")
    anon_vma_unlink(world, gone)


def anon_vma_prepare(world: World, vma: Vma) -> int:
    """Give a vma an anon_vma before it gets its first anonymous page: 0 or -ENOMEM.

    1. It has one: 0.
    2. That of a neighbour with which it could merge one day; else a new one.
    """
    if vma.anon_vma is not None:
        return 0
    anon_vma = find_mergeable_anon_vma(world, vma)
    if anon_vma is None:
        anon_vma = alloc.anon_vma_alloc(world)
        if anon_vma is None:
            return -ENOMEM
    vma.anon_vma = anon_vma
    anon_vma_link(world, vma)
    return 0


def find_mergeable_anon_vma(world: World, vma: Vma) -> AnonVma | None:
    """The anon_vma of the vma above, else of the one below, with which this one could merge.

    Adjacent, mergeable if mprotect made R, W and X the same, and with an anon_vma.
    """
    access = VM_READ | VM_WRITE | VM_EXEC
    near = vma_next(vma)
    if near is not None and near.anon_vma is not None and vma.end == near.start:
        flags = (vma.flags & ~access) | (near.flags & access)
        if can_vma_merge_before(near, flags, None, vma.file, vma.pgoff + vma_pages(vma)):
            return near.anon_vma
    near = find_vma_prev(world, vma.mm, vma.start)[1]
    if near is not None and near.anon_vma is not None and near.end == vma.start:
        flags = (vma.flags & ~access) | (near.flags & access)
        if can_vma_merge_after(near, flags, None, vma.file, vma.pgoff):
            return near.anon_vma
    return None


# Into and out of a process


def insert_in_mm(mm: Mm, vma: Vma) -> None:
    """Put a vma in its place by address."""
    mm.vmas.append(vma)
    mm.vmas.sort(key=lambda other: other.start)


def vma_link(world: World, mm: Mm, vma: Vma) -> None:
    """Make a new vma part of a process.

    1. It takes over its file's truncate_count.
    2. List, anon_vma's list, file.  map_count + 1.
    """
    if vma.file is not None:
        vma.truncate_count = vma.file.mapping.truncate_count
    insert_in_mm(mm, vma)
    anon_vma_link(world, vma)
    link_file(vma)
    mm.map_count += 1


# Merging and splitting


def is_mergeable_vma(vma: Vma, flags: int, file: OpenFile | None) -> bool:
    """Same flags, same open file, no close hook.  The page protection is not looked at."""
    return vma.flags == flags and vma.file is file and vma.ops not in OPS_WITH_CLOSE


def is_mergeable_anon_vma(one: AnonVma | None, other: AnonVma | None) -> bool:
    """At most one of them, or the same."""
    return one is None or other is None or one is other


def can_vma_merge_before(
    vma: Vma, flags: int, anon_vma: AnonVma | None, file: OpenFile | None, pgoff: int
) -> bool:
    """What would end at page index `pgoff` can become the lower part of vma."""
    return (
        is_mergeable_vma(vma, flags, file)
        and is_mergeable_anon_vma(anon_vma, vma.anon_vma)
        and vma.pgoff == pgoff
    )


def can_vma_merge_after(
    vma: Vma, flags: int, anon_vma: AnonVma | None, file: OpenFile | None, pgoff: int
) -> bool:
    """What would begin at page index `pgoff` can become the upper part of vma."""
    return (
        is_mergeable_vma(vma, flags, file)
        and is_mergeable_anon_vma(anon_vma, vma.anon_vma)
        and vma.pgoff + vma_pages(vma) == pgoff
    )


def vma_merge(
    world: World,
    mm: Mm,
    prev: Vma | None,
    start: int,
    end: int,
    flags: int,
    anon_vma: AnonVma | None,
    file: OpenFile | None,
    pgoff: int,
) -> Vma | None:
    """Let [start, end) become part of a vma beside it.

    prev : Vma | None     the vma below, or (mprotect) the one that holds or is changed
    returns Vma | None    the vma that covers it now; None: nothing was done

    1. Special mappings never merge.
    2. prev ends at start and fits: it grows to end (cases 2, 5, 7), or through the next vma if
       that one fits too (1, 6).
    3. The next begins at end and fits: it grows down over prev (4), or from its own place (3, 8).
    """
    pages = (end - start) >> PAGE_SHIFT
    if flags & VM_SPECIAL:
        return None
    following = vma_next(prev) if prev is not None else (mm.vmas[0] if mm.vmas else None)
    area = following
    if following is not None and following.end == end:
        following = vma_next(following)
    next_fits = (
        following is not None
        and following.start == end
        and can_vma_merge_before(following, flags, anon_vma, file, pgoff + pages)
    )
    if (
        prev is not None
        and prev.end == start
        and can_vma_merge_after(prev, flags, anon_vma, file, pgoff)
    ):
        through = next_fits and is_mergeable_anon_vma(prev.anon_vma, following.anon_vma)
        new_end = following.end if through else end
        vma_adjust(world, prev, prev.start, new_end, prev.pgoff, None)
        return prev
    if next_fits:
        if prev is not None and start < prev.end:
            vma_adjust(world, prev, prev.start, start, prev.pgoff, None)
        else:
            new_pgoff = (following.pgoff - pages) & ULONG_MASK
            vma_adjust(world, area, start, following.end, new_pgoff, None)
        return area
    return None


def vma_adjust(
    world: World, vma: Vma, start: int, end: int, pgoff: int, insert: Vma | None
) -> None:
    """Move a vma's borders, and those of the vma above with them.

    insert : Vma | None    from split_vma: the other half, which becomes part of the process

    1. Reaching over all of the next: that one is removed, and once more for case 6.
    2. Reaching into the next, or shrinking away from it: the common border moves.
    """
    following = vma_next(vma)
    if insert is not None or following is None:
        move_border(world, vma, start, end, pgoff, None, 0, None)
        if insert is not None:
            insert_half(world, vma, insert)
        return
    if end < following.end:
        pages = border_shift(vma, following, end)
        importer = following if pages < 0 else vma if pages > 0 else None
        move_border(world, vma, start, end, pgoff, following, pages, importer)
        return
    while following is not None and end >= following.end:
        again = end > following.end
        move_border(world, vma, start, following.end, pgoff, following, 0, vma)
        remove_next(world, vma, following)
        following = vma_next(vma) if again else None


def border_shift(vma: Vma, following: Vma, end: int) -> int:
    """By how many pages the next vma's start moves: up for case 5, down (negative) for case 4."""
    if end > following.start:
        return (end - following.start) >> PAGE_SHIFT
    if end < vma.end:
        return -((vma.end - end) >> PAGE_SHIFT)
    return 0


def move_border(
    world: World,
    vma: Vma,
    start: int,
    end: int,
    pgoff: int,
    following: Vma | None,
    pages: int,
    importer: Vma | None,
) -> None:
    """Set a vma's range, and shift the next one's start by `pages`.

    importer : Vma | None    which of both gets pages of the other.  It takes the other's anon_vma
                             if it has none, and if both saw different truncations, begins anew.
    """
    mapping = vma.file.mapping if vma.file is not None else None
    if importer is not None:
        if mapping is not None and vma.truncate_count != following.truncate_count:
            importer.truncate_count = 0
        if importer.anon_vma is None:
            importer.anon_vma = vma.anon_vma or following.anon_vma
            anon_vma_link(world, importer)
    vma.start, vma.end, vma.pgoff = start, end, pgoff
    if pages:
        following.start += pages << PAGE_SHIFT
        following.pgoff = (following.pgoff + pages) & ULONG_MASK
    if mapping is not None:
        mapping.i_mmap.sort(key=order_in_file)


def insert_half(world: World, vma: Vma, insert: Vma) -> None:
    """The end of a split: the other half goes to the file, the process and the anon_vma."""
    if vma.file is not None:
        insert.truncate_count = vma.truncate_count
    link_file(insert)
    insert_in_mm(vma.mm, insert)
    anon_vma_link(world, insert)
    vma.mm.map_count += 1


def remove_next(world: World, vma: Vma, gone: Vma) -> None:
    """`gone` has become part of `vma` and is no more."""
    vma.mm.vmas.remove(gone)
    unlink_file_vma(world, gone)
    if gone.anon_vma is not None:
        anon_vma_merge(world, vma, gone)
    if gone.file is not None:
        files.fput(world, gone.file)
    vma.mm.map_count -= 1
    alloc.vma_free(world, gone)


def split_vma(world: World, mm: Mm, vma: Vma, address: int, new_below: bool) -> int:
    """Cut a vma in two at an address inside: 0, -EINVAL or -ENOMEM.

    1. Huge pages are not cut: -EINVAL.  Too many vmas, or no memory for one: -ENOMEM.
    2. The new one is a copy.  new_below: it gets [start, address), else [address, end).
    3. One more reference on the file; open hook; borders and lists.
    """
    if vma.flags & VM_HUGETLB and address % HPAGE_SIZE:
        return -EINVAL
    if mm.map_count >= world.max_map_count:
        return -ENOMEM
    new = alloc.vma_alloc(world)
    if new is None:
        return -ENOMEM
    for field in dataclasses.fields(Vma):
        if field.name != "number":
            setattr(new, field.name, getattr(vma, field.name))
    distance = (address - vma.start) >> PAGE_SHIFT
    if new_below:
        new.end = address
    else:
        new.start = address
        new.pgoff = (vma.pgoff + distance) & ULONG_MASK
    if new.file is not None:
        files.get_file(world, new.file)
    if new_below:
        vma_adjust(world, vma, address, vma.end, (vma.pgoff + distance) & ULONG_MASK, new)
    else:
        vma_adjust(world, vma, vma.start, address, vma.pgoff, new)
    return 0
