// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "engine/block.h"
#include "engine/lines.h"
#include "engine/replay.h"
#include "engine/same.h"
#include "machine/interfere.h"
#include "machine/operation.h"
#include "machine/running.h"

static u64 round_up(u64 bytes, u64 to)
{
	return (bytes + to - 1) / to * to;
}

/* Behind the trace and behind the places. */
static void forbid_gaps(u8 *trace, u64 traces)
{
	kmm_forbid(trace + traces / 2 - KMM_TRACE_GAP, KMM_TRACE_GAP);
	kmm_forbid(trace + traces - KMM_TRACE_GAP, KMM_TRACE_GAP);
}

struct kmm_runner *kmm_runner_sized(const struct world_size *size)
{
	struct kmm_runner *runner = calloc(1, sizeof(*runner));
	u64 state = round_up(kmm_world_state_bytes(size), KMM_WORLD_ALIGN);
	u64 block = kmm_world_bytes(size), traces = block - kmm_world_state_bytes(size);

	if (!runner)
		return NULL;
	runner->state_bytes = kmm_world_state_bytes(size);
	runner->block_bytes = block;
	runner->world = kmm_map_block(block);
	runner->common = aligned_alloc(KMM_WORLD_ALIGN, state);
	runner->drawn = aligned_alloc(KMM_WORLD_ALIGN, state);
	runner->room = aligned_alloc(KMM_WORLD_ALIGN, state);
	runner->left = aligned_alloc(KMM_WORLD_ALIGN, state);
	runner->changed = calloc(kmm_nr_lines(state), sizeof(*runner->changed));
	/* with guards, as the block has: a half that is not ours may write behind its trace */
	runner->other_trace = kmm_map_block(traces);
	if (!runner->world || !runner->common || !runner->drawn || !runner->room ||
	    !runner->left || !runner->changed || !runner->other_trace) {
		kmm_runner_free(runner);
		return NULL;
	}
	kmm_world_init(runner->world, size);
	memcpy(runner->common, runner->world, runner->state_bytes);
	forbid_gaps((u8 *)runner->world->trace, traces);
	forbid_gaps((u8 *)runner->other_trace, traces);
	return runner;
}

static struct kmm_runner *with_common(const struct world_size *size,
				      struct world *(*common)(void *block))
{
	struct kmm_runner *runner = kmm_runner_sized(size);

	if (!runner)
		return NULL;
	kmm_core_enter(runner->world);
	common(runner->world);
	memcpy(runner->common, runner->world, runner->state_bytes);
	return runner;
}

struct kmm_runner *kmm_runner_new(void)
{
	return with_common(&kmm_case_world_size, kmm_build_common);
}

struct kmm_runner *kmm_sequence_runner_new(void)
{
	return with_common(&kmm_sequence_world_size, kmm_sequence_common);
}

void kmm_runner_free(struct kmm_runner *runner)
{
	if (!runner)
		return;
	if (runner->world)
		kmm_unmap_block(runner->world, runner->block_bytes);
	if (runner->other_trace)
		kmm_unmap_block(runner->other_trace, runner->block_bytes - runner->state_bytes);
	free(runner->common);
	free(runner->drawn);
	free(runner->room);
	free(runner->left);
	free(runner->changed);
	free(runner);
}

void kmm_runner_world(struct kmm_runner *runner, const struct kmm_case *c)
{
	memcpy(runner->world, runner->common, runner->state_bytes);
	kmm_core_enter(runner->world);
	kmm_build_world(runner->world, c);
	memcpy(runner->drawn, runner->world, runner->state_bytes);
}

static void restore(struct kmm_runner *runner)
{
	memcpy(runner->world, runner->drawn, runner->state_bytes);
}

void kmm_runner_start(struct kmm_runner *runner, const struct kmm_case *c)
{
	restore(runner);
	kmm_build_call(runner->world, c, &runner->call);
}

/* What a half needs before anything of it runs in the runner's world. */
static void enter(struct kmm_runner *runner, const struct kmm_half *half)
{
	kmm_interfere_room(runner->room, runner->state_bytes);
	kmm_run_half(half, runner->world);
}

void kmm_runner_run(struct kmm_runner *runner, const struct kmm_case *c,
		    const struct kmm_half *half, struct kmm_result *result)
{
	kmm_runner_start(runner, c);
	enter(runner, half);
	kmm_guarded_call(half, &runner->call, result);
}

void kmm_sequence_start(struct kmm_runner *runner, const struct kmm_sequence *s)
{
	u32 i;

	memcpy(runner->world, runner->common, runner->state_bytes);
	kmm_core_enter(runner->world);
	kmm_sequence_world(runner->world, s);
	runner->nr_operations = s->operations + 1;
	for (i = 0; i < runner->nr_operations; i++)
		kmm_sequence_operation(s, i, &runner->operations[i]);
	memcpy(runner->drawn, runner->world, runner->state_bytes);
}

static s64 run_operations(const void *context)
{
	const struct kmm_runner *runner = context;
	u32 i;

	for (i = 0; i < runner->nr_operations; i++)
		kmm_operate(&runner->operations[i]);
	return i;
}

