# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3
"""The table of the Cython half: twin of cref/half.c.

ADDRESS : int   where the table (struct kmm_half) lies in this process
"""

from pykmm.fs cimport buffer
from pykmm.linux.mm cimport is_shared_writable
from pykmm.machine cimport (
    address_space,
    mm_struct,
    pmd_t,
    pte_t,
    spinlock_t,
    struct_file,
    struct_page,
    struct_world,
    vm_area_struct,
    writeback_control,
)
from pykmm.mm cimport memory, mmap, mprotect, page_writeback, rmap


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
        int (*do_wp_page)(mm_struct *mm, vm_area_struct *vma, unsigned long address,
                          pte_t *page_table, pmd_t *pmd, spinlock_t *ptl,
                          pte_t orig_pte) noexcept
        int (*do_no_page)(mm_struct *mm, vm_area_struct *vma, unsigned long address,
                          pte_t *page_table, pmd_t *pmd, int write_access) noexcept
        unsigned long (*do_mmap_pgoff)(struct_file *file, unsigned long addr, unsigned long len,
                                       unsigned long prot, unsigned long flags,
                                       unsigned long pgoff) noexcept
        unsigned long (*do_brk)(unsigned long addr, unsigned long len) noexcept
        int (*mprotect_fixup)(vm_area_struct *vma, vm_area_struct **pprev, unsigned long start,
                              unsigned long end, unsigned long newflags) noexcept
        int (*do_writepages)(address_space *mapping, writeback_control *wbc) noexcept
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
    mmap.enter(world)
    mprotect.enter(world)
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
half.do_wp_page = memory.do_wp_page
half.do_no_page = memory.do_no_page
half.do_mmap_pgoff = mmap.do_mmap_pgoff
half.do_brk = mmap.do_brk
half.mprotect_fixup = mprotect.mprotect_fixup
half.do_writepages = page_writeback.do_writepages
half.test_clear_page_dirty = page_writeback.test_clear_page_dirty
half.clear_page_dirty_for_io = page_writeback.clear_page_dirty_for_io
half.page_mkclean_one = rmap.page_mkclean_one
half.page_mkclean_file = rmap.page_mkclean_file
half.page_mkclean = rmap.page_mkclean
half.try_to_free_buffers = buffer.try_to_free_buffers

ADDRESS = <unsigned long>&half
