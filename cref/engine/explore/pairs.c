// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/explore/hash.h"
#include "engine/explore/inside.h"
#include "engine/explore/pairs.h"

struct kmm_pairs {
	struct kmm_explore_job job;
	u32 units[2];
	const struct kmm_half *halves[2];
	struct kmm_runner *runner;
	struct kmm_canonical *form;
	struct kmm_visited visited;
	struct kmm_paired totals;
	u32 level_from, level_to;
	u8 *path_images;		/* two of each pair on the path that was walked last */
	u8 *left[2];			/* what the action that is tried has left */
	u16 *disks[2];			/* at rest */
	u32 path[KMM_MOST_DEPTH + 1];
	u32 room, walked;
};

static u64 bytes_of(const struct kmm_pairs *pairs)
{
	return pairs->runner->state_bytes;
}

static u8 *image_of(struct kmm_pairs *pairs, u32 depth, u32 which)
{
	return pairs->path_images + (2ull * depth + which) * bytes_of(pairs);
}

/* Of the named files; what is behind are stores that they do not hold yet. */
static u64 disk_bytes(const struct world *world)
{
	return (u64)(world->size.mappings - 1) * world->size.slots * KMM_SECTORS * sizeof(u16);
}

static const u16 *disks_of(struct kmm_pairs *pairs, const u8 *image)
{
	const struct world *world = pairs->runner->world;

	return (const u16 *)(const void *)(image + ((const u8 *)world->disks - (const u8 *)world));
}

static void operate(struct kmm_pairs *pairs, u32 which, const struct kmm_operation *operation,
		    struct kmm_result *result)
{
	kmm_guarded_operation(pairs->runner, pairs->halves[which], operation, result);
	kmm_settle(pairs->runner->world);
}

static void do_one(struct kmm_pairs *pairs, u32 which, u32 kind, u32 actor, u32 a0, u32 a1)
{
	const struct kmm_operation operation = { kind, actor, { a0, a1 } };
	struct kmm_result result;

	operate(pairs, which, &operation, &result);
}

/* Both images one operation further; results[] of both. */
static void step(struct kmm_pairs *pairs, const struct kmm_operation *operation, u8 *const from[2],
		 u8 *const to[2], struct kmm_result results[2])
{
	struct world *world = pairs->runner->world;
	u32 version = ((struct world *)(void *)from[0])->version;
	u32 other = ((struct world *)(void *)from[1])->version, i;

	for (i = 0; i < 2; i++) {
		memcpy(world, from[i], bytes_of(pairs));
		world->version = version > other ? version : other;
		operate(pairs, i, operation, &results[i]);
		memcpy(to[i], world, bytes_of(pairs));
	}
}

/* Twice, as what ends may leave something to be written; into disks[]. */
static void rest(struct kmm_pairs *pairs, u32 which)
{
	struct world *world = pairs->runner->world;
	u32 i, round;

	memcpy(world, pairs->left[which], bytes_of(pairs));
	for (i = 0; i < world->size.mms; i++)
		do_one(pairs, which, KMM_OP_exit, i, 0, 0);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < pairs->job.scope.files; i++)
			do_one(pairs, which, KMM_OP_commit, 0, i, 0);
		do_one(pairs, which, KMM_OP_sync, 0, 0, 0);
		for (i = 0; i < world->size.pages; i++)
			do_one(pairs, which, KMM_OP_complete, 0, i, 1);
	}
	memcpy(pairs->disks[which], world->disks, disk_bytes(world));
}

static int is_by_process(const struct kmm_operation *operation)
{
	return operation->kind <= KMM_OP_fsync && operation->kind != KMM_OP_unpin;
}

static int is_promise(const struct kmm_operation *operation, const struct kmm_result *result)
{
	return !result->ret && operation->kind == KMM_OP_fsync;
}

static void note(struct kmm_pairs *pairs, enum kmm_parted_how how, u32 parent, u32 action,
		 const struct kmm_result results[2])
{
	struct kmm_parted *parted = &pairs->totals.parted[how];

	if (parted->parent != KMM_NO_WORLD)
		return;
	parted->parent = parent;
	parted->action = action;
	parted->results[0] = results[0].ret;
	parted->results[1] = results[1].ret;
}

