// SPDX-License-Identifier: GPL-2.0-only
/* One thread: makes a world again by its path, and tries every action on it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/explore/inside.h"
#include "engine/lines.h"
#include "engine/transition.h"
#include "machine/interfere.h"
#include "machine/property.h"
#include "machine/running.h"

#define FIRST_IMAGES	8u
#define ADDED_BITS	14u		/* of a batch's worlds as many as there are, or nearly */

static u8 *image_of(struct kmm_walker *walker, u32 depth)
{
	return walker->images + (u64)depth * walker->runner->state_bytes;
}

/* What is done once, by the first half: it does not end otherwise than well. */
static int perform(struct kmm_walker *walker, const struct kmm_explore_job *job,
		   const struct kmm_action *action)
{
	struct kmm_runner *runner = walker->runner;
	struct kmm_result result;

	kmm_arm(runner->world, action);
	kmm_guarded_operation(runner, job->halves[0], &action->operation, &result);
	kmm_settle(runner->world);
	return result.outcome == KMM_RETURNED ? 0 : -EINVAL;
}

int kmm_walker_init(struct kmm_walker *walker, const struct kmm_explore_job *job)
{
	struct kmm_runner *runner = walker->runner = kmm_runner_sized(&job->scope.size);
	u32 i;

	walker->form = kmm_canonical_new(&job->scope.size, job->scope.form);
	if (!runner || !walker->form)
		return -ENOMEM;
	walker->recent = kmm_recent_new(runner->state_bytes, KMM_FIRST_ARMED, KMM_LAST_ARMED);
	walker->room = FIRST_IMAGES;
	walker->images = malloc(walker->room * runner->state_bytes);
	walker->reached = malloc(job->nr_actions * sizeof(*walker->reached));
	walker->lines = calloc(kmm_nr_lines(runner->state_bytes), sizeof(*walker->lines));
	walker->added = calloc(1u << ADDED_BITS, sizeof(*walker->added));
	if (!walker->recent || !walker->images || !walker->reached || !walker->lines ||
	    !walker->added)
		return -ENOMEM;
	kmm_core_enter(runner->world);
	kmm_scope_start(runner->world, &job->scope);
	for (i = 0; i < job->nr_first; i++)
		if (perform(walker, job, &job->actions[i]))
			return -EINVAL;
	memcpy(walker->images, runner->world, runner->state_bytes);
	walker->walked = 1;
	walker->path[0] = 0;
	return 0;
}

void kmm_walker_free(struct kmm_walker *walker)
{
	kmm_runner_free(walker->runner);
	kmm_canonical_free(walker->form);
	kmm_recent_free(walker->recent);
	free(walker->images);
	free(walker->reached);
	free(walker->lines);
	free(walker->added);
}

static int room_for(struct kmm_walker *walker, u32 depth)
{
	u32 room = walker->room;
	u8 *images;

	if (depth < room)
		return 0;
	while (room <= depth)
		room *= 2;
	images = realloc(walker->images, room * walker->runner->state_bytes);
	if (!images)
		return -ENOMEM;
	walker->images = images;
	walker->room = room;
	return 0;
}

/* Neighbours in a level mostly have the same parent, so little is walked again. */
const u8 *kmm_walk_to(struct kmm_walker *walker, const struct kmm_explorer *explorer, u32 world)
{
	const struct kmm_seen *seen = explorer->visited.seen;
	struct kmm_runner *runner = walker->runner;
	u32 depth = seen[world].actions, same = 0, at;

	if (room_for(walker, depth))
		return NULL;
	for (at = depth; at; at--, world = seen[world].parent) {
		if (at < walker->walked && walker->path[at] == world) {
			same = at;
			break;
		}
		walker->path[at] = world;
	}
	for (at = same + 1; at <= depth; at++) {
		memcpy(runner->world, image_of(walker, at - 1), runner->state_bytes);
		perform(walker, &explorer->job, &explorer->job.actions[seen[walker->path[at]].action]);
		memcpy(image_of(walker, at), runner->world, runner->state_bytes);
	}
	walker->walked = depth + 1;
	return image_of(walker, depth);
}

static void note(struct kmm_chunk *chunk, u32 what, u32 world, u32 action)
{
	struct kmm_found *found = &chunk->found[what];

	if (!found->times++) {
		found->parent = world;
		found->action = action;
	}
}

static void add(struct kmm_chunk *chunk, const struct kmm_explorer *explorer, const u64 hash[2],
		u32 world, u32 action, u32 flags)
{
	const struct kmm_seen seen = { { hash[0], hash[1] }, world, action & KMM_MOST_ACTIONS,
				       flags & KMM_SEEN_LAST,
				       (explorer->visited.seen[world].actions + 1) & 0xFF };

	if (chunk->nr == chunk->room) {
		u32 room = chunk->room ? 2 * chunk->room : 256;
		struct kmm_seen *worlds = realloc(chunk->worlds, room * sizeof(*worlds));

		if (!worlds) {
			chunk->no_memory = 1;
			return;
		}
		chunk->worlds = worlds;
		chunk->room = room;
	}
	chunk->worlds[chunk->nr++] = seen;
}

/*
 * Most worlds that are new in a batch are reached several times within it.  What this thread has added
 * already is not made again; nor does it say anything of what is broken, as only worlds are remembered
 * that break nothing.
 */
static u64 *place_of_added(struct kmm_walker *walker, const u64 hash[2])
{
	return walker->added[hash[1] >> (64 - ADDED_BITS)];
}

