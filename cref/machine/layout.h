/* SPDX-License-Identifier: GPL-2.0-only */
/* What a world's bytes are called: for messages, and for tests that set and read fields. */
#ifndef KMM_MACHINE_LAYOUT_H
#define KMM_MACHINE_LAYOUT_H

#include "machine/event.h"

struct kmm_field {
	const char *structure;
	const char *name;
	const char *form;
	u32 offset;
	u32 bytes;
};
KMM_EXPORT extern const struct kmm_field kmm_fields[];
KMM_EXPORT extern const u32 kmm_nr_fields;

/* The arrays of a world: where each starts in the block, and what it is made of. */
struct kmm_array {
	const char *name;		/* as in a path: page, vma, mm, ... */
	const char *structure;		/* NULL: single words */
	u64 offset;
	u32 stride;
	u32 count;
};
#define KMM_NR_ARRAYS	17
KMM_EXPORT void kmm_arrays(const struct world *world, struct kmm_array arrays[KMM_NR_ARRAYS]);

#endif
