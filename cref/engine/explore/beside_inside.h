/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside of kernels beside v8: what the search and the judging of a pair share. */
#ifndef KMM_ENGINE_BESIDE_INSIDE_H
#define KMM_ENGINE_BESIDE_INSIDE_H

#include "engine/explore/beside.h"
#include "engine/explore/inside.h"

#define LEVELS	(KMM_MOST_DEPTH + 4)

/* Numbers of a set's worlds, or pairs, that are so many operations from the start. */
struct level {
	u32 *numbers;
	u32 nr, room;
};

/* Worlds of v8, or pairs of v8's and one other kernel's that have parted. */
struct set {
	struct kmm_visited visited;	/* a pair's flag: its parent is a world of v8 */
	u8 *cost;			/* operations from the start, of each */
	u32 room;
	struct level levels[LEVELS];
};

/* A world of the path that was walked last. */
struct step {
	u32 set, number;
};

/* What one kernel made of an action. */
struct did {
	struct kmm_result result;
	u32 order_fault, sleep_fault, store_faults;
	u32 took_place;
	u32 called;
};

struct kmm_beside {
	struct kmm_explore_job job;
	struct kmm_kernel kernels[KMM_MOST_KERNELS + 1];	/* the first one is v8 */
	u32 nr;
	struct kmm_runner *runner;
	struct kmm_canonical *form;
	struct set sets[KMM_MOST_KERNELS + 1];
	struct kmm_beside_found wrong[KMM_MOST_KERNELS + 1], seen[KMM_MOST_KERNELS + 1];
	struct kmm_beside_totals totals;
	u8 *left[2];			/* what the action that is tried has left, by v8 and another */
	u8 *images;			/* two of each step */
	struct step path[KMM_MOST_DEPTH + 1];
	u32 room, walked, at, most;
};

#define V8	0u

static inline u64 bytes_of(const struct kmm_beside *b)
{
	return b->runner->state_bytes;
}

static inline u8 *image_of(struct kmm_beside *b, u32 at, u32 which)
{
	return b->images + (2ull * at + which) * bytes_of(b);
}

/* An address in the block, as a place in an image of it. */
static inline const void *in_image(const struct kmm_beside *b, const u8 *image, const void *address)
{
	return image + ((const u8 *)address - (const u8 *)b->runner->world);
}

/*
 * What goes wrong, and what is seen, of a pair that an action has led to: into b->wrong and b->seen.
 * `one` has the action, the kernel and the length.  0: nothing is tried from this pair.
 */
KMM_INSIDE int kmm_beside_judge(struct kmm_beside *b, struct kmm_beside_found *one,
				const struct did did[2]);

#endif
