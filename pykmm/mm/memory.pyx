# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
"""Twin of cref/mm/memory.c: faults, and looking pages up.

Edits E02-E09.  Steps FP, WP, NP.
"""

from pykmm.linux.mm cimport is_shared_writable
from pykmm.machine cimport (
    BUG_ON,
    FOLL_ANON,
    FOLL_GET,
    FOLL_TOUCH,
    FOLL_WRITE,
    GFP_HIGHUSER,
    KMM_U1,
    KMM_U2,
    NOPAGE_OOM,
    NOPAGE_SIGBUS,
    PAGE_MASK,
    PageAnon,
    PageDirty,
    TestSetPageLocked,
    VM_FAULT_MINOR,
    VM_FAULT_OOM,
    VM_FAULT_SIGBUS,
    VM_FAULT_WRITE,
    VM_PFNMAP,
    VM_SHARED,
    ZERO_PAGE,
    address_space,
    alloc_page_vma,
    alloc_zeroed_user_highpage,
    anon_rss,
    anon_vma_prepare,
    can_share_swap_page,
    cond_resched,
    copy_user_highpage,
    cow_user_page,
    dec_mm_counter,
    file_rss,
    flush_cache_page,
    flush_icache_page,
    get_page,
    inc_mm_counter,
    kmm_enter,
    lazy_mmu_prot_update,
    likely,
    lru_cache_add_active,
    mark_page_accessed,
    maybe_mkwrite,
    mk_pte,
    mm_struct,
    page_add_file_rmap,
    page_add_new_anon_rmap,
    page_cache_get,
    page_cache_release,
    page_remove_rmap,
    pmd_offset,
    pmd_t,
    pte_dirty,
    pte_mkdirty,
    pte_mkyoung,
    pte_none,
    pte_offset_map_lock,
    pte_pfn,
    pte_present,
    pte_same,
    pte_t,
    pte_unmap,
    pte_unmap_unlock,
    pte_write,
    ptep_establish,
    ptep_set_access_flags,
    put_page,
    set_page_dirty,
    set_pte_at,
    smp_rmb,
    spinlock_t,
    struct_page,
    struct_world,
    unit,
    unlikely,
    unlock_page,
    update_mmu_cache,
    vm_area_struct,
    vm_normal_page,
)

cdef extern from *:
    """
    #define KMM_FILE KMM_FILE_MM_MEMORY
    """

cdef enum:
    L_top
    L_unlock
    L_no_page_table
    L_gotten
    L_oom
    L_retry


cdef void enter(struct_world *world) noexcept nogil:
    kmm_enter(world)


cdef struct_page *follow_page(vm_area_struct *vma, unsigned long address,
                              unsigned int flags) noexcept nogil:
    cdef pmd_t *pmd
    cdef pte_t *ptep
    cdef pte_t pte
    cdef spinlock_t *ptl
    cdef struct_page *page
    cdef mm_struct *mm = vma.vm_mm
    cdef int at = L_top

    while at == L_top:
        # the model has no huge pages, and one walk for the kernel's three levels
        page = NULL                                     # FP2
        pmd = pmd_offset(mm, address)
        if pmd is NULL:
            at = L_no_page_table; continue              # goto no_page_table

        ptep = pte_offset_map_lock(mm, pmd, address, &ptl)  # FP3
        pte = ptep[0]
        if not pte_present(pte):                        # FP4
            at = L_unlock; continue                     # goto unlock
        # a page that v8 keeps write-protected fails here, and takes its fault now (E02)
        if (flags & FOLL_WRITE) and not pte_write(pte): # FP5
            at = L_unlock; continue                     # goto unlock
        page = vm_normal_page(vma, address, pte)        # FP6
        if page is NULL:
            at = L_unlock; continue                     # goto unlock

        if flags & FOLL_GET:                            # FP7
            get_page(page)
        if flags & FOLL_TOUCH:                          # FP8
            if (flags & FOLL_WRITE) and not pte_dirty(pte) and not PageDirty(page):
                set_page_dirty(page)
            mark_page_accessed(page)
        at = L_unlock

    while at == L_unlock:                               # unlock:
        pte_unmap_unlock(ptep, ptl)                     # FP9
        return page

    # no_page_table:
    if flags & FOLL_ANON:                               # FP10
        page = ZERO_PAGE(address)
        if flags & FOLL_GET:
            get_page(page)
        BUG_ON(flags & FOLL_WRITE)
    return page


