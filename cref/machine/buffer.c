// SPDX-License-Identifier: GPL-2.0-only
#include "machine/buffer.h"

#define KMM_FILE KMM_FILE_MACHINE

void kmm_attach_buffers(struct page *page, struct buffer_head *first, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		first[i].b_this_page = &first[(i + 1) % count];
		first[i].b_page = page;
	}
	page->private = (unsigned long)first;
	page->flags |= 1UL << PG_private;
	kmm_count_add(&page->_count.counter, 1);
}

int kmm_drop_buffers(struct page *page, struct buffer_head **buffers_to_free, u32 here)
{
	u64 *back = KMM_BACK(drop_buffers, 3, here);
	struct buffer_head *head, *bh;

	back[0] = KMM_WORD(page);
	back[1] = 0;
	back[2] = 0;
	barrier();

	BUG_ON(!PagePrivate(page));
	head = bh = kmm_buffers_of(page);
	do {
		if (buffer_write_io_error(bh) && page->mapping)
			page->mapping->flags |= 1UL << AS_EIO;
		if (buffer_busy(bh))
			return 0;
		bh = bh->b_this_page;
	} while (bh != head);
	do {
		bh->b_assoc_mapping = NULL;
		bh = bh->b_this_page;
	} while (bh != head);
	*buffers_to_free = head;
	ClearPagePrivate(page);
	page->private = 0;
	page_cache_release(page);
	back[1] = KMM_WORD(head);
	back[2] = 1;
	barrier();
	return 1;
}

void kmm_free_buffer_head(struct buffer_head *bh, u32 here)
{
	KMM_EVENT(free_buffer_head, here, bh);
	BUG_ON(bh->b_assoc_mapping);
	*bh = (struct buffer_head) { 0 };
}
