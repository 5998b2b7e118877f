/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the time of fuzzing goes.  A loop is timed up to each phase; what a
 * phase costs is the difference of two loops, so no clock is read inside one.
 */
#ifndef KMM_ENGINE_PHASES_H
#define KMM_ENGINE_PHASES_H

#include "engine/shard.h"

enum kmm_phase {
	KMM_UP_TO_DRAW,		/* choices drawn and decoded */
	KMM_UP_TO_BUILD,	/* and the world built */
	KMM_UP_TO_RESTORE,	/* and put back once */
	KMM_UP_TO_FIRST,	/* and run by the first half */
	KMM_UP_TO_SECOND,	/* and run by the second half instead */
	KMM_UP_TO_COMPARE,	/* all of it: two halves, and what they left compared */
	NR_KMM_PHASES
};

/* Nanoseconds of this thread for so many cases of shard 0, all up to this phase. */
KMM_EXPORT u64 kmm_time_cases(struct kmm_runner *runner, const struct kmm_job *job, u32 sequences,
			      u64 cases, enum kmm_phase up_to);

/* Nanoseconds to put the runner's world back, or to compare it with its image, so many times. */
KMM_EXPORT u64 kmm_time_images(struct kmm_runner *runner, u64 times, u32 compare);

#endif