cdef int do_wp_page(mm_struct *mm, vm_area_struct *vma, unsigned long address,
                    pte_t *page_table, pmd_t *pmd, spinlock_t *ptl,
                    pte_t orig_pte) noexcept nogil:
    cdef struct_page *old_page
    cdef struct_page *new_page
    cdef pte_t entry
    cdef int reuse = 0, ret = VM_FAULT_MINOR
    cdef struct_page *dirty_page = NULL
    cdef int at = L_top

    while at == L_top:
        old_page = vm_normal_page(vma, address, orig_pte)   # WP1
        if old_page is NULL:
            at = L_gotten; continue                     # goto gotten

        # without VM_WRITE in the test, a forced write would reach the file's own page
        if unit(KMM_U1) and unlikely(is_shared_writable(vma.vm_flags)):     # WP2 E04
            reuse = 1
            dirty_page = old_page
            get_page(dirty_page)
        elif PageAnon(old_page) and not TestSetPageLocked(old_page):
            reuse = can_share_swap_page(old_page)
            unlock_page(old_page)

        if reuse:                                       # WP3 E05
            flush_cache_page(vma, address, pte_pfn(orig_pte))
            entry = pte_mkyoung(orig_pte)
            entry = maybe_mkwrite(pte_mkdirty(entry), vma)
            ptep_set_access_flags(vma, address, page_table, entry, 1)
            update_mmu_cache(vma, address, entry)
            lazy_mmu_prot_update(entry)
            ret |= VM_FAULT_WRITE
            at = L_unlock; continue                     # goto unlock

        page_cache_get(old_page)                        # WP4
        at = L_gotten

    while at == L_gotten:                               # gotten:
        pte_unmap_unlock(page_table, ptl)               # WP6

        if unlikely(anon_vma_prepare(vma)):             # WP7
            at = L_oom; continue                        # goto oom
        if old_page == ZERO_PAGE(address):              # WP8
            new_page = alloc_zeroed_user_highpage(vma, address)
            if new_page is NULL:
                at = L_oom; continue                    # goto oom
        else:
            new_page = alloc_page_vma(GFP_HIGHUSER, vma, address)
            if new_page is NULL:
                at = L_oom; continue                    # goto oom
            cow_user_page(new_page, old_page, address)

        # the pte may have become another while nothing was held
        page_table = pte_offset_map_lock(mm, pmd, address, &ptl)    # WP9
        if likely(pte_same(page_table[0], orig_pte)):   # WP10
            if old_page is not NULL:
                page_remove_rmap(old_page)
                if not PageAnon(old_page):
                    dec_mm_counter(mm, file_rss)
                    inc_mm_counter(mm, anon_rss)
            else:
                inc_mm_counter(mm, anon_rss)
            flush_cache_page(vma, address, pte_pfn(orig_pte))   # WP10b
            entry = mk_pte(new_page, vma.vm_page_prot)
            entry = maybe_mkwrite(pte_mkdirty(entry), vma)
            ptep_establish(vma, address, page_table, entry)     # WP10d
            update_mmu_cache(vma, address, entry)
            lazy_mmu_prot_update(entry)
            lru_cache_add_active(new_page)              # WP10g
            page_add_new_anon_rmap(new_page, vma, address)
            new_page = old_page                         # WP10i
            ret |= VM_FAULT_WRITE
        if new_page is not NULL:                        # WP11
            page_cache_release(new_page)
        if old_page is not NULL:                        # WP12
            page_cache_release(old_page)
        at = L_unlock

    while at == L_unlock:                               # unlock:
        pte_unmap_unlock(page_table, ptl)               # WP13
        if dirty_page is not NULL:                      # WP14 E06
            set_page_dirty(dirty_page)
            put_page(dirty_page)
        return ret

    # oom:
    if old_page is not NULL:                            # WP15
        page_cache_release(old_page)
    return VM_FAULT_OOM


