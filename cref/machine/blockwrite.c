// SPDX-License-Identifier: GPL-2.0-only
/* Writing a page through its buffers, and taking its buffers away. */
#include "machine/blocks.h"
#include "machine/running.h"
#include "machine/truncate.h"
#include "machine/unwritten.h"
#include "machine/watch.h"

#define KMM_FILE KMM_FILE_MACHINE

int kmm_writepage_no_memory(struct page *page, struct writeback_control *wbc)
{
	wbc->pages_skipped++;
	kmm_note_asked(page);
	__set_page_dirty_nobuffers(page);
	unlock_page(page);
	return -ENOMEM;
}

/* Blocks past the end are clean; a dirty one without a place on disk gets one. */
static int map_blocks(struct inode *inode, struct page *page)
{
	struct buffer_head *head = kmm_buffers_of(page), *bh = head;
	u64 block = (u64)page->index * kmm_blocks_per_page(inode);
	u64 last_block = (u64)(inode->i_size - 1) >> inode->i_blkbits;

	do {
		if (block > last_block) {
			bh->b_state &= ~(1UL << BH_Dirty);
			bh->b_state |= 1UL << BH_Uptodate;
		} else if (!(bh->b_state >> BH_Mapped & 1) && buffer_dirty(bh)) {
			int mapped, error = get_block(inode, block, 1, &mapped);

			if (error)
				return error;
			kmm_map_buffer(bh, block);
		}
		block++;
		bh = bh->b_this_page;
	} while (bh != head);
	return 0;
}

static int lock_for_write(struct buffer_head *bh, struct writeback_control *wbc)
{
	if (wbc->sync_mode == WB_SYNC_NONE && wbc->nonblocking)
		return trylock_buffer(bh);
	lock_buffer(bh);
	return 1;
}

/* Dirty buffers stay locked until their write has ended. */
static void mark_dirty_blocks(struct page *page, struct writeback_control *wbc)
{
	struct buffer_head *head = kmm_buffers_of(page), *bh = head;

	do {
		if (bh->b_state >> BH_Mapped & 1) {
			if (!lock_for_write(bh, wbc)) {
				wbc->pages_skipped++;
				kmm_note_asked(page);
				__set_page_dirty_nobuffers(page);
			} else if (kmm_test_and_clear(&bh->b_state, BH_Dirty)) {
				bh->b_state |= 1UL << BH_Async_Write;
			} else {
				unlock_buffer(bh);
			}
		}
		bh = bh->b_this_page;
	} while (bh != head);
}

/* A block could not be mapped: what is mapped and dirty goes to disk, the rest is given up. */
static void mark_mapped_blocks(struct page *page)
{
	struct buffer_head *head = kmm_buffers_of(page), *bh = head;
	u32 count = kmm_blocks_per_page(page->mapping->host), i = 0;

	do {
		if (bh->b_state >> BH_Mapped & 1 && buffer_dirty(bh)) {
			lock_buffer(bh);
			bh->b_state |= 1UL << BH_Async_Write;
		} else {
			if (buffer_dirty(bh))
				kmm_forget_earlier_stores(page->mapping, page->index,
							  kmm_sectors_of_block(count, i));
			bh->b_state &= ~(1UL << BH_Dirty);
		}
		i++;
		bh = bh->b_this_page;
	} while (bh != head);
}

/* Dirty again since it was marked: it stays so, but for the way out after an error. */
static int submit_marked_blocks(struct page *page, int after_error)
{
	struct buffer_head *head = kmm_buffers_of(page), *bh = head, *next;
	int submitted = 0;

	do {
		next = bh->b_this_page;
		if (bh->b_state >> BH_Async_Write & 1) {
			if (after_error)
				bh->b_state &= ~(1UL << BH_Dirty);
			submit_bh(bh, KMM_END_ASYNC_WRITE);
			submitted++;
		}
		bh = next;
	} while (bh != head);
	return submitted;
}

