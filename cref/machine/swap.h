/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The swap area and the swap cache.  An entry here is the value of
 * page->private: type << SWAP_TYPE_SHIFT | offset, with type 0 only; slot 0 is
 * no slot.  world->swap[offset].map counts the ptes and the swap cache.
 */
#ifndef KMM_MACHINE_SWAP_H
#define KMM_MACHINE_SWAP_H

#include "machine/contents.h"
#include "machine/pgtable.h"
#include "machine/pagetree.h"

static inline unsigned long kmm_pte_to_swap(pte_t pte)
{
	return (unsigned long)(pte_val(pte) >> 1 & 0x1f) << SWAP_TYPE_SHIFT | pte_val(pte) >> 8;
}

static inline pte_t kmm_swap_to_pte(unsigned long entry)
{
	return swap_pte(entry >> SWAP_TYPE_SHIFT, entry & ((1UL << SWAP_TYPE_SHIFT) - 1));
}

KMM_EXPORT int kmm_can_share_swap_page(struct page *page, u32 here);
#define can_share_swap_page(page)	kmm_can_share_swap_page(page, KMM_HERE)

int swap_duplicate(unsigned long entry);		/* 1, or 0 for an entry that leads nowhere */
void swap_free(unsigned long entry);
void free_swap_and_cache(unsigned long entry);
int vm_swap_full(void);					/* more than half of the slots are in use */
int add_to_swap(struct page *page);			/* 1, or 0 when there is no slot or no memory */
void delete_from_swap_cache(struct page *page);		/* locked */
/* With tree_lock held; the reference and the slot are the caller's to drop. */
void __delete_from_swap_cache(struct page *page);
int remove_exclusive_swap_page(struct page *page);	/* locked */
void free_page_and_swap_cache(struct page *page);	/* what zap ends with */
struct page *lookup_swap_cache(unsigned long entry);	/* with a reference, or NULL */
struct page *read_swap_cache(unsigned long entry);	/* read in if need be; unlocked, with a reference, or NULL */
int kmm_swap_writepage(struct page *page, struct writeback_control *wbc);

#endif
