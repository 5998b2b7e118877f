// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "engine/clock.h"
#include "engine/phases.h"
#include "engine/same.h"

static void restore(struct kmm_runner *runner)
{
	memcpy(runner->world, runner->drawn, runner->state_bytes);
	kmm_used(runner->world);
}

static void one_direct(struct kmm_runner *runner, const struct kmm_job *job, u64 i,
		       struct kmm_case *c, int *stands, enum kmm_phase up_to)
{
	struct kmm_result result;
	u32 running;

	kmm_draw_next(job, 0, i, c);
	if (up_to == KMM_UP_TO_DRAW)
		return;
	if (i % job->nr_functions == 0) {
		kmm_runner_world(runner, c);
		*stands = 1;
	}
	switch (up_to) {
	case KMM_UP_TO_RESTORE:
		kmm_runner_start(runner, c);
		break;
	case KMM_UP_TO_FIRST:
	case KMM_UP_TO_SECOND:
		kmm_runner_run(runner, c, job->halves[up_to == KMM_UP_TO_SECOND], &result);
		break;
	case KMM_UP_TO_COMPARE:
		kmm_replay_next(runner, c, job->halves, 2, &result, &running, stands);
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
	int stands = 0;
	u64 start, i;

	memset(&c, 0, sizeof(c));
	start = kmm_thread_time();
	for (i = 0; i < cases; i++)
		if (sequences)
			one_sequence(runner, job, i, &s, up_to);
		else
			one_direct(runner, job, i, &c, &stands, up_to);
	return kmm_thread_time() - start;
}

u64 kmm_time_images(struct kmm_runner *runner, u64 times, u32 compare)
{
	u64 start, i;
	int same;

	restore(runner);
	start = kmm_thread_time();
	for (i = 0; i < times; i++)
		if (compare) {
			same = kmm_same(runner->world, runner->drawn, runner->state_bytes);
			kmm_used(&same);
		} else {
			restore(runner);
		}
	return kmm_thread_time() - start;
}