cdef int do_no_page(mm_struct *mm, vm_area_struct *vma, unsigned long address,
                    pte_t *page_table, pmd_t *pmd, int write_access) noexcept nogil:
    cdef spinlock_t *ptl
    cdef struct_page *new_page
    cdef address_space *mapping = NULL
    cdef pte_t entry
    cdef unsigned int sequence = 0
    cdef int ret = VM_FAULT_MINOR
    cdef int anon = 0
    cdef struct_page *dirty_page = NULL
    cdef struct_page *page
    cdef int at = L_top

    while at == L_top:
        pte_unmap(page_table)                           # NP1
        BUG_ON(vma.vm_flags & VM_PFNMAP)                # NP2

        if vma.vm_file is not NULL:                     # NP3
            mapping = vma.vm_file.f_mapping
            sequence = mapping.truncate_count
            smp_rmb()
        at = L_retry

    while at == L_retry:                                # retry:
        new_page = vma.vm_ops.nopage(vma, address & PAGE_MASK, &ret)    # NP4

        if new_page == NOPAGE_SIGBUS:                   # NP5
            return VM_FAULT_SIGBUS
        if new_page == NOPAGE_OOM:
            return VM_FAULT_OOM

        # a private mapping that is written to never maps the file's own page
        if write_access and not (vma.vm_flags & VM_SHARED):     # NP6
            if unlikely(anon_vma_prepare(vma)):
                at = L_oom; continue                    # goto oom
            page = alloc_page_vma(GFP_HIGHUSER, vma, address)
            if page is NULL:
                at = L_oom; continue                    # goto oom
            copy_user_highpage(page, new_page, address)
            page_cache_release(new_page)
            new_page = page
            anon = 1

        page_table = pte_offset_map_lock(mm, pmd, address, &ptl)    # NP7
        # truncation that ran meanwhile may have passed over a pte that was not there yet
        if mapping is not NULL and unlikely(sequence != mapping.truncate_count):    # NP8
            pte_unmap_unlock(page_table, ptl)
            page_cache_release(new_page)
            cond_resched()
            sequence = mapping.truncate_count
            smp_rmb()
            at = L_retry; continue                      # goto retry

        if pte_none(page_table[0]):                     # NP9
            flush_icache_page(vma, new_page)
            entry = mk_pte(new_page, vma.vm_page_prot)
            if write_access:
                entry = maybe_mkwrite(pte_mkdirty(entry), vma)
            set_pte_at(mm, address, page_table, entry)
            if anon:
                inc_mm_counter(mm, anon_rss)            # NP9a
                lru_cache_add_active(new_page)
                page_add_new_anon_rmap(new_page, vma, address)
            else:
                inc_mm_counter(mm, file_rss)            # NP9b
                page_add_file_rmap(new_page)
                if unit(KMM_U2) and write_access:       # NP9c E08
                    dirty_page = new_page
                    get_page(dirty_page)
        else:
            page_cache_release(new_page)                # NP10
            at = L_unlock; continue                     # goto unlock

        update_mmu_cache(vma, address, entry)           # NP11
        lazy_mmu_prot_update(entry)
        at = L_unlock

    while at == L_unlock:                               # unlock:
        pte_unmap_unlock(page_table, ptl)               # NP12
        if dirty_page is not NULL:                      # NP12a E09
            set_page_dirty(dirty_page)
            put_page(dirty_page)
        return ret

    # oom:
    page_cache_release(new_page)                        # NP13
    return VM_FAULT_OOM
