// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/explore/hash.h"
#include "engine/explore/inside.h"
#include "machine/property.h"

static u64 chain(u64 digest, const void *bytes, u64 size)
{
	const u8 *at = bytes;
	u64 word, i;

	for (i = 0; i < size; i += sizeof(word)) {
		word = 0;
		memcpy(&word, at + i, size - i < sizeof(word) ? size - i : sizeof(word));
		digest = kmm_hash_fold(digest ^ word, KMM_HASH_1 ^ i) + KMM_HASH_2;
	}
	return digest;
}

static void make_digest(struct kmm_explorer *explorer)
{
	const struct kmm_explore_job *job = &explorer->job;
	u32 i;

	for (i = 0; i < 2; i++) {
		u64 digest = chain(i, &job->scope, sizeof(job->scope));

		digest = chain(digest, job->actions, job->nr_actions * sizeof(*job->actions));
		explorer->digest[i] = chain(digest, &job->nr_first, sizeof(job->nr_first));
	}
}

static void make_start(struct kmm_explorer *explorer)
{
	struct kmm_walker *walker = &explorer->walkers[0];
	struct kmm_seen start = { .parent = KMM_NO_WORLD };

	memcpy(walker->runner->world, walker->images, walker->runner->state_bytes);
	kmm_canonical_hash(walker->form, walker->runner->world, start.hash);
	kmm_visited_add(&explorer->visited, &start);
	kmm_levels_start(explorer);
}

struct kmm_explorer *kmm_explorer_new(const struct kmm_explore_job *job)
{
	struct kmm_explorer *explorer = calloc(1, sizeof(*explorer));
	u32 i;

	if (!explorer)
		return NULL;
	explorer->job = *job;
	for (i = 0; i < KMM_NR_FOUND; i++)
		explorer->totals.found[i].parent = KMM_NO_WORLD;
	explorer->walkers = calloc(job->jobs, sizeof(*explorer->walkers));
	if (!explorer->walkers || kmm_visited_init(&explorer->visited) || kmm_levels_init(explorer))
		goto fail;
	for (i = 0; i < job->jobs; i++)
		if (kmm_walker_init(&explorer->walkers[i], job))
			goto fail;
	make_digest(explorer);
	make_start(explorer);
	return explorer;
fail:
	kmm_explorer_free(explorer);
	return NULL;
}

void kmm_explorer_free(struct kmm_explorer *explorer)
{
	u32 i;

	if (!explorer)
		return;
	for (i = 0; explorer->walkers && i < explorer->job.jobs; i++)
		kmm_walker_free(&explorer->walkers[i]);
	for (i = 0; i < KMM_BATCH_CHUNKS; i++)
		free(explorer->chunks[i].worlds);
	free(explorer->walkers);
	free(explorer->order);
	kmm_visited_free(&explorer->visited);
	free(explorer);
}

static int has_found(const struct kmm_explorer *explorer)
{
	u32 i = explorer->job.ends ? 0 : KMM_FOUND_PROPERTY;

	for (; i < KMM_NR_FOUND; i++)
		if (explorer->totals.found[i].times)
			return 1;
	return 0;
}

static void clear_chunks(struct kmm_explorer *explorer)
{
	u32 i;

	for (i = 0; i < KMM_BATCH_CHUNKS; i++) {
		struct kmm_chunk *chunk = &explorer->chunks[i];

		chunk->nr = chunk->done = chunk->no_memory = 0;
		chunk->transitions = chunk->known = chunk->outside = 0;
		memset(chunk->found, 0, sizeof(chunk->found));
	}
	explorer->next_chunk = 0;
	explorer->so_far = 0;
}

enum kmm_explore_state kmm_explorer_begin(struct kmm_explorer *explorer)
{
	struct kmm_explored *totals = &explorer->totals;
	u32 most = KMM_BATCH_CHUNKS * KMM_CHUNK_WORLDS, left;
	enum kmm_explore_state state;

	if (!explorer->job.go_on && has_found(explorer))
		return KMM_EXPLORE_FOUND;
	state = kmm_levels_next(explorer);
	if (state != KMM_EXPLORE_BATCH)
		return state;
	left = totals->level_to - totals->next;
	explorer->batch_from = totals->next;
	explorer->batch_to = totals->next + (left < most ? left : most);
	clear_chunks(explorer);
	explorer->batch_mark += KMM_HASH_2;
	return KMM_EXPLORE_BATCH;
}

/* 0 if it was stopped before its end. */
static int work_on(struct kmm_explorer *explorer, struct kmm_walker *walker,
		   struct kmm_chunk *chunk, u32 from, const int *stop)
{
	u32 to = from + KMM_CHUNK_WORLDS, world;

