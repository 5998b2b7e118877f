// SPDX-License-Identifier: GPL-2.0-only
/* What calls find on entry: who runs, what is held, which locks will be let go. */
#include "engine/build_parts.h"

struct page *kmm_page_of_call(struct world *world, const struct kmm_case *c)
{
	return &world->pages[c->page_is_focus ? c->focus : c->page];
}

void kmm_hold_mmap_sem(struct mm_struct *mm, int write)
{
	kmm_hold(&mm->mmap_sem, LOCK_MMAP_SEM);
	mm->mmap_sem.held = write ? KMM_WRITER : 1;
}

/* The process whose memory it is runs, or another one, as when a debugger pokes. */
void kmm_run_task_of(struct world *world, const struct kmm_case *c, const struct mm_struct *mm)
{
	u32 number = mm - world->mms;

	world->current_task = &world->tasks[(number + !c->actor) % KMM_CASE_MMS];
}

/*
 * A function that sleeps for the lock of a page gets it: nobody has locked any,
 * or one actor has locked one, who lets go when waited for.
 */
void kmm_let_pages_be_locked(struct world *world, const struct kmm_case *c)
{
	u32 i;

	for (i = 0; i < KMM_CASE_PAGES; i++)
		world->pages[i].flags &= ~(1UL << PG_locked);
	if (c->page_is_locked == 1) {
		world->page_of_other = kmm_page_of_call(world, c);
		world->page_of_other->flags |= 1UL << PG_locked;
		world->page_of_other->_count.counter++;
	}
}

/*
 * One more page and this pagevec is full: all pages that nobody has put on the
 * LRU yet, and the fillers, which are there for nothing else.
 */
void kmm_fill_pagevec(struct world *world)
{
	struct pagevec *pagevec = &world->lru_add_active;
	u32 i;

	for (i = 0; i < PAGEVEC_SIZE - 1; i++) {
		struct page *page = &world->pages[i < KMM_CASE_PAGES ? i : i + KMM_CASE_FREE_PAGES];

		page->flags &= ~(1UL << PG_lru | 1UL << PG_active);
		page->_count.counter++;
		pagevec->pages[i] = page;
	}
	pagevec->nr = PAGEVEC_SIZE - 1;
	world->page_state.nr_active = world->page_state.nr_inactive = 0;
}
_Static_assert(KMM_CASE_PAGES + KMM_CASE_FILLERS == PAGEVEC_SIZE - 1, "fillers fill it");
