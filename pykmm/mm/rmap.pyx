# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
"""Twin of cref/mm/rmap.c: dirty-page cleaning through the reverse map.

Edits E24, E25.  Steps MK, MFI, PM.
"""

from pykmm.linux.mm cimport is_shared_writable
from pykmm.machine cimport (
    BUG_ON,
    EFAULT,
    PAGE_CACHE_SHIFT,
    PAGE_SHIFT,
    PageAnon,
    PageLocked,
    address_space,
    kmm_enter,
    lazy_mmu_prot_update,
    mapping_cap_account_dirty,
    mm_struct,
    page_check_address,
    page_mapped,
    page_mapping,
    pgoff_t,
    prio_tree_iter,
    pte_dirty,
    pte_mkclean,
    pte_t,
    pte_unmap_unlock,
    pte_write,
    pte_wrprotect,
    ptep_establish,
    ptep_get_and_clear,
    spin_lock,
    spin_unlock,
    spinlock_t,
    struct_page,
    struct_world,
    vm_area_struct,
    vma_address,
    vma_prio_tree_first,
    vma_prio_tree_next,
)

cdef extern from *:
    """
    #define KMM_FILE KMM_FILE_MM_RMAP
    """

cdef enum:
    L_top
    L_unlock
    L_out


cdef void enter(struct_world *world) noexcept nogil:
    kmm_enter(world)


cdef int page_mkclean_one(struct_page *page, vm_area_struct *vma, int protect) noexcept nogil:
    cdef mm_struct *mm = vma.vm_mm
    cdef unsigned long address
    cdef pte_t *pte
    cdef pte_t entry
    cdef spinlock_t *ptl
    cdef int ret = 0
    cdef int at = L_top

    while at == L_top:
        address = vma_address(page, vma)                # MK1 E25
        if address == <unsigned long>-EFAULT:
            at = L_out; continue                        # goto out

        pte = page_check_address(page, mm, address, &ptl)   # MK2 E25
        if pte is NULL:
            at = L_out; continue                        # goto out

        if not (pte_dirty(pte[0]) or (protect and pte_write(pte[0]))):  # MK3 E25
            at = L_unlock; continue                     # goto unlock

        entry = ptep_get_and_clear(mm, address, pte)    # MK4 E25
        entry = pte_mkclean(entry)                      # MK5 E25
        if protect:
            entry = pte_wrprotect(entry)
        ptep_establish(vma, address, pte, entry)        # MK6 E25
        lazy_mmu_prot_update(entry)
        ret = 1                                         # MK7 E25
        at = L_unlock

    while at == L_unlock:                               # unlock:
        pte_unmap_unlock(pte, ptl)                      # MK8 E25
        at = L_out

    # out:
    return ret                                          # MK9 E25


cdef int page_mkclean_file(address_space *mapping, struct_page *page) noexcept nogil:
    cdef pgoff_t pgoff = page.index << (PAGE_CACHE_SHIFT - PAGE_SHIFT)  # MFI1 E25
    cdef vm_area_struct *vma
    cdef prio_tree_iter iter
    cdef int ret = 0
    cdef int protect

    BUG_ON(PageAnon(page))                              # MFI2 E25

    spin_lock(&mapping.i_mmap_lock)                     # MFI3 E25
    vma = vma_prio_tree_first(&iter, &mapping.i_mmap, pgoff, pgoff)     # MFI4 E25
    while vma is not NULL:
        protect = 1 if (mapping_cap_account_dirty(mapping) and
                        is_shared_writable(vma.vm_flags)) else 0
        ret += page_mkclean_one(page, vma, protect)
        vma = vma_prio_tree_next(&iter)
    spin_unlock(&mapping.i_mmap_lock)                   # MFI5 E25
    return ret


cdef int page_mkclean(struct_page *page) noexcept nogil:
    cdef int ret = 0
    cdef address_space *mapping

    BUG_ON(not PageLocked(page))                        # PM1 E25

    if page_mapped(page):                               # PM2 E25
        mapping = page_mapping(page)                    # PM3 E25
        if mapping is not NULL:
            ret = page_mkclean_file(mapping, page)      # PM4 E25

    return ret
