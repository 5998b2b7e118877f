/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page tree of a mapping: pages sorted by index, each with its two tags.
 * The kernel's radix tree is not the point here; what it answers is.
 */
#ifndef KMM_MACHINE_PAGETREE_H
#define KMM_MACHINE_PAGETREE_H

#include "machine/page.h"

/* A slot's index and tags share a word; tags have the low bits. */
#define KMM_TAG_BITS		2
#define KMM_INDEX_MAX		(~0ull >> KMM_TAG_BITS)

static inline u64 kmm_slot_index(const struct radix_tree_slot *slot)
{
	return slot->index_and_tags >> KMM_TAG_BITS;
}

static inline int kmm_slot_tagged(const struct radix_tree_slot *slot, int tag)
{
	return slot->index_and_tags >> tag & 1;
}

/* The slot of `index`, or NULL. */
KMM_EXPORT struct radix_tree_slot *kmm_tree_find(const struct radix_tree_root *root, pgoff_t index);

/* Setting the tag of an absent item is a BUG; clearing it finds NULL. */
KMM_EXPORT struct page *kmm_tree_tag_set(struct radix_tree_root *root, pgoff_t index,
					 int tag, u32 here);
KMM_EXPORT struct page *kmm_tree_tag_clear(struct radix_tree_root *root, pgoff_t index,
					   int tag, u32 here);
#define radix_tree_tag_set(root, index, tag)	kmm_tree_tag_set(root, index, tag, KMM_HERE)
#define radix_tree_tag_clear(root, index, tag)	kmm_tree_tag_clear(root, index, tag, KMM_HERE)

/* Is any item tagged? */
KMM_EXPORT int kmm_tree_tagged(const struct radix_tree_root *root, int tag);

/* Items in and out, tags and all; tree_lock is held.  0, -EEXIST, -ENOMEM as below. */
int kmm_tree_insert(struct radix_tree_root *root, struct page *page, pgoff_t index);
void kmm_tree_delete(struct radix_tree_root *root, pgoff_t index);

/* 0, -EEXIST where the index is taken, -ENOMEM where the mapping is full or the index too large for a slot. */
KMM_EXPORT int kmm_add_to_page_cache(struct page *page, struct address_space *mapping,
				     pgoff_t index, u32 here);
KMM_EXPORT void kmm_remove_from_page_cache(struct page *page, u32 here);
#define add_to_page_cache(page, mapping, index) \
	kmm_add_to_page_cache(page, mapping, index, KMM_HERE)
#define remove_from_page_cache(page)	kmm_remove_from_page_cache(page, KMM_HERE)

#endif
