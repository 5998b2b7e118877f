// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "engine/rng.h"
#include "engine/shard.h"
#include "machine/count.h"

/* The first bytes of a case make its call, the others its world. */
#define CALL_BYTES	((u32)offsetof(struct kmm_case, focus))
#define CASE_BYTES	((u32)sizeof(struct kmm_case))
#define WORDS		((CASE_BYTES + 7) / 8)

/* All units on in half of the cases, none in an eighth, else a random subset. */
static u32 mixed_units(u64 random)
{
	u32 which = random & 7;

	return which < 4 ? KMM_ALL_UNITS : which == 4 ? 0 : random >> 3 & KMM_ALL_UNITS;
}

static void draw(struct kmm_case *c, u64 key, u32 from, u32 to)
{
	u64 words[WORDS];
	u32 i;

	for (i = from / 8; i < (to + 7) / 8; i++)
		words[i] = kmm_random(key, i);
	kmm_decode_range(c, (const u8 *)words, from, to);
}

/*
 * The world of a case is shared by as many calls in a row as there are
 * functions to call; its call is its own.
 */
static void draw_world(const struct kmm_job *job, u64 shard, u64 index, struct kmm_case *c)
{
	draw(c, kmm_case_key(~job->seed, shard, index / job->nr_functions), CALL_BYTES, CASE_BYTES);
}

static void draw_call(const struct kmm_job *job, u64 shard, u64 index, struct kmm_case *c)
{
	u64 key = kmm_case_key(job->seed, shard, index), random;

	draw(c, key, 0, CALL_BYTES);
	c->function = job->functions[index % job->nr_functions];
	random = kmm_random(key, WORDS);
	c->units = job->units_mode == KMM_UNITS_FIXED ? job->units : mixed_units(random);
	/* half X shows both texts of what changes no behaviour, whatever the units */
	c->units |= random >> 16 & KMM_UX;
	c->wild = job->wild;
}

void kmm_draw_case(const struct kmm_job *job, u64 shard, u64 index, struct kmm_case *c)
{
	draw_world(job, shard, index, c);
	draw_call(job, shard, index, c);
}

/* Not compared: they exist to be counted, and are built from the same text. */
static void run_counted(struct kmm_runner *runner, const struct kmm_job *job,
			const struct kmm_shard *shard, const struct kmm_case *c)
{
	struct kmm_result result;
	u32 i;

	for (i = 0; i < job->nr_counted; i++) {
		kmm_count_into(shard->counters + i * shard->counter_words);
		kmm_runner_run(runner, c, job->counted[i], &result);
	}
}

void kmm_run_shard(struct kmm_runner *runner, const struct kmm_job *job,
		   struct kmm_shard *shard, const volatile int *stop, struct kmm_watch *watch)
{
	u64 i;

	for (i = 0; i < shard->cases; i++) {
		struct kmm_result first;
		struct kmm_case *c = &watch->running;
		u32 half;

		if (stop && *stop) {
			shard->stopped = 1;
			break;
		}
		if (i % job->nr_functions == 0) {
			draw_world(job, shard->shard, i, c);
			kmm_runner_world(runner, c);
		}
		draw_call(job, shard->shard, i, c);
		half = kmm_replay(runner, c, job->halves, job->nr_halves, &first,
				  &watch->running_half);
		if (job->nr_counted && i % KMM_COUNT_EVERY < job->nr_functions)
			run_counted(runner, job, shard, c);
		watch->beats++;

		shard->calls[c->function]++;
		shard->outcomes[first.outcome]++;
		if (!half)
			continue;
		shard->divergences_of[c->function]++;
		if (!shard->divergences++) {
			shard->first_divergence = i;
			shard->first_half = half;
		}
		if (!job->keep_going) {
			i++;
			break;
		}
	}
	shard->done = i;
}
