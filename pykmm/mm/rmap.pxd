# SPDX-License-Identifier: GPL-2.0-only
"""What pykmm/mm/rmap.pyx gives to the rest of its half."""

from pykmm.machine cimport address_space, struct_page, struct_world, vm_area_struct

cdef void enter(struct_world *world) noexcept nogil
cdef int page_mkclean_one(struct_page *page, vm_area_struct *vma, int protect) noexcept nogil
cdef int page_mkclean_file(address_space *mapping, struct_page *page) noexcept nogil
cdef int page_mkclean(struct_page *page) noexcept nogil
