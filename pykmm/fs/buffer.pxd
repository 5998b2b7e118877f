# SPDX-License-Identifier: GPL-2.0-only
"""What pykmm/fs/buffer.pyx gives to the rest of its half."""

from pykmm.machine cimport struct_page, struct_world

cdef void enter(struct_world *world) noexcept nogil
cdef int try_to_free_buffers(struct_page *page) noexcept nogil