static int was_added(struct kmm_walker *walker, u64 mark, const u64 hash[2])
{
	const u64 *place = place_of_added(walker, hash);

	return place[0] == (hash[0] ^ mark) && place[1] == hash[1];
}

static void remember_added(struct kmm_walker *walker, u64 mark, const u64 hash[2])
{
	u64 *place = place_of_added(walker, hash);

	place[0] = hash[0] ^ mark;
	place[1] = hash[1];
}

static u32 note_broken(struct kmm_chunk *chunk, struct world *world, u32 mask, u32 number,
		       u32 action)
{
	u32 broken = mask ? kmm_broken(world, mask) : 0, left;

	for (left = broken; left; left &= left - 1)
		note(chunk, KMM_FOUND_PROPERTY + (u32)__builtin_ctz(left), number, action);
	return broken;
}

/* The action once more, by one half: the world that it left has gone. */
static struct world *act_again(struct kmm_walker *walker, const struct kmm_explore_job *job,
			       const struct kmm_action *action)
{
	struct kmm_runner *runner = walker->runner;
	struct kmm_result result;

	kmm_arm((struct world *)runner->drawn, action);
	memcpy(runner->world, runner->drawn, runner->state_bytes);
	kmm_guarded_operation(runner, job->halves[0], &action->operation, &result);
	return runner->world;
}

/* A world that was reached and is not known yet, or whose way there broke a rule. */
static void arrive(struct kmm_walker *walker, const struct kmm_explorer *explorer,
		   const struct kmm_reached *reached, u32 number, struct kmm_chunk *chunk)
{
	const struct kmm_explore_job *job = &explorer->job;
	u32 mask = job->scope.properties, action = reached->action, broken = 0;
	struct world *world = act_again(walker, job, &job->actions[action]);

	/* these are of the run, not of the world that it left */
	if (kmm_run_broke_rules(world))
		broken = note_broken(chunk, world, mask, number, action);
	kmm_settle(world);
	if (!kmm_in_scope(world, &job->scope)) {
		chunk->outside++;
		return;
	}
	if (kmm_visited_find(&explorer->visited, reached->hash) != KMM_NO_WORLD) {
		chunk->known++;
		return;
	}
	if (!broken)
		broken = note_broken(chunk, world, mask, number, action);
	add(chunk, explorer, reached->hash, number, action, broken ? KMM_SEEN_LAST : 0);
	if (!broken)
		remember_added(walker, explorer->batch_mark, reached->hash);
}

/*
 * The world that an action has left, by all halves alike.  Whether it is known
 * is asked when all actions have been tried: until then the memory that tells
 * is on its way here.
 */
static void reach(struct kmm_walker *walker, const struct kmm_explorer *explorer,
		  const u8 *image, u32 action, struct kmm_chunk *chunk)
{
	struct kmm_reached *reached = &walker->reached[walker->nr_reached];
	enum kmm_led_to led;

	reached->action = action;
	reached->faults = (u32)kmm_run_broke_rules(walker->runner->world);
	led = kmm_lead_to(walker, &explorer->job.scope, image, (int)reached->faults,
			  reached->hash);
	chunk->known += led == KMM_LED_NOWHERE;
	chunk->outside += led == KMM_LED_OUTSIDE;
	if (led != KMM_LED_TO_WORLD)
		return;
	kmm_visited_fetch_index(&explorer->visited, reached->hash);
	walker->nr_reached++;
}

static void tell_apart(struct kmm_walker *walker, const struct kmm_explorer *explorer, u32 number,
		       struct kmm_chunk *chunk)
{
	const struct kmm_visited *visited = &explorer->visited;
	const struct kmm_reached *reached = walker->reached, *end = reached + walker->nr_reached;

	for (; reached < end; reached++)
		kmm_visited_fetch_seen(visited, reached->hash);
	for (reached = walker->reached; reached < end; reached++)
		if (!reached->faults &&
		    (was_added(walker, explorer->batch_mark, reached->hash) ||
		     kmm_visited_find(visited, reached->hash) != KMM_NO_WORLD))
			chunk->known++;
		else
			arrive(walker, explorer, reached, number, chunk);
	walker->nr_reached = 0;
}

static void try_one(struct kmm_walker *walker, const struct kmm_explorer *explorer,
		    const u8 *image, u32 number, u32 i, struct kmm_chunk *chunk)
{
	const struct kmm_explore_job *job = &explorer->job;
	const struct kmm_action *action = &job->actions[i];
	struct kmm_runner *runner = walker->runner;
	struct kmm_result result;
	u32 different = kmm_try(walker, job, action, &result);

	if (different || kmm_took_place(runner->world, action)) {
		chunk->transitions++;
		if (different)
			note(chunk, KMM_FOUND_DIFFERENCE + different, number, i);
		else if (result.outcome != KMM_RETURNED)
			note(chunk, result.outcome, number, i);
		else
			reach(walker, explorer, image, i, chunk);
	}
	kmm_transition_put_back(runner);
}

void kmm_try_all(struct kmm_walker *walker, const struct kmm_explorer *explorer, const u8 *image,
		 u32 world, u32 cost, struct kmm_chunk *chunk)
{
	const u32 *at = explorer->order + explorer->order_from[cost];
	const u32 *end = explorer->order + explorer->order_from[cost + 1];

	kmm_try_from(walker, image);
	for (; at < end; at++)
		try_one(walker, explorer, image, world, *at, chunk);
	tell_apart(walker, explorer, world, chunk);
}
