// SPDX-License-Identifier: GPL-2.0-only
/*
 * The swap area and the swap cache: the cache's tree is swapper_space's, by
 * entry.  There is one area, and reading from it never fails.
 */
#include "machine/blocks.h"
#include "machine/lru.h"
#include "machine/swap.h"

#define KMM_FILE KMM_FILE_MACHINE

/* The slot of an entry that leads into the area and is in use, or NULL. */
static struct swap_slot *slot_in_use(unsigned long entry)
{
	struct world *world = kmm_world;

	/* an entry of another type is a number beyond the last slot */
	if (!entry || entry >= world->size.swap_slots || !world->swap[entry].map)
		return NULL;
	return &world->swap[entry];
}

int vm_swap_full(void)
{
	const struct world *world = kmm_world;

	return world->nr_swap_used * 2 + 1 > world->size.swap_slots;
}

/* The lowest free slot with one user, the swap cache to be; 0 where there is none. */
static unsigned long get_swap_page(void)
{
	struct world *world = kmm_world;
	unsigned long entry;
	u32 i;

	spin_lock(&world->swap_lock);
	for (entry = 1; entry < world->size.swap_slots; entry++)
		if (!world->swap[entry].map)
			break;
	if (entry < world->size.swap_slots) {
		world->swap[entry].map = 1;
		world->nr_swap_used++;
		/* until it is written it holds nothing of ours */
		for (i = 0; i < KMM_SECTORS; i++)
			world->swap[entry].contents[i] = KMM_GARBAGE;
	} else {
		entry = 0;
	}
	spin_unlock(&world->swap_lock);
	return entry;
}

/* One user less, how many are left; swap_lock is held. */
static u32 swap_entry_free(struct swap_slot *slot)
{
	if (!--slot->map)
		kmm_world->nr_swap_used--;
	return slot->map;
}

int swap_duplicate(unsigned long entry)
{
	u64 *ok = KMM_ENTER(swap_duplicate, KMM_HERE, entry);
	struct swap_slot *slot;

	spin_lock(&kmm_world->swap_lock);
	slot = slot_in_use(entry);
	if (slot)
		slot->map++;
	spin_unlock(&kmm_world->swap_lock);
	return KMM_GIVE(ok, slot != NULL);
}

void swap_free(unsigned long entry)
{
	struct swap_slot *slot;

	KMM_EVENT(swap_free, KMM_HERE, entry);
	spin_lock(&kmm_world->swap_lock);
	slot = slot_in_use(entry);
	if (slot)
		swap_entry_free(slot);
	spin_unlock(&kmm_world->swap_lock);
}

int kmm_can_share_swap_page(struct page *page, u32 here)
{
	u64 *can = KMM_ENTER(can_share_swap_page, here, page);
	struct swap_slot *slot;
	int users = (int)((u32)page->_mapcount.counter + 1u);

	BUG_ON(!kmm_page_flag(page, PG_locked));
	if (users <= 1 && kmm_page_flag(page, PG_swapcache)) {
		spin_lock(&kmm_world->swap_lock);
		slot = slot_in_use(page->private);
		/* the swap cache itself is one that does not count */
		if (slot)
			users = (int)((u32)users + slot->map - 1u);
		spin_unlock(&kmm_world->swap_lock);
	}
	return KMM_GIVE(can, users == 1);
}

/* Into the swap cache with a reference; the page keeps what it is of: mapping and index. */
static int add_to_swap_cache(struct page *page, unsigned long entry)
{
	struct address_space *swapper = kmm_world->swapper_space;
	int error;

	/* a node of the tree is what has to be allocated */
	if (kmm_allocation_fails())
		return -ENOMEM;
	write_lock_irq(&swapper->tree_lock);
	error = kmm_tree_insert(&swapper->page_tree, page, entry);
	if (!error) {
		page_cache_get(page);
		page->flags |= 1UL << PG_swapcache;
		page->private = entry;
		swapper->nrpages++;
	}
	write_unlock_irq(&swapper->tree_lock);
	return error;
}

void __delete_from_swap_cache(struct page *page)
{
	struct address_space *swapper = kmm_world->swapper_space;

	BUG_ON(!kmm_page_flag(page, PG_locked));
	BUG_ON(!kmm_page_flag(page, PG_swapcache));
	BUG_ON(kmm_page_flag(page, PG_writeback));
	kmm_tree_delete(&swapper->page_tree, page->private);
	page->private = 0;
	page->flags &= ~(1UL << PG_swapcache);
	swapper->nrpages--;
}

int add_to_swap(struct page *page)
{
	u64 *ok = KMM_ENTER(add_to_swap, KMM_HERE, page);
	unsigned long entry;

	BUG_ON(!kmm_page_flag(page, PG_locked));
	entry = get_swap_page();
	if (!entry)
		return 0;
	if (add_to_swap_cache(page, entry)) {
		swap_free(entry);
		return 0;
	}
	SetPageUptodate(page);
	SetPageDirty(page);
	return KMM_GIVE(ok, 1);
}

void delete_from_swap_cache(struct page *page)
{
	struct address_space *swapper = kmm_world->swapper_space;
	unsigned long entry = page->private;

	KMM_EVENT(delete_from_swap_cache, KMM_HERE, page);
	write_lock_irq(&swapper->tree_lock);
	__delete_from_swap_cache(page);
	write_unlock_irq(&swapper->tree_lock);
	swap_free(entry);
	page_cache_release(page);
}

