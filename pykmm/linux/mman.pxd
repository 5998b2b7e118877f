# SPDX-License-Identifier: GPL-2.0-only
"""Twin of cref/include/linux/mman.h, not patched."""

from pykmm.machine cimport (
    MAP_DENYWRITE,
    MAP_EXECUTABLE,
    MAP_GROWSDOWN,
    MAP_LOCKED,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
)


# The bits that are the same in mmap's arguments and in vma.vm_flags; no others pass.
cdef inline unsigned long calc_vm_prot_bits(unsigned long prot) noexcept nogil:
    return prot & (PROT_READ | PROT_WRITE | PROT_EXEC)


cdef inline unsigned long calc_vm_flag_bits(unsigned long flags) noexcept nogil:
    return flags & (MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED)
