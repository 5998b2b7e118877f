// SPDX-License-Identifier: GPL-2.0-only
/* What is counted twice: by the kernel, and here. */
#include "machine/census.h"
#include "machine/dirty.h"
#include "machine/property.h"
#include "machine/vma.h"

static s32 waiting_for_lru(const struct pagevec *pagevec, const struct page *page)
{
	s32 found = 0;

	for (u32 i = 0; i < pagevec->nr; i++)
		found += pagevec->pages[i] == page;
	return found;
}

/* Pages that somebody has for good, and the zero page, hold themselves. */
int kmm_holds_refcounts(const struct kmm_census *census)
{
	struct world *world = census->world;

	for EACH_PAGE(world, page) {
		s32 holders = kmm_ptes_of(census, page) + waiting_for_lru(&world->lru_add, page) +
			      waiting_for_lru(&world->lru_add_active, page) + (s32)page->pins +
			      (page == world->page_of_other) + kmm_page_flag(page, PG_reserved) +
			      kmm_page_flag(page, PG_private) + (kmm_mapping_of(page) != NULL);

		if (page->_count.counter != holders)
			return 0;
	}
	return 1;
}

int kmm_holds_mapcounts(const struct kmm_census *census)
{
	for EACH_PAGE(census->world, page)
		if (page->_mapcount.counter + 1 != kmm_ptes_of(census, page))
			return 0;
	return 1;
}

int kmm_holds_rss(const struct kmm_census *census)
{
	const struct world *world = census->world;

	for (u32 i = 0; i < world->size.mms; i++) {
		const struct mm_struct *mm = &world->mms[i];
		const struct kmm_census_mm *found = &census->mms[i];

		/* the kernel goes on counting those as anonymous */
		if (mm->file_rss != found->file - mm->anon_replaced ||
		    mm->anon_rss != found->anon + mm->anon_replaced)
			return 0;
	}
	return 1;
}

u64 kmm_dirty_pages(struct world *world)
{
	u64 dirty = 0;

	for EACH_PAGE(world, page) {
		struct address_space *mapping = kmm_mapping_of(page);

		dirty += kmm_page_flag(page, PG_dirty) && mapping && kmm_mapping_accounts(mapping);
	}
	return dirty;
}

int kmm_holds_page_state(const struct kmm_census *census)
{
	struct world *world = census->world;
	struct page_state state = { .nr_dirty = kmm_dirty_pages(world) };

	for EACH_PAGE(world, page) {
		state.nr_writeback += kmm_page_flag(page, PG_writeback);
		state.nr_mapped += page->_mapcount.counter >= 0;
		if (kmm_page_flag(page, PG_lru)) {
			state.nr_active += kmm_page_flag(page, PG_active);
			state.nr_inactive += !kmm_page_flag(page, PG_active);
		}
	}
	return !__builtin_memcmp(&state, &world->page_state, sizeof(state));
}

int kmm_holds_page_trees(const struct kmm_census *census)
{
	struct world *world = census->world;
	u32 in_trees = 0, of_files = 0;

	for (u32 i = 0; i < world->size.mappings; i++) {
		struct address_space *mapping = &world->mappings[i];
		struct radix_tree_root *root = &mapping->page_tree;

		if (mapping->nrpages != root->nr)
			return 0;
		for (u32 j = 0; j < root->nr; j++) {
			struct page *page = root->slots[j].page;

			if (kmm_mapping_of(page) != mapping ||
			    kmm_index_of(page) != kmm_slot_index(&root->slots[j]))
				return 0;
			if (j && kmm_slot_index(&root->slots[j - 1]) >= kmm_slot_index(&root->slots[j]))
				return 0;
			in_trees++;
		}
	}
	for EACH_PAGE(world, page)
		of_files += kmm_mapping_of(page) != NULL;
	return in_trees == of_files;
}

/* The swap cache's pages are made dirty raw, without a tag. */
int kmm_holds_dirty_tags(const struct kmm_census *census)
{
	struct world *world = census->world;

	for (u32 i = 0; i < world->size.mappings; i++) {
		struct address_space *mapping = &world->mappings[i];

		if (mapping == world->swapper_space)
			continue;
		for (u32 j = 0; j < mapping->page_tree.nr; j++) {
			struct radix_tree_slot *slot = &mapping->page_tree.slots[j];

			if (kmm_page_flag(slot->page, PG_dirty) &&
			    !kmm_slot_tagged(slot, PAGECACHE_TAG_DIRTY))
				return 0;
			if (kmm_page_flag(slot->page, PG_writeback) !=
			    kmm_slot_tagged(slot, PAGECACHE_TAG_WRITEBACK))
				return 0;
		}
	}
	return 1;
}

s64 kmm_committed_pages(struct world *world)
{
	s64 pages = 0;

	for EACH_MM(world, mm)
		for EACH_VMA(mm, vma)
			if (vma->vm_flags & VM_ACCOUNT)
				pages += vma_pages(vma);
	for (u32 i = 0; i + 1 < world->size.mappings; i++)
		pages += world->inodes[i].i_charged;
	return pages;
}

int kmm_holds_committed(const struct kmm_census *census)
{
	struct world *world = census->world;

	return kmm_committed_pages(world) == world->vm_committed_space;
}

int kmm_holds_swap_map(const struct kmm_census *census)
{
	struct world *world = census->world;
	u32 used = 0;

	for (u32 offset = 0; offset < world->size.swap_slots; offset++) {
		u32 counted = census->swap[offset];

		for EACH_PAGE(world, page)
			counted += kmm_page_flag(page, PG_swapcache) && page->private == offset;
		if (world->swap[offset].map != counted)
			return 0;
		used += counted != 0;
	}
	return used == world->nr_swap_used;
}

int kmm_holds_open_files(const struct kmm_census *census)
{
	struct world *world = census->world;

	for EACH_FILE(world, file) {
		s32 holders = 0;

		for (u32 i = 0; i < world->size.mms; i++)
			for (u32 j = 0; j < KMM_NR_FDS; j++)
				holders += world->tasks[i].fd[j] == file;
		for EACH_MM(world, mm)
			for EACH_VMA(mm, vma)
				holders += vma->vm_file == file;
		if (file->f_count != holders)
			return 0;
	}
	return 1;
}

int kmm_holds_nothing_held(const struct kmm_census *census)
{
	struct world *world = census->world;

	for EACH_PAGE(world, page)
		if (kmm_page_flag(page, PG_locked) && page != world->page_of_other)
			return 0;
	return !world->nr_held && !world->kmaps && !world->irqs_disabled && !world->pages_locked;
}

/* Nobody is left who could find a page that is free; what it held is gone. */
int kmm_holds_freed_pages(const struct kmm_census *census)
{
	struct world *world = census->world;

	for EACH_PAGE(world, page) {
		if (page->_count.counter)
			continue;
		if (page->mapping || page->_mapcount.counter != -1 || page->io ||
		    page->flags & (1UL << PG_dirty | 1UL << PG_writeback | 1UL << PG_private))
			return 0;
	}
	return 1;
}

int kmm_holds_nr_dirty(const struct kmm_census *census)
{
	struct world *world = census->world;

	return world->page_state.nr_dirty == kmm_dirty_pages(world);
}
