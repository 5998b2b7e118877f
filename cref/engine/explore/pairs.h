/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two kernels beside each other: every pair of worlds that the same operations
 * lead to, one kernel with these units and one with those, nearest first, until
 * a user can tell the one from the other.  How a user can:
 *
 *   outcome   one of them ends otherwise than by returning
 *   result    an operation of a process gives another answer, or a load another version
 *   synced    fsync has returned 0 in both, and the other one's disk has an older store (sync
 *             promises nothing: it does not wait for what is being written already)
 *   rest      when all processes have gone and all is written, it has
 *
 * The last two also the other way round, where the first one's disk has the older store.
 *
 * Before each operation both have the number of the last store, so the versions
 * of the same store are equal.  A pair is known by the canonical forms
 * of both, in which versions have names in common.  Operations that name a page
 * of memory have no place here: its number may mean another page in the other kernel.
 */
#ifndef KMM_ENGINE_PAIRS_H
#define KMM_ENGINE_PAIRS_H

#include "engine/explore/explore.h"

enum kmm_parted_how {
	KMM_PARTED_OUTCOME, KMM_PARTED_RESULT,
	KMM_PARTED_SYNCED, KMM_PARTED_REST,
	KMM_PARTED_SYNCED_FIRST, KMM_PARTED_REST_FIRST,	/* the first one has the older */
	NR_KMM_PARTED
};

/* Where they first part in one way; KMM_NO_WORLD: they did not. */
struct kmm_parted {
	u32 parent;
	u32 action;
	s64 results[2];
};

struct kmm_paired {
	u64 transitions;
	u64 outside;
	struct kmm_parted parted[NR_KMM_PARTED];
	u32 pairs;
	u32 depth;		/* operations within which all pairs are there */
};

struct kmm_pairs;

/*
 * job: as for an explorer, of which scope, halves, actions, nr_first and depth
 * are used: the second half is the other kernel's, if there is one; actions
 * without an allocation that fails and without a pause.  NULL: no memory.
 */
KMM_EXPORT struct kmm_pairs *kmm_pairs_new(const struct kmm_explore_job *job, u32 other_units);
KMM_EXPORT void kmm_pairs_free(struct kmm_pairs *pairs);
/* One operation further: KMM_EXPLORE_BATCH if there is more to do. */
KMM_EXPORT enum kmm_explore_state kmm_pairs_level(struct kmm_pairs *pairs);
KMM_EXPORT const struct kmm_paired *kmm_pairs_totals(const struct kmm_pairs *pairs);
/* As kmm_explorer_path. */
KMM_EXPORT u32 kmm_pairs_path(const struct kmm_pairs *pairs, u32 number, u32 *actions);

#endif
