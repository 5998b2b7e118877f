/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One operation after the other from the same image by all halves, compared as kmm_replay does.  The
 * world stands as the image between them, so only the lines that an operation has changed are
 * kept, compared and put back.
 */
#ifndef KMM_ENGINE_TRANSITION_H
#define KMM_ENGINE_TRANSITION_H

#include "engine/replay.h"

/* The image is that of runner->drawn and of the world from now on. */
void kmm_transition_from(struct kmm_runner *runner, const u8 *image)
	__attribute__((visibility("hidden")));

/* So many bytes of the image are these from now on. */
void kmm_transition_write(struct kmm_runner *runner, u64 at, const void *bytes, u64 nr)
	__attribute__((visibility("hidden")));

/* By the first half, whose result is *first; runner->changed has the lines in which the world is not as the image. */
void kmm_transition_first(struct kmm_runner *runner, const struct kmm_operation *operation,
			  const struct kmm_half *half, struct kmm_result *first)
	__attribute__((visibility("hidden")));

/*
 * And then by halves[1] and on: the number of the first one that differs, or 0.  The world is left as the
 * last half that ran leaves it, but for where its trace is; runner->changed has all lines where
 * halves differ or one ran into an oops.
 */
u32 kmm_transition_others(struct kmm_runner *runner, const struct kmm_operation *operation,
			  const struct kmm_half *const *halves, u32 nr_halves,
			  const struct kmm_result *first) __attribute__((visibility("hidden")));

/* The world as the image again.  Of what else was written to it, who wrote it puts back. */
void kmm_transition_put_back(struct kmm_runner *runner) __attribute__((visibility("hidden")));

#endif
