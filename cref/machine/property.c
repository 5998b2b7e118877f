// SPDX-License-Identifier: GPL-2.0-only
#include "machine/file.h"
#include "machine/pgtable.h"
#include "machine/property.h"
#include "machine/swap.h"

#define EACH_PAGE(world, page) \
	(struct page *page = (world)->pages; page < (world)->pages + (world)->size.pages; page++)
#define EACH_MM(world, mm) \
	(struct mm_struct *mm = (world)->mms; mm < (world)->mms + (world)->size.mms; mm++)
#define EACH_VMA(mm, vma) \
	(struct vm_area_struct *vma = (mm)->mmap; vma; vma = vma->vm_next)
#define EACH_FILE(world, file) \
	(struct file *file = (world)->files; file < (world)->files + (world)->size.files; file++)

/* The pte of an address, or one that is none. */
static pte_t pte_at(const struct mm_struct *mm, unsigned long address)
{
	pmd_t *pmd = kmm_find_pmd(mm, address);

	return pmd ? *kmm_pte_offset(pmd, address) : __pte(0);
}

/* The page that a pte counts in, or NULL: not the frames of a driver. */
static struct page *counted_page(const struct vm_area_struct *vma, unsigned long address)
{
	pte_t pte = pte_at(vma->vm_mm, address);
	unsigned long pfn = pte_pfn(pte);

	if (!pte_present(pte) || !pfn_valid(pfn))
		return NULL;
	if (vma->vm_flags & VM_PFNMAP &&
	    (pfn == vma->vm_pgoff + ((address - vma->vm_start) >> PAGE_SHIFT) ||
	     !is_cow_mapping(vma->vm_flags)))
		return NULL;
	return pfn_to_page(pfn);
}

static s32 ptes_of(struct world *world, const struct page *page)
{
	s32 found = 0;

	for EACH_MM(world, mm)
		for EACH_VMA(mm, vma)
			for (unsigned long at = vma->vm_start; at < vma->vm_end; at += PAGE_SIZE)
				found += counted_page(vma, at) == page;
	return found;
}

static s32 waiting_for_lru(const struct pagevec *pagevec, const struct page *page)
{
	s32 found = 0;

	for (u32 i = 0; i < pagevec->nr; i++)
		found += pagevec->pages[i] == page;
	return found;
}

/* Pages that somebody has for good, and the zero page, hold themselves. */
static int holds_refcounts(struct world *world)
{
	for EACH_PAGE(world, page) {
		s32 holders = ptes_of(world, page) + waiting_for_lru(&world->lru_add, page) +
			      waiting_for_lru(&world->lru_add_active, page) + (s32)page->pins +
			      (page == world->page_of_other) + kmm_page_flag(page, PG_reserved) +
			      kmm_page_flag(page, PG_private) + (kmm_mapping_of(page) != NULL);

		if (page->_count.counter != holders)
			return 0;
	}
	return 1;
}

static int holds_mapcounts(struct world *world)
{
	for EACH_PAGE(world, page)
		if (page->_mapcount.counter + 1 != ptes_of(world, page))
			return 0;
	return 1;
}