void kmm_sequence_run(struct kmm_runner *runner, const struct kmm_half *half,
		      struct kmm_result *result)
{
	restore(runner);
	enter(runner, half);
	kmm_guarded(run_operations, runner, result);
}

__attribute__((noinline)) s64 kmm_bare_operation(const struct kmm_operation *operation)
{
	return kmm_operate(operation);
}

static s64 run_operation(const void *operation)
{
	return kmm_bare_operation(operation);
}

void kmm_guarded_operation(struct kmm_runner *runner, const struct kmm_half *half,
			   const struct kmm_operation *operation, struct kmm_result *result)
{
	enter(runner, half);
	kmm_guarded(run_operation, operation, result);
}

/* What the first half left; its trace stays where it is, as the others write to the other one. */
static void keep(struct kmm_runner *runner)
{
	memcpy(runner->left, runner->world, runner->state_bytes);
	kmm_use_trace((struct world *)runner->drawn, runner->other_trace, 0);
}

/*
 * Of an oops only that there was one and the trace count: what it left in memory depends on what a
 * compiler had not stored yet, and its address on which of several loads a compiler puts first, and
 * on which byte of a word it tests a bit in.
 *
 * Unless put_back is NULL, a world that is compared is put back on the way, and *put_back is 1.
 */
static int differs(struct kmm_runner *runner, const struct kmm_result *a,
		   const struct kmm_result *b, int *put_back)
{
	const struct world *left = (const struct world *)runner->left;
	struct world *world = runner->world;
	u64 bytes = kmm_trace_bytes(world);

	if (a->outcome != b->outcome || a->ret != b->ret || kmm_trace_bytes(left) != bytes ||
	    memcmp(left->trace, world->trace, bytes))
		return 1;
	if (a->outcome == KMM_OOPS || a->outcome == KMM_STRAY)
		return 0;
	/* where the trace lies is the one thing that may differ */
	kmm_use_trace(world, left->trace, bytes);
	if (!put_back)
		return !kmm_same(runner->left, world, runner->state_bytes);
	*put_back = 1;
	kmm_use_trace((struct world *)runner->drawn, left->trace, 0);
	return !kmm_same_put_back(runner->left, world, runner->drawn, runner->state_bytes);
}

/*
 * All halves on one case, each from the world as it was drawn: `stands` says
 * that it is so already.  put_back as above, for the last half.
 */
static inline u32 replay(struct kmm_runner *runner, const void *c,
			 void (*run)(struct kmm_runner *runner, const void *c,
				     const struct kmm_half *half, struct kmm_result *result),
			 const struct kmm_half *const *halves, u32 nr_halves,
			 struct kmm_result *first, volatile u32 *running, int stands, int *put_back)
{
	struct world *drawn = (struct world *)runner->drawn;
	u64 whole = drawn->size.trace_words * sizeof(u64);
	struct kmm_result other;
	u32 i, different = 0;

	*running = 1;
	kmm_scribble(drawn->trace, whole, 0);
	if (!stands)
		restore(runner);
	run(runner, c, halves[0], first);
	keep(runner);
	for (i = 1; i < nr_halves && !different; i++) {
		*running = i + 1;
		kmm_scribble(drawn->trace, whole, i);
		restore(runner);
		run(runner, c, halves[i], &other);
		if (differs(runner, first, &other, i + 1 == nr_halves ? put_back : NULL))
			different = i;
	}
	*running = 0;
	kmm_use_trace(drawn, ((struct world *)runner->left)->trace, 0);
	return different;
}

static void run_direct(struct kmm_runner *runner, const void *c, const struct kmm_half *half,
		       struct kmm_result *result)
{
	kmm_build_call(runner->world, c, &runner->call);
	enter(runner, half);
	kmm_guarded_call(half, &runner->call, result);
}

u32 kmm_replay(struct kmm_runner *runner, const struct kmm_case *c,
	       const struct kmm_half *const *halves, u32 nr_halves, struct kmm_result *first,
	       volatile u32 *running)
{
	return replay(runner, c, run_direct, halves, nr_halves, first, running, 0, NULL);
}

u32 kmm_replay_next(struct kmm_runner *runner, const struct kmm_case *c,
		    const struct kmm_half *const *halves, u32 nr_halves, struct kmm_result *first,
		    volatile u32 *running, int *stands)
{
	int stood = *stands;

	*stands = 0;
	return replay(runner, c, run_direct, halves, nr_halves, first, running, stood, stands);
}

static void run_sequence(struct kmm_runner *runner, const void *c, const struct kmm_half *half,
			 struct kmm_result *result)
{
	(void)c;
	enter(runner, half);
	kmm_guarded(run_operations, runner, result);
}

u32 kmm_sequence_replay(struct kmm_runner *runner, const struct kmm_half *const *halves, u32 nr_halves,
			struct kmm_result *first, volatile u32 *running)
{
	return replay(runner, NULL, run_sequence, halves, nr_halves, first, running, 0, NULL);
}

u32 kmm_sequence_first_replay(struct kmm_runner *runner, const struct kmm_sequence *s,
			      const struct kmm_half *const *halves, u32 nr_halves,
			      struct kmm_result *first, volatile u32 *running)
{
	kmm_sequence_start(runner, s);
	return replay(runner, NULL, run_sequence, halves, nr_halves, first, running, 1, NULL);
}
