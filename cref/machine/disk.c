// SPDX-License-Identifier: GPL-2.0-only
/*
 * The disk.  A write takes what the sectors hold when it begins and puts it on
 * disk when it ends, as an interrupt would: nothing here sleeps.  A read is
 * over at once; its reader has slept before.
 */
#include "machine/blocks.h"
#include "machine/swap.h"
#include "machine/unwritten.h"
#include "machine/writeback.h"

#define KMM_FILE KMM_FILE_MACHINE

void kmm_begin_write(struct page *page, u32 sectors)
{
	u32 i;

	KMM_EVENT(submit_bio, KMM_HERE, page, sectors);
	for (i = 0; i < KMM_SECTORS; i++)
		if (sectors >> i & 1)
			page->in_flight[i] = page->contents[i];
	page->io |= sectors;
}

/* Where on disk a page's sectors go; NULL for a page that has lost its place there. */
static u16 *place_of(const struct page *page)
{
	struct world *world = kmm_world;
	const struct address_space *mapping;

	if (kmm_page_flag(page, PG_swapcache)) {
		unsigned long offset = page->private & ((1UL << SWAP_TYPE_SHIFT) - 1);

		return offset < world->size.swap_slots ? world->swap[offset].contents : NULL;
	}
	mapping = kmm_mapping_of(page);
	if (!mapping || !mapping->host || page->index >= world->size.slots)
		return NULL;
	return mapping->host->i_disk + page->index * KMM_SECTORS;
}

static void put_on_disk(const struct page *page, u32 sectors)
{
	u16 *place = place_of(page);
	u32 i;

	for (i = 0; place && i < KMM_SECTORS; i++)
		if (sectors >> i & 1)
			place[i] = page->in_flight[i];
}

static void note_error(struct page *page)
{
	struct address_space *mapping = kmm_page_flag(page, PG_swapcache) ? NULL :
					kmm_mapping_of(page);

	page->flags |= 1UL << PG_error;
	if (mapping)
		mapping->flags |= 1UL << AS_EIO;
	else if (kmm_page_flag(page, PG_swapcache))
		kmm_world->swap_failed = 1;
}

static int async_writes_left(const struct page *page)
{
	const struct buffer_head *head = kmm_buffers_of(page), *bh = head;

	do {
		if (bh->b_state >> BH_Async_Write & 1)
			return 1;
		bh = bh->b_this_page;
	} while (bh != head);
	return 0;
}

/* A block of writepage: the last one to end, submitted or not yet, ends the page's writeback. */
static void end_async_write(struct buffer_head *bh, int ok)
{
	struct page *page = bh->b_page;

	if (ok) {
		bh->b_state |= 1UL << BH_Uptodate;
	} else {
		note_error(page);
		bh->b_state &= ~(1UL << BH_Uptodate);
	}
	bh->b_state &= ~(1UL << BH_Async_Write);
	unlock_buffer(bh);
	if (!async_writes_left(page))
		end_page_writeback(page);
}

static void end_write(struct buffer_head *bh, int ok)
{
	if (ok)
		bh->b_state |= 1UL << BH_Uptodate;
	else
		bh->b_state = (bh->b_state | 1UL << BH_Write_EIO) & ~(1UL << BH_Uptodate);
	unlock_buffer(bh);
	bh->b_count--;
}

static void end_buffers(struct page *page, int ok)
{
	struct buffer_head *head = kmm_buffers_of(page), *bh = head, *next;

	do {
		u32 end_io = bh->b_end_io;

		next = bh->b_this_page;
		bh->b_end_io = KMM_END_NONE;
		if (end_io == KMM_END_ASYNC_WRITE)
			end_async_write(bh, ok);
		else if (end_io == KMM_END_WRITE)
			end_write(bh, ok);
		bh = next;
	} while (bh != head);
}

void kmm_end_io(struct page *page, int ok)
{
	u32 io = page->io, i;

	if (!io)
		return;
	KMM_EVENT(end_io, KMM_HERE, page, ok);
	if (ok)
		put_on_disk(page, io);
	/* and who waits for a write that failed is told so */
	kmm_note_end_of_write(page, io, ok);
	page->io = 0;
	for (i = 0; i < KMM_SECTORS; i++)
		page->in_flight[i] = 0;
	if (kmm_page_flag(page, PG_private))
		end_buffers(page, ok);
	if (io & KMM_IO_BIO) {
		if (!ok)
			note_error(page);
		end_page_writeback(page);
	}
}

void kmm_read_sectors(struct page *page, const struct inode *inode, u32 sectors)
{
	int there = page->index < kmm_world->size.slots;
	const u16 *place = inode->i_disk + (there ? page->index * KMM_SECTORS : 0);
	u32 i;

	for (i = 0; i < KMM_SECTORS; i++)
		if (sectors >> i & 1)
			page->contents[i] = there ? place[i] : 0;
}
