/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's own way to user pages. */
#ifndef KMM_MACHINE_GUP_H
#define KMM_MACHINE_GUP_H

#include "machine/fault.h"

/* How many pages, from `start` on, or -errno; pages[] gets them with a reference each, or is NULL. */
int get_user_pages(struct mm_struct *mm, unsigned long start, int len, int write, int force,
		   struct page **pages);
KMM_EXPORT int kmm_make_pages_present(unsigned long addr, unsigned long end, u32 here);
#define make_pages_present(addr, end)	kmm_make_pages_present(addr, end, KMM_HERE)

/* A debugger's poke or peek of one byte in another process: bytes moved (0 or 1). */
int access_process_vm(struct mm_struct *mm, unsigned long address, int write, u32 *version);

/* A pin of one page (as for direct I/O), a store through it, and its end with set_page_dirty_lock. */
long kmm_pin(struct mm_struct *mm, unsigned long address, int write, int force);	/* the number of its page, or -errno */
long kmm_unpin(struct page *page, int dirty);

#endif
