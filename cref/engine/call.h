/* SPDX-License-Identifier: GPL-2.0-only */
/* One call of one patched function: which, with what, and how it ended. */
#ifndef KMM_ENGINE_CALL_H
#define KMM_ENGINE_CALL_H

#include "engine/case.h"
#include "half_table.h"
#include "machine/guard.h"

/* Arguments by the names that functions give them; those of other functions are not looked at. */
struct kmm_call {
	enum kmm_function function;
	unsigned int flags;		/* is_shared_writable, follow_page */
	int protect;
	int write_access;
	unsigned long address;		/* bytes; do_brk's and do_mmap_pgoff's addr, mprotect_fixup's start */
	unsigned long len;		/* bytes */
	unsigned long end;
	unsigned long prot;
	unsigned long map_flags;	/* do_mmap_pgoff's flags */
	unsigned long pgoff;
	unsigned long newflags;
	struct page *page;
	struct vm_area_struct *vma;
	struct address_space *mapping;
	struct mm_struct *mm;
	struct file *file;
	struct writeback_control *wbc;
	pmd_t *pmd;
	pte_t *page_table;
	spinlock_t *ptl;
	u32 orig_pte;			/* the word */
	u32 reserved;
};

/* A call under the guard: whatever ends it, this returns. */
KMM_EXPORT void kmm_guarded_call(const struct kmm_half *half, const struct kmm_call *call,
				 struct kmm_result *result);

/* The call alone, kept apart so that a profiler can count what is inside it. */
KMM_EXPORT s64 kmm_bare_call(const struct kmm_half *half, const struct kmm_call *call);

#endif
