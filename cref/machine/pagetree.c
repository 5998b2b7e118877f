// SPDX-License-Identifier: GPL-2.0-only
#include "machine/pagetree.h"

#define KMM_FILE KMM_FILE_MACHINE

/* Number of slots with an index below `index`. */
static u32 rank_of(const struct radix_tree_root *root, u64 index)
{
	u32 low = 0, high = root->nr;

	while (low < high) {
		u32 middle = (low + high) / 2;

		if (kmm_slot_index(&root->slots[middle]) < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct radix_tree_slot *kmm_tree_find(const struct radix_tree_root *root, pgoff_t index)
{
	u32 at = rank_of(root, index);

	if (at < root->nr && kmm_slot_index(&root->slots[at]) == index)
		return &root->slots[at];
	return NULL;
}

struct page *kmm_tree_tag_set(struct radix_tree_root *root, pgoff_t index, int tag, u32 here)
{
	struct radix_tree_slot *slot = kmm_tree_find(root, index);
	struct page *page = slot ? slot->page : NULL;

	KMM_EVENT(radix_tree_tag_set, here, root, index, tag, page);
	if (!slot)
		kmm_bug();
	slot->index_and_tags |= 1u << tag;
	return page;
}

struct page *kmm_tree_tag_clear(struct radix_tree_root *root, pgoff_t index, int tag, u32 here)
{
	struct radix_tree_slot *slot = kmm_tree_find(root, index);
	struct page *page = slot ? slot->page : NULL;

	KMM_EVENT(radix_tree_tag_clear, here, root, index, tag, page);
	if (slot)
		slot->index_and_tags &= ~(1ull << tag);
	return page;
}

int kmm_tree_tagged(const struct radix_tree_root *root, int tag)
{
	u32 i;

	for (i = 0; i < root->nr; i++)
		if (kmm_slot_tagged(&root->slots[i], tag))
			return 1;
	return 0;
}

int kmm_tree_insert(struct radix_tree_root *root, struct page *page, pgoff_t index)
{
	u32 at = rank_of(root, index), i;

	if (at < root->nr && kmm_slot_index(&root->slots[at]) == index)
		return -EEXIST;
	if (root->nr == root->capacity || index > KMM_INDEX_MAX)
		return -ENOMEM;
	for (i = root->nr++; i > at; i--)
		root->slots[i] = root->slots[i - 1];
	root->slots[at].page = page;
	root->slots[at].index_and_tags = (u64)index << KMM_TAG_BITS;
	return 0;
}

void kmm_tree_delete(struct radix_tree_root *root, pgoff_t index)
{
	u32 at = rank_of(root, index);

	if (at == root->nr || kmm_slot_index(&root->slots[at]) != index)
		return;
	for (root->nr--; at < root->nr; at++)
		root->slots[at] = root->slots[at + 1];
	root->slots[at] = (struct radix_tree_slot) { NULL, 0 };
}

int kmm_add_to_page_cache(struct page *page, struct address_space *mapping,
			  pgoff_t index, u32 here)
{
	u64 *back = KMM_BACK(add_to_page_cache, 4, here);
	int error;

	back[0] = KMM_WORD(page);
	back[1] = KMM_WORD(mapping);
	back[2] = index;
	back[3] = 0;
	write_lock_irq(&mapping->tree_lock);
	error = kmm_tree_insert(&mapping->page_tree, page, index);
	if (!error) {
		kmm_count_add(&page->_count.counter, 1);
		page->flags |= 1UL << PG_locked;
		kmm_page_is_locked();
		page->mapping = mapping;
		page->index = index;
		mapping->nrpages++;
	}
	write_unlock_irq(&mapping->tree_lock);
	back[3] = KMM_WORD(error);
	barrier();
	return error;
}

/* PG_dirty and nr_dirty are left alone, and so is page->index. */
void kmm_remove_from_page_cache(struct page *page, u32 here)
{
	struct address_space *mapping = page->mapping;

	KMM_EVENT(remove_from_page_cache, here, page);
	BUG_ON(!PageLocked(page));
	write_lock_irq(&mapping->tree_lock);
	kmm_tree_delete(&mapping->page_tree, page->index);
	page->mapping = NULL;
	mapping->nrpages--;
	write_unlock_irq(&mapping->tree_lock);
}
