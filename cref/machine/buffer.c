// SPDX-License-Identifier: GPL-2.0-only
#include "machine/buffer.h"

void kmm_attach_buffers(struct page *page, struct buffer_head *first, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		first[i].b_this_page = &first[(i + 1) % count];
		first[i].b_page = page;
	}
	page->private = (unsigned long)first;
	page->flags |= 1UL << PG_private;
	page->_count.counter++;
}
