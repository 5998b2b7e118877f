// SPDX-License-Identifier: GPL-2.0-only
/*
 * ext3 with ordered data: the blocks that a transaction must see on disk before
 * it commits.  There is one transaction a file, and metadata is not modelled.
 */
#include "machine/blocks.h"
#include "machine/running.h"

#define KMM_FILE KMM_FILE_MACHINE

static int is_committing(const struct buffer_head *bh)
{
	return bh->b_in_transaction > KMM_IN_RUNNING;
}

void kmm_join_transaction(struct buffer_head *bh)
{
	/* what it holds now belongs to the transaction that is being committed */
	if (is_committing(bh) && buffer_dirty(bh)) {
		kmm_count_add(&bh->b_count, 1);
		sync_dirty_buffer(bh);
		kmm_count_add(&bh->b_count, -1);
	}
	if (!bh->b_in_transaction)
		kmm_count_add(&bh->b_count, 1);
	bh->b_in_transaction = KMM_IN_RUNNING;
}

void kmm_leave_transaction(struct buffer_head *bh)
{
	bh->b_in_transaction = KMM_IN_NONE;
	kmm_count_add(&bh->b_count, -1);
}

int kmm_commit_keeps(struct buffer_head *bh)
{
	if (bh->b_in_transaction != KMM_IN_COMMITTING &&
	    bh->b_in_transaction != KMM_IN_COMMITTING + KMM_BY_OTHER)
		return 0;
	bh->b_state |= 1UL << BH_Freed;
	return 1;
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

/* What its lists are called in the commit that runs now. */
static u32 list(u32 in_transaction)
{
	return in_transaction + (kmm_world->interfering ? KMM_BY_OTHER : 0);
}

/* All that the transaction has is the commit's; what joins from here on is for the next one. */
static void close_transaction(const struct inode *inode)
{
	struct world *world = kmm_world;
	u32 i;

	for (i = 0; i < world->size.buffers; i++) {
		struct buffer_head *bh = &world->buffers[i];

		if (bh->b_in_transaction == KMM_IN_RUNNING &&
		    bh->b_page->mapping == inode->i_mapping)
			bh->b_in_transaction = list(KMM_IN_COMMITTING);
	}
}

#define MAX_BATCH	(1u << (PAGE_SHIFT - 3))

/*
 * Once over the list.  A locked one is somebody's write, which is only waited for
 * later; a clean one is on disk.  Dirty ones stay: *nr grows by how many there are.
 */
static void sort_out(struct buffer_head **batch, u32 *nr, u32 room)
{
	struct world *world = kmm_world;
	u32 i;

	for (i = 0; i < world->size.buffers && *nr < room; i++) {
		struct buffer_head *bh = &world->buffers[i];

		if (bh->b_in_transaction != list(KMM_IN_COMMITTING))
			continue;
		if (bh->b_state >> BH_Lock & 1) {
			bh->b_in_transaction = list(KMM_IN_LOCKED);
		} else if (buffer_dirty(bh)) {
			kmm_count_add(&bh->b_count, 1);
			batch[(*nr)++] = bh;
		} else {
			kmm_leave_transaction(bh);
		}
	}
}

/*
 * A batch is written only when it is full, and the list is a ring: each buffer is in
 * the batch again and again.  The second time waits for the write that the first one
 * began; any other time would find the same and is left out.
 */
static u32 write_batch(const struct inode *inode)
{
	struct buffer_head *batch[MAX_BATCH];
	u32 nr = 0, room = 1u << (inode->i_blkbits - 3), i;

	sort_out(batch, &nr, room);
	if (nr)
		sort_out(batch, &nr, room);
	for (i = 0; i < nr; i++)
		ll_rw_block_write(batch[i], 1);
	for (i = 0; i < nr; i++)
		kmm_count_add(&batch[i]->b_count, -1);
	return nr;
}

/* Each buffer is held while this may sleep, so that it cannot be freed under it. */
static int wait_for_locked(void)
{
	struct world *world = kmm_world;
	int error = 0;
	u32 i;

	for (i = 0; i < world->size.buffers; i++) {
		struct buffer_head *bh = &world->buffers[i];

		if (bh->b_in_transaction != list(KMM_IN_LOCKED))
			continue;
		kmm_count_add(&bh->b_count, 1);
		if (bh->b_state >> BH_Lock & 1) {
			wait_on_buffer(bh);
			if (!(bh->b_state >> BH_Uptodate & 1))
				error = -EIO;
		}
		/* dirty again or not: who dirtied it without filing it has to write it */
		if (bh->b_in_transaction == list(KMM_IN_LOCKED))
			kmm_leave_transaction(bh);
		kmm_count_add(&bh->b_count, -1);
	}
	return error;
}

int kmm_journal_commit(struct inode *inode)
{
	u64 *result = KMM_ENTER(journal_commit, KMM_HERE, inode);
	int error;

	if (inode->i_committing) {
		/* who commits waits for us to be done */
		kmm_may_sleep();
		kmm_end(KMM_LOCK_TWICE);
	}
	inode->i_committing = 1;
	close_transaction(inode);
	while (write_batch(inode))
		;
	error = wait_for_locked();
	inode->i_committing = 0;
	return KMM_GIVE(result, error);
}