static int holds_rss(struct world *world)
{
	for EACH_MM(world, mm) {
		s64 file = 0, anon = 0;

		for EACH_VMA(mm, vma)
			for (unsigned long at = vma->vm_start; at < vma->vm_end; at += PAGE_SIZE) {
				struct page *page = counted_page(vma, at);

				if (page && kmm_page_is_anon(page))
					anon++;
				else if (page)
					file++;
			}
		/* the kernel goes on counting those as anonymous */
		if (mm->file_rss != file - mm->anon_replaced ||
		    mm->anon_rss != anon + mm->anon_replaced)
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

static int holds_page_state(struct world *world)
{
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

static int holds_page_trees(struct world *world)
{
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
static int holds_dirty_tags(struct world *world)
{
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

static u32 in_tree(const struct rb_node *node)
{
	return node ? 1 + in_tree(node->rb_left) + in_tree(node->rb_right) : 0;
}

static int holds_vma_lists(struct world *world)
{
	for EACH_MM(world, mm) {
		unsigned long end = 0, total = 0, locked = 0;
		s32 count = 0;

		for EACH_VMA(mm, vma) {
			if (vma->vm_mm != mm || vma->vm_start < end || vma->vm_end <= vma->vm_start)
				return 0;
			end = vma->vm_end;
			total += vma_pages(vma);
			if (vma->vm_flags & VM_LOCKED)
				locked += vma_pages(vma);
			count++;
		}
		if (count != mm->map_count || in_tree(mm->mm_rb.rb_node) != (u32)count ||
		    total != mm->total_vm || locked != mm->locked_vm)
			return 0;
		if (!mm->mm_users && count)
			return 0;
	}
	return 1;
}

static u32 in_imap(const struct vm_area_struct *node, const struct vm_area_struct *vma)
{
	return node ? (node == vma) + in_imap(node->i_mmap_left, vma) +
		      in_imap(node->i_mmap_right, vma) : 0;
}

static u32 nonlinear(const struct address_space *mapping, const struct vm_area_struct *vma)
{
	u32 found = 0;

	for (const struct vm_area_struct *at = mapping->i_mmap_nonlinear; at; at = at->nonlinear_next)
		found += at == vma;
	return found;
}

static u32 size_of_imap(const struct vm_area_struct *node)
{
	return node ? 1 + size_of_imap(node->i_mmap_left) + size_of_imap(node->i_mmap_right) : 0;
}

static int holds_file_vmas(struct world *world)
{
	u32 mapped = 0, found = 0;

	for EACH_MM(world, mm)
		for EACH_VMA(mm, vma) {
			struct address_space *mapping;
			int is_nonlinear = (vma->vm_flags & VM_NONLINEAR) != 0;

			if (!vma->vm_file)
				continue;
			mapping = vma->vm_file->f_mapping;
			if (in_imap(mapping->i_mmap.node, vma) != !is_nonlinear ||
			    nonlinear(mapping, vma) != (u32)is_nonlinear)
				return 0;
			mapped += !is_nonlinear;
		}
	for (u32 i = 0; i < world->size.mappings; i++)
		found += size_of_imap(world->mappings[i].i_mmap.node);
	return mapped == found;
}

static int holds_anon_vmas(struct world *world)
{
	u32 linked = 0, listed = 0;

	for EACH_MM(world, mm)
		for EACH_VMA(mm, vma) {
			u32 found = 0;

			if (!vma->anon_vma)
				continue;
			for (struct vm_area_struct *at = vma->anon_vma->head; at; at = at->anon_vma_next)
				found += at == vma;
			if (found != 1)
				return 0;
			linked++;
		}
	for (u32 i = 0; i < world->size.anon_vmas; i++)
		for (struct vm_area_struct *at = world->anon_vmas[i].head; at; at = at->anon_vma_next)
			listed++;
	return linked == listed;
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

static int holds_committed(struct world *world)
{
	return kmm_committed_pages(world) == world->vm_committed_space;
}

static int holds_swap_map(struct world *world)
{
	u32 used = 0;

	for (u32 offset = 0; offset < world->size.swap_slots; offset++) {
		u32 counted = 0;

		for EACH_MM(world, mm)
			for EACH_VMA(mm, vma)
				for (unsigned long at = vma->vm_start; at < vma->vm_end; at += PAGE_SIZE) {
					pte_t pte = pte_at(mm, at);

					counted += !pte_none(pte) && !pte_present(pte) &&
						   !pte_file(pte) && kmm_pte_to_swap(pte) == offset;
				}
		for EACH_PAGE(world, page)
			counted += kmm_page_flag(page, PG_swapcache) && page->private == offset;
		if (world->swap[offset].map != counted)
			return 0;
		used += counted != 0;
	}
	return used == world->nr_swap_used;
}

static int holds_open_files(struct world *world)
{
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

static int holds_nothing_held(struct world *world)
{
	for EACH_PAGE(world, page)
		if (kmm_page_flag(page, PG_locked) && page != world->page_of_other)
			return 0;
	return !world->nr_held && !world->kmaps && !world->irqs_disabled && !world->pages_locked;
}

/* Nobody is left who could find a page that is free; what it held is gone. */
static int holds_freed_pages(struct world *world)
{
	for EACH_PAGE(world, page) {
		if (page->_count.counter)
			continue;
		if (page->mapping || page->_mapcount.counter != -1 || page->io ||
		    page->flags & (1UL << PG_dirty | 1UL << PG_writeback | 1UL << PG_private))
			return 0;
	}
	return 1;
}

static int holds_sleeping(struct world *world)
{
	return !world->sleep_fault;
}

static int holds_lock_order(struct world *world)
{
	return !world->order_fault;
}

static int holds_nr_dirty(struct world *world)
{
	return world->page_state.nr_dirty == kmm_dirty_pages(world);
}

static int is_tracked(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_SHARED | VM_WRITE | VM_PFNMAP)) == (VM_SHARED | VM_WRITE) &&
	       vma->vm_file && kmm_mapping_accounts(vma->vm_file->f_mapping);
}

/*
 * Exceptions: pages that are not the file's, which are private copies and pages
 * that were truncated.
 */
static int holds_tracked_writes(struct world *world)
{
	for EACH_MM(world, mm)
		for EACH_VMA(mm, vma) {
			if (!is_tracked(vma))
				continue;
			for (unsigned long at = vma->vm_start; at < vma->vm_end; at += PAGE_SIZE) {
				struct page *page = counted_page(vma, at);

				if (page && pte_write(pte_at(mm, at)) &&
				    kmm_mapping_of(page) == vma->vm_file->f_mapping &&
				    !kmm_page_flag(page, PG_dirty))
					return 0;
			}
		}
	return 1;
}

static const struct {
	const char *name, *statement;
	u32 units;
	int (*holds)(struct world *world);
} properties[NR_KMM_PROPERTIES] = {
#define PROPERTY(group, name, units, statement) { #name, statement, units, holds_##name },
#include "machine/property.def"
#undef PROPERTY
};

u32 kmm_broken(struct world *world, u32 mask)
{
	u32 broken = 0, left;

	for (left = mask & KMM_PROPERTIES_ALL; left; left &= left - 1) {
		u32 i = (u32)__builtin_ctz(left);

		if (!properties[i].holds(world))
			broken |= 1u << i;
	}
	return broken;
}

u32 kmm_broken_property(struct world *world)
{
	u32 broken = kmm_broken(world, KMM_PROPERTIES_ALWAYS);

	return broken ? (u32)__builtin_ctz(broken) : NR_KMM_PROPERTIES;
}

const char *kmm_property_name(u32 property)
{
	return property < NR_KMM_PROPERTIES ? properties[property].name : NULL;
}

const char *kmm_property_statement(u32 property)
{
	return property < NR_KMM_PROPERTIES ? properties[property].statement : NULL;
}

u32 kmm_property_units(u32 property)
{
	return property < NR_KMM_PROPERTIES ? properties[property].units : 0;
}
