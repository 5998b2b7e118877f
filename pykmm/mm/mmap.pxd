# SPDX-License-Identifier: GPL-2.0-only
"""What pykmm/mm/mmap.pyx gives to the rest of its half."""

from pykmm.machine cimport struct_file, struct_world

cdef void enter(struct_world *world) noexcept nogil
cdef unsigned long do_mmap_pgoff(struct_file *file, unsigned long addr,
                                 unsigned long len, unsigned long prot,
                                 unsigned long flags, unsigned long pgoff) noexcept nogil
cdef unsigned long do_brk(unsigned long addr, unsigned long len) noexcept nogil
