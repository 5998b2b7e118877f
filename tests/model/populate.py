# SPDX-License-Identifier: GPL-2.0-only
"""remap_file_pages(2) and populating: pages of a file at any address of a vma (facts 20.11, 20.14).

Conventions: addresses and lengths in bytes, unless `pages` or an index is said.
"""

from __future__ import annotations

from . import alloc, dirty, nopage, rmap, swap
from . import vma as vmas
from .constants import (
    EINVAL,
    ENOMEM,
    INT_MAX,
    PAGE_MASK,
    PAGE_SHIFT,
    PTE_FILE_MAX_BITS,
    ULONG_MASK,
    VM_NONLINEAR,
    VM_SHARED,
)
from .lru import mark_page_accessed
from .pagecache import find_lock_page, unlock_page
from .pte import (
    get_pte,
    linear_page_index,
    mk_pte,
    pgoff_to_pte,
    pte_clear,
    pte_dirty,
    pte_file,
    pte_present,
    pte_to_swp_offset,
    set_pte,
    vm_normal_page,
)
from .state import PAGE_SIZE, Inode, Mapping, Mm, Page, Vma, World

POPULATING = ("generic", "shmem")       # operations of vmas that have a populate


def sys_remap_file_pages(
    world: World, start: int, size: int, prot: int, pgoff: int, nonblock: bool | int
) -> int:
    """remap_file_pages(2) of the current process: 0 or an error.

    1. prot not 0: -EINVAL.  start and size are cut to pages.  The range is empty or wraps, or an
       index has more than 29 bits: -EINVAL.
    2. A shared vma with populate must hold all of it, else -EINVAL; and it has data of its own
       (a cursor) only if it is nonlinear.
    3. Not linear there: the vma becomes nonlinear, unless it is.
    4. populate.
    """
    if prot:
        return -EINVAL
    start, size = start & PAGE_MASK, size & PAGE_MASK
    end = (start + size) & ULONG_MASK
    if end <= start or pgoff + (size >> PAGE_SHIFT) >= 1 << PTE_FILE_MAX_BITS:
        return -EINVAL
    vma = vmas.find_vma(world, world.mms[world.current.number], start)
    if (
        vma is None
        or not vma.flags & VM_SHARED
        or (vma.cursor and not vma.flags & VM_NONLINEAR)
        or vma.ops not in POPULATING
        or start < vma.start
        or end > vma.end
    ):
        return -EINVAL
    if pgoff != linear_page_index(vma, start) and not vma.flags & VM_NONLINEAR:
        make_nonlinear(vma)
    return populate(world, vma, start, size >> PAGE_SHIFT, pgoff, bool(nonblock))


def make_nonlinear(vma: Vma) -> None:
    """Move a vma from its file's linear ones to the head of the nonlinear ones."""
    assert vma.file is not None and vma.file.mapping is not None
    mapping = vma.file.mapping
    vma.flags |= VM_NONLINEAR
    mapping.i_mmap.remove(vma)
    mapping.nonlinear.insert(0, vma)


# ------------------------------------------------------------------ populate


def pages_in_file(inode: Inode) -> int:
    """The size of a file in pages, the last one perhaps in part."""
    return (inode.size + PAGE_SIZE - 1) >> PAGE_SHIFT


def populate(
    world: World, vma: Vma, address: int, pages: int, pgoff: int, nonblock: bool
) -> int:
    """Map pages from an index on at an address: 0 or an error; what was done stays.

    1. A disk file: with each page the rest of the range must be inside the file, else -EINVAL.
       tmpfs asks that once, at the start.
    2. The page; one that cannot be had: -ENOMEM.  nonblock: one that is not there is no error.
    3. A page: install_page.  None: in a nonlinear vma install_file_pte, else nothing.
    """
    assert vma.mm is not None and vma.file is not None and vma.file.mapping is not None
    mapping = vma.file.mapping
    assert mapping.inode is not None
    for done in range(pages):
        asked = done == 0 or vma.ops == "generic"
        if asked and pgoff + pages > pages_in_file(mapping.inode):
            return -EINVAL
        page, error = page_to_install(world, vma, mapping, pgoff + done, nonblock)
        if error:
            return error
        place = address + done * PAGE_SIZE
        if page is not None:
            error = install_page(world, vma.mm, vma, place, page)
            if error:
                alloc.put_page(world, page)
        elif vma.flags & VM_NONLINEAR:
            error = install_file_pte(world, vma.mm, vma, place, pgoff + done)
        if error:
            return error
    return 0


