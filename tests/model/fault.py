# SPDX-License-Identifier: GPL-2.0-only
"""The processor's accesses, and page faults (facts 10 WP NP, 20.1, 20.10, 20.14).

Conventions: address in bytes; a fault code is one of VM_FAULT_*: 0 to 3 are an enumeration, only
VM_FAULT_WRITE is a bit.  `word` is the pte as it was when the fault looked at it.
"""

from __future__ import annotations

from . import alloc, dirty, files, lru, nopage, populate, rmap, swap
from . import vma as vmas
from .constants import (
    ENOMEM,
    PAGE_MASK,
    SIGBUS,
    SIGKILL,
    SIGSEGV,
    VM_EXEC,
    VM_FAULT_MAJOR,
    VM_FAULT_MINOR,
    VM_FAULT_OOM,
    VM_FAULT_SIGBUS,
    VM_FAULT_WRITE,
    VM_HUGETLB,
    VM_NONLINEAR,
    VM_PFNMAP,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
)
from .pagecache import lock_page, trylock_page, unlock_page
from .pte import (
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_USER,
    get_pte,
    maybe_mkwrite,
    mk_pte,
    pfn_to_page,
    pte_file,
    pte_mkdirty,
    pte_mkyoung,
    pte_pfn,
    pte_present,
    pte_to_pgoff,
    pte_to_swp_offset,
    pte_write,
    set_pte,
    vm_normal_page,
)
from .state import SECTORS, Bug, Hang, Mm, Page, Task, Vma, World

MAX_FAULTS = 16         # of one access; with more the run has hung

# ------------------------------------------------------------------ the processor


def load(world: World, task: Task, address: int, sector: int) -> int:
    """The processor reads one sector: its version, or a signal."""
    return access(world, task, address, sector, write=False)


def store(world: World, task: Task, address: int, sector: int) -> int:
    """The processor writes one sector: its new version, or a signal."""
    return access(world, task, address, sector, write=True)


def access(world: World, task: Task, address: int, sector: int, write: bool) -> int:
    """Read or write as the processor does, with faults until it may.

    1. The pte allows it (USER; to write also RW): set A, for a write D too, and do it.
    2. Else a fault.  MINOR and MAJOR: try again; 16 faults are the most.
    returns int   the sector's version; 0 for a frame without a page; SIGSEGV, SIGBUS, SIGKILL
    """
    mm = world.mms[task.number]
    for _ in range(MAX_FAULTS + 1):
        word = get_pte(mm, address)
        needs = PAGE_PRESENT | PAGE_USER | (PAGE_RW if write else 0)
        if word & needs == needs:
            word = pte_mkyoung(word)
            set_pte(mm, address, pte_mkdirty(word) if write else word)
            return transfer(world, pfn_to_page(world, pte_pfn(word)), sector, write)
        signal = do_page_fault(world, mm, address, write, bool(word & PAGE_PRESENT))
        if signal:
            return signal
    raise Hang("an access faults again and again")


def transfer(world: World, page: Page | None, sector: int, write: bool) -> int:
    """Read or write a sector of a frame: its version; a frame without a page has 0.

    A store gives the sector the next version of the world.
    """
    if page is None:
        return 0
    if write:
        world.version += 1
        page.contents[sector] = world.version
    return page.contents[sector]


def do_page_fault(world: World, mm: Mm, address: int, write: bool, protection: bool) -> int:
    """The processor's fault: 0 to try again, or a signal.

    protection: the pte was present for the processor.
    1. No vma there: SIGSEGV (stacks do not grow here).
    2. A write to a vma without VM_WRITE; a protection fault on a read; a read of a vma with
       neither VM_READ nor VM_EXEC: SIGSEGV.
    3. handle_mm_fault: SIGBUS and OOM (SIGKILL) end the access.
    """
    vma = vmas.find_vma(world, mm, address)
    if vma is None or address < vma.start:
        return SIGSEGV
    if write:
        if not vma.flags & VM_WRITE:
            return SIGSEGV
    elif protection or not vma.flags & (VM_READ | VM_EXEC):
        return SIGSEGV
    code = handle_mm_fault(world, mm, vma, address, write) & ~VM_FAULT_WRITE
    if code == VM_FAULT_SIGBUS:
        return SIGBUS
    return SIGKILL if code == VM_FAULT_OOM else 0


