// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "engine/clock.h"
#include "engine/explore/inside.h"
#include "engine/explore/phases.h"
#include "engine/transition.h"
#include "machine/property.h"

/* By some halves, and on to the canonical form if that is wanted: 1 if it took place. */
static int by_halves(struct kmm_walker *walker, const struct kmm_explore_job *job,
		     const u8 *image, const struct kmm_action *action, int form)
{
	struct kmm_runner *runner = walker->runner;
	struct kmm_result result;
	u64 hash[2] = { 0, 0 };
	int took_place = !kmm_try(walker, job, action, &result) &&
			 kmm_took_place(runner->world, action);

	if (took_place && form) {
		kmm_lead_to(walker, &job->scope, image, 0, hash);
		kmm_used(hash);
	}
	kmm_transition_put_back(runner);
	return took_place;
}

static u64 all_actions(struct kmm_walker *walker, const struct kmm_explore_job *whole,
		       const u8 *image, enum kmm_explore_phase up_to)
{
	struct kmm_explore_job job = *whole;
	u64 took_place = 0;
	u32 i;

	if (up_to == KMM_UP_TO_ONE_HALF)
		job.nr_halves = 1;
	kmm_try_from(walker, image);
	for (i = job.nr_first; i < job.nr_actions; i++)
		took_place += (u64)by_halves(walker, &job, image, &job.actions[i],
					     up_to == KMM_UP_TO_FORM);
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
	/* as if none of them had been walked to, or from, before */
	walker->walked = 1;
	kmm_recent_forget(walker->recent);
	start = kmm_thread_time();
	for (world = from; world < to; world++)
		*transitions += one_world(walker, explorer, world, up_to, &chunk);
	start = kmm_thread_time() - start;
	/* all were known, but for those that break a property */
	free(chunk.worlds);
	return start;
}
