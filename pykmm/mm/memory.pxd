# SPDX-License-Identifier: GPL-2.0-only
"""What pykmm/mm/memory.pyx gives to the rest of its half."""

from pykmm.machine cimport struct_page, struct_world, vm_area_struct

cdef void enter(struct_world *world) noexcept nogil
cdef struct_page *follow_page(vm_area_struct *vma, unsigned long address,
                              unsigned int flags) noexcept nogil