# ------------------------------------------------------------------ which handler


def handle_mm_fault(world: World, mm: Mm, vma: Vma, address: int, write: bool) -> int:
    """Handle a fault in a vma (__handle_mm_fault: VM_FAULT_WRITE is in the result).

    1. Huge pages cannot be touched here: SIGBUS (facts silent).
    2. The page table; no memory: OOM.
    3. handle_pte_fault.
    """
    if vma.flags & VM_HUGETLB:
        return VM_FAULT_SIGBUS
    if not alloc.pte_alloc(world, mm, address):
        return VM_FAULT_OOM
    return handle_pte_fault(world, mm, vma, address, write)


def handle_pte_fault(world: World, mm: Mm, vma: Vma, address: int, write: bool) -> int:
    """Choose by the pte.

    1. None: do_no_page if the vma's operations have a nopage, else do_anonymous_page.
    2. Not present: do_file_page or do_swap_page.
    3. Present, a write, not RW: do_wp_page.
    4. Present otherwise: young, for a write dirty.  For a read nothing is stored: the processor
       sets A itself.
    """
    word = get_pte(mm, address)
    if not word:
        if vma.ops:
            return do_no_page(world, mm, vma, address, write)
        return do_anonymous_page(world, mm, vma, address, write)
    if not pte_present(word):
        if pte_file(word):
            return do_file_page(world, mm, vma, address, word)
        return do_swap_page(world, mm, vma, address, write, word)
    if write:
        if not pte_write(word):
            return do_wp_page(world, mm, vma, address, word)
        set_pte(mm, address, pte_mkyoung(pte_mkdirty(word)))
    return VM_FAULT_MINOR


# ------------------------------------------------------------------ handlers


def copy_contents(page: Page, source: Page | None) -> None:
    """Fill a new page; from a frame without a page come zeroes."""
    page.contents = list(source.contents) if source else [0] * SECTORS


def make_anonymous(world: World, mm: Mm, vma: Vma, address: int, page: Page) -> None:
    """Count a new page as anonymous and send it to the active LRU list (its pte is set by the
    caller)."""
    mm.anon_rss += 1
    lru.lru_cache_add_active(world, page)
    rmap.page_add_new_anon_rmap(world, page, vma, address)


def do_anonymous_page(world: World, mm: Mm, vma: Vma, address: int, write: bool) -> int:
    """Memory that nobody has touched: MINOR or OOM.

    1. Write: anon_vma; a zeroed page; dirty, and writable if the vma is.
    2. Read: the zero page, which counts as a file's page.
    """
    if not write:
        page = world.zero_page
        alloc.get_page(world, page)
        mm.file_rss += 1
        rmap.page_add_file_rmap(world, page)
        set_pte(mm, address, mk_pte(page, vma.prot))
        return VM_FAULT_MINOR
    if vmas.anon_vma_prepare(world, vma):
        return VM_FAULT_OOM
    new_page = alloc.alloc_zeroed(world)
    if new_page is None:
        return VM_FAULT_OOM
    make_anonymous(world, mm, vma, address, new_page)
    set_pte(mm, address, maybe_mkwrite(pte_mkdirty(mk_pte(new_page, vma.prot)), vma))
    return VM_FAULT_MINOR


def private_copy(world: World, vma: Vma, source: Page | None) -> Page | None:
    """A copy of a page for a vma, which gets an anon_vma for it; None: no memory.

    The zero page is not copied: a zeroed page will do.
    """
    if vmas.anon_vma_prepare(world, vma):
        return None
    if source is world.zero_page:
        return alloc.alloc_zeroed(world)
    page = alloc.alloc_page(world)
    if page is not None:
        copy_contents(page, source)
    return page


