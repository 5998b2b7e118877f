# SPDX-License-Identifier: GPL-2.0-only
"""Twin of cref/include/linux/page-flags.h, not patched."""

from pykmm.machine cimport struct_page
from pykmm.mm.page_writeback cimport test_clear_page_dirty


cdef inline void clear_page_dirty(struct_page *page) noexcept nogil:
    test_clear_page_dirty(page)
