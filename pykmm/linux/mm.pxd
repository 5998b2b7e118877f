# SPDX-License-Identifier: GPL-2.0-only
"""Twin of cref/include/linux/mm.h.  Edit E01.  Steps SW."""

from pykmm.machine cimport VM_PFNMAP, VM_SHARED, VM_WRITE


cdef inline int is_shared_writable(unsigned int flags) noexcept nogil:
    return ((flags & (VM_SHARED|VM_WRITE|VM_PFNMAP)) ==     # SW1 E01
            (VM_SHARED|VM_WRITE))