/* The file system had written every block by itself, and only the page still said dirty. */
static void nothing_to_write(struct page *page, struct writeback_control *wbc)
{
	struct buffer_head *head = kmm_buffers_of(page), *bh = head;
	int uptodate = 1;

	do {
		if (!(bh->b_state >> BH_Uptodate & 1))
			uptodate = 0;
		bh = bh->b_this_page;
	} while (bh != head);
	if (uptodate)
		SetPageUptodate(page);
	end_page_writeback(page);
	wbc->pages_skipped++;
}

static int write_blocks(struct inode *inode, struct page *page, struct writeback_control *wbc)
{
	const unsigned long state = 1UL << BH_Dirty | 1UL << BH_Uptodate;
	int error, submitted;

	if (!kmm_page_flag(page, PG_private) &&
	    !create_empty_buffers(page, inode->i_blkbits, state))
		return kmm_writepage_no_memory(page, wbc);
	error = map_blocks(inode, page);
	if (!error) {
		mark_dirty_blocks(page, wbc);
		set_page_writeback(page);
		submitted = submit_marked_blocks(page, 0);
		unlock_page(page);
	} else {
		mark_mapped_blocks(page);
		page->flags |= 1UL << PG_error;
		set_page_writeback(page);
		unlock_page(page);
		submitted = submit_marked_blocks(page, 1);
	}
	if (!submitted)
		nothing_to_write(page, wbc);
	return error;
}

/* The page is locked on entry and unlocked on return, and under writeback while I/O lasts. */
int block_write_full_page(struct page *page, struct writeback_control *wbc)
{
	u64 *ret = KMM_ENTER(block_write_full_page, KMM_HERE, page, wbc);
	struct inode *inode = page->mapping->host;
	u64 size = (u64)inode->i_size, start = (u64)page->index << PAGE_SHIFT;

	if (start >= size) {
		do_invalidatepage(page, 0);
		unlock_page(page);
		return 0;
	}
	if (size - start < PAGE_SIZE)
		kmm_zero_sectors(page, ~kmm_sectors_in_file(inode, page->index));
	return KMM_GIVE(ret, write_blocks(inode, page, wbc));
}

/*
 * What it holds stays Uptodate.  ext3 also takes it out of its transaction: there is
 * nothing left to be written first; but what a commit has in hand it cannot touch.
 */
static void discard_buffer(struct buffer_head *bh)
{
	lock_buffer(bh);
	if (!kmm_commit_keeps(bh)) {
		bh->b_state &= ~(1UL << BH_Dirty | 1UL << BH_Mapped | 1UL << BH_Req |
				 1UL << BH_New | 1UL << BH_Delay);
		if (bh->b_in_transaction)
			kmm_leave_transaction(bh);
	}
	unlock_buffer(bh);
}

void block_invalidatepage(struct page *page, unsigned long offset)
{
	struct buffer_head *head, *bh;
	unsigned long start = 0, size;

	KMM_EVENT(block_invalidatepage, KMM_HERE, page, offset);
	BUG_ON(!kmm_page_flag(page, PG_locked));
	if (!kmm_page_flag(page, PG_private))
		return;
	size = 1UL << page->mapping->host->i_blkbits;
	head = bh = kmm_buffers_of(page);
	do {
		if (start >= offset)
			discard_buffer(bh);
		start += size;
		bh = bh->b_this_page;
	} while (bh != head);
	if (!offset)
		try_to_release_page(page, 0);
}

int try_to_release_page(struct page *page, u32 gfp)
{
	u64 *released = KMM_ENTER(try_to_release_page, KMM_HERE, page);
	const struct address_space *mapping = page->mapping;

	BUG_ON(!kmm_page_flag(page, PG_locked));
	if (kmm_page_flag(page, PG_writeback))
		return 0;
	if (mapping && mapping->a_ops->releasepage)
		return KMM_GIVE(released, mapping->a_ops->releasepage(page, gfp));
	return KMM_GIVE(released, HALF(try_to_free_buffers)(page));
}
