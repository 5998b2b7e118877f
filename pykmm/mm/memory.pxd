# SPDX-License-Identifier: GPL-2.0-only
"""What pykmm/mm/memory.pyx gives to the rest of its half."""

from pykmm.machine cimport (
    mm_struct,
    pmd_t,
    pte_t,
    spinlock_t,
    struct_page,
    struct_world,
    vm_area_struct,
)

cdef void enter(struct_world *world) noexcept nogil
cdef struct_page *follow_page(vm_area_struct *vma, unsigned long address,
                              unsigned int flags) noexcept nogil
cdef int do_wp_page(mm_struct *mm, vm_area_struct *vma, unsigned long address,
                    pte_t *page_table, pmd_t *pmd, spinlock_t *ptl,
                    pte_t orig_pte) noexcept nogil
cdef int do_no_page(mm_struct *mm, vm_area_struct *vma, unsigned long address,
                    pte_t *page_table, pmd_t *pmd, int write_access) noexcept nogil