/* Nobody but the caller and the cache holds the page, and no write of it is under way. */
static int only_cached(const struct page *page)
{
	return page->_count.counter == 2 && !kmm_page_flag(page, PG_writeback);
}

int remove_exclusive_swap_page(struct page *page)
{
	u64 *removed = KMM_ENTER(remove_exclusive_swap_page, KMM_HERE, page);
	struct address_space *swapper = kmm_world->swapper_space;
	unsigned long entry = page->private;
	struct swap_slot *slot;
	int exclusive = 0;

	BUG_ON(!kmm_page_flag(page, PG_locked));
	if (!kmm_page_flag(page, PG_swapcache) || !only_cached(page))
		return 0;
	spin_lock(&kmm_world->swap_lock);
	slot = slot_in_use(entry);
	if (slot && slot->map == 1) {
		write_lock_irq(&swapper->tree_lock);
		/* a look-up may have come first */
		if (only_cached(page)) {
			__delete_from_swap_cache(page);
			SetPageDirty(page);
			exclusive = 1;
		}
		write_unlock_irq(&swapper->tree_lock);
	}
	spin_unlock(&kmm_world->swap_lock);
	if (exclusive) {
		swap_free(entry);
		page_cache_release(page);
	}
	return KMM_GIVE(removed, exclusive);
}

void free_page_and_swap_cache(struct page *page)
{
	if (kmm_page_flag(page, PG_swapcache) && !TestSetPageLocked(page)) {
		remove_exclusive_swap_page(page);
		unlock_page(page);
	}
	page_cache_release(page);
}

/* The page of an entry, or NULL; the kernel takes tree_lock for read, the machine knows one way. */
static struct page *find_cached(unsigned long entry, int get)
{
	struct address_space *swapper = kmm_world->swapper_space;
	struct radix_tree_slot *slot;
	struct page *page;

	write_lock_irq(&swapper->tree_lock);
	slot = kmm_tree_find(&swapper->page_tree, entry);
	page = slot ? slot->page : NULL;
	if (page && get)
		page_cache_get(page);
	write_unlock_irq(&swapper->tree_lock);
	return page;
}

struct page *lookup_swap_cache(unsigned long entry)
{
	return find_cached(entry, 1);
}

/* A pte's entry goes: the page leaves the cache as well if only the cache still has it. */
void free_swap_and_cache(unsigned long entry)
{
	struct page *page = NULL;
	struct swap_slot *slot;

	KMM_EVENT(free_swap_and_cache, KMM_HERE, entry);
	spin_lock(&kmm_world->swap_lock);
	slot = slot_in_use(entry);
	if (slot && swap_entry_free(slot) == 1) {
		page = find_cached(entry, 0);
		if (page && TestSetPageLocked(page))
			page = NULL;
	}
	spin_unlock(&kmm_world->swap_lock);
	if (!page)
		return;
	page_cache_get(page);
	/* with ours there are two references: the cache's is the only other one */
	if (kmm_page_flag(page, PG_swapcache) && !kmm_page_flag(page, PG_writeback) &&
	    (page->_count.counter == 2 || vm_swap_full())) {
		delete_from_swap_cache(page);
		SetPageDirty(page);
	}
	unlock_page(page);
	page_cache_release(page);
}

/* A new page in the swap cache, locked, for `entry`; NULL and *error where it cannot be. */
static struct page *new_swap_cache_page(unsigned long entry, int *error)
{
	struct page *page = alloc_page(GFP_HIGHUSER);

	*error = -ENOMEM;
	if (!page)
		return NULL;
	if (!swap_duplicate(entry)) {
		*error = -ENOENT;
		page_cache_release(page);
		return NULL;
	}
	TestSetPageLocked(page);
	*error = add_to_swap_cache(page, entry);
	if (!*error)
		return page;
	unlock_page(page);
	swap_free(entry);
	page_cache_release(page);
	return NULL;
}

struct page *read_swap_cache(unsigned long entry)
{
	u64 *result = KMM_ENTER(read_swap_cache, KMM_HERE, entry);
	struct page *page;
	int error;

	do {
		page = lookup_swap_cache(entry);
		if (page)
			return KMM_GIVE(result, page);
		page = new_swap_cache_page(entry, &error);
	} while (!page && error == -EEXIST);
	if (!page)
		return NULL;
	lru_cache_add_active(page);
	kmm_may_sleep();
	kmm_copy_contents(page->contents, kmm_world->swap[entry].contents);
	SetPageUptodate(page);
	unlock_page(page);
	return KMM_GIVE(result, page);
}

int kmm_swap_writepage(struct page *page, struct writeback_control *wbc)
{
	u64 *ret = KMM_ENTER(swap_writepage, KMM_HERE, page, wbc);

	if (remove_exclusive_swap_page(page)) {
		unlock_page(page);
		return KMM_GIVE(ret, 0);
	}
	set_page_writeback(page);
	unlock_page(page);
	kmm_begin_write(page, KMM_IO_SECTORS | KMM_IO_BIO);
	return KMM_GIVE(ret, 0);
}
