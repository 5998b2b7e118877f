# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3
"""The table of the Cython half: twin of cref/half.c.

ADDRESS : int   where the table (struct kmm_half) lies in this process
"""

from pykmm.fs cimport buffer
from pykmm.linux.mm cimport is_shared_writable
from pykmm.machine cimport address_space, struct_page, struct_world, vm_area_struct
from pykmm.mm cimport memory, page_writeback, rmap


cdef extern from "half.h" nogil:
    enum:
        KMM_HALF_ABI
    ctypedef struct kmm_half "struct kmm_half":
        unsigned int abi
        unsigned int size
        const char *name
        void (*enter)(struct_world *world) noexcept
        int (*is_shared_writable)(unsigned int flags) noexcept
        struct_page *(*follow_page)(vm_area_struct *vma, unsigned long address,
                                    unsigned int flags) noexcept
        int (*test_clear_page_dirty)(struct_page *page) noexcept
        int (*clear_page_dirty_for_io)(struct_page *page) noexcept
        int (*page_mkclean_one)(struct_page *page, vm_area_struct *vma, int protect) noexcept
        int (*page_mkclean_file)(address_space *mapping, struct_page *page) noexcept
        int (*page_mkclean)(struct_page *page) noexcept
        int (*try_to_free_buffers)(struct_page *page) noexcept


# every module of the half has a current world of its own
cdef void enter(struct_world *world) noexcept nogil:
    rmap.enter(world)
    memory.enter(world)
    page_writeback.enter(world)
    buffer.enter(world)


cdef int call_is_shared_writable(unsigned int flags) noexcept nogil:
    return is_shared_writable(flags)


cdef kmm_half half

half.abi = KMM_HALF_ABI
half.size = sizeof(half)
half.name = "P"
half.enter = enter
half.is_shared_writable = call_is_shared_writable
half.follow_page = memory.follow_page
half.test_clear_page_dirty = page_writeback.test_clear_page_dirty
half.clear_page_dirty_for_io = page_writeback.clear_page_dirty_for_io
half.page_mkclean_one = rmap.page_mkclean_one
half.page_mkclean_file = rmap.page_mkclean_file
half.page_mkclean = rmap.page_mkclean
half.try_to_free_buffers = buffer.try_to_free_buffers

ADDRESS = <unsigned long>&half
