/* SPDX-License-Identifier: GPL-2.0-only */
/* A half that has some of the functions, made whole by another one that has all. */
#ifndef KMM_ENGINE_LEND_H
#define KMM_ENGINE_LEND_H

#include "engine/case.h"
#include "half_table.h"

/* What a half has to be built against to be run by this core library: KMM_HALF_ABI of half.h. */
KMM_EXPORT extern const u32 kmm_core_abi;
/* The bit of it that is set without events. */
KMM_EXPORT extern const u32 kmm_abi_quiet;

struct kmm_whole_half {
	struct kmm_half table;		/* first: this is what runs */
	const struct kmm_half *own;
	const struct kmm_half *lender;
};

/* own's functions, and lender's for those that are NULL; all three last as long as it runs. */
KMM_EXPORT void kmm_make_whole(struct kmm_whole_half *whole, const struct kmm_half *own,
			       const struct kmm_half *lender);

/* Does this half have the function? */
KMM_EXPORT int kmm_half_has(const struct kmm_half *half, enum kmm_function function);

/* Does the machine call this function through the table while operations are performed? */
KMM_EXPORT int kmm_called_by_operations(enum kmm_function function);

#endif
