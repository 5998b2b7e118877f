/* SPDX-License-Identifier: GPL-2.0-only */
/* Page faults, and user memory accessed as the processor does. */
#ifndef KMM_MACHINE_FAULT_H
#define KMM_MACHINE_FAULT_H

#include "machine/anon.h"
#include "machine/rmap.h"

/* VM_FAULT_*; VM_FAULT_WRITE may be set.  mmap_sem is held. */
int __handle_mm_fault(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long address,
		      int write_access);

/* Swapped-out pages (swapfault.c): pte mapped and unlocked on entry, gone on return. */
int do_swap_page(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long address,
		 pte_t *page_table, pmd_t *pmd, int write_access, pte_t orig_pte);

/* How an access by `current` ended; faults are taken and the access retried until one of these. */
enum kmm_access { KMM_ACCESS_DONE, KMM_ACCESS_SIGSEGV, KMM_ACCESS_SIGBUS, KMM_ACCESS_OOM };

/*
 * Load or store one byte at `address` through the page tables, faulting as
 * needed (mmap_sem is taken for each fault).  A load's version, or that of a
 * store, is left in *version.
 */
enum kmm_access kmm_user_access(unsigned long address, int write, u32 *version);

#define flush_icache_page(vma, page)	KMM_EVENT(flush_icache_page, KMM_HERE, vma, page)
#define flush_cache_range(vma, start, end) \
	KMM_EVENT(flush_cache_range, KMM_HERE, vma, start, end)
#define flush_tlb_range(vma, start, end) \
	KMM_EVENT(flush_tlb_range, KMM_HERE, vma, start, end)
#define flush_tlb_mm(mm)		KMM_EVENT(flush_tlb_mm, KMM_HERE, mm)

#endif
