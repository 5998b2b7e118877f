/* SPDX-License-Identifier: GPL-2.0-only */
/* Accounting at rest: what is left when everybody has gone. */
#ifndef KMM_ENGINE_REST_H
#define KMM_ENGINE_REST_H

#include "engine/replay.h"
#include "machine/property.h"

/* Where a checked run first broke a property: after operation `at`, or at rest. */
struct kmm_broken {
	u32 property;		/* of enum kmm_property; NR_KMM_PROPERTIES: none */
	u32 at;			/* number of the operation after which it did not hold */
	u32 left;		/* of enum kmm_leftover: what was left at rest */
	u32 quirks;		/* failed mmaps that gave back memory that was never charged */
	u32 races;		/* pages that were truncated while a fault made them dirty */
	u32 judged;		/* set of the judged properties that ever broke: machine/property.h */
	u8 judged_at[NR_KMM_PROPERTIES];	/* and each one's operation, after which it first did */
};

enum kmm_leftover {
#define LEFTOVER(number, words) number,
#include "engine/leftovers.def"
#undef LEFTOVER
	NR_KMM_LEFTOVERS
};

/* In words, or NULL. */
KMM_EXPORT const char *kmm_leftover_words(enum kmm_leftover leftover);

/*
 * Run a sequence and look at the world after each of its operations; then end
 * every process, write everything back, empty every file, and see what is left.
 */
KMM_EXPORT void kmm_sequence_checked(struct kmm_runner *runner, const struct kmm_sequence *s,
				     const struct kmm_half *half, struct kmm_result *result,
				     struct kmm_broken *broken);

#endif
