/* SPDX-License-Identifier: GPL-2.0-only */
/* Cases: what they are made of, and how bytes become one and back. */
#ifndef KMM_ENGINE_CASE_H
#define KMM_ENGINE_CASE_H

#include "machine/operation.h"
#include "machine/world.h"

/*
 * Capacities of the world of a direct case, free things included: pages from
 * KMM_CASE_PAGES on are free, then come those that only fill a pagevec.
 */
#define KMM_CASE_PAGES		8
#define KMM_CASE_FREE_PAGES	4
#define KMM_CASE_FILLERS	5
#define KMM_CASE_FILES		3
#define KMM_CASE_SPARE		KMM_CASE_FILES	/* the inode of a tmpfs file without a name, or of the call's */
#define KMM_CASE_MAPPINGS	(KMM_CASE_FILES + 2)
#define KMM_CASE_SLOTS		(KMM_CASE_PAGES + 2)
#define KMM_CASE_OPEN_FILES	(2 * KMM_CASE_FILES + 2)
#define KMM_CASE_READ_ONLY	KMM_CASE_FILES		/* file i once more, opened to be read */
#define KMM_CASE_CALL_FILE	(2 * KMM_CASE_FILES)	/* opened for the call */
#define KMM_CASE_SWAP_SLOTS	(KMM_CASE_PAGES + 3)
#define KMM_CASE_MMS		3
#define KMM_CASE_PMDS		2	/* page tables a process */
#define KMM_CASE_TABLES		(KMM_CASE_MMS * KMM_CASE_PMDS)
#define KMM_CASE_TABLE_SHIFT	3	/* 8 ptes a page table */
#define KMM_CASE_BUFFERS	4	/* of the page in focus, at most */
#define KMM_CASE_FREE_BUFFERS	8
#define KMM_CASE_VMAS		5
#define KMM_CASE_FREE_VMAS	4
#define KMM_CASE_ANON_VMAS	2
#define KMM_CASE_FREE_ANON_VMAS	2
#define KMM_CASE_VMA_PAGES	3
#define KMM_CASE_PTES		(KMM_CASE_VMAS * KMM_CASE_VMA_PAGES)
#define KMM_CASE_FRAMES		0xF0000u	/* the first frame of a driver's memory: no pages */
#define KMM_CASE_EDITS		4
#define KMM_CASE_EDIT_BYTES	(KMM_CASE_EDITS * 8)
#define KMM_CASE_TRACE_WORDS	4096

/* Of 64 cases in so many another actor acts, each at a pause of its own. */
#define KMM_CASE_PAUSES		8

/* The functions that a case can call. */
enum kmm_function {
	KMM_IS_SHARED_WRITABLE,
	KMM_TEST_CLEAR_PAGE_DIRTY,
	KMM_CLEAR_PAGE_DIRTY_FOR_IO,
	KMM_PAGE_MKCLEAN_ONE,
	KMM_PAGE_MKCLEAN_FILE,
	KMM_PAGE_MKCLEAN,
	KMM_TRY_TO_FREE_BUFFERS,
	KMM_FOLLOW_PAGE,
	KMM_DO_WP_PAGE,
	KMM_DO_NO_PAGE,
	KMM_DO_MMAP_PGOFF,
	KMM_DO_BRK,
	KMM_MPROTECT_FIXUP,
	KMM_DO_WRITEPAGES,
	NR_KMM_FUNCTIONS
};

/* Bytes throughout: the same on every machine, and no padding to forget. */
struct kmm_case {
#define CHOICE(name, limit)		u8 name;
#define CHOICES(name, count, limit)	u8 name[count];
#include "engine/case.def"
#undef CHOICE
#undef CHOICES
};

/* For printing and for tests: every choice by name. */
struct kmm_choice {
	const char *name;
	u32 offset;
	u32 count;
	u32 limit;
};
KMM_EXPORT extern const struct kmm_choice kmm_choices[];
KMM_EXPORT extern const u32 kmm_nr_choices;

/*
 * decode is total: any sizeof(struct kmm_case) bytes give a case.  encode is
 * its right inverse: decode(encode(c)) is c for every case c.
 */
KMM_EXPORT void kmm_decode(struct kmm_case *c, const u8 *bytes);
KMM_EXPORT void kmm_decode_range(struct kmm_case *c, const u8 *bytes, u32 from, u32 to);
KMM_EXPORT void kmm_encode(u8 *bytes, const struct kmm_case *c);

/* Name of a function, to the letter: of half.def. */
KMM_EXPORT const char *kmm_function_name(enum kmm_function function);

#endif
