# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
"""Twin of cref/mm/page-writeback.c: how a page becomes clean.

Edits E20, E22, E23.  Steps TC, CI.
"""

from pykmm.linux.rmap cimport page_mkclean
from pykmm.machine cimport (
    KMM_U5,
    KMM_U6,
    PAGECACHE_TAG_DIRTY,
    TestClearPageDirty,
    address_space,
    dec_page_state,
    kmm_enter,
    mapping_cap_account_dirty,
    nr_dirty,
    page_index,
    page_mapping,
    radix_tree_tag_clear,
    struct_page,
    struct_world,
    unit,
    write_lock_irqsave,
    write_unlock_irqrestore,
)

cdef extern from *:
    """
    #define KMM_FILE KMM_FILE_MM_PAGE_WRITEBACK
    """


cdef void enter(struct_world *world) noexcept nogil:
    kmm_enter(world)


cdef int test_clear_page_dirty(struct_page *page) noexcept nogil:
    cdef address_space *mapping = page_mapping(page)    # TC1
    cdef unsigned long flags

    if mapping is not NULL:
        write_lock_irqsave(&mapping.tree_lock, flags)   # TC2
        if TestClearPageDirty(page):                    # TC3
            radix_tree_tag_clear(&mapping.page_tree,    # TC4
                                 page_index(page),
                                 PAGECACHE_TAG_DIRTY)
            write_unlock_irqrestore(&mapping.tree_lock, flags)  # TC5
            # the page's lock keeps `mapping` valid outside tree_lock
            if unit(KMM_U5):                            # TC6 E22
                page_mkclean(page)
            if mapping_cap_account_dirty(mapping):      # TC7
                dec_page_state(nr_dirty)
            return 1
        write_unlock_irqrestore(&mapping.tree_lock, flags)  # TC8
        return 0
    return TestClearPageDirty(page)                     # TC1a


cdef int clear_page_dirty_for_io(struct_page *page) noexcept nogil:
    cdef address_space *mapping = page_mapping(page)    # CI1

    if mapping is not NULL:
        if TestClearPageDirty(page):                    # CI2
            if unit(KMM_U6):                            # CI3 E23
                page_mkclean(page)
            if mapping_cap_account_dirty(mapping):      # CI4
                dec_page_state(nr_dirty)
            return 1                                    # CI5
        return 0
    return TestClearPageDirty(page)                     # CI1a
