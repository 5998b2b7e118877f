// SPDX-License-Identifier: GPL-2.0-only
/* Blocks and the buffers over them: attaching, locking, writing one, reading a page, giving up. */
#include "machine/blocks.h"
#include "machine/running.h"
#include "machine/times.h"
#include "machine/unwritten.h"
#include "machine/watch.h"

#define KMM_FILE KMM_FILE_MACHINE

/*
 * The place of a block on disk is its place in the file, so that blocks next
 * to each other are always contiguous.  A new one is an allocation, which the
 * case can make fail.  What the disk held there before is still on it.
 */
int get_block(struct inode *inode, u64 block, int create, int *mapped)
{
	u64 *back = KMM_BACK(get_block, 5, KMM_HERE);
	int error = 0, allocated = 0;

	back[0] = KMM_WORD(inode);
	back[1] = block;
	back[2] = KMM_WORD(create);
	back[3] = back[4] = 0;
	barrier();
	if (create && !kmm_block_mapped(inode, block)) {
		if (inode->i_kind == KMM_BLOCK_DEVICE)
			error = -EIO;		/* behind its end */
		else if (kmm_allocation_fails() || block >= kmm_blocks_on_disk(inode))
			error = -ENOSPC;
		else
			allocated = 1;
	}
	if (allocated)
		inode->i_mapped |= kmm_mapped_bit(block);
	*mapped = kmm_block_mapped(inode, block);
	back[3] = KMM_WORD(*mapped);
	back[4] = KMM_WORD(error);
	barrier();
	if (allocated)
		mark_inode_dirty(inode);
	return error;
}

static void free_ring(struct buffer_head *head)
{
	while (head) {
		struct buffer_head *next = head->b_this_page;

		free_buffer_head(head);
		head = next;
	}
}

/* `count` buffers, not yet a ring: the last one's b_this_page is NULL. */
static struct buffer_head *alloc_ring(struct page *page, u32 count, unsigned long state)
{
	struct buffer_head *head = NULL, **link = &head;

	while (count--) {
		struct buffer_head *bh = kmm_buffer_alloc(page);

		if (!bh) {
			free_ring(head);
			return NULL;
		}
		bh->b_state = state;
		*link = bh;
		link = &bh->b_this_page;
	}
	return head;
}

/* The kernel tries until there is memory; here its caller has to do without. */
int create_empty_buffers(struct page *page, u32 blkbits, unsigned long state)
{
	u64 *made = KMM_ENTER(create_empty_buffers, KMM_HERE, page, 1ul << blkbits, state);
	struct address_space *mapping = page->mapping;
	struct buffer_head *head = alloc_ring(page, 1u << (PAGE_SHIFT - blkbits), state), *bh = head;
	unsigned long more = 0;

	if (!head)
		return 0;
	spin_lock(&mapping->private_lock);
	if (kmm_page_flag(page, PG_dirty))
		more |= 1UL << BH_Dirty;
	if (kmm_page_flag(page, PG_uptodate))
		more |= 1UL << BH_Uptodate;
	for (;; bh = bh->b_this_page) {
		bh->b_state |= more;
		if (!bh->b_this_page)
			break;
	}
	bh->b_this_page = head;
	get_page(page);
	SetPagePrivate(page);
	page->private = (unsigned long)head;
	spin_unlock(&mapping->private_lock);
	return KMM_GIVE(made, 1);
}

void lock_buffer(struct buffer_head *bh)
{
	KMM_EVENT(lock_buffer, KMM_HERE, bh);
	kmm_may_sleep();
	if (bh->b_state >> BH_Lock & 1)
		kmm_end_io(bh->b_page, 1);
	/* locked, and not for I/O: whoever holds it is this very processor */
	if (bh->b_state >> BH_Lock & 1)
		kmm_end(KMM_LOCK_TWICE);
	bh->b_state |= 1UL << BH_Lock;
}

int trylock_buffer(struct buffer_head *bh)
{
	int old = kmm_test_and_set(&bh->b_state, BH_Lock);

	KMM_EVENT(trylock_buffer, KMM_HERE, bh, old);
	return !old;
}

void unlock_buffer(struct buffer_head *bh)
{
	KMM_EVENT(unlock_buffer, KMM_HERE, bh);
	if (!kmm_test_and_clear(&bh->b_state, BH_Lock))
		kmm_end(KMM_LOCK_UNHELD);
}

