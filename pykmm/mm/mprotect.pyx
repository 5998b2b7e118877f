# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
"""Twin of cref/mm/mprotect.c: one vma's part of a change of protection.

Edits E16-E19.  Steps MF.
"""

from pykmm.linux.mm cimport is_shared_writable
from pykmm.machine cimport (
    ENOMEM,
    KMM_U4,
    PAGE_SHIFT,
    VM_ACCOUNT,
    VM_EXEC,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
    address_space,
    change_protection,
    hugetlb_change_protection,
    is_vm_hugetlb_page,
    kmm_enter,
    mapping_cap_account_dirty,
    mm_struct,
    pgoff_t,
    pgprot_t,
    protection_map,
    security_vm_enough_memory,
    split_vma,
    struct_world,
    unit,
    vm_area_struct,
    vm_stat_account,
    vm_unacct_memory,
    vma_merge,
    vma_policy,
)

cdef extern from *:
    """
    #define KMM_FILE KMM_FILE_MM_MPROTECT
    """

cdef enum:
    L_top
    L_success
    L_fail


cdef void enter(struct_world *world) noexcept nogil:
    kmm_enter(world)


cdef int mprotect_fixup(vm_area_struct *vma, vm_area_struct **pprev,
                        unsigned long start, unsigned long end,
                        unsigned long newflags) noexcept nogil:
    cdef mm_struct *mm = vma.vm_mm
    cdef unsigned long oldflags = vma.vm_flags
    cdef long nrpages = (end - start) >> PAGE_SHIFT
    cdef unsigned long charged = 0
    cdef unsigned int mask
    cdef address_space *mapping = NULL
    cdef pgprot_t newprot
    cdef pgoff_t pgoff
    cdef int error
    cdef int at = L_top

    while at == L_top:
        if newflags == oldflags:                        # MF1
            pprev[0] = vma
            return 0

        # a mapping that was charged once stays charged, read-only or not
        if newflags & VM_WRITE:                         # MF2
            if not (oldflags & (VM_ACCOUNT|VM_WRITE|VM_SHARED)):
                charged = nrpages
                if security_vm_enough_memory(charged):
                    return -ENOMEM
                newflags |= VM_ACCOUNT

        # with the unit on, MF7 sets it anew: that this line is gone cannot be observed
        newprot = protection_map[newflags & 0xf]        # MF3 E18

        pgoff = vma.vm_pgoff + ((start - vma.vm_start) >> PAGE_SHIFT)   # MF4
        pprev[0] = vma_merge(mm, pprev[0], start, end, newflags,
                             vma.anon_vma, vma.vm_file, pgoff, vma_policy(vma))
        if pprev[0] is not NULL:
            vma = pprev[0]
            at = L_success; continue                    # goto success

        pprev[0] = vma

        if start != vma.vm_start:                       # MF5
            error = split_vma(mm, vma, start, 1)
            if error:
                at = L_fail; continue                   # goto fail

        if end != vma.vm_end:                           # MF6
            error = split_vma(mm, vma, end, 0)
            if error:
                at = L_fail; continue                   # goto fail
        at = L_success

    while at == L_success:                              # success:
        if unit(KMM_U4):                                # MF7 E19
            mask = VM_READ|VM_WRITE|VM_EXEC|VM_SHARED
            if is_shared_writable(newflags) and vma.vm_file is not NULL:
                mapping = vma.vm_file.f_mapping
            # without VM_SHARED the row is that of a private mapping: copy, so read-only
            if mapping is not NULL and mapping_cap_account_dirty(mapping):
                mask &= ~VM_SHARED

            newprot = protection_map[newflags & mask]
        vma.vm_flags = newflags                         # MF8
        vma.vm_page_prot = newprot
        if is_vm_hugetlb_page(vma):                     # MF9
            hugetlb_change_protection(vma, start, end, newprot)
        else:
            change_protection(vma, start, end, newprot)
        vm_stat_account(mm, oldflags, vma.vm_file, -nrpages)    # MF10
        vm_stat_account(mm, newflags, vma.vm_file, nrpages)
        return 0

    # fail:
    vm_unacct_memory(charged)                           # MF11
    return error
