// SPDX-License-Identifier: GPL-2.0-only
/* What all writeback shares: control blocks, batches of pages, waiting for a page's write. */
#include "machine/lru.h"
#include "machine/watch.h"
#include "machine/writeback.h"

#define KMM_FILE KMM_FILE_MACHINE

struct writeback_control *kmm_get_wbc(void)
{
	struct world *world = kmm_world;
	struct writeback_control *wbc;

	BUG_ON(world->nr_wbc == KMM_NR_WBC);
	wbc = &world->wbc[world->nr_wbc++];
	*wbc = (struct writeback_control) { 0 };
	return wbc;
}

void kmm_put_wbc(struct writeback_control *wbc)
{
	struct world *world = kmm_world;

	BUG_ON(!world->nr_wbc || wbc != &world->wbc[world->nr_wbc - 1]);
	*wbc = (struct writeback_control) { 0 };
	world->nr_wbc--;
}

u32 pagevec_lookup_tag(struct pagevec *pvec, struct address_space *mapping, pgoff_t *index,
		       int tag, u32 most)
{
	const struct radix_tree_root *root = &mapping->page_tree;
	u32 i;

	pvec->nr = 0;
	if (!root->nr)
		return 0;
	/* for reading, in the kernel */
	write_lock_irq(&mapping->tree_lock);
	for (i = 0; i < root->nr && pvec->nr < most; i++) {
		const struct radix_tree_slot *slot = &root->slots[i];

		if (kmm_slot_index(slot) < *index)
			continue;
		if (tag != KMM_ANY_TAG && !kmm_slot_tagged(slot, tag))
			continue;
		kmm_count_add(&slot->page->_count.counter, 1);
		pvec->pages[pvec->nr++] = slot->page;
		*index = kmm_slot_index(slot) + 1;
	}
	write_unlock_irq(&mapping->tree_lock);
	return pvec->nr;
}

/* Pages that wait for the LRU would otherwise keep a reference that nobody needs. */
void pagevec_release(struct pagevec *pvec)
{
	u32 i;

	if (!pvec->nr)
		return;
	lru_add_drain();
	for (i = 0; i < pvec->nr; i++)
		page_cache_release(pvec->pages[i]);
	pvec->nr = 0;
}

/* Nothing is recorded of a page that nobody writes. */
void wait_on_page_writeback(struct page *page)
{
	if (!kmm_page_flag(page, PG_writeback))
		return;
	KMM_EVENT(wait_on_page_writeback, KMM_HERE, page);
	kmm_may_sleep();
	if (kmm_page_flag(page, PG_writeback))
		kmm_end_io(page, 1);
	/* its write is not begun yet: who will begin it waits for us to be done */
	if (kmm_page_flag(page, PG_writeback))
		kmm_end(KMM_LOCK_TWICE);
}

/* A page that reclaim wants back goes to the tail of the inactive list: next to be looked at. */
static int may_rotate(const struct page *page)
{
	return !(page->flags & (1UL << PG_locked | 1UL << PG_dirty | 1UL << PG_active)) &&
	       kmm_page_flag(page, PG_lru);
}

void end_page_writeback(struct page *page)
{
	int old;

	KMM_EVENT(end_page_writeback, KMM_HERE, page);
	if (kmm_test_and_clear(&page->flags, PG_reclaim) && may_rotate(page)) {
		/* the order of the list is not modelled; what it does to the locks is */
		spin_lock(&kmm_world->lru_lock);
		old = test_clear_page_writeback(page);
		spin_unlock(&kmm_world->lru_lock);
	} else {
		old = test_clear_page_writeback(page);
	}
	BUG_ON(!old);
}

/* Nothing here asks for for_writepages, some file systems of the kernel do: the event shows it. */
int kmm_generic_writepages(struct address_space *mapping, struct writeback_control *wbc, u32 here)
{
	u64 *ret = KMM_ENTER(generic_writepages, here, mapping, wbc, wbc->for_writepages);

	return KMM_GIVE(ret, mpage_writepages(mapping, wbc, 0));
}

int kmm_ext2_writepages(struct address_space *mapping, struct writeback_control *wbc)
{
	u64 *ret = KMM_ENTER(writepages, KMM_HERE, mapping, wbc, wbc->for_writepages);

	return KMM_GIVE(ret, mpage_writepages(mapping, wbc, 1));
}

int kmm_block_device_writepages(struct address_space *mapping, struct writeback_control *wbc)
{
	u64 *ret = KMM_ENTER(writepages, KMM_HERE, mapping, wbc, wbc->for_writepages);

	return KMM_GIVE(ret, generic_writepages(mapping, wbc));
}

/* As with a full swap area, always: no page of tmpfs moves to the swap cache. */
int kmm_shmem_writepage(struct page *page, struct writeback_control *wbc)
{
	u64 *ret = KMM_ENTER(writepage, KMM_HERE, page, wbc);

	BUG_ON(page->_mapcount.counter >= 0);
	kmm_note_asked(page);
	set_page_dirty(page);
	return KMM_GIVE(ret, AOP_WRITEPAGE_ACTIVATE);
}
