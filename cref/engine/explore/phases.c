// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "engine/clock.h"
#include "engine/explore/inside.h"
#include "engine/explore/phases.h"
#include "machine/property.h"

static void put_back(struct kmm_runner *runner)
{
	memcpy(runner->world, runner->drawn, runner->state_bytes);
	kmm_used(runner->world);
}

static void one_half(struct kmm_runner *runner, const struct kmm_half *half,
		     const struct kmm_action *action)
{
	struct kmm_result result;

	put_back(runner);
	kmm_guarded_operation(runner, half, &action->operation, &result);
}

/* By both halves, and on to the canonical form if that is wanted: 1 if it took place. */
static int both_halves(struct kmm_walker *walker, const struct kmm_explore_job *job,
		       const u8 *image, const struct kmm_action *action, int form)
{
	struct kmm_runner *runner = walker->runner;
	struct kmm_result result;
	volatile u32 running;
	u64 hash[2];

	if (kmm_operation_replay(runner, &action->operation, job->halves, 2, &result, &running) ||
	    !kmm_took_place(runner->world, action))
		return 0;
	if (!form)
		return 1;
	kmm_settle(runner->world);
	if (memcmp(runner->world, image, runner->state_bytes) &&
	    kmm_in_scope(runner->world, &job->scope)) {
		kmm_canonical_hash(walker->form, runner->world, hash);
		kmm_used(hash);
	}
	return 1;
}

static u64 all_actions(struct kmm_walker *walker, const struct kmm_explore_job *job,
		       const u8 *image, enum kmm_explore_phase up_to)
{
	struct kmm_runner *runner = walker->runner;
	u64 took_place = 0;
	u32 i;

	memcpy(runner->drawn, image, runner->state_bytes);
	for (i = job->nr_first; i < job->nr_actions; i++) {
		const struct kmm_action *action = &job->actions[i];

		kmm_arm((struct world *)runner->drawn, action);
		if (up_to == KMM_UP_TO_PUT_BACK)
			put_back(runner);
		else if (up_to < KMM_UP_TO_BOTH)
			one_half(runner, job->halves[up_to == KMM_UP_TO_OTHER_HALF], action);
		else
			took_place += both_halves(walker, job, image, action,
						  up_to == KMM_UP_TO_FORM);
	}
	return took_place;
}

static void all_properties(struct kmm_runner *runner, const u8 *image)
{
	u32 broken;

	memcpy(runner->world, image, runner->state_bytes);
	broken = kmm_broken(runner->world, KMM_PROPERTIES_ALL);
	kmm_used(&broken);
}

/* How many transitions that were. */
static u64 one_world(struct kmm_walker *walker, const struct kmm_explorer *explorer, u32 world,
		     enum kmm_explore_phase up_to, struct kmm_chunk *chunk)
{
	const u8 *image = kmm_walk_to(walker, explorer, world);
	u64 before = chunk->transitions;
	u32 cost;

	if (!image || up_to == KMM_UP_TO_WALK)
		return 0;
	if (up_to == KMM_AND_PROPERTIES)
		all_properties(walker->runner, image);
	else if (up_to == KMM_UP_TO_FIND)
		for (cost = 1; cost <= explorer->most_cost; cost++)
			kmm_try_all(walker, explorer, image, world, cost, chunk);
	else
		return all_actions(walker, &explorer->job, image, up_to);
	return chunk->transitions - before;
}

u64 kmm_time_transitions(struct kmm_explorer *explorer, u32 from, u32 to,
			 enum kmm_explore_phase up_to, u64 *transitions)
{
	struct kmm_walker *walker = &explorer->walkers[0];
	struct kmm_chunk chunk = { .worlds = NULL };
	u64 start;
	u32 world;

	*transitions = 0;
	/* as if none of them had been walked to before */
	walker->walked = 1;
	start = kmm_thread_time();
	for (world = from; world < to; world++)
		*transitions += one_world(walker, explorer, world, up_to, &chunk);
	start = kmm_thread_time() - start;
	/* all were known, but for those that break a property */
	free(chunk.worlds);
	return start;
}
