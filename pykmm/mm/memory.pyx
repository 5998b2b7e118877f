# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
"""Twin of cref/mm/memory.c: faults, and looking pages up.

Edit E02.  Steps FP.
"""

from pykmm.machine cimport (
    BUG_ON,
    FOLL_ANON,
    FOLL_GET,
    FOLL_TOUCH,
    FOLL_WRITE,
    PageDirty,
    ZERO_PAGE,
    get_page,
    kmm_enter,
    mark_page_accessed,
    mm_struct,
    pmd_offset,
    pmd_t,
    pte_dirty,
    pte_offset_map_lock,
    pte_present,
    pte_t,
    pte_unmap_unlock,
    pte_write,
    set_page_dirty,
    spinlock_t,
    struct_page,
    struct_world,
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
