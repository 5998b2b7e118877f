/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernels beside v8: every world that v8 gets to by the actions of a scope,
 * nearest first, and on each transition the kernels that lack something do the
 * same from the same world.  Where one of them leaves other bits or answers
 * otherwise, both have parted: from there on they are a pair of worlds, which
 * are followed together.  As long as they have not parted, nothing that holds
 * of the one can break in the other, so the worlds of v8 stand for all.
 *
 * Of a pair is asked what goes wrong, each by the shortest run:
 *
 *   property   a property does not hold in the other kernel, and in v8 it does; or the other
 *              one ends otherwise than by returning, and v8 returns
 *   seen       a user sees it, as kmm_beside_seen says
 *
 * A kernel is tried only where v8 has called a function in which they differ:
 * the same code from the same world does the same.  The length of a run is what
 * all actors do.  Before each operation both worlds of a pair have the number of
 * the last store, so that versions of the same store are equal.
 *
 * After both have parted an operation that names a page of memory is tried only
 * where the page of that number has the same place in a file, or none, in both.
 */
#ifndef KMM_ENGINE_BESIDE_H
#define KMM_ENGINE_BESIDE_H

#include "engine/explore/explore.h"

#define KMM_MOST_KERNELS	32u

enum kmm_beside_seen {
	KMM_SEEN_SYNCED,	/* fsync has returned 0 in both, and the other's disk has an older store */
	KMM_SEEN_AT_REST,	/* it has when all processes have gone and all is written */
	KMM_SEEN_RESULT,	/* an operation of a process gives another answer */
	KMM_SEEN_OUTCOME,	/* the one returns, and the other does not */
	NR_KMM_SEEN
};

/* What of a kernel goes wrong: a property by its number, or how a run ends. */
#define KMM_WRONG_OUTCOME	32u

struct kmm_kernel {
	const struct kmm_half *half;
	u32 units;
	u32 functions;		/* of the half, bit 1 << number: those that are not v8's */
	u32 properties;		/* those that are asked */
	u32 wrong_within;	/* operations: longer runs are not looked at */
	u32 seen_within;
	u32 reserved;
};

/* The shortest run found in one way. */
struct kmm_beside_found {
	u32 length;		/* 0: none */
	u32 what;
	u32 kernel;
	u32 parted;		/* is `parent` a pair, not a world of v8? */
	u32 parent;
	u32 action;
	s64 results[2];
};

struct kmm_beside_totals {
	u64 transitions;	/* of v8, and of pairs */
	u64 outside;
	u32 worlds;
	u32 pairs;
	u32 done;		/* all runs of so many operations have been looked at */
	u32 tried;		/* actions, for who watches */
};

struct kmm_beside;

/*
 * job: as for an explorer, of which scope, halves[0] (v8's), actions and
 * nr_first are used.  most: with more worlds and pairs it stops.  NULL: no memory.
 */
KMM_EXPORT struct kmm_beside *kmm_beside_new(const struct kmm_explore_job *job,
					     const struct kmm_kernel *kernels, u32 nr_kernels, u32 most);
KMM_EXPORT void kmm_beside_free(struct kmm_beside *beside);
/*
 * One operation further: KMM_EXPLORE_BATCH if there is more to do,
 * KMM_EXPLORE_DEPTH if nothing shorter can be found, KMM_EXPLORE_CLOSED if there
 * are no more worlds, KMM_EXPLORE_FOUND if it stopped in the middle: *stop was set, or there are
 * too many.
 */
KMM_EXPORT enum kmm_explore_state kmm_beside_level(struct kmm_beside *beside, const int *stop);
KMM_EXPORT const struct kmm_beside_totals *kmm_beside_totals(const struct kmm_beside *beside);
/* seen: 0 what goes wrong, 1 what a user sees. */
KMM_EXPORT const struct kmm_beside_found *kmm_beside_found(const struct kmm_beside *beside,
							    u32 kernel, u32 seen);
/* The actions that lead there, the last one last: how many. */
KMM_EXPORT u32 kmm_beside_path(const struct kmm_beside *beside,
			       const struct kmm_beside_found *found, u32 *actions);

/* A half that does what another one does, and the functions of it that were called. */
KMM_EXPORT const struct kmm_half *kmm_called_half(void);
KMM_EXPORT void kmm_called_begin(const struct kmm_half *real);
KMM_EXPORT u32 kmm_called(void);

#endif