/* Disks of the first and of the other: `how`, and where the first one's is older, two on. */
static void note_older(struct kmm_pairs *pairs, enum kmm_parted_how how, u32 parent, u32 action,
		       const struct kmm_result results[2], const u16 *first, const u16 *other)
{
	u64 sectors = disk_bytes(pairs->runner->world) / sizeof(*first), i;

	for (i = 0; i < sectors; i++) {
		if (other[i] < first[i])
			note(pairs, how, parent, action, results);
		if (first[i] < other[i])
			note(pairs, how + 2, parent, action, results);
	}
}

static void hash_pair(struct kmm_pairs *pairs, u64 hash[2])
{
	struct world *world = pairs->runner->world;
	u64 words[4];
	u32 i;

	for (i = 0; i < 2; i++) {
		memcpy(world, pairs->left[i], bytes_of(pairs));
		kmm_canonical_hash_as_is(pairs->form, world, i != 0, &words[2 * i]);
	}
	kmm_hash_words(words, 4, hash);
}

/* Is either of them outside?  The world in the block is then anything. */
static int is_outside(struct kmm_pairs *pairs)
{
	u32 i;

	for (i = 0; i < 2; i++) {
		memcpy(pairs->runner->world, pairs->left[i], bytes_of(pairs));
		if (!kmm_in_scope(pairs->runner->world, &pairs->job.scope))
			return 1;
	}
	return 0;
}

/* Nothing is tried any more from a pair whose answers were not the same. */
static int has_parted(struct kmm_pairs *pairs, u32 parent, u32 action,
		      const struct kmm_result results[2])
{
	const struct kmm_operation *operation = &pairs->job.actions[action].operation;

	if (results[0].outcome != KMM_RETURNED || results[1].outcome != KMM_RETURNED) {
		if (results[0].outcome != results[1].outcome)
			note(pairs, KMM_PARTED_OUTCOME, parent, action, results);
		return 1;
	}
	if (is_by_process(operation) && results[0].ret != results[1].ret) {
		note(pairs, KMM_PARTED_RESULT, parent, action, results);
		return 1;
	}
	if (is_promise(operation, &results[0]) && is_promise(operation, &results[1]))
		note_older(pairs, KMM_PARTED_SYNCED, parent, action, results,
			   disks_of(pairs, pairs->left[0]), disks_of(pairs, pairs->left[1]));
	return 0;
}

static int try_one(struct kmm_pairs *pairs, u8 *const from[2], u32 parent, u32 action)
{
	struct kmm_seen seen = { .parent = parent, .action = action & KMM_MOST_ACTIONS };
	struct kmm_result results[2];

	pairs->totals.transitions++;
	step(pairs, &pairs->job.actions[action].operation, from, pairs->left, results);
	if (has_parted(pairs, parent, action, results))
		return 0;
	if (is_outside(pairs)) {
		pairs->totals.outside++;
		return 0;
	}
	hash_pair(pairs, seen.hash);
	if (kmm_visited_find(&pairs->visited, seen.hash) != KMM_NO_WORLD)
		return 0;
	if (kmm_visited_add(&pairs->visited, &seen) == KMM_NO_WORLD)
		return -ENOMEM;
	rest(pairs, 0);
	rest(pairs, 1);
	note_older(pairs, KMM_PARTED_REST, parent, action, results, pairs->disks[0],
		   pairs->disks[1]);
	return 0;
}

static int room_for(struct kmm_pairs *pairs, u32 depth)
{
	u8 *images;

	if (depth < pairs->room)
		return 0;
	images = realloc(pairs->path_images, 2ull * (depth + 8) * bytes_of(pairs));
	if (!images)
		return -ENOMEM;
	pairs->path_images = images;
	pairs->room = depth + 8;
	return 0;
}

/* As the explorer's walker: neighbours have most of their path in common. */
static void walk_to(struct kmm_pairs *pairs, u32 pair, u32 depth)
{
	const struct kmm_seen *seen = pairs->visited.seen;
	struct kmm_result results[2];
	u32 same = 0, at;

	for (at = depth; at; at--, pair = seen[pair].parent) {
		if (at < pairs->walked && pairs->path[at] == pair) {
			same = at;
			break;
		}
		pairs->path[at] = pair;
	}
	for (at = same + 1; at <= depth; at++) {
		u8 *const from[2] = { image_of(pairs, at - 1, 0), image_of(pairs, at - 1, 1) };
		u8 *const to[2] = { image_of(pairs, at, 0), image_of(pairs, at, 1) };

		step(pairs, &pairs->job.actions[seen[pairs->path[at]].action].operation, from, to,
		     results);
	}
	pairs->walked = depth + 1;
}