def page_to_install(
    world: World, vma: Vma, mapping: Mapping, index: int, nonblock: bool
) -> tuple[Page | None, int]:
    """The page at an index with a reference, marked as accessed, or None; and 0 or an error.

    1. A disk file: as filemap_getpage says; none, and not nonblock: -ENOMEM.
    2. tmpfs: shmem_getpage, with its own errors.  nonblock: only a page that is there and
       Uptodate; facts silent: it is locked to be looked at.
    """
    if vma.ops == "generic":
        page = nopage.filemap_getpage(world, mapping, index, nonblock)
        return page, 0 if page is not None or nonblock else -ENOMEM
    error = 0
    inode = mapping.inode
    assert inode is not None
    if nonblock:
        page = find_lock_page(world, mapping, index)
        if page is not None:
            unlock_page(world, page)
    else:
        page, error = nopage.shmem_getpage(world, inode, index)
    if page is not None and "uptodate" not in page.flags:
        alloc.put_page(world, page)
        page = None
    if page is not None:
        mark_page_accessed(world, page)
    return page, error


# ------------------------------------------------------------------ one pte


def zap_pte(world: World, mm: Mm, vma: Vma, address: int) -> bool:
    """Take a pte that is not none out, for another one: True if it had a page.

    1. Present: a page behind it: dirty: set_page_dirty; one pte less; its reference.
       Neither file_rss nor anon_rss changes.
    2. Else a swap entry is freed, a file pte is not.
    """
    word = pte_clear(mm, address)
    if not pte_present(word):
        if not pte_file(word):
            swap.free_swap_and_cache(world, pte_to_swp_offset(word))
        return False
    page = vm_normal_page(world, vma, address, word)
    if page is None:
        return False
    if pte_dirty(word):
        dirty.set_page_dirty(world, page)
    rmap.page_remove_rmap(world, page)
    alloc.put_page(world, page)
    return True


def install_page(world: World, mm: Mm, vma: Vma, address: int, page: Page) -> int:
    """Map a page of the file here, whatever was here before: 0 or an error.

    1. The page table; no memory: -ENOMEM.
    2. The page has left its file, or lies beyond its end: -EINVAL.  So many ptes map it that their
       number could wrap: -ENOMEM.
    3. The old pte goes; if it was none or had no page, file_rss goes up.
    4. The vma's protection as it is; one pte more.  The caller's reference becomes the pte's.
    """
    assert vma.file is not None and vma.file.mapping is not None
    if not alloc.pte_alloc(world, mm, address):
        return -ENOMEM
    inode = vma.file.mapping.inode
    assert inode is not None
    if page.mapping is None or page.index >= pages_in_file(inode):
        return -EINVAL
    if rmap.page_mapcount(page) > INT_MAX // 2:
        return -ENOMEM
    if not get_pte(mm, address) or not zap_pte(world, mm, vma, address):
        mm.file_rss += 1
    set_pte(mm, address, mk_pte(page, vma.prot))
    rmap.page_add_file_rmap(world, page)
    return 0


def install_file_pte(world: World, mm: Mm, vma: Vma, address: int, pgoff: int) -> int:
    """Remember which page of the file belongs here: 0, or -ENOMEM for the page table.

    The old pte goes; if it had a page, file_rss goes down.
    """
    if not alloc.pte_alloc(world, mm, address):
        return -ENOMEM
    if get_pte(mm, address) and zap_pte(world, mm, vma, address):
        mm.file_rss -= 1
    set_pte(mm, address, pgoff_to_pte(pgoff))
    return 0
