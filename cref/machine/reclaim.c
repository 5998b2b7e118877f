// SPDX-License-Identifier: GPL-2.0-only
/* What memory pressure does to one page of the LRU. */
#include "machine/lru.h"
#include "machine/reclaim.h"
#include "machine/running.h"
#include "machine/swap.h"
#include "machine/truncate.h"

#define KMM_FILE KMM_FILE_MACHINE

enum pageout { PAGE_KEEP, PAGE_ACTIVATE, PAGE_SUCCESS, PAGE_CLEAN };
/* What becomes of the page in the end. */
enum fate { KEEP, ACTIVATE, FREE };

static int mapped(const struct page *page)
{
	return page->_mapcount.counter >= 0;
}

/* 1 if it was on the LRU: off it, and ours by a reference. */
static int isolate(struct page *page)
{
	struct world *world = kmm_world;
	int taken;

	spin_lock(&world->lru_lock);
	taken = kmm_page_flag(page, PG_lru) && page->_count.counter > 0;
	if (taken) {
		kmm_count_add(&page->_count.counter, 1);
		if (kmm_page_flag(page, PG_active))
			world->page_state.nr_active--;
		else
			world->page_state.nr_inactive--;
		/* an active one, too, is shrunk as an inactive one */
		page->flags &= ~(1UL << PG_lru | 1UL << PG_active);
	}
	spin_unlock(&world->lru_lock);
	return taken;
}

static void put_back(struct page *page)
{
	struct world *world = kmm_world;

	spin_lock(&world->lru_lock);
	BUG_ON(kmm_page_flag(page, PG_lru));
	page->flags |= 1UL << PG_lru;
	if (kmm_page_flag(page, PG_active))
		world->page_state.nr_active++;
	else
		world->page_state.nr_inactive++;
	spin_unlock(&world->lru_lock);
	page_cache_release(page);
}

/* A page without a mapping has nowhere to go, but its buffers may have kept it. */
static enum pageout pageout_orphan(struct page *page)
{
	if (!kmm_page_flag(page, PG_private) || !HALF(try_to_free_buffers)(page))
		return PAGE_KEEP;
	ClearPageDirty(page);
	return PAGE_CLEAN;
}

static enum pageout write_out(struct page *page, struct address_space *mapping)
{
	struct writeback_control *wbc = kmm_get_wbc();
	int ret;

	wbc->sync_mode = WB_SYNC_NONE;
	wbc->nr_to_write = SWAP_CLUSTER_MAX;
	wbc->nonblocking = 1;
	wbc->for_reclaim = 1;
	page->flags |= 1UL << PG_reclaim;
	ret = mapping->a_ops->writepage(page, wbc);
	kmm_put_wbc(wbc);
	if (ret < 0)
		mapping->flags |= 1UL << (ret == -ENOSPC ? AS_ENOSPC : AS_EIO);
	if (ret == AOP_WRITEPAGE_ACTIVATE || !kmm_page_flag(page, PG_writeback))
		page->flags &= ~(1UL << PG_reclaim);
	return ret == AOP_WRITEPAGE_ACTIVATE ? PAGE_ACTIVATE : PAGE_SUCCESS;
}

/* Afterwards the page is locked, unless this is PAGE_SUCCESS. */
static enum pageout pageout(struct page *page, struct address_space *mapping)
{
	u64 *result = KMM_ENTER(pageout, KMM_HERE, page, mapping);
	enum pageout ret = PAGE_CLEAN;

	/* the cache and we hold it, and its buffers: nobody else may */
	if (page->_count.counter - kmm_page_flag(page, PG_private) != 2)
		ret = PAGE_KEEP;
	else if (!mapping)
		ret = pageout_orphan(page);
	else if (!mapping->a_ops->writepage)
		ret = PAGE_ACTIVATE;
	else if (mapping->backing_dev_info->congested)
		ret = PAGE_KEEP;
	else if (HALF(clear_page_dirty_for_io)(page))
		ret = write_out(page, mapping);
	return KMM_GIVE(result, ret);
}

