// SPDX-License-Identifier: GPL-2.0-only
/* Pages of a direct world, whose they are, and the buffers of the page in focus. */
#include "engine/build_parts.h"

/* What follows from who owns a page. */
static const struct {
	u8 is_file, in_swap, is_anon, references;
} about_owner[NR_OWNERS] = {
	[FILE_0 ... FILE_2] = { 1, 0, 0, 2 },
	[SWAP_CACHE] = { 0, 1, 1, 2 },
	[ANON] = { 0, 0, 1, 1 },
	[NOBODY] = { 0, 0, 0, 1 },
};

static const u8 owner_of[16] = {
	FILE_0, FILE_0, FILE_0, FILE_0, FILE_0, FILE_0, FILE_1, FILE_1, FILE_1,
	FILE_2, FILE_2, ANON, ANON, SWAP_CACHE, SWAP_CACHE, NOBODY,
};

/*
 * Bits of a choice, onto PG_*: half of each kind of page is dirty, what is
 * dirty is up to date, and PG_active goes with PG_lru only.  Four bits at a time.
 */
#define LOW(c) (							\
	((c) & 8 ? 1 << PG_dirty : 0) |					\
	((c) & 12 ? 1 << PG_uptodate : 0) |				\
	((c) & 2 ? 1 << PG_referenced : 0) |				\
	((c) & 1 ? 1 << PG_error : 0))
static const u32 flags_low[16] = {
	LOW(0), LOW(1), LOW(2), LOW(3), LOW(4), LOW(5), LOW(6), LOW(7),
	LOW(8), LOW(9), LOW(10), LOW(11), LOW(12), LOW(13), LOW(14), LOW(15),
};
static const u32 flags_high[16] = {
	0, 1 << PG_writeback, 1 << PG_locked, 1 << PG_locked | 1 << PG_writeback,
	0, 1 << PG_mappedtodisk, 1 << PG_reclaim, 1 << PG_checked,
	1 << PG_lru, 1 << PG_lru | 1 << PG_locked, 1 << PG_lru | 1 << PG_writeback, 1 << PG_lru,
	1 << PG_lru | 1 << PG_active, 1 << PG_lru | 1 << PG_active | 1 << PG_writeback,
	1 << PG_lru | 1 << PG_active | 1 << PG_reclaim, 1 << PG_lru | 1 << PG_active,
};

/* Its one reference in the swap map; ptes add theirs. */
static void put_into_swap(struct world *world, u64 offset, u32 in_swap)
{
	world->swap[offset].map = in_swap;
	world->nr_swap_used += in_swap;
}

/*
 * Pages in the order of their indices, which is the order of the slots of
 * their trees.  Slots of pages that are in no tree go to a spare one.
 */
void kmm_build_pages(struct world *world, const struct kmm_case *c, struct plan *plan)
{
	struct radix_tree_slot spare[2 * KMM_CASE_PAGES];
	struct address_space *mapping_of_tree[NR_OWNERS] = {
		&world->mappings[0], &world->mappings[1], &world->mappings[2],
		world->swapper_space,
	};
	struct radix_tree_slot *next[NR_OWNERS] = {
		world->mappings[0].page_tree.slots, world->mappings[1].page_tree.slots,
		world->mappings[2].page_tree.slots, world->swapper_space->page_tree.slots,
		spare, spare + KMM_CASE_PAGES,
	};
	const unsigned long anon = (unsigned long)world->anon_vmas | PAGE_MAPPING_ANON;
	const unsigned long mapping_of[NR_OWNERS] = {
		(unsigned long)&world->mappings[0], (unsigned long)&world->mappings[1],
		(unsigned long)&world->mappings[2], anon, anon, 0,
	};
	u32 in_tree[NR_OWNERS] = { 0 };
	u64 of_state[5] = { 0 };	/* by PG_lru and PG_active; then under writeback */
	u64 dirty_in[NR_OWNERS] = { 0 };
	u32 i;

	plan->base = kmm_index_base[c->index_base];
	plan->nr_anon = 0;
	for (i = 0; i < KMM_CASE_PAGES; i++) {
		u32 number = (i - c->index_turn) & (KMM_CASE_PAGES - 1);
		struct page *page = &world->pages[number];
		u32 owner = owner_of[c->page_owner[number]];
		u32 choice = c->page_flags[number];
		u64 in_swap = about_owner[owner].in_swap;
		u64 is_anon = about_owner[owner].is_anon;
		/* what is in no tree is not written */
		u32 written = about_owner[owner].is_file | (u32)in_swap;
		u64 index = plan->base + i;
		u64 entry = i + 1;	/* the first slot of a swap area is none */
		u32 flags = ((flags_low[choice & 15] | flags_high[choice >> 4]) &
			     ~((written ^ 1) << PG_writeback)) | (u32)in_swap << PG_swapcache;
		u32 writeback = flags >> PG_writeback & 1;
		/* a dirty page is tagged; a clean one may still be, after clear_page_dirty_for_io */
		u64 tags = (flags >> PG_dirty & 1) | (c->page_leftover_tag[number] == 3) |
			   (u64)writeback << PAGECACHE_TAG_WRITEBACK;
		struct radix_tree_slot *slot = &next[owner][in_tree[owner]++];

		plan->owner[number] = owner;
		plan->page_at[i] = number;
		plan->anon[plan->nr_anon] = number;
		plan->nr_anon += is_anon;

		page->flags = flags;
		page->index = index;
		page->private = entry & (0 - in_swap);
		page->mapping = (struct address_space *)
			(mapping_of[owner] + (number & is_anon) * sizeof(struct anon_vma));
		page->_count.counter = about_owner[owner].references;
		page->io = (KMM_IO_SECTORS | KMM_IO_BIO) & (0 - writeback);
		slot->page = page;
		slot->index_and_tags = (index + ((entry - index) & (0 - in_swap))) << KMM_TAG_BITS | tags;
		put_into_swap(world, entry, in_swap);

		dirty_in[owner] += flags >> PG_dirty & 1;
		/* PG_lru and PG_active are neighbours */
		of_state[flags >> PG_lru & 3]++;
		of_state[4] += writeback;
	}
	for (i = 0; i <= SWAP_CACHE; i++) {
		mapping_of_tree[i]->page_tree.nr = in_tree[i];
		mapping_of_tree[i]->nrpages = in_tree[i];
	}
	for (i = 0; i < KMM_CASE_FILES; i++)
		world->page_state.nr_dirty += dirty_in[i] & (0ull - kmm_mapping_accounts(&world->mappings[i]));
	world->page_state.nr_inactive = of_state[1];
	world->page_state.nr_active = of_state[3];
	world->page_state.nr_writeback = of_state[4];

	plan->focus = world->pages[c->focus].index - plan->base;
	plan->focus_file = about_owner[plan->owner[c->focus]].is_file ? plan->owner[c->focus] : 0;
}

