/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Behaviours: what a run does that no run before it did, cheaply told.
 *
 * A behaviour is two events in a row: where each was recorded from, and whether
 * the last word of the second is zero, which most often is its result.  Seen
 * ones are bits of a table; two behaviours that share a bit count as one.
 */
#ifndef KMM_ENGINE_BEHAVIOUR_H
#define KMM_ENGINE_BEHAVIOUR_H

#include "machine/world.h"

#define KMM_BEHAVIOUR_BITS	15
#define KMM_BEHAVIOURS		(1u << KMM_BEHAVIOUR_BITS)

/* A thread's: which behaviours it has seen, and in which case each for the first time. */
struct kmm_behaviours {
	u64 seen[KMM_BEHAVIOURS / 64];
	struct kmm_first {
		u64 behaviour;
		u64 shard;
		u64 index;
	} first[KMM_BEHAVIOURS];
	u64 nr_first;
};

/* Take note of the behaviours in a world's trace; 1 if one of them is new. */
int kmm_note_behaviours(struct kmm_behaviours *behaviours, const struct world *world,
			u64 shard, u64 index);

#endif
