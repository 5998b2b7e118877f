// SPDX-License-Identifier: GPL-2.0-only
/* fs/buffer.c of 2.6.17.  Edits E27, E28.  Steps TF. */
#include <linux/mm.h>
#include <linux/page-flags.h>

#include "half_table.h"

#define KMM_FILE KMM_FILE_FS_BUFFER

int try_to_free_buffers(struct page *page)
{
	struct address_space * const mapping = page->mapping;
	struct buffer_head *buffers_to_free = NULL;
	int ret = 0;

	BUG_ON(!PageLocked(page));			/* TF1 */
	if (PageWriteback(page))			/* TF2 */
		return 0;

	if (mapping == NULL) {				/* TF3 */
		ret = drop_buffers(page, &buffers_to_free);
		goto out;
	}

	spin_lock(&mapping->private_lock);		/* TF4 */
	ret = drop_buffers(page, &buffers_to_free);
	/* E27 { */
	if (unit(KMM_U7))				/* TF6 E27 */
		spin_unlock(&mapping->private_lock);
	/* } E27 */
	if (ret) {
		/* a file system may have written every block by hand and left the page dirty */
		clear_page_dirty(page);
	}
	/* E28 { */
	if (!unit(KMM_U7))				/* TF5 E28 */
		spin_unlock(&mapping->private_lock);
	/* } E28 */
out:
	if (buffers_to_free) {				/* TF7 */
		struct buffer_head *bh = buffers_to_free;

		do {
			struct buffer_head *next = bh->b_this_page;

			free_buffer_head(bh);
			bh = next;
		} while (bh != buffers_to_free);
	}
	return ret;
}

KMM_ENTRY(try_to_free_buffers);