def do_wp_page(world: World, mm: Mm, vma: Vma, address: int, word: int) -> int:
    """A write to a page whose pte may not be written: MINOR, with VM_FAULT_WRITE; or OOM.

    WP1      the page; none (a frame without one): copy
    WP2      U1 and the vma is shared and writable: reuse the page, and make it dirty at the end.
             Else reuse an anonymous page that can be locked at once and has no other user
    WP3      reuse: the pte becomes young, dirty, and writable if the vma is
    WP4..12  else copy
    WP14     U1: make the page dirty
    """
    old_page = vm_normal_page(world, vma, address, word)        # WP1
    if old_page is None:
        return copy_on_write(world, mm, vma, address, word, None)
    dirty_page = None
    reuse = False
    if "U1" in world.units and files.is_shared_writable(vma.flags):   # WP2
        reuse = True
        dirty_page = old_page
        alloc.get_page(world, dirty_page)
    elif rmap.page_anon(old_page) and trylock_page(world, old_page):
        reuse = swap.can_share_swap_page(world, old_page)
        unlock_page(world, old_page)
    if not reuse:
        return copy_on_write(world, mm, vma, address, word, old_page)
    set_pte(mm, address, maybe_mkwrite(pte_mkdirty(pte_mkyoung(word)), vma))    # WP3
    if dirty_page is not None:                                  # WP14
        dirty.set_page_dirty(world, dirty_page)
        alloc.put_page(world, dirty_page)
    return VM_FAULT_MINOR | VM_FAULT_WRITE


def copy_on_write(
    world: World, mm: Mm, vma: Vma, address: int, word: int, old_page: Page | None
) -> int:
    """The copying half of do_wp_page.

    WP4   hold the old page, if there is one
    WP7   anon_vma; no memory: WP15
    WP8   the copy; no memory: WP15
    WP10  the old page loses its pte, the vma's new pte is dirty, writable if the vma is, and
          maps the copy.  That the old pte was dirty is forgotten
    WP11  the old page's reference that the pte had
    WP12  the one of WP4
    WP15  the one of WP4; OOM
    """
    if old_page is not None:                                    # WP4
        alloc.get_page(world, old_page)
    new_page = private_copy(world, vma, old_page)               # WP7 WP8
    if new_page is None:                                        # WP15
        if old_page is not None:
            alloc.put_page(world, old_page)
        return VM_FAULT_OOM
    if get_pte(mm, address) != word:                            # WP10: somebody was faster
        alloc.put_page(world, new_page)
        if old_page is not None:
            alloc.put_page(world, old_page)
        return VM_FAULT_MINOR
    if old_page is not None:
        rmap.page_remove_rmap(world, old_page)
        if rmap.page_anon(old_page):
            mm.anon_rss -= 1        # the copy counts in its place
        else:
            mm.file_rss -= 1
    set_pte(mm, address, maybe_mkwrite(pte_mkdirty(mk_pte(new_page, vma.prot)), vma))
    make_anonymous(world, mm, vma, address, new_page)
    if old_page is not None:
        alloc.put_page(world, old_page)                         # WP11
        alloc.put_page(world, old_page)                         # WP12
    return VM_FAULT_MINOR | VM_FAULT_WRITE


def do_no_page(world: World, mm: Mm, vma: Vma, address: int, write: bool) -> int:
    """A page that the vma's nopage gives: MINOR, MAJOR, SIGBUS or OOM.

    NP2  BUG for VM_PFNMAP
    NP3  remember the file's truncate_count
    NP4  nopage: a page with a reference
    NP5  none: SIGBUS or OOM
    NP6  a write to a vma without VM_SHARED: a private copy; no memory: NP13
    NP8  truncated meanwhile: again from NP4
    NP9  the pte; a write: dirty, and writable if the vma is.  A file's page that is written to
         is made dirty at the end (U2)
    NP10 somebody was faster: drop the page
    NP12 U2: make the page dirty
    NP13 drop the page; OOM
    """
    if vma.flags & VM_PFNMAP:                                   # NP2
        raise Bug("nopage for VM_PFNMAP")
    mapping = vma.file.mapping if vma.file else None            # NP3
    sequence = mapping.truncate_count if mapping else 0
    anon = False
    while True:
        new_page, code = nopage.nopage(world, vma, address & PAGE_MASK)     # NP4
        if new_page is None:                                    # NP5
            return code
        if write and not vma.flags & VM_SHARED:                 # NP6
            copy = private_copy(world, vma, new_page)
            alloc.put_page(world, new_page)
            if copy is None:                                    # NP13
                return VM_FAULT_OOM
            new_page, anon = copy, True
        if mapping is None or sequence == mapping.truncate_count:
            break
        alloc.put_page(world, new_page)                         # NP8
        sequence = mapping.truncate_count
    if get_pte(mm, address):                                    # NP10
        alloc.put_page(world, new_page)
        return code
    word = mk_pte(new_page, vma.prot)                           # NP9
    set_pte(mm, address, maybe_mkwrite(pte_mkdirty(word), vma) if write else word)
    if anon:
        make_anonymous(world, mm, vma, address, new_page)
        return code
    mm.file_rss += 1
    rmap.page_add_file_rmap(world, new_page)
    if write and "U2" in world.units:                           # NP12
        alloc.get_page(world, new_page)
        dirty.set_page_dirty(world, new_page)
        alloc.put_page(world, new_page)
    return code


