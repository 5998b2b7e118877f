/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every half exports: one table.  The C half, the Cython half, the half
 * made of the mail, a mutant and a user's own port are used alike through it.
 *
 * A shared library exports the symbol `kmm_half`.  A function that a half does
 * not have is NULL, and no case calls it.
 */
#ifndef KMM_HALF_H
#define KMM_HALF_H

#include "machine/types.h"

/* Changes whenever a world, an event or this table changes its form. */
#define KMM_HALF_ABI	5

struct world;
struct writeback_control;

struct kmm_half {
	u32 abi;
	u32 size;			/* of this table, in bytes */
	const char *name;
	void (*enter)(struct world *world);

	int (*is_shared_writable)(unsigned int flags);
	struct page *(*follow_page)(struct vm_area_struct *vma, unsigned long address,
				    unsigned int flags);
	int (*do_wp_page)(struct mm_struct *mm, struct vm_area_struct *vma,
			  unsigned long address, pte_t *page_table, pmd_t *pmd,
			  spinlock_t *ptl, pte_t orig_pte);
	int (*do_no_page)(struct mm_struct *mm, struct vm_area_struct *vma,
			  unsigned long address, pte_t *page_table, pmd_t *pmd,
			  int write_access);
	unsigned long (*do_mmap_pgoff)(struct file *file, unsigned long addr, unsigned long len,
				       unsigned long prot, unsigned long flags,
				       unsigned long pgoff);
	unsigned long (*do_brk)(unsigned long addr, unsigned long len);
	int (*mprotect_fixup)(struct vm_area_struct *vma, struct vm_area_struct **pprev,
			      unsigned long start, unsigned long end, unsigned long newflags);
	int (*do_writepages)(struct address_space *mapping, struct writeback_control *wbc);
	int (*test_clear_page_dirty)(struct page *page);
	int (*clear_page_dirty_for_io)(struct page *page);
	int (*page_mkclean_one)(struct page *page, struct vm_area_struct *vma, int protect);
	int (*page_mkclean_file)(struct address_space *mapping, struct page *page);
	int (*page_mkclean)(struct page *page);
	int (*try_to_free_buffers)(struct page *page);
};

/*
 * KMM_ENTRY(f) gives a function of the kernel, static or not, the name
 * kmm_entry_f inside its half, so that half.c can put it into the table.
 */
#define KMM_ENTRY(function)						\
	extern __typeof__(function) kmm_entry_##function		\
	__attribute__((alias(#function), visibility("hidden")))

#endif
