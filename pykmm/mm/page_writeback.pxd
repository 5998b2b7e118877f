# SPDX-License-Identifier: GPL-2.0-only
"""What pykmm/mm/page_writeback.pyx gives to the rest of its half."""

from pykmm.machine cimport address_space, struct_page, struct_world, writeback_control

cdef void enter(struct_world *world) noexcept nogil
cdef int do_writepages(address_space *mapping, writeback_control *wbc) noexcept nogil
cdef int test_clear_page_dirty(struct_page *page) noexcept nogil
cdef int clear_page_dirty_for_io(struct_page *page) noexcept nogil
