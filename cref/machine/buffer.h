/* SPDX-License-Identifier: GPL-2.0-only */
/* Buffer heads: the blocks of a page, in a ring that starts at page->private. */
#ifndef KMM_MACHINE_BUFFER_H
#define KMM_MACHINE_BUFFER_H

#include "machine/page.h"

static inline int kmm_page_has_buffers(const struct page *page, u32 here)
{
	int has = page->flags >> PG_private & 1;

	KMM_EVENT(page_has_buffers, here, page, has);
	return has;
}
#define page_has_buffers(page)		kmm_page_has_buffers(page, KMM_HERE)

static inline struct buffer_head *kmm_buffers_of(const struct page *page)
{
	return (struct buffer_head *)page->private;
}

static inline int buffer_dirty(const struct buffer_head *bh)
{
	return bh->b_state >> BH_Dirty & 1;
}

/* Busy: somebody holds it, or it is dirty, or it is locked; nothing else counts. */
static inline int buffer_busy(const struct buffer_head *bh)
{
	return bh->b_count | (int)(bh->b_state & (1UL << BH_Dirty | 1UL << BH_Lock));
}

static inline int buffer_write_io_error(const struct buffer_head *bh)
{
	return bh->b_state >> BH_Write_EIO & 1;
}

/*
 * Take the buffers off a page if none of them is busy: 1, and the ring in
 * *buffers_to_free; else 0, and the page keeps them.  A write error seen on the
 * way is noted in the mapping either way.
 */
KMM_EXPORT int kmm_drop_buffers(struct page *page, struct buffer_head **buffers_to_free, u32 here);
#define drop_buffers(page, buffers_to_free) \
	kmm_drop_buffers(page, buffers_to_free, KMM_HERE)

/* Give one buffer back; a BUG while it is on a list of buffers associated with a mapping. */
KMM_EXPORT void kmm_free_buffer_head(struct buffer_head *bh, u32 here);
#define free_buffer_head(bh)		kmm_free_buffer_head(bh, KMM_HERE)

/* Ring `count` buffers from `first` on up, and attach them to the page. */
KMM_EXPORT void kmm_attach_buffers(struct page *page, struct buffer_head *first, u32 count);

#endif
