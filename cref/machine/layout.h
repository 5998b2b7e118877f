/* SPDX-License-Identifier: GPL-2.0-only */
/* What a world's bytes are called: for messages, and for tests that set and read fields. */
#ifndef KMM_MACHINE_LAYOUT_H
#define KMM_MACHINE_LAYOUT_H

#include "machine/event.h"

/* A structure of layout.def as C has it. */
#define KIND_page		struct page
#define KIND_anon_vma		struct anon_vma
#define KIND_vm_area_struct	struct vm_area_struct
#define KIND_pmd		pmd_t
#define KIND_mm_struct		struct mm_struct
#define KIND_radix_tree_slot	struct radix_tree_slot
#define KIND_backing_dev_info	struct backing_dev_info
#define KIND_address_space	struct address_space
#define KIND_inode		struct inode
#define KIND_file		struct file
#define KIND_buffer_head	struct buffer_head
#define KIND_task_struct	struct task_struct
#define KIND_swap_slot		struct swap_slot
#define KIND_world		struct world

struct kmm_field {
	const char *structure;
	const char *name;
	const char *form;
	u32 offset;
	u32 bytes;
};
KMM_EXPORT extern const struct kmm_field kmm_fields[];
KMM_EXPORT extern const u32 kmm_nr_fields;

/* A mirrored file below cref/, or a word; NULL for what is none. */
KMM_EXPORT const char *kmm_source_name(enum kmm_file file);

/* The arrays of a world: where each starts in the block, and what it is made of. */
struct kmm_array {
	const char *name;		/* as in a path: page, vma, mm, ... */
	const char *structure;		/* NULL: single words */
	u64 offset;
	u32 stride;
	u32 count;
};
#define KMM_NR_ARRAYS	18
KMM_EXPORT void kmm_arrays(const struct world *world, struct kmm_array arrays[KMM_NR_ARRAYS]);

#endif