def do_file_page(world: World, mm: Mm, vma: Vma, address: int, word: int) -> int:
    """A page of a nonlinear vma whose index the pte remembers.

    1. Not a nonlinear vma: OOM.
    2. populate this one page: 0 is MAJOR, -ENOMEM is OOM, another error SIGBUS.
    """
    if not vma.flags & VM_NONLINEAR:
        return VM_FAULT_OOM
    error = populate.populate(world, vma, address & PAGE_MASK, 1, pte_to_pgoff(word), False)
    if error == 0:
        return VM_FAULT_MAJOR
    return VM_FAULT_OOM if error == -ENOMEM else VM_FAULT_SIGBUS


def swapped_page(world: World, entry: int) -> tuple[Page | None, int]:
    """The page of a swap entry, locked, with a reference, and MINOR, or MAJOR if it was read.

    None: no memory; the code says whether an earlier turn has read it.  A page that leaves the swap cache while we wait for its lock: again.
    """
    code = VM_FAULT_MINOR
    while True:
        page = swap.lookup_swap_cache(world, entry)
        if page is None:
            page = swap.read_swap_cache(world, entry)
            if page is None:
                return None, code
            code = VM_FAULT_MAJOR
        lru.mark_page_accessed(world, page)
        lock_page(world, page)
        if "swapcache" in page.flags:
            return page, code
        unlock_page(world, page)
        alloc.put_page(world, page)


def do_swap_page(
    world: World, mm: Mm, vma: Vma, address: int, write: bool, word: int
) -> int:
    """A page in swap: MINOR, MAJOR, OOM or SIGBUS; VM_FAULT_WRITE gets lost.

    1. The page, from the swap cache or read in, locked.  No memory: OOM if the pte is unchanged,
       else as it stands.
    2. The pte has changed: let the page go.  Not Uptodate: SIGBUS.
    3. anon_rss goes up.  A write to a page that nobody else has: dirty, writable if the vma is,
       and the write is dealt with.
    4. The pte; one pte more; one user of the slot less.
    5. Swap more than half full: remove_exclusive_swap_page.  Unlock.
    6. A write that remains: do_wp_page, of whose result only OOM counts.
    """
    entry = pte_to_swp_offset(word)
    page, code = swapped_page(world, entry)
    if page is None:
        return VM_FAULT_OOM if get_pte(mm, address) == word else code
    changed = get_pte(mm, address) != word
    if changed or "uptodate" not in page.flags:
        unlock_page(world, page)
        alloc.put_page(world, page)
        return code if changed else VM_FAULT_SIGBUS
    mm.anon_rss += 1
    word = mk_pte(page, vma.prot)
    if write and swap.can_share_swap_page(world, page):
        word = maybe_mkwrite(pte_mkdirty(word), vma)
        write = False
    set_pte(mm, address, word)
    rmap.page_add_anon_rmap(world, page, vma, address)
    swap.swap_free(world, entry)
    if swap.vm_swap_full(world):
        swap.remove_exclusive_swap_page(world, page)
    unlock_page(world, page)
    if write and do_wp_page(world, mm, vma, address, word) == VM_FAULT_OOM:
        return VM_FAULT_OOM
    return code
