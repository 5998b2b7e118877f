// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <string.h>
#include <time.h>

#include "engine/phases.h"

/* Of this thread alone: what others on this processor take is not counted. */
static u64 now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
	return (u64)at.tv_sec * 1000000000u + (u64)at.tv_nsec;
}

static void restore(struct kmm_runner *runner)
{
	memcpy(runner->world, runner->drawn, runner->state_bytes);
	/* or the copy, whose result nobody reads, is no copy */
	__asm__ __volatile__("" : : "r"(runner->world) : "memory");
}

static void one_direct(struct kmm_runner *runner, const struct kmm_job *job, u64 i,
		       struct kmm_case *c, enum kmm_phase up_to)
{
	struct kmm_result result;
	u32 running;

	kmm_draw_next(job, 0, i, c);
	if (up_to == KMM_UP_TO_DRAW)
		return;
	if (i % job->nr_functions == 0)
		kmm_runner_world(runner, c);
	switch (up_to) {
	case KMM_UP_TO_RESTORE:
		kmm_runner_start(runner, c);
		break;
	case KMM_UP_TO_FIRST:
	case KMM_UP_TO_SECOND:
		kmm_runner_run(runner, c, job->halves[up_to == KMM_UP_TO_SECOND], &result);
		break;
	case KMM_UP_TO_COMPARE:
		kmm_replay(runner, c, job->halves, 2, &result, &running);
		break;
	default:
		break;
	}
}

static void one_sequence(struct kmm_runner *runner, const struct kmm_job *job, u64 i,
			 struct kmm_sequence *s, enum kmm_phase up_to)
{
	struct kmm_result result;
	u32 running;

	kmm_draw_sequence(job, 0, i, s);
	/* the measure is by sequences of 16 operations */
	s->operations = 15;
	if (up_to == KMM_UP_TO_DRAW)
		return;
	if (up_to == KMM_UP_TO_COMPARE) {
		kmm_sequence_first_replay(runner, s, job->halves, 2, &result, &running);
		return;
	}
	kmm_sequence_start(runner, s);
	switch (up_to) {
	case KMM_UP_TO_RESTORE:
		restore(runner);
		break;
	case KMM_UP_TO_FIRST:
	case KMM_UP_TO_SECOND:
		kmm_sequence_run(runner, job->halves[up_to == KMM_UP_TO_SECOND], &result);
		break;
	default:
		break;
	}
}

u64 kmm_time_cases(struct kmm_runner *runner, const struct kmm_job *job, u32 sequences,
		   u64 cases, enum kmm_phase up_to)
{
	struct kmm_case c;
	struct kmm_sequence s;
	u64 start, i;

	memset(&c, 0, sizeof(c));
	start = now();
	for (i = 0; i < cases; i++)
		if (sequences)
			one_sequence(runner, job, i, &s, up_to);
		else
			one_direct(runner, job, i, &c, up_to);
	return now() - start;
}
