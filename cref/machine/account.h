/* SPDX-License-Identifier: GPL-2.0-only */
/* What processes and the system count and limit: memory committed, sizes, permissions. */
#ifndef KMM_MACHINE_ACCOUNT_H
#define KMM_MACHINE_ACCOUNT_H

#include "machine/lock.h"

/* counter is file_rss or anon_rss */
#define KMM_MM_COUNTER(name)	(offsetof(struct mm_struct, name))
#define inc_mm_counter(mm, name) do {						\
		KMM_EVENT(inc_mm_counter, KMM_HERE, mm, KMM_MM_COUNTER(name));	\
		kmm_total_add(&(mm)->name, 1);					\
	} while (0)
#define dec_mm_counter(mm, name) do {						\
		KMM_EVENT(dec_mm_counter, KMM_HERE, mm, KMM_MM_COUNTER(name));	\
		kmm_total_add(&(mm)->name, -1);					\
	} while (0)

/* Charges first; refused (modes 0 and 2, beyond commit_limit) it takes the charge back: -ENOMEM. */
KMM_EXPORT int kmm_security_vm_enough_memory(long pages, u32 here);
KMM_EXPORT void kmm_vm_unacct_memory(long pages, u32 here);
KMM_EXPORT int kmm_may_expand_vm(struct mm_struct *mm, unsigned long pages, u32 here);
KMM_EXPORT int kmm_can_do_mlock(u32 here);
KMM_EXPORT int kmm_capable(int cap, u32 here);
KMM_EXPORT void kmm_vm_stat_account(struct mm_struct *mm, unsigned long flags, struct file *file,
				    long pages, u32 here);
#define security_vm_enough_memory(pages) kmm_security_vm_enough_memory(pages, KMM_HERE)
#define vm_unacct_memory(pages)		kmm_vm_unacct_memory(pages, KMM_HERE)
#define may_expand_vm(mm, pages)	kmm_may_expand_vm(mm, pages, KMM_HERE)
#define can_do_mlock()			kmm_can_do_mlock(KMM_HERE)
#define capable(cap)			kmm_capable(cap, KMM_HERE)
#define vm_stat_account(mm, flags, file, pages) \
	kmm_vm_stat_account(mm, flags, file, pages, KMM_HERE)

#endif