static u32 sectors_of(const struct buffer_head *bh)
{
	const struct buffer_head *head = kmm_buffers_of(bh->b_page), *at = head;
	u32 count = 0, place = 0;

	do {
		if (at == bh)
			place = count;
		count++;
		at = at->b_this_page;
	} while (at != head);
	return kmm_sectors_of_block(count, place);
}

void submit_bh(struct buffer_head *bh, u32 end_io)
{
	KMM_EVENT(submit_bh, KMM_HERE, bh);
	BUG_ON(!(bh->b_state >> BH_Lock & 1));
	BUG_ON(!(bh->b_state >> BH_Mapped & 1));
	BUG_ON(end_io == KMM_END_NONE);
	if (kmm_test_and_set(&bh->b_state, BH_Req))
		bh->b_state &= ~(1UL << BH_Write_EIO);
	bh->b_end_io = end_io;
	kmm_begin_write(bh->b_page, sectors_of(bh));
}

/* Looks at nothing but the buffer: page and ptes keep what they say. */
void ll_rw_block_write(struct buffer_head *bh, int wait_for_lock)
{
	KMM_EVENT(ll_rw_block, KMM_HERE, bh);
	if (wait_for_lock)
		lock_buffer(bh);
	else if (!trylock_buffer(bh))
		return;
	if (kmm_test_and_clear(&bh->b_state, BH_Dirty)) {
		kmm_count_add(&bh->b_count, 1);
		submit_bh(bh, KMM_END_WRITE);
	} else {
		unlock_buffer(bh);
	}
}

void wait_on_buffer(struct buffer_head *bh)
{
	if (!(bh->b_state >> BH_Lock & 1))
		return;
	kmm_may_sleep();
	if (bh->b_state >> BH_Lock & 1)
		kmm_end_io(bh->b_page, 1);
	/* its write is not begun yet: who will begin it waits for us to be done */
	if (bh->b_state >> BH_Lock & 1)
		kmm_end(KMM_LOCK_TWICE);
}

int sync_dirty_buffer(struct buffer_head *bh)
{
	u64 *ret = KMM_ENTER(sync_dirty_buffer, KMM_HERE, bh);

	lock_buffer(bh);
	if (!kmm_test_and_clear(&bh->b_state, BH_Dirty)) {
		unlock_buffer(bh);
		return 0;
	}
	kmm_count_add(&bh->b_count, 1);
	submit_bh(bh, KMM_END_WRITE);
	wait_on_buffer(bh);
	return KMM_GIVE(ret, bh->b_state >> BH_Uptodate & 1 ? 0 : -EIO);
}

/*
 * A file system holds on to the buffers that it writes, and none of them is a
 * hole: one that is dirty without a block stays as it is.
 */
void kmm_flush_buffers_by_hand(struct page *page)
{
	struct buffer_head *head, *bh;

	if (!kmm_page_flag(page, PG_private))
		return;
	head = bh = kmm_buffers_of(page);
	do {
		kmm_count_add(&bh->b_count, 1);
		bh = bh->b_this_page;
	} while (bh != head);
	do {
		if (bh->b_state >> BH_Mapped & 1 && buffer_dirty(bh))
			ll_rw_block_write(bh, 1);
		bh = bh->b_this_page;
	} while (bh != head);
	do {
		kmm_count_add(&bh->b_count, -1);
		bh = bh->b_this_page;
	} while (bh != head);
}

/* A block of a page: all that the disk has of it, beyond the end of the file too, or zeroes. */
static void read_block(struct page *page, const struct inode *inode, u32 sectors, int mapped)
{
	if (mapped)
		kmm_read_sectors(page, inode, sectors);
	else
		kmm_zero_sectors(page, sectors);
}

/* Bit i: the page's i-th block is on disk, and its file reaches that far. */
static u32 blocks_to_read(const struct page *page, const struct inode *inode)
{
	u32 count = kmm_blocks_per_page(inode), in_file, i, blocks = 0;

	in_file = kmm_sectors_in_file(inode, page->index);
	for (i = 0; i < count; i++)
		if (in_file & kmm_sectors_of_block(count, i) &&
		    kmm_block_mapped(inode, (u64)page->index * count + i))
			blocks |= 1u << i;
	return blocks;
}

