# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
"""Twin of cref/mm/page-writeback.c: writing a file's pages, and how a page becomes clean.

Edits E20-E23.  Steps DW, TC, CI.
"""

from pykmm.linux.rmap cimport page_mkclean
from pykmm.machine cimport (
    KMM_U5,
    KMM_U6,
    PAGECACHE_TAG_DIRTY,
    TestClearPageDirty,
    address_space,
    dec_page_state,
    generic_writepages,
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
    writeback_control,
)

cdef extern from *:
    """
    #define KMM_FILE KMM_FILE_MM_PAGE_WRITEBACK
    """


cdef void enter(struct_world *world) noexcept nogil:
    kmm_enter(world)


cdef int do_writepages(address_space *mapping, writeback_control *wbc) noexcept nogil:
    cdef int ret

    if wbc.nr_to_write <= 0:                            # DW1
        return 0
    wbc.for_writepages = 1                              # DW2
    if mapping.a_ops.writepages is not NULL:            # DW3
        ret = mapping.a_ops.writepages(mapping, wbc)
    else:
        ret = generic_writepages(mapping, wbc)
    wbc.for_writepages = 0                              # DW4
    return ret


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
