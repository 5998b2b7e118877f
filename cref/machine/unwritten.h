/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What users have stored in the sectors of files and the disk does not hold yet,
 * for the properties (machine/property_writes.c): nothing else looks at it, so
 * that it can be compared with what the kernel knows.
 *
 * A store is forgotten when it is on disk; when somebody was told that it is
 * lost (a write failed, or found no space); and when somebody asked for that
 * (truncation, invalidation of a dirty page).  No space and invalidation take
 * only stores that were made before they began: one that comes while they run
 * was neither told of nor meant.  Stores past the end of a file, and into files
 * without a disk, are not kept.
 */
#ifndef KMM_MACHINE_UNWRITTEN_H
#define KMM_MACHINE_UNWRITTEN_H

#include "machine/pgtable.h"

#define KMM_ALL_SECTORS		((1u << KMM_SECTORS) - 1)

/* Where it is kept for sector 0 of this page of a file; NULL: nowhere. */
u16 *kmm_unwritten(const struct address_space *mapping, pgoff_t index);

/* A store into a page, whosever it is, and the end of a write that took `page->in_flight`. */
void kmm_note_store(const struct page *page, u32 sector);
void kmm_note_end_of_write(const struct page *page, u32 sectors, int ok);
/* Nobody is to wait for what these sectors of a page in its file hold. */
void kmm_forget_stores(const struct page *page, u32 sectors);
/* Nor for what was in them before the operation that runs began; what came later is a promise. */
void kmm_forget_earlier_stores(const struct address_space *mapping, pgoff_t index, u32 sectors);
void kmm_forget_stores_from(const struct inode *inode, u64 sector);

/* The file, and which page of it, that a store at this address is meant for; NULL: private memory. */
struct address_space *kmm_mapping_meant(const struct mm_struct *mm, unsigned long address,
					pte_t pte, pgoff_t *index);
/*
 * A store that is about to fault: where it is to be kept if it was meant for a
 * file, however it ends; NULL if for private memory or past the end.  `pte` is
 * what is there before, NULL without a page table.
 */
u16 *kmm_unwritten_of_access(const struct mm_struct *mm, unsigned long address, const pte_t *pte);
/* And after it, unless another thread has mapped something else there meanwhile. */
void kmm_note_access(const struct mm_struct *mm, unsigned long address, pte_t pte, u16 *meant);

#endif