static void read_without_buffers(struct page *page, const struct inode *inode, u32 blocks)
{
	u32 count = kmm_blocks_per_page(inode), i;

	for (i = 0; i < count; i++)
		read_block(page, inode, kmm_sectors_of_block(count, i), blocks >> i & 1);
}

/* One block of a page: while it is written nobody reads it, and after that nobody need. */
static void read_buffer(struct page *page, const struct inode *inode, struct buffer_head *bh,
			u32 sectors)
{
	int mapped = bh->b_state >> BH_Mapped & 1;

	wait_on_buffer(bh);
	if (bh->b_state >> BH_Uptodate & 1)
		return;
	read_block(page, inode, sectors, mapped);
	/* the disk was asked */
	if (mapped)
		bh->b_state |= 1UL << BH_Req;
	bh->b_state |= 1UL << BH_Uptodate;
}

/* A buffer that is Uptodate is newer than the disk. */
static void read_into_buffers(struct page *page, const struct inode *inode, u32 blocks)
{
	struct buffer_head *head = kmm_buffers_of(page), *bh = head;
	u32 count = kmm_blocks_per_page(inode), i = 0;

	do {
		if (!(bh->b_state >> BH_Uptodate & 1)) {
			if (blocks >> i & 1)
				kmm_map_buffer(bh, (u64)page->index * count + i);
			read_buffer(page, inode, bh, kmm_sectors_of_block(count, i));
		}
		i++;
		bh = bh->b_this_page;
	} while (bh != head);
}

/*
 * A file system's page gets buffers only where a block follows a hole; a block
 * device has no other way than by buffers.
 */
static int needs_buffers(const struct inode *inode, u32 blocks)
{
	return inode->i_kind == KMM_BLOCK_DEVICE || blocks & (blocks + 1);
}

/* Disk reads do not fail here: only buffers can be missing, and then the page stays not Uptodate. */
int block_read_full_page(struct file *file __attribute__((unused)), struct page *page)
{
	u64 *ret = KMM_ENTER(readpage, KMM_HERE, page);
	struct inode *inode = page->mapping->host;
	u32 blocks = blocks_to_read(page, inode);
	int has_buffers = kmm_page_flag(page, PG_private);

	if (!has_buffers && needs_buffers(inode, blocks)) {
		has_buffers = create_empty_buffers(page, inode->i_blkbits, 0);
		if (!has_buffers) {
			unlock_page(page);
			return KMM_GIVE(ret, -ENOMEM);
		}
	}
	kmm_may_sleep();
	if (has_buffers)
		read_into_buffers(page, inode, blocks);
	else
		read_without_buffers(page, inode, blocks);
	if (!has_buffers || !kmm_page_flag(page, PG_error))
		SetPageUptodate(page);
	unlock_page(page);
	return 0;
}

/* Map a block for writing; a new one has zeroes where it is not about to be written. */
static int prepare_block(struct inode *inode, struct page *page, struct buffer_head *bh,
			 u64 block, u32 sectors, u32 written)
{
	int uptodate = kmm_page_flag(page, PG_uptodate), mapped, error;

	bh->b_state &= ~(1UL << BH_New);
	if (!(bh->b_state >> BH_Mapped & 1)) {
		int is_new = !kmm_block_mapped(inode, block);

		error = get_block(inode, block, 1, &mapped);
		if (error)
			return error;
		kmm_map_buffer(bh, block);
		if (is_new) {
			bh->b_state |= 1UL << BH_New;
			if (!uptodate)
				kmm_zero_sectors(page, sectors & ~written);
		}
	}
	if (uptodate) {
		bh->b_state |= 1UL << BH_Uptodate;
	} else if (!(bh->b_state & (1UL << BH_Uptodate | 1UL << BH_New)) && sectors & ~written) {
		kmm_may_sleep();
		read_buffer(page, inode, bh, sectors);
	}
	return 0;
}

/* After an error: a block that is new on disk must not show what was there before. */
static void finish_new_blocks(struct page *page, int error)
{
	struct buffer_head *head = kmm_buffers_of(page), *bh = head;

	do {
		if (kmm_test_and_clear(&bh->b_state, BH_New) && error) {
			/* 2.6.17 does so even where the page knows better, and loses what it held */
			kmm_zero_sectors(page, sectors_of(bh));
			kmm_forget_earlier_stores(page->mapping, page->index, sectors_of(bh));
			kmm_note_asked(page);
			bh->b_state |= 1UL << BH_Uptodate;
			mark_buffer_dirty(bh);
		}
		bh = bh->b_this_page;
	} while (bh != head);
}

