// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "engine/block.h"
#include "engine/lines.h"
#include "engine/same.h"
#include "engine/transition.h"

void kmm_transition_from(struct kmm_runner *runner, const u8 *image)
{
	memcpy(runner->drawn, image, runner->state_bytes);
	memcpy(runner->world, image, runner->state_bytes);
	memcpy(runner->left, image, runner->state_bytes);
	runner->nr_changed = 0;
}

void kmm_transition_write(struct kmm_runner *runner, u64 at, const void *bytes, u64 nr)
{
	memcpy(runner->drawn + at, bytes, nr);
	memcpy((u8 *)runner->world + at, bytes, nr);
	memcpy(runner->left + at, bytes, nr);
}

/* Bytes of its trace.  Where that is and how far it goes is no change of the world. */
static u64 run(struct kmm_runner *runner, u64 *trace, u32 number,
	       const struct kmm_operation *operation, const struct kmm_half *half,
	       struct kmm_result *result)
{
	struct world *world = runner->world;
	u64 bytes;

	kmm_scribble(trace, world->size.trace_words * sizeof(u64), number);
	kmm_use_trace(world, trace, 0);
	kmm_guarded_operation(runner, half, operation, result);
	bytes = kmm_trace_bytes(world);
	kmm_use_trace(world, ((struct world *)runner->drawn)->trace, 0);
	return bytes;
}

static void find_changed(struct kmm_runner *runner)
{
	runner->nr_changed = kmm_lines_that_differ(runner->world, runner->drawn,
						   kmm_nr_lines(runner->state_bytes),
						   runner->changed);
}

/* What the first half left goes into runner->left; the world is put back. */
static void keep(struct kmm_runner *runner)
{
	kmm_copy_lines(runner->left, runner->world, runner->changed, runner->nr_changed);
	kmm_copy_lines(runner->world, runner->drawn, runner->changed, runner->nr_changed);
}

/* Of an oops the trace counts and not what it left in memory: replay.c says why. */
static int is_memory_compared(const struct kmm_result *result)
{
	return result->outcome != KMM_OOPS && result->outcome != KMM_STRAY;
}

/* Whatever else may have changed has. */
static void all_changed(struct kmm_runner *runner)
{
	u32 i;

	runner->nr_changed = kmm_nr_lines(runner->state_bytes);
	for (i = 0; i < runner->nr_changed; i++)
		runner->changed[i] = (u16)i;
}

void kmm_transition_first(struct kmm_runner *runner, const struct kmm_operation *operation,
			  const struct kmm_half *half, struct kmm_result *first)
{
	runner->first_bytes = run(runner, ((struct world *)runner->drawn)->trace, 0, operation, half,
				  first);
	find_changed(runner);
}

static int is_as_first(const struct kmm_runner *runner, u64 bytes, const struct kmm_result *first,
		       const struct kmm_result *other)
{
	return runner->first_bytes == bytes && first->outcome == other->outcome &&
	       first->ret == other->ret &&
	       !memcmp(((struct world *)runner->drawn)->trace, runner->other_trace, bytes) &&
	       (!is_memory_compared(first) ||
		kmm_same(runner->left, runner->world, runner->state_bytes));
}

u32 kmm_transition_others(struct kmm_runner *runner, const struct kmm_operation *operation,
			  const struct kmm_half *const *halves, u32 nr_halves,
			  const struct kmm_result *first)
{
	struct kmm_result other;
	u32 i, different = 0;
	u64 bytes;

	if (nr_halves > 1)
		keep(runner);
	for (i = 1; i < nr_halves && !different; i++) {
		if (i > 1)
			kmm_copy_lines(runner->world, runner->drawn, runner->changed,
				       runner->nr_changed);
		bytes = run(runner, runner->other_trace, i, operation, halves[i], &other);
		if (!is_as_first(runner, bytes, first, &other))
			different = i;
		if (different || !is_memory_compared(first))
			all_changed(runner);
	}
	return different;
}

void kmm_transition_put_back(struct kmm_runner *runner)
{
	kmm_copy_lines(runner->world, runner->drawn, runner->changed, runner->nr_changed);
	kmm_copy_lines(runner->left, runner->drawn, runner->changed, runner->nr_changed);
}