static int try_all(struct kmm_pairs *pairs, u32 pair, u32 depth)
{
	u8 *const from[2] = { image_of(pairs, depth, 0), image_of(pairs, depth, 1) };
	u32 i;

	for (i = pairs->job.nr_first; i < pairs->job.nr_actions; i++)
		if (try_one(pairs, from, pair, i))
			return -ENOMEM;
	return 0;
}

enum kmm_explore_state kmm_pairs_level(struct kmm_pairs *pairs)
{
	u32 depth = pairs->totals.depth, pair;

	if (pairs->level_from == pairs->level_to)
		return KMM_EXPLORE_CLOSED;
	if (depth >= pairs->job.depth)
		return KMM_EXPLORE_DEPTH;
	if (room_for(pairs, depth))
		return KMM_EXPLORE_NO_MEMORY;
	for (pair = pairs->level_from; pair < pairs->level_to; pair++) {
		walk_to(pairs, pair, depth);
		if (try_all(pairs, pair, depth))
			return KMM_EXPLORE_NO_MEMORY;
	}
	pairs->level_from = pairs->level_to;
	pairs->level_to = pairs->totals.pairs = pairs->visited.nr;
	pairs->totals.depth++;
	return KMM_EXPLORE_BATCH;
}

static int make_start(struct kmm_pairs *pairs)
{
	struct kmm_seen start = { .parent = KMM_NO_WORLD };
	struct kmm_scope scope = pairs->job.scope;
	struct kmm_runner *runner = pairs->runner;
	struct kmm_result result;
	u32 which, i;

	for (which = 0; which < 2; which++) {
		memcpy(runner->world, runner->common, bytes_of(pairs));
		kmm_core_enter(runner->world);
		scope.units = pairs->units[which];
		kmm_scope_start(runner->world, &scope);
		for (i = 0; i < pairs->job.nr_first; i++)
			operate(pairs, which, &pairs->job.actions[i].operation, &result);
		memcpy(image_of(pairs, 0, which), runner->world, bytes_of(pairs));
		memcpy(pairs->left[which], runner->world, bytes_of(pairs));
	}
	hash_pair(pairs, start.hash);
	pairs->level_to = pairs->totals.pairs = pairs->walked = 1;
	return kmm_visited_add(&pairs->visited, &start) == KMM_NO_WORLD;
}

static int have_room(struct kmm_pairs *pairs)
{
	u32 i;

	pairs->runner = kmm_runner_sized(&pairs->job.scope.size);
	pairs->form = kmm_canonical_new(&pairs->job.scope.size, pairs->job.scope.form);
	if (!pairs->runner || !pairs->form || kmm_visited_init(&pairs->visited))
		return 0;
	for (i = 0; i < 2; i++) {
		pairs->left[i] = malloc(bytes_of(pairs));
		pairs->disks[i] = malloc(disk_bytes(pairs->runner->world));
		if (!pairs->left[i] || !pairs->disks[i])
			return 0;
	}
	return !room_for(pairs, 0);
}

struct kmm_pairs *kmm_pairs_new(const struct kmm_explore_job *job, u32 other_units)
{
	struct kmm_pairs *pairs = calloc(1, sizeof(*pairs));
	u32 i;

	if (!pairs)
		return NULL;
	pairs->job = *job;
	pairs->units[0] = job->scope.units;
	pairs->units[1] = other_units;
	pairs->halves[0] = job->halves[0];
	pairs->halves[1] = job->halves[job->nr_halves > 1];
	for (i = 0; i < NR_KMM_PARTED; i++)
		pairs->totals.parted[i].parent = KMM_NO_WORLD;
	if (have_room(pairs) && !make_start(pairs))
		return pairs;
	kmm_pairs_free(pairs);
	return NULL;
}

void kmm_pairs_free(struct kmm_pairs *pairs)
{
	u32 i;

	if (!pairs)
		return;
	for (i = 0; i < 2; i++) {
		free(pairs->left[i]);
		free(pairs->disks[i]);
	}
	if (pairs->runner)
		kmm_runner_free(pairs->runner);
	kmm_canonical_free(pairs->form);
	kmm_visited_free(&pairs->visited);
	free(pairs->path_images);
	free(pairs);
}

const struct kmm_paired *kmm_pairs_totals(const struct kmm_pairs *pairs)
{
	return &pairs->totals;
}

u32 kmm_pairs_path(const struct kmm_pairs *pairs, u32 number, u32 *actions)
{
	return kmm_visited_path(&pairs->visited, number, actions);
}