/* The sectors that lie wholly in [from, to) of their page. */
static u32 whole_sectors(u32 from, u32 to)
{
	u32 size = 1u << KMM_SECTOR_SHIFT;
	u32 first = (from + size - 1) >> KMM_SECTOR_SHIFT, last = to >> KMM_SECTOR_SHIFT;

	return first < last ? (1u << last) - (1u << first) : 0;
}

int __block_prepare_write(struct inode *inode, struct page *page, u32 from, u32 to)
{
	u64 *ret = KMM_ENTER(prepare_write, KMM_HERE, page, from, to);
	u32 size = 1u << inode->i_blkbits, start = 0, i = 0, count = kmm_blocks_per_page(inode);
	u32 written = whole_sectors(from, to);
	struct buffer_head *head, *bh;
	int error = 0;

	BUG_ON(!kmm_page_flag(page, PG_locked));
	if (!kmm_page_flag(page, PG_private) && !create_empty_buffers(page, inode->i_blkbits, 0))
		return KMM_GIVE(ret, -ENOMEM);
	head = bh = kmm_buffers_of(page);
	do {
		if (start < to && start + size > from)
			error = prepare_block(inode, page, bh, (u64)page->index * count + i,
					      kmm_sectors_of_block(count, i), written);
		else if (kmm_page_flag(page, PG_uptodate))
			bh->b_state |= 1UL << BH_Uptodate;
		start += size;
		i++;
		bh = bh->b_this_page;
	} while (bh != head && !error);
	finish_new_blocks(page, error);
	return KMM_GIVE(ret, error);
}

static struct buffer_head *block_of_page(const struct page *page, u32 i)
{
	struct buffer_head *bh = kmm_buffers_of(page);

	for (; i; i--)
		bh = bh->b_this_page;
	return bh;
}

/* Only this block is read; the page stays not Uptodate if it was so.  A hole is left alone. */
void block_truncate_page(struct page *page, u32 offset)
{
	struct inode *inode = page->mapping->host;
	u32 count = kmm_blocks_per_page(inode), i = offset >> inode->i_blkbits;
	u32 sectors = kmm_sectors_of_block(count, i);
	u32 kept = (1u << ((offset + (1u << KMM_SECTOR_SHIFT) - 1) >> KMM_SECTOR_SHIFT)) - 1;
	u64 block = (u64)page->index * count + i;
	struct buffer_head *bh;
	int mapped;

	KMM_EVENT(block_truncate_page, KMM_HERE, page, offset);
	if (!kmm_page_flag(page, PG_private) && !create_empty_buffers(page, inode->i_blkbits, 0))
		return;
	bh = block_of_page(page, i);
	if (bh->b_state >> BH_Freed & 1)
		return;
	if (!(bh->b_state >> BH_Mapped & 1)) {
		if (get_block(inode, block, 0, &mapped) || !mapped)
			return;
		kmm_map_buffer(bh, block);
	}
	if (kmm_page_flag(page, PG_uptodate)) {
		bh->b_state |= 1UL << BH_Uptodate;
	} else if (!(bh->b_state >> BH_Uptodate & 1)) {
		kmm_may_sleep();
		read_buffer(page, inode, bh, sectors);
	}
	kmm_zero_sectors(page, sectors & ~kept);
	if (inode->i_kind == KMM_EXT3)
		kmm_join_transaction(bh);
	kmm_note_asked(page);
	mark_buffer_dirty(bh);
}

/* Dirties the blocks written and no others; the page is Uptodate if all its blocks are. */
void __block_commit_write(struct inode *inode, struct page *page, u32 from, u32 to)
{
	struct buffer_head *head = kmm_buffers_of(page), *bh = head;
	u32 size = 1u << inode->i_blkbits, start = 0;
	int partial = 0;

	KMM_EVENT(commit_write, KMM_HERE, page, from, to);
	do {
		if (start < to && start + size > from) {
			bh->b_state |= 1UL << BH_Uptodate;
			mark_buffer_dirty(bh);
		} else if (!(bh->b_state >> BH_Uptodate & 1)) {
			partial = 1;
		}
		start += size;
		bh = bh->b_this_page;
	} while (bh != head);
	if (!partial)
		SetPageUptodate(page);
}