	if (to > explorer->batch_to)
		to = explorer->batch_to;
	for (world = from; world < to; world++) {
		const u8 *image;
		u64 before = chunk->transitions;

		if (__atomic_load_n(stop, __ATOMIC_RELAXED))
			return 0;
		if (explorer->visited.seen[world].flags & KMM_SEEN_LAST)
			continue;
		image = kmm_walk_to(walker, explorer, world);
		if (!image) {
			chunk->no_memory = 1;
			return 0;
		}
		kmm_try_all(walker, explorer, image, world, explorer->totals.cost, chunk);
		__atomic_fetch_add(&explorer->so_far, chunk->transitions - before,
				   __ATOMIC_RELAXED);
	}
	return 1;
}

void kmm_explorer_work(struct kmm_explorer *explorer, u32 job, const int *stop)
{
	for (;;) {
		u32 i = __atomic_fetch_add(&explorer->next_chunk, 1, __ATOMIC_RELAXED);
		u32 from = explorer->batch_from + i * KMM_CHUNK_WORLDS;

		if (i >= KMM_BATCH_CHUNKS || from >= explorer->batch_to)
			return;
		if (!work_on(explorer, &explorer->walkers[job], &explorer->chunks[i], from, stop))
			return;
		explorer->chunks[i].done = 1;
	}
}

static int merge_worlds(struct kmm_explorer *explorer, const struct kmm_chunk *chunk)
{
	struct kmm_explored *totals = &explorer->totals;
	u32 i;

	for (i = 0; i < chunk->nr; i++) {
		/* the same world may have been reached twice within a batch */
		if (kmm_visited_find(&explorer->visited, chunk->worlds[i].hash) != KMM_NO_WORLD) {
			totals->known++;
			continue;
		}
		if (kmm_visited_add(&explorer->visited, &chunk->worlds[i]) == KMM_NO_WORLD)
			return -ENOMEM;
	}
	totals->worlds = explorer->visited.nr;
	return 0;
}

#define FETCHED_AHEAD	4u

static void fetch_chunk(const struct kmm_explorer *explorer, const struct kmm_chunk *chunk)
{
	u32 i;

	for (i = 0; i < chunk->nr; i++)
		kmm_visited_fetch_index(&explorer->visited, chunk->worlds[i].hash);
}

static int merge_chunk(struct kmm_explorer *explorer, const struct kmm_chunk *chunk)
{
	struct kmm_explored *totals = &explorer->totals;
	u32 i;

	totals->transitions += chunk->transitions;
	totals->known += chunk->known;
	totals->outside += chunk->outside;
	for (i = 0; i < KMM_NR_FOUND; i++) {
		u64 times = totals->found[i].times + chunk->found[i].times;

		if (!totals->found[i].times && times)
			totals->found[i] = chunk->found[i];
		totals->found[i].times = times;
	}
	return merge_worlds(explorer, chunk);
}

int kmm_explorer_merge(struct kmm_explorer *explorer)
{
	u32 worlds = explorer->batch_to - explorer->batch_from, i, found = 0;
	u32 nr = (worlds + KMM_CHUNK_WORLDS - 1) / KMM_CHUNK_WORLDS;

	for (i = 0; i < nr; i++) {
		if (explorer->chunks[i].no_memory)
			return -ENOMEM;
		if (!explorer->chunks[i].done)
			return -EAGAIN;
		found += explorer->chunks[i].nr;
	}
	if (kmm_visited_reserve(&explorer->visited, found))
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		/* the memory that tells is on its way while others are merged */
		if (i + FETCHED_AHEAD < nr)
			fetch_chunk(explorer, &explorer->chunks[i + FETCHED_AHEAD]);
		if (merge_chunk(explorer, &explorer->chunks[i]))
			return -ENOMEM;
	}
	kmm_levels_tried(explorer, explorer->batch_to);
	return 0;
}

const struct kmm_explored *kmm_explorer_totals(const struct kmm_explorer *explorer)
{
	return &explorer->totals;
}

u64 kmm_explorer_bytes(const struct kmm_explorer *explorer)
{
	return kmm_visited_bytes(&explorer->visited);
}

u64 kmm_explorer_so_far(const struct kmm_explorer *explorer)
{
	return __atomic_load_n(&explorer->so_far, __ATOMIC_RELAXED);
}

const struct kmm_seen *kmm_explorer_seen(const struct kmm_explorer *explorer, u32 number)
{
	return number < explorer->visited.nr ? &explorer->visited.seen[number] : NULL;
}

u32 kmm_explorer_path(const struct kmm_explorer *explorer, u32 number, u32 *actions)
{
	return kmm_visited_path(&explorer->visited, number, actions);
}

const u8 *kmm_explorer_image(struct kmm_explorer *explorer, u32 number, u64 *bytes)
{
	struct kmm_walker *walker = &explorer->walkers[0];

	*bytes = walker->runner->state_bytes;
	return kmm_walk_to(walker, explorer, number);
}
