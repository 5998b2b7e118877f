/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a benchmark times: some steps from one state, done again and again.
 *
 * Between two rounds the words that the steps changed are put back, which is
 * a short list of stores and not a copy of the world.  A loop that does only
 * that, and calls functions that do nothing, is what is taken off.
 */
#ifndef KMM_ENGINE_TIMING_H
#define KMM_ENGINE_TIMING_H

#include "engine/call.h"
#include "machine/operation.h"

/* A call of a patched function, or an operation of the machine. */
struct kmm_step {
	u32 is_call;
	u32 reserved;
	struct kmm_call call;
	struct kmm_operation operation;
};

/* A word of the world, and what it held before the steps. */
struct kmm_put_back {
	u64 *at;
	u64 value;
};

struct kmm_timed {
	struct world *world;
	u64 state_bytes;
	void *room;			/* as kmm_interfere_room wants it */
	const u8 *image;		/* the state before the steps */
	struct kmm_step *steps;		/* in room_for_lists */
	s64 *returns;			/* of each step, by the last guarded run */
	u32 nr_steps;
	u32 stack_at;			/* bytes within a page: where the stack is to end */
	u8 *room_for_lists;		/* begins with a page; steps, every word of the state, a page */
	struct kmm_put_back *changed;	/* in that room, behind the steps */
	u64 nr_changed;
};

/* The state before the steps, as a whole. */
KMM_EXPORT void kmm_timed_start(struct kmm_timed *timed);

/* From that start, the steps once by a half, under the guard. */
KMM_EXPORT void kmm_timed_run(struct kmm_timed *timed, const struct kmm_half *half,
			      struct kmm_result *result);

/* Bytes of room for lists. */
KMM_EXPORT u64 kmm_timed_room(u64 state_bytes, u32 nr_steps);

/*
 * Find the words in which the world now differs from the start, and lay the
 * lists where their places within a page are not those of such words.
 */
KMM_EXPORT void kmm_timed_learn(struct kmm_timed *timed);

/* Do the steps and put the words back, so often, unguarded: nanoseconds. */
KMM_EXPORT u64 kmm_time_steps(const struct kmm_timed *timed, const struct kmm_half *half,
			      u64 rounds);

/* The same without what is timed: calls of functions that do nothing, no operations. */
KMM_EXPORT u64 kmm_time_idle(const struct kmm_timed *timed, u64 rounds);

/*
 * So many rounds of work that no source of ours changes: a measure of the
 * machine as it is now, by which times of different runs are compared.
 */
KMM_EXPORT u64 kmm_time_yardstick(u64 rounds);

#endif
