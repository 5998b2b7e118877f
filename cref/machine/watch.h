/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What properties of a run have to see while an operation runs, as the world that
 * it leaves does not tell: in which order stores and a sync came, who asked for a
 * page to be dirty, what a write fault did with an anonymous page.  Nothing of the
 * kernel looks at it, and nothing of it is recorded as an event.  What was seen is
 * kept in world->store_faults (machine/property.c).
 *
 * A store is *earlier* than an operation if it was made before that began, by an
 * operation that had come to its end: what meets it at a pause is not.
 */
#ifndef KMM_MACHINE_WATCH_H
#define KMM_MACHINE_WATCH_H

#include "machine/dirty.h"
#include "machine/operation.h"
#include "machine/pgtable.h"

#define KMM_FAULT_SYNCED	1u	/* a sync gave 0, and an earlier store of its range was not on disk */
#define KMM_FAULT_MSYNCED	2u	/* the same of msync, and no pte elsewhere tells of that store */
#define KMM_FAULT_ANONYMOUS	4u	/* a write fault took an anonymous page for one of the file */
#define KMM_FAULT_DIRTIED	8u	/* a page of a file became dirty, and nothing asked for it */

/* Around an operation, and around the one that another actor does at a pause of it. */
struct kmm_watch_saved {
	u32 began, paused_began;
};
void kmm_watch_begin(struct kmm_watch_saved *saved);
void kmm_watch_end(const struct kmm_watch_saved *saved);

/* Was this version stored after the operation that runs began? */
int kmm_is_later_store(u16 version);

/* The operation that runs has a reason for this page of a file to be dirty. */
void kmm_note_asked(const struct page *page);
/* set_page_dirty for a dirty pte that was taken out or cleaned: that is a reason. */
#define set_page_dirty_by_pte(page)	({ kmm_note_asked(page); set_page_dirty(page); })
/* It writes at this address of a process, where `pte` stands: a fault may make that page dirty. */
void kmm_note_write_at(const struct vm_area_struct *vma, unsigned long address, pte_t pte);
/* A page that was clean is dirty. */
void kmm_note_dirtied(const struct page *page);
/* A read fault is over; `old` was what it found. */
void kmm_note_read_fault(const struct vm_area_struct *vma, const pte_t *pte, pte_t old);

/* A write that carried this store of a page has failed. */
void kmm_note_failed(const struct page *page, u16 version);

/* HALF(do_wp_page): all write faults on ptes that are there. */
int kmm_watched_wp_page(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long address,
			pte_t *page_table, pmd_t *pmd, spinlock_t *ptl, pte_t orig_pte);

/* fsync(2) and msync(2), as processes ask for them. */
s64 kmm_watched_fsync(struct file *file);
s64 kmm_watched_msync(unsigned long start, unsigned long len, int flags);

#endif
