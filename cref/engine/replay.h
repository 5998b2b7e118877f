/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Same-address replay: build a world in its block, run one half, keep what it
 * left; put the starting image back at the same address, run the next half,
 * compare the used bytes.  Nothing is normalised and no field can be forgotten.
 */
#ifndef KMM_ENGINE_REPLAY_H
#define KMM_ENGINE_REPLAY_H

#include "engine/build.h"
#include "engine/sequence.h"

#define KMM_MAX_HALVES	8

/* One thread's block and the images beside it; for direct cases or for sequences. */
struct kmm_runner {
	struct world *world;		/* the block */
	u64 state_bytes;
	u64 block_bytes;
	u8 *common;			/* image of what all cases share */
	u8 *drawn;			/* image of the case's world, without its call */
	u8 *room;			/* for what interferes: image of the moment before */
	u8 *left;			/* the state that the first half left; its trace is in the block */
	u64 *other_trace;		/* where all others write theirs */
	u16 *changed;			/* of transition.h: numbers of lines, with room for all; */
	u64 first_bytes;		/* and of the trace that the first half wrote */
	struct kmm_call call;
	struct kmm_operation operations[KMM_SEQUENCE_OPERATIONS];
	u32 nr_operations;
	u32 nr_changed;
};

/* NULL when there is no memory.  The third one's world is empty and of any size. */
KMM_EXPORT struct kmm_runner *kmm_runner_new(void);
KMM_EXPORT struct kmm_runner *kmm_sequence_runner_new(void);
KMM_EXPORT struct kmm_runner *kmm_runner_sized(const struct world_size *size);
KMM_EXPORT void kmm_runner_free(struct kmm_runner *runner);

/*
 * Build the world of a case.  That costs more than running a function on it,
 * so a shard makes several calls on each: cases that differ in their call
 * alone need no new world.
 */
KMM_EXPORT void kmm_runner_world(struct kmm_runner *runner, const struct kmm_case *c);

/* Put the world that was built back and build the case's call: the start of a run. */
KMM_EXPORT void kmm_runner_start(struct kmm_runner *runner, const struct kmm_case *c);

/* From the start, one half. */
KMM_EXPORT void kmm_runner_run(struct kmm_runner *runner, const struct kmm_case *c,
			       const struct kmm_half *half, struct kmm_result *result);

/*
 * All halves, each from the start; the number of the first one that differs
 * from halves[0], whose result is *first, or 0.  *running is the number and
 * one of the half that runs, for whoever watches, and 0 between two.
 */
KMM_EXPORT u32 kmm_replay(struct kmm_runner *runner, const struct kmm_case *c,
			  const struct kmm_half *const *halves, u32 nr_halves,
			  struct kmm_result *first, volatile u32 *running);

/*
 * The same for cases in a row.  *stands: the world is as kmm_runner_world or
 * this function left it, and nobody has run in it since; 0 or 1, before and
 * after.  It is put back while it is compared, which saves a copy.
 */
KMM_EXPORT u32 kmm_replay_next(struct kmm_runner *runner, const struct kmm_case *c,
			       const struct kmm_half *const *halves, u32 nr_halves,
			       struct kmm_result *first, volatile u32 *running, int *stands);

/* Build the world of a sequence and take its operations: the start of its runs. */
KMM_EXPORT void kmm_sequence_start(struct kmm_runner *runner, const struct kmm_sequence *s);
/* From that start, one half; result->ret is the number of operations done. */
KMM_EXPORT void kmm_sequence_run(struct kmm_runner *runner, const struct kmm_half *half,
				 struct kmm_result *result);
/* One operation on the world as it is; its events follow those that are there. */
KMM_EXPORT void kmm_guarded_operation(struct kmm_runner *runner, const struct kmm_half *half,
				      const struct kmm_operation *operation,
				      struct kmm_result *result);
/* The operation alone, kept apart as kmm_bare_call is (engine/call.h). */
KMM_EXPORT s64 kmm_bare_operation(const struct kmm_operation *operation);
KMM_EXPORT u32 kmm_sequence_replay(struct kmm_runner *runner,
				   const struct kmm_half *const *halves, u32 nr_halves,
				   struct kmm_result *first, volatile u32 *running);

/* kmm_sequence_start and that in one, which saves a copy. */
KMM_EXPORT u32 kmm_sequence_first_replay(struct kmm_runner *runner, const struct kmm_sequence *s,
					 const struct kmm_half *const *halves, u32 nr_halves,
					 struct kmm_result *first, volatile u32 *running);

/* Bytes of the trace that was written. */
static inline u64 kmm_trace_bytes(const struct world *world)
{
	return (u64)((u8 *)world->trace_at - (u8 *)world->trace);
}

/* The trace is there, and so many bytes of it are written. */
static inline void kmm_use_trace(struct world *world, u64 *trace, u64 bytes)
{
	world->trace = trace;
	world->trace_at = (u64 *)((u8 *)trace + bytes);
	world->trace_end = trace + world->size.trace_words;
}

#endif
