// SPDX-License-Identifier: GPL-2.0-only
#include "machine/lru.h"

#define KMM_FILE KMM_FILE_MACHINE

static void drain(struct pagevec *pagevec, int active)
{
	struct world *world = kmm_world;
	u32 nr = pagevec->nr, i;

	if (!nr)
		return;
	spin_lock(&world->lru_lock);
	for (i = 0; i < nr; i++) {
		struct page *page = pagevec->pages[i];

		BUG_ON(kmm_page_flag(page, PG_lru));
		BUG_ON(active && kmm_page_flag(page, PG_active));
		page->flags |= 1UL << PG_lru | (unsigned long)active << PG_active;
		if (active)
			world->page_state.nr_active++;
		else
			world->page_state.nr_inactive++;
	}
	spin_unlock(&world->lru_lock);
	pagevec->nr = 0;
	for (i = 0; i < nr; i++) {
		struct page *page = pagevec->pages[i];

		pagevec->pages[i] = NULL;
		put_page(page);
	}
}

static void add(struct page *page, struct pagevec *pagevec, int active)
{
	page->_count.counter = (s32)((u32)page->_count.counter + 1u);
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