/* How many buffers the page in focus has, in powers of two: all sizes of block. */
static const u8 log_of_buffers[8] = { 0, 0, 0, 1, 1, 1, 2, 2 };
#define NO_BUFFERS_BELOW	1

/* States of a buffer: most are free to go, or no page would ever lose its buffers. */
static const u16 buffer_state[16] = {
	[0 ... 5] = 1 << BH_Uptodate | 1 << BH_Mapped | 1 << BH_Req,
	[6 ... 8] = 1 << BH_Uptodate | 1 << BH_Mapped,
	[9] = 1 << BH_Uptodate,			/* a hole that was read */
	[10] = 1 << BH_Mapped | 1 << BH_Req | 1 << BH_Write_EIO,
	[11] = 1 << BH_Mapped | 1 << BH_New,
	[12] = 1 << BH_Uptodate | 1 << BH_Mapped | 1 << BH_Dirty,
	[13] = 1 << BH_Uptodate | 1 << BH_Mapped | 1 << BH_Dirty | 1 << BH_Write_EIO,
	[14] = 1 << BH_Uptodate | 1 << BH_Mapped | 1 << BH_Req | 1 << BH_Lock,
	[15] = 1 << BH_Uptodate | 1 << BH_Mapped | 1 << BH_Req | 1 << BH_Lock | 1 << BH_Write_EIO,
};

/*
 * A locked buffer is being written: with its page, or alone, which a file
 * system without a journal does to no data.
 */
static u32 build_writing(struct buffer_head *bh, const struct page *page, u32 kind)
{
	if (!(bh->b_state >> BH_Lock & 1))
		return 0;
	if (kmm_page_flag(page, PG_writeback)) {
		bh->b_state |= 1UL << BH_Async_Write;
		bh->b_end_io = KMM_END_ASYNC_WRITE;
		return 1;
	}
	if (kind == KMM_EXT2) {
		bh->b_state &= ~(1UL << BH_Lock);
		return 0;
	}
	bh->b_end_io = KMM_END_WRITE;
	bh->b_count++;
	return 1;
}

/* Only pages of disk files have buffers, and those that lost their file while they had them. */
void kmm_build_buffers(struct world *world, const struct kmm_case *c, const struct plan *plan)
{
	struct page *page = &world->pages[c->focus];
	struct inode *inode = &world->inodes[plan->focus_file];
	u32 log = log_of_buffers[c->buffers], count = 1u << log, i;
	u32 owner = plan->owner[c->focus], uptodate = 1, io = 0, sectors = KMM_SECTORS >> log;

	if (c->buffers < NO_BUFFERS_BELOW || about_owner[owner].is_anon ||
	    (about_owner[owner].is_file && !kmm_kind_has(inode->i_kind, KMM_ON_DISK)))
		return;
	if (about_owner[owner].is_file)
		inode->i_blkbits = PAGE_SHIFT - log;
	kmm_attach_buffers(page, world->buffers, count);
	for (i = 0; i < count; i++) {
		struct buffer_head *bh = &world->buffers[i];
		u32 held = c->buffer_is_held[i];

		bh->b_state = buffer_state[c->buffer_state[i]];
		bh->b_blocknr = (u32)(page->index << log) + i;
		bh->b_count = held == 0;
		bh->b_assoc_mapping = held == 1 ? page->mapping : NULL;
		if (held == 2 && page->mapping && inode->i_kind == KMM_EXT3) {
			bh->b_in_transaction = 1;
			bh->b_count++;
		}
		if (build_writing(bh, page, inode->i_kind))
			io |= ((1u << sectors) - 1) << i * sectors;
		uptodate &= bh->b_state >> BH_Uptodate & 1;
	}
	if (io)
		page->io = io;
	/* a page is as up to date as all of its blocks are */
	page->flags &= ~((unsigned long)(uptodate ^ 1) << PG_uptodate);
}
