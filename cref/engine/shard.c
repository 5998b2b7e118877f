// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "engine/rng.h"
#include "engine/shard.h"
#include "machine/count.h"

/* The first bytes of a case make its call, the others its world. */
#define CALL_BYTES	((u32)offsetof(struct kmm_case, focus))
#define CASE_BYTES	((u32)sizeof(struct kmm_case))
#define WORDS		((CASE_BYTES + 7) / 8)

/* All units on in half of the cases, none in an eighth, else a random subset; by rows, not guesses. */
static u32 mixed_units(u64 random)
{
	static const u8 always[8] = { KMM_ALL_UNITS, KMM_ALL_UNITS, KMM_ALL_UNITS, KMM_ALL_UNITS };
	static const u8 maybe[8] = { 0, 0, 0, 0, 0, KMM_ALL_UNITS, KMM_ALL_UNITS, KMM_ALL_UNITS };

	return always[random & 7] | (random >> 3 & maybe[random & 7]);
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

void kmm_draw_next(const struct kmm_job *job, u64 shard, u64 index, struct kmm_case *c)
{
	if (index % job->nr_functions == 0)
		draw_world(job, shard, index, c);
	draw_call(job, shard, index, c);
}

void kmm_draw_sequence(const struct kmm_job *job, u64 shard, u64 index, struct kmm_sequence *s)
{
	u64 key = kmm_case_key(job->seed, ~shard, index), random;
	u64 words[(sizeof(*s) + 7) / 8];
	u32 i;

	for (i = 0; i < sizeof(words) / 8; i++)
		words[i] = kmm_random(key, i);
	kmm_sequence_decode(s, (const u8 *)words);
	random = kmm_random(key, i);
	s->units = job->units_mode == KMM_UNITS_FIXED ? job->units : mixed_units(random);
	s->units |= random >> 16 & KMM_UX;
}

/*
 * The counting builds on the case that was built last, a sequence if `c` is
 * NULL.  Not compared: they exist to be counted, and are built from the same
 * text.
 */
static void run_counted(struct kmm_runner *runner, const struct kmm_job *job,
			const struct kmm_case *c, u64 *counters, u64 counter_words)
{
	struct kmm_result result;
	u32 i;

	for (i = 0; i < job->nr_counted; i++) {
		kmm_count_into(counters + i * counter_words);
		if (c)
			kmm_runner_run(runner, c, job->counted[i], &result);
		else
			kmm_sequence_run(runner, job->counted[i], &result);
	}
}

/*
 * After a replay: count the case if it is of the sample, or if it does something
 * new.  1 if it was run for that.
 */
static int count(struct kmm_runner *runner, const struct kmm_job *job,
		  const struct kmm_shard *shard, u64 index, const struct kmm_case *c)
{
	const struct world *left = (const struct world *)runner->left;
	int sampled = c ? index % KMM_COUNT_EVERY < job->nr_functions :
			  index % KMM_COUNT_SEQUENCES_EVERY == 0;
	int noted = c ? KMM_IS_NOTED(index) : KMM_IS_NOTED_SEQUENCE(index);

	if (sampled)
		run_counted(runner, job, c, shard->counters, shard->counter_words);
	if (!noted || !shard->behaviours ||
	    !kmm_note_behaviours(shard->behaviours, left, shard->shard, index))
		return sampled;
	run_counted(runner, job, c, shard->live, shard->counter_words);
	return 1;
}

void kmm_count_case(struct kmm_runner *runner, const struct kmm_job *job,
		    const struct kmm_shard *shard, u64 index)
{
	struct kmm_sequence s;
	struct kmm_case c;

	if (shard->sequences) {
		kmm_draw_sequence(job, shard->shard, index, &s);
		kmm_sequence_start(runner, &s);
	} else {
		kmm_draw_case(job, shard->shard, index, &c);
		kmm_runner_world(runner, &c);
	}
	run_counted(runner, job, shard->sequences ? NULL : &c, shard->counters,
		    shard->counter_words);
}

/* Take note of a divergence: 1 if the shard is to end there. */
static int note(const struct kmm_job *job, struct kmm_shard *shard, u64 index, u32 half)
{
	if (!shard->divergences++) {
		shard->first_divergence = index;
		shard->first_half = half;
	}
	return !job->keep_going;
}

static u64 run_direct(struct kmm_runner *runner, const struct kmm_job *job,
		      struct kmm_shard *shard, const volatile int *stop, struct kmm_watch *watch)
{
	struct kmm_case *c = &watch->running.direct;
	int stands = 0;
	u64 i;

	for (i = 0; i < shard->cases; i++) {
		struct kmm_result first;
		u32 half;

		if (stop && *stop) {
			shard->stopped = 1;
			break;
		}
		kmm_draw_next(job, shard->shard, i, c);
		if (i % job->nr_functions == 0) {
			kmm_runner_world(runner, c);
			stands = 1;
		}
		half = kmm_replay_next(runner, c, job->halves, job->nr_halves, &first,
				       &watch->running_half, &stands);
		if (job->nr_counted && count(runner, job, shard, i, c))
			stands = 0;
		watch->beats++;

		shard->calls[c->function]++;
		shard->outcomes[first.outcome]++;
		if (!half)
			continue;
		shard->divergences_of[c->function]++;
		if (note(job, shard, i, half))
			return i + 1;
	}
	return i;
}

static u64 run_sequences(struct kmm_runner *runner, const struct kmm_job *job,
			 struct kmm_shard *shard, const volatile int *stop,
			 struct kmm_watch *watch)
{
	struct kmm_sequence *s = &watch->running.sequence;
	const struct world *world = runner->world;
	u64 i;

	for (i = 0; i < shard->cases; i++) {
		struct kmm_result first;
		u32 half;

		if (stop && *stop) {
			shard->stopped = 1;
			break;
		}
		kmm_draw_sequence(job, shard->shard, i, s);
		half = kmm_sequence_first_replay(runner, s, job->halves, job->nr_halves, &first,
						 &watch->running_half);
		shard->operations += s->operations + 1;
		shard->interfered += world->interfered != 0;
		shard->disordered += (world->order_fault | world->sleep_fault) != 0;
		if (job->nr_counted)
			count(runner, job, shard, i, NULL);
		watch->beats++;

		shard->outcomes[first.outcome]++;
		if (half && note(job, shard, i, half))
			return i + 1;
	}
	return i;
}

void kmm_run_shard(struct kmm_runner *runner, const struct kmm_job *job,
		   struct kmm_shard *shard, const volatile int *stop, struct kmm_watch *watch)
{
	watch->sequence = shard->sequences;
	shard->done = shard->sequences ? run_sequences(runner, job, shard, stop, watch) :
					 run_direct(runner, job, shard, stop, watch);
}
