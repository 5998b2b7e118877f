# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
"""Twin of cref/fs/buffer.c: taking the buffers off a page.

Edits E27, E28.  Steps TF.
"""

from pykmm.linux.page_flags cimport clear_page_dirty
from pykmm.machine cimport (
    BUG_ON,
    KMM_U7,
    PageLocked,
    PageWriteback,
    address_space,
    buffer_head,
    drop_buffers,
    free_buffer_head,
    kmm_enter,
    spin_lock,
    spin_unlock,
    struct_page,
    struct_world,
    unit,
)

cdef extern from *:
    """
    #define KMM_FILE KMM_FILE_FS_BUFFER
    """

cdef enum:
    L_top
    L_out


cdef void enter(struct_world *world) noexcept nogil:
    kmm_enter(world)


cdef int try_to_free_buffers(struct_page *page) noexcept nogil:
    cdef address_space *mapping = page.mapping
    cdef buffer_head *buffers_to_free = NULL
    cdef int ret = 0
    cdef buffer_head *bh
    cdef buffer_head *next
    cdef int at = L_top

    while at == L_top:
        BUG_ON(not PageLocked(page))                    # TF1
        if PageWriteback(page):                         # TF2
            return 0

        if mapping is NULL:                             # TF3
            ret = drop_buffers(page, &buffers_to_free)
            at = L_out; continue                        # goto out

        spin_lock(&mapping.private_lock)                # TF4
        ret = drop_buffers(page, &buffers_to_free)
        if unit(KMM_U7):                                # TF6 E27
            spin_unlock(&mapping.private_lock)
        if ret:
            # a file system may have written every block by hand and left the page dirty
            clear_page_dirty(page)
        if not unit(KMM_U7):                            # TF5 E28
            spin_unlock(&mapping.private_lock)
        at = L_out

    # out:
    if buffers_to_free is not NULL:                     # TF7
        bh = buffers_to_free
        while True:
            next = bh.b_this_page
            free_buffer_head(bh)
            bh = next
            if not (bh != buffers_to_free):
                break
    return ret
