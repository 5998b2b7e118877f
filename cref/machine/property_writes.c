// SPDX-License-Identifier: GPL-2.0-only
/*
 * What users were promised: their stores reach the disk, and what they read was
 * written by somebody and is theirs to read.  What may be forgotten is told in
 * machine/unwritten.h.
 */
#include "machine/blocks.h"
#include "machine/census.h"
#include "machine/pagetree.h"
#include "machine/property.h"
#include "machine/unwritten.h"

/*
 * Exceptions: pages that are not the file's, which are private copies that a
 * debugger forced and pages that were truncated.
 */
int kmm_holds_tracked_writes(const struct kmm_census *census)
{
	return !census->untracked;
}

/* A store that the disk does not hold, in sector `sector` of page `index` of a file. */
struct store {
	const struct address_space *mapping;
	const struct radix_tree_slot *slot;	/* of its page, NULL if that is not in memory */
	u32 sector;
	u16 version;
};
typedef int (*fine)(const struct kmm_census *census, const struct store *store);

static int fine_in_page(const struct kmm_census *census, struct store *store, pgoff_t index,
			const u16 *unwritten, fine is_fine)
{
	u32 in_file = kmm_sectors_in_file(store->mapping->host, index);

	store->slot = kmm_tree_find(&store->mapping->page_tree, index);
	for (store->sector = 0; store->sector < KMM_SECTORS; store->sector++) {
		store->version = unwritten[store->sector];
		if (store->version && in_file >> store->sector & 1 && !is_fine(census, store))
			return 0;
	}
	return 1;
}

static int fine_in_file(const struct kmm_census *census, const struct address_space *mapping,
			fine is_fine)
{
	struct store store = { .mapping = mapping };
	const u16 *unwritten = kmm_unwritten(mapping, 0);
	u32 slots = census->world->size.slots, index;

	for (index = 0; unwritten && index < slots; index++, unwritten += KMM_SECTORS) {
		u64 any;

		_Static_assert(sizeof(any) == KMM_SECTORS * sizeof(*unwritten), "all of a page");
		__builtin_memcpy(&any, unwritten, sizeof(any));
		if (any && !fine_in_page(census, &store, index, unwritten, is_fine))
			return 0;
	}
	return 1;
}

static int all_fine(const struct kmm_census *census, fine is_fine)
{
	const struct world *world = census->world;
	u32 i;

	/* the last mapping is swapper_space */
	for (i = 0; i + 1 < world->size.mappings; i++)
		if (!fine_in_file(census, &world->mappings[i], is_fine))
			return 0;
	return 1;
}

static int in_memory(const struct store *store)
{
	return store->slot && store->slot->page->contents[store->sector] == store->version;
}

static int is_kept(const struct kmm_census *census __attribute__((unused)),
		   const struct store *store)
{
	return in_memory(store);
}

int kmm_holds_kept_writes(const struct kmm_census *census)
{
	return all_fine(census, is_kept);
}

/* Without buffers, or if all of them say so, a dirty page is written as a whole. */
static int block_is_dirty(const struct address_space *mapping, const struct page *page, u32 sector)
{
	const struct buffer_head *bh;
	u32 block = sector / (KMM_SECTORS / kmm_blocks_per_page(mapping->host));

	if (!kmm_page_flag(page, PG_private))
		return 1;
	for (bh = kmm_buffers_of(page); block; block--)
		bh = bh->b_this_page;
	return bh->b_state >> BH_Dirty & 1;
}

static int being_written(const struct page *page, const struct store *store)
{
	return page->io >> store->sector & 1 && page->in_flight[store->sector] == store->version;
}

/* One that is not in memory any more breaks kept_writes, and no promise helps it. */
static int is_promised(const struct kmm_census *census, const struct store *store)
{
	const struct page *page;

	if (!in_memory(store))
		return 1;
	page = store->slot->page;
	if (being_written(page, store) || census->pages[page - census->world->pages].dirty)
		return 1;
	return kmm_page_flag(page, PG_dirty) &&
	       kmm_slot_tagged(store->slot, PAGECACHE_TAG_DIRTY) &&
	       block_is_dirty(store->mapping, page, store->sector);
}

int kmm_holds_promised_writes(const struct kmm_census *census)
{
	return all_fine(census, is_promised);
}

/* Is there nobody left who would make a page of this file dirty, or write one? */
static int at_rest(const struct address_space *mapping)
{
	u32 i;

	if (mapping->i_mmap.node || mapping->i_mmap_nonlinear)
		return 0;
	for (i = 0; i < mapping->page_tree.nr; i++) {
		const struct page *page = mapping->page_tree.slots[i].page;

		if (kmm_page_flag(page, PG_dirty) || page->io || page->pins)
			return 0;
	}
	return 1;
}

static int is_awaited(const struct kmm_census *census __attribute__((unused)),
		      const struct store *store)
{
	return !at_rest(store->mapping);
}

int kmm_holds_written_at_rest(const struct kmm_census *census)
{
	return all_fine(census, is_awaited);
}

/* Exception: files that sync leaves alone, as they are nowhere but in memory. */
int kmm_holds_dirty_inodes(const struct kmm_census *census)
{
	const struct world *world = census->world;
	u32 i, j;

	for (i = 0; i + 1 < world->size.mappings; i++) {
		const struct address_space *mapping = &world->mappings[i];
		const struct radix_tree_root *root = &mapping->page_tree;

		if (mapping->backing_dev_info->capabilities & BDI_CAP_NO_WRITEBACK)
			continue;
		for (j = 0; j < root->nr; j++)
			if (kmm_page_flag(root->slots[j].page, PG_dirty) &&
			    mapping->host->i_place != INODE_ON_DIRTY)
				return 0;
	}
	return 1;
}

/*
 * Exceptions: a page that somebody has pinned shows what a device stores there
 * to all who map it, which get_user_pages does not prevent; and private copies
 * in shared mappings, which processes that come from one another share.
 */
int kmm_holds_private_contents(const struct kmm_census *census)
{
	const struct world *world = census->world;

	for EACH_PAGE(world, page) {
		const struct kmm_census_page *of = &census->pages[page - world->pages];

		if (!of->private_writers)
			continue;
		if (!kmm_page_is_anon(page) || of->ptes != 1)
			return 0;
		if (kmm_page_flag(page, PG_swapcache) && page->private < world->size.swap_slots &&
		    census->swap[page->private])
			return 0;
	}
	return 1;
}

/*
 * Exception: private memory after a write to swap has failed.  The page stays
 * clean here, and what is read back then is whatever was in its slot.
 */
int kmm_holds_known_contents(const struct kmm_census *census)
{
	const struct world *world = census->world;
	u32 i, j;

	if (census->unknown)
		return 0;
	for (i = 0; i + 1 < world->size.mappings; i++) {
		const struct radix_tree_root *root = &world->mappings[i].page_tree;

		for (j = 0; j < root->nr; j++)
			if (kmm_page_flag(root->slots[j].page, PG_uptodate) &&
			    kmm_has_garbage(root->slots[j].page))
				return 0;
	}
	return 1;
}
