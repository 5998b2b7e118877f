# SPDX-License-Identifier: GPL-2.0-only
"""What pykmm/mm/mprotect.pyx gives to the rest of its half."""

from pykmm.machine cimport struct_world, vm_area_struct

cdef void enter(struct_world *world) noexcept nogil
cdef int mprotect_fixup(vm_area_struct *vma, vm_area_struct **pprev,
                        unsigned long start, unsigned long end,
                        unsigned long newflags) noexcept nogil
