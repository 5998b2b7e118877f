// SPDX-License-Identifier: GPL-2.0-only
#include "machine/lru.h"

#define KMM_FILE KMM_FILE_MACHINE

/*
 * The pages are taken out of the pagevec first: at the pause for the lock
 * another actor may add pages of its own.
 */
static void drain(struct pagevec *pagevec, int active)
{
	struct world *world = kmm_world;
	struct pagevec taken;
	u32 i;

	if (!pagevec->nr)
		return;
	taken = *pagevec;
	*pagevec = (struct pagevec) { 0 };
	spin_lock(&world->lru_lock);
	for (i = 0; i < taken.nr; i++) {
		struct page *page = taken.pages[i];

		BUG_ON(kmm_page_flag(page, PG_lru));
		BUG_ON(active && kmm_page_flag(page, PG_active));
		page->flags |= 1UL << PG_lru | (unsigned long)active << PG_active;
		if (active)
			world->page_state.nr_active++;
		else
			world->page_state.nr_inactive++;
	}
	spin_unlock(&world->lru_lock);
	for (i = 0; i < taken.nr; i++)
		put_page(taken.pages[i]);
}

static void add(struct page *page, struct pagevec *pagevec, int active)
{
	kmm_count_add(&page->_count.counter, 1);
	pagevec->pages[pagevec->nr++] = page;
	if (pagevec->nr == PAGEVEC_SIZE)
		drain(pagevec, active);
}

void kmm_lru_cache_add_active(struct page *page, u32 here)
{
	KMM_EVENT(lru_cache_add_active, here, page);
	add(page, &kmm_world->lru_add_active, 1);
}

void kmm_lru_cache_add(struct page *page, u32 here)
{
	KMM_EVENT(lru_cache_add, here, page);
	add(page, &kmm_world->lru_add, 0);
}

void kmm_lru_add_drain(u32 here)
{
	KMM_EVENT0(lru_add_drain, here);
	drain(&kmm_world->lru_add, 0);
	drain(&kmm_world->lru_add_active, 1);
}
