// SPDX-License-Identifier: GPL-2.0-only
#include "machine/alloc.h"
#include "machine/operation.h"

#define KMM_FILE KMM_FILE_MACHINE

/* A page must be free of these when its last reference goes; PG_dirty is cleared silently. */
#define FLAGS_BAD_AT_FREE						\
	(1UL << PG_lru | 1UL << PG_private | 1UL << PG_locked |		\
	 1UL << PG_active | 1UL << PG_reclaim | 1UL << PG_slab |	\
	 1UL << PG_swapcache | 1UL << PG_writeback |			\
	 1UL << PG_reserved | 1UL << PG_buddy)

static void take_off_lru(struct page *page)
{
	struct page_state *state = &kmm_world->page_state;

	spin_lock(&kmm_world->lru_lock);
	if (page->flags >> PG_active & 1)
		state->nr_active--;
	else
		state->nr_inactive--;
	page->flags &= ~(1UL << PG_lru | 1UL << PG_active);
	spin_unlock(&kmm_world->lru_lock);
}

/*
 * The kernel only complains about a page that is freed in a bad state; here
 * it ends the run as a BUG, so that no such page goes unseen.
 */
static void free_page_checked(struct page *page)
{
	if (kmm_page_is_anon(page))
		page->mapping = NULL;
	if (page->_mapcount.counter != -1 || page->mapping ||
	    page->flags & FLAGS_BAD_AT_FREE)
		kmm_bug();
	page->flags &= ~(1UL << PG_dirty);
	kmm_page_is_free(page);
}

void kmm_put_page(struct page *page, u32 here)
{
	KMM_EVENT(put_page, here, page);
	if (page->_count.counter <= 0)
		kmm_end(KMM_REFCOUNT);
	if (--page->_count.counter)
		return;
	if (page->flags >> PG_lru & 1)
		take_off_lru(page);
	free_page_checked(page);
}

void kmm_lock_page(struct page *page, u32 here)
{
	struct world *world = kmm_world;

	KMM_EVENT(lock_page, here, page);
	kmm_check_order(LOCK_PAGE);
	kmm_may_sleep();
	if (kmm_page_flag(page, PG_locked)) {
		if (page != world->page_of_other)
			kmm_end(KMM_LOCK_TWICE);
		kmm_other_lets_go();
	}
	page->flags |= 1UL << PG_locked;
	kmm_page_is_locked();
}

static void activate(struct page *page)
{
	struct page_state *state = &kmm_world->page_state;

	spin_lock(&kmm_world->lru_lock);
	if (PageLRU(page) && !PageActive(page)) {
		page->flags |= 1UL << PG_active;
		state->nr_inactive--;
		state->nr_active++;
	}
	spin_unlock(&kmm_world->lru_lock);
}

void kmm_mark_page_accessed(struct page *page, u32 here)
{
	KMM_EVENT(mark_page_accessed, here, page);
	if (!PageActive(page) && PageReferenced(page) && PageLRU(page)) {
		activate(page);
		page->flags &= ~(1UL << PG_referenced);
	} else {
		page->flags |= 1UL << PG_referenced;
	}
}