/* Out of its cache, if it is clean and only the cache and we hold it: 1; our reference stays. */
static int remove_mapping(struct address_space *mapping, struct page *page)
{
	u64 *result = KMM_ENTER(remove_mapping, KMM_HERE, mapping, page);
	unsigned long entry = 0;
	int removed;

	if (!mapping)
		return 0;
	write_lock_irq(&mapping->tree_lock);
	removed = page->_count.counter == 2 && !kmm_page_flag(page, PG_dirty);
	if (removed && kmm_page_flag(page, PG_swapcache)) {
		entry = page->private;
		__delete_from_swap_cache(page);
	} else if (removed) {
		__remove_from_page_cache(page);
	}
	write_unlock_irq(&mapping->tree_lock);
	if (entry)
		swap_free(entry);
	if (removed)
		page_cache_release(page);
	return KMM_GIVE(result, removed);
}

/* Is there anybody who could touch the page without a look-up? */
static int in_use(const struct page *page)
{
	const struct address_space *mapping = kmm_mapping_of(page);

	if (mapped(page) || kmm_page_flag(page, PG_swapcache))
		return 1;
	return mapping && (mapping->i_mmap.node || mapping->i_mmap_nonlinear);
}

/* Off the disk's hands and ours: buffers, then the cache.  Locked. */
static enum fate take_away(struct page *page)
{
	struct address_space *mapping = kmm_mapping_of(page);

	if (kmm_page_flag(page, PG_private)) {
		if (!try_to_release_page(page, GFP_KERNEL))
			return ACTIVATE;
		if (!mapping && page->_count.counter == 1)
			return FREE;
	}
	return remove_mapping(mapping, page) ? FREE : KEEP;
}

/* One dirty page; *locked says if it still is. */
static enum fate write_and_take_away(struct page *page, int *locked)
{
	switch (pageout(page, kmm_mapping_of(page))) {
	case PAGE_KEEP:
		return KEEP;
	case PAGE_ACTIVATE:
		return ACTIVATE;
	case PAGE_SUCCESS:
		*locked = 0;
		if (page->flags & (1UL << PG_writeback | 1UL << PG_dirty))
			return KEEP;
		if (TestSetPageLocked(page))
			return KEEP;
		*locked = 1;
		break;
	case PAGE_CLEAN:
		break;
	}
	return take_away(page);
}

static enum fate shrink_locked(struct page *page, int may_write, int *locked)
{
	int referenced;

	if (kmm_page_flag(page, PG_writeback))
		return KEEP;
	referenced = page_referenced(page);
	if (referenced && in_use(page))
		return ACTIVATE;
	if (kmm_page_is_anon(page) && !kmm_page_flag(page, PG_swapcache) && !add_to_swap(page))
		return ACTIVATE;
	if (mapped(page) && kmm_mapping_of(page)) {
		int ret = try_to_unmap(page, 0);

		if (ret != SWAP_SUCCESS)
			return ret == SWAP_FAIL ? ACTIVATE : KEEP;
	}
	if (!kmm_page_flag(page, PG_dirty))
		return take_away(page);
	if (referenced || !may_write)
		return KEEP;
	return write_and_take_away(page, locked);
}

int kmm_shrink_page(struct page *page, int may_write)
{
	u64 *freed = KMM_ENTER(shrink_page, KMM_HERE, page);
	enum fate fate = KEEP;

	if (!kmm_page_flag(page, PG_lru) || !isolate(page))
		return 0;
	if (!TestSetPageLocked(page)) {
		int locked = 1;

		fate = shrink_locked(page, may_write, &locked);
		if (fate == ACTIVATE)
			page->flags |= 1UL << PG_active;
		if (locked)
			unlock_page(page);
	}
	if (fate == FREE)
		page_cache_release(page);
	else
		put_back(page);
	return KMM_GIVE(freed, fate == FREE);
}

/* The reference is that of the list which reclaim has the page on. */
int kmm_strip_page(struct page *page)
{
	int released = 0;

	if (!kmm_world->buffer_heads_over_limit || page->_count.counter <= 0 ||
	    !kmm_page_flag(page, PG_private))
		return 0;
	get_page(page);
	if (!TestSetPageLocked(page)) {
		if (kmm_page_flag(page, PG_private))
			released = try_to_release_page(page, GFP_KERNEL);
		unlock_page(page);
	}
	put_page(page);
	return released;
}
