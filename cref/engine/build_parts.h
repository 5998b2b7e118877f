/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of a world's building (build_*.c) tell each other. */
#ifndef KMM_ENGINE_BUILD_PARTS_H
#define KMM_ENGINE_BUILD_PARTS_H

#include "engine/build.h"

#define HIDDEN	__attribute__((visibility("hidden")))

enum owner { FILE_0, FILE_1, FILE_2, SWAP_CACHE, ANON, NOBODY, NR_OWNERS };
_Static_assert(SWAP_CACHE == KMM_CASE_FILES, "owners below are numbers of files");

/* While a world is built: facts about pages by number. */
struct plan {
	u8 owner[KMM_CASE_PAGES];
	u8 page_at[KMM_CASE_PAGES];		/* by index less base */
	u8 anon[KMM_CASE_PAGES];		/* the anonymous pages */
	u32 nr_anon;
	u32 focus_file;
	u64 base;				/* index of the page that lies first in its file */
	u64 focus;				/* index of the page in focus, less base */
};

/* build_files.c */
HIDDEN void kmm_build_files(struct world *world, const struct kmm_case *c);
HIDDEN void kmm_open_for_call(struct world *world, const struct kmm_case *c);
HIDDEN extern const u64 kmm_index_base[8];

/* build_pages.c */
HIDDEN void kmm_build_pages(struct world *world, const struct kmm_case *c, struct plan *plan);
HIDDEN void kmm_build_buffers(struct world *world, const struct kmm_case *c,
			      const struct plan *plan);

/* build_vmas.c */
HIDDEN void kmm_build_processes(struct world *world, const struct kmm_case *c,
				const struct plan *plan);
/* build_ptes.c; `first` is the number of the vma's first page in its process */
HIDDEN void kmm_build_ptes(struct world *world, const struct kmm_case *c,
			   const struct plan *plan, u32 vma, unsigned long first);
/* One pte more that leads to a page, and one that leads nowhere any more. */
HIDDEN void kmm_count_pte(struct world *world, struct page *page);
HIDDEN void kmm_forget_pte(struct world *world, struct vm_area_struct *vma, pte_t *pte);

/* build_faults.c, build_mmaps.c: calls of the functions that are given more than a page */
HIDDEN void kmm_build_wp(struct world *world, const struct kmm_case *c, struct kmm_call *call);
HIDDEN void kmm_build_no_page(struct world *world, const struct kmm_case *c,
			      struct kmm_call *call);
HIDDEN void kmm_build_mmap(struct world *world, const struct kmm_case *c, struct kmm_call *call);
HIDDEN void kmm_build_brk(struct world *world, const struct kmm_case *c, struct kmm_call *call);
HIDDEN void kmm_build_mprotect(struct world *world, const struct kmm_case *c,
			       struct kmm_call *call);
HIDDEN void kmm_build_writepages(struct world *world, const struct kmm_case *c,
				 struct kmm_call *call);

/* build_entry.c */
HIDDEN struct page *kmm_page_of_call(struct world *world, const struct kmm_case *c);
HIDDEN void kmm_run_task_of(struct world *world, const struct kmm_case *c,
			    const struct mm_struct *mm);
HIDDEN void kmm_hold_mmap_sem(struct mm_struct *mm, int write);
HIDDEN void kmm_let_pages_be_locked(struct world *world, const struct kmm_case *c);
HIDDEN void kmm_fill_pagevec(struct world *world);

#endif
