// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which worlds are tried next, and by which actions.  A level is the worlds that
 * so many operations lead to, those of all actors, and no fewer.  It is made by
 * the actions of one operation from the level before it, then by those of two
 * from the one before that, and so on: each action is tried once on each world,
 * and every world of a level has its number before the first of the next.
 */
#include <stdlib.h>

#include "engine/explore/inside.h"

int kmm_levels_init(struct kmm_explorer *explorer)
{
	const struct kmm_explore_job *job = &explorer->job;
	u32 cost, i, nr = 0;

	explorer->order = malloc(job->nr_actions * sizeof(*explorer->order) + 1);
	if (!explorer->order)
		return -1;
	explorer->most_cost = 1;
	for (cost = 1; cost <= KMM_MOST_COST; cost++) {
		explorer->order_from[cost] = nr;
		for (i = job->nr_first; i < job->nr_actions; i++)
			if (kmm_action_cost(&job->actions[i]) == cost)
				explorer->order[nr++] = i;
		if (nr > explorer->order_from[cost])
			explorer->most_cost = cost;
	}
	explorer->order_from[cost] = nr;
	return 0;
}

/* From here on the level is made by actions of this cost: from no world, if there are none. */
static void make_by(struct kmm_explorer *explorer, u32 cost)
{
	struct kmm_explored *totals = &explorer->totals;
	int some = explorer->order_from[cost] < explorer->order_from[cost + 1];
	u32 source = totals->level - cost;

	totals->cost = cost;
	totals->level_from = totals->level_to = totals->next = totals->levels[totals->level];
	if (some && cost <= totals->level) {
		totals->level_from = totals->next = totals->levels[source];
		totals->level_to = totals->levels[source + 1];
	}
}

static void skip_what_is_done(struct kmm_explorer *explorer)
{
	const struct kmm_explored *totals = &explorer->totals;

	while (totals->next == totals->level_to && totals->cost < explorer->most_cost)
		make_by(explorer, totals->cost + 1);
}

void kmm_levels_start(struct kmm_explorer *explorer)
{
	struct kmm_explored *totals = &explorer->totals;

	totals->worlds = 1;
	totals->level = totals->levels[1] = 1;
	make_by(explorer, 1);
}

void kmm_levels_tried(struct kmm_explorer *explorer, u32 up_to)
{
	explorer->totals.next = up_to;
	skip_what_is_done(explorer);
}

/* Nothing leads on from the levels from which the next ones could be made. */
static int is_closed(const struct kmm_explorer *explorer)
{
	const struct kmm_explored *totals = &explorer->totals;
	u32 i;

	for (i = 0; i < explorer->most_cost && i <= totals->level; i++)
		if (totals->levels[totals->level - i] != totals->levels[totals->level - i + 1])
			return 0;
	return 1;
}

static u32 last_with_worlds(const struct kmm_explored *totals)
{
	u32 level = totals->level;

	while (totals->levels[level] == totals->levels[level + 1])
		level--;
	return level;
}

enum kmm_explore_state kmm_levels_next(struct kmm_explorer *explorer)
{
	struct kmm_explored *totals = &explorer->totals;

	for (;;) {
		if (totals->next == totals->level_to) {
			totals->levels[totals->level + 1] = totals->worlds;
			if (is_closed(explorer)) {
				totals->depth = last_with_worlds(totals);
				return KMM_EXPLORE_CLOSED;
			}
			totals->depth = totals->level++;
			make_by(explorer, 1);
			skip_what_is_done(explorer);
		}
		if (totals->depth >= explorer->job.depth)
			return KMM_EXPLORE_DEPTH;
		if (totals->next < totals->level_to)
			return KMM_EXPLORE_BATCH;
	}
}
