// SPDX-License-Identifier: GPL-2.0-only
/* Writing the dirty pages of a file: by its writepage, or whole pages past their buffers. */
#include "machine/running.h"
#include "machine/writeback.h"

#define KMM_FILE KMM_FILE_MACHINE

static void note_error(struct address_space *mapping, int error)
{
	mapping->flags |= 1UL << (error == -ENOSPC ? AS_ENOSPC : AS_EIO);
}

/* How many blocks, from the first on, can go to disk as one piece; 0: not so. */
static u32 prefix_of_buffers(const struct page *page)
{
	const struct buffer_head *head = kmm_buffers_of(page), *bh = head;
	u32 blocks = 0, last = 0;
	int hole = 0;

	do {
		BUG_ON(bh->b_state >> BH_Lock & 1);
		if (!(bh->b_state >> BH_Mapped & 1)) {
			/* set_page_dirty dirties holes too: those want a block */
			if (buffer_dirty(bh))
				return 0;
			hole = 1;
			continue;
		}
		if (hole || !buffer_dirty(bh) || !(bh->b_state >> BH_Uptodate & 1))
			return 0;
		if (blocks && bh->b_blocknr != last + 1)
			return 0;
		last = bh->b_blocknr;
		blocks++;
	} while ((bh = bh->b_this_page) != head);
	return blocks;
}

/* The same for a page without buffers.  On disk blocks lie as in their file: in one piece. */
static u32 prefix_by_get_block(const struct page *page, struct inode *inode)
{
	u32 blocks, per_page = kmm_blocks_per_page(inode);
	u64 first = (u64)page->index * per_page;
	u64 last = (u64)((inode->i_size - 1) >> inode->i_blkbits);
	int is_mapped;

	BUG_ON(!kmm_page_flag(page, PG_uptodate));
	for (blocks = 0; blocks < per_page; blocks++) {
		if (get_block(inode, first + blocks, 1, &is_mapped))
			return 0;
		if (first + blocks == last)
			return blocks + 1;
	}
	return blocks;
}

/* 0 where the page lies beyond the end; else its tail beyond it reads as zeroes from now on. */
static int cut_at_end(struct page *page, const struct inode *inode)
{
	pgoff_t end_index = (pgoff_t)inode->i_size >> PAGE_SHIFT;
	u32 offset = inode->i_size & (PAGE_SIZE - 1), sector;

	if (page->index < end_index)
		return 1;
	if (page->index > end_index || !offset)
		return 0;
	for (sector = kmm_first_sector_past(offset); sector < KMM_SECTORS; sector++)
		page->contents[sector] = 0;
	return 1;
}

static void clean_buffers(struct page *page, u32 blocks)
{
	struct buffer_head *bh = kmm_buffers_of(page);

	for (; blocks; blocks--, bh = bh->b_this_page)
		bh->b_state &= ~(1UL << BH_Dirty);
	/* of a page that is not uptodate a reader would go to the disk before we do */
	if (kmm_world->buffer_heads_over_limit && kmm_page_flag(page, PG_uptodate))
		HALF(try_to_free_buffers)(page);
}

/*
 * The bio path.  *ret is left alone where it succeeds, so that an earlier
 * error stays.  The kernel gathers pages in one bio; here each has its own.
 */
static void mpage_writepage(struct page *page, struct writeback_control *wbc, int *ret)
{
	struct address_space *mapping = page->mapping;
	struct inode *inode = mapping->host;
	u32 sectors_per_block = KMM_SECTORS / kmm_blocks_per_page(inode);
	u32 blocks = kmm_page_flag(page, PG_private) ? prefix_of_buffers(page) :
						       prefix_by_get_block(page, inode);

	if (!blocks || !cut_at_end(page, inode)) {
		*ret = mapping->a_ops->writepage(page, wbc);
		if (*ret)
			note_error(mapping, *ret);
		return;
	}
	if (kmm_page_flag(page, PG_private))
		clean_buffers(page, blocks);
	BUG_ON(kmm_page_flag(page, PG_writeback));
	set_page_writeback(page);
	unlock_page(page);
	kmm_begin_write(page, ((1u << blocks * sectors_per_block) - 1) | KMM_IO_BIO);
}

/* One run over a file. */
struct sweep {
	struct address_space *mapping;
	struct writeback_control *wbc;
	int use_bio;
	int is_range;
	pgoff_t end;			/* the last page of the range, or of all */
	int ret;
	int done;
};

static int congested(const struct sweep *sweep)
{
	return sweep->wbc->nonblocking && sweep->mapping->backing_dev_info->congested;
}

static void write_page(struct sweep *sweep, struct page *page)
{
	struct address_space *mapping = sweep->mapping;
	struct writeback_control *wbc = sweep->wbc;

	lock_page(page);
	if (page->mapping != mapping) {
		unlock_page(page);
		return;
	}
	if (sweep->is_range && page->index > sweep->end) {
		sweep->done = 1;
		unlock_page(page);
		return;
	}
	if (wbc->sync_mode != WB_SYNC_NONE)
		wait_on_page_writeback(page);
	if (kmm_page_flag(page, PG_writeback) || !HALF(clear_page_dirty_for_io)(page)) {
		unlock_page(page);
		return;
	}
	if (sweep->use_bio) {
		mpage_writepage(page, wbc, &sweep->ret);
	} else {
		sweep->ret = mapping->a_ops->writepage(page, wbc);
		if (sweep->ret)
			note_error(mapping, sweep->ret);
	}
	if (sweep->ret == AOP_WRITEPAGE_ACTIVATE)
		unlock_page(page);
	if (sweep->ret || --wbc->nr_to_write <= 0)
		sweep->done = 1;
	if (congested(sweep)) {
		wbc->encountered_congestion = 1;
		sweep->done = 1;
	}
}

/* From *index on until done; 1 if any page was found. */
static int run(struct sweep *sweep, pgoff_t *index)
{
	struct pagevec pvec;
	int found = 0;
	u32 i;

	while (!sweep->done && *index <= sweep->end &&
	       pagevec_lookup_tag(&pvec, sweep->mapping, index, PAGECACHE_TAG_DIRTY,
				  kmm_most_pages(*index, sweep->end))) {
		found = 1;
		for (i = 0; i < pvec.nr; i++)
			write_page(sweep, pvec.pages[i]);
		pagevec_release(&pvec);
	}
	return found;
}

int mpage_writepages(struct address_space *mapping, struct writeback_control *wbc, int use_bio)
{
	struct sweep sweep = {
		.mapping = mapping,
		.wbc = wbc,
		.use_bio = use_bio,
		.is_range = wbc->start || wbc->end,
		.end = wbc->start || wbc->end ? (pgoff_t)wbc->end >> PAGE_SHIFT : ~0UL,
	};
	pgoff_t index = 0;

	if (congested(&sweep)) {
		wbc->encountered_congestion = 1;
		return 0;
	}
	/* the kernel would call NULL; the pages of a driver are in no page tree there */
	if (!mapping->a_ops->writepage)
		return 0;
	if (sweep.is_range)
		index = (pgoff_t)wbc->start >> PAGE_SHIFT;
	else if (wbc->sync_mode == WB_SYNC_NONE)
		index = mapping->writeback_index;
	if (!run(&sweep, &index) && !sweep.is_range && wbc->sync_mode == WB_SYNC_NONE) {
		index = 0;
		run(&sweep, &index);
	}
	if (!sweep.is_range)
		mapping->writeback_index = index;
	return sweep.ret;
}
