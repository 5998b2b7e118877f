// SPDX-License-Identifier: GPL-2.0-only
/*
 * ext3 with ordered data: the blocks that a transaction must see on disk before
 * it commits.  There is one transaction a file, and metadata is not modelled.
 */
#include "machine/blocks.h"
#include "machine/running.h"

#define KMM_FILE KMM_FILE_MACHINE

void kmm_join_transaction(struct buffer_head *bh)
{
	if (bh->b_in_transaction)
		return;
	bh->b_in_transaction = 1;
	kmm_count_add(&bh->b_count, 1);
}

void kmm_leave_transaction(struct buffer_head *bh)
{
	bh->b_in_transaction = 0;
	kmm_count_add(&bh->b_count, -1);
}

static void hold_all(struct buffer_head *head, int by)
{
	struct buffer_head *bh = head;

	do {
		kmm_count_add(&bh->b_count, by);
		bh = bh->b_this_page;
	} while (bh != head);
}

static void join_mapped(struct buffer_head *head)
{
	struct buffer_head *bh = head;

	do {
		if (bh->b_state >> BH_Mapped & 1)
			kmm_join_transaction(bh);
		bh = bh->b_this_page;
	} while (bh != head);
}

/* The page is unlocked on return; its buffers are held across that. */
int kmm_ext3_writepage(struct page *page, struct writeback_control *wbc)
{
	u64 *result = KMM_ENTER(writepage, KMM_HERE, page, wbc);
	struct inode *inode = page->mapping->host;
	struct buffer_head *head;
	int ret;

	if (!kmm_page_flag(page, PG_private) &&
	    !create_empty_buffers(page, inode->i_blkbits, 1UL << BH_Dirty | 1UL << BH_Uptodate))
		return KMM_GIVE(result, kmm_writepage_no_memory(page, wbc));
	head = kmm_buffers_of(page);
	hold_all(head, 1);
	ret = block_write_full_page(page, wbc);
	if (!ret)
		join_mapped(head);
	hold_all(head, -1);
	return KMM_GIVE(result, ret);
}

/* Data that is on disk already need not wait for its transaction; any other block stays. */
int kmm_ext3_releasepage(struct page *page, u32 gfp __attribute__((unused)))
{
	struct buffer_head *head, *bh;

	if (!kmm_page_flag(page, PG_private))
		return 0;
	head = bh = kmm_buffers_of(page);
	do {
		if (bh->b_in_transaction) {
			if (bh->b_state & (1UL << BH_Dirty | 1UL << BH_Lock))
				return 0;
			kmm_leave_transaction(bh);
		}
		bh = bh->b_this_page;
	} while (bh != head);
	return HALF(try_to_free_buffers)(page);
}

static struct buffer_head *in_transaction(const struct inode *inode, u32 i)
{
	struct buffer_head *bh = &kmm_world->buffers[i];

	if (bh->b_in_transaction && bh->b_page->mapping == inode->i_mapping)
		return bh;
	return NULL;
}

/* Each buffer is held while the commit may sleep, so that it cannot be freed under it. */
void kmm_journal_commit(struct inode *inode)
{
	u32 nr = kmm_world->size.buffers, i;
	struct buffer_head *bh;

	KMM_EVENT(journal_commit, KMM_HERE, inode);
	for (i = 0; i < nr; i++) {
		bh = in_transaction(inode, i);
		if (!bh || !buffer_dirty(bh))
			continue;
		kmm_count_add(&bh->b_count, 1);
		ll_rw_block_write(bh, 1);
		kmm_count_add(&bh->b_count, -1);
	}
	for (i = 0; i < nr; i++) {
		bh = in_transaction(inode, i);
		if (!bh)
			continue;
		kmm_count_add(&bh->b_count, 1);
		wait_on_buffer(bh);
		kmm_count_add(&bh->b_count, -1);
		if (bh->b_in_transaction)
			kmm_leave_transaction(bh);
	}
}
