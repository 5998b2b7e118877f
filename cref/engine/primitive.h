/* SPDX-License-Identifier: GPL-2.0-only */
/* Primitives by name: how tests reach what halves call. */
#ifndef KMM_ENGINE_PRIMITIVE_H
#define KMM_ENGINE_PRIMITIVE_H

#include "engine/call.h"

struct kmm_primitive {
	const char *name;
	u32 arguments;
	u32 gives;
	s64 (*run)(const u64 *arguments);
};
KMM_EXPORT extern const struct kmm_primitive kmm_primitives[];
KMM_EXPORT extern const u32 kmm_nr_primitives;

/*
 * Run one on `world` under a guard; result->ret is what it gave, if it gives.
 * Actors of the machine need a half to call; for all else it may be NULL.
 */
KMM_EXPORT void kmm_guarded_primitive(struct world *world, const struct kmm_half *half,
				      const struct kmm_primitive *primitive,
				      const u64 *arguments, struct kmm_result *result);

#endif
