/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A shard: the cases (seed, shard, 0), (seed, shard, 1), ...; the unit of work
 * of fuzzing.  All of a shard are direct cases, or all are sequences.
 */
#ifndef KMM_ENGINE_SHARD_H
#define KMM_ENGINE_SHARD_H

#include "engine/behaviour.h"
#include "engine/replay.h"

enum kmm_units_mode { KMM_UNITS_MIXED, KMM_UNITS_FIXED };

struct kmm_job {
	const struct kmm_half *halves[KMM_MAX_HALVES];
	const struct kmm_half *counted[KMM_MAX_HALVES];	/* builds that count steps */
	u32 nr_halves;
	u32 nr_counted;
	u64 seed;
	u32 functions[NR_KMM_FUNCTIONS];		/* which functions cases call, */
	u32 nr_functions;				/* in turn */
	u32 units_mode;
	u32 units;					/* KMM_UNITS_FIXED: these */
	u32 wild;					/* direct cases only */
	u32 keep_going;
};

struct kmm_shard {
	/* in */
	u64 shard;
	u64 cases;
	u32 sequences;					/* of operations, not direct cases */
	u32 reserved;
	u64 *counters;					/* of the counting builds, one row each */
	u64 counter_words;				/* in a row */
	struct kmm_behaviours *behaviours;		/* that this thread has seen; NULL: not noted */
	u64 *live;					/* rows too: for cases that do something new */
	/* out */
	u64 done;
	u64 divergences;
	u64 first_divergence;				/* index of its case; done if none */
	u32 first_half;					/* which half differed there */
	u32 stopped;					/* told to stop before the end */
	u64 operations;					/* of sequences */
	u64 interfered;					/* sequences in which another actor acted */
	u64 disordered;					/* in which a lock was taken against the order, or held asleep */
	u64 calls[NR_KMM_FUNCTIONS];			/* direct ones */
	u64 divergences_of[NR_KMM_FUNCTIONS];
	u64 outcomes[NR_KMM_OUTCOMES];
};

/* Shared with whoever watches: what this thread is at, should it never come back. */
#define KMM_LINE_BYTES	64
struct kmm_watch {
	volatile u64 beats;				/* cases done, ever growing */
	volatile u32 running_half;			/* its number and one, or 0 */
	volatile u32 sequence;				/* it runs sequences, not direct cases */
	union kmm_running {
		struct kmm_case direct;
		struct kmm_sequence sequence;
	} running;
	/* the next watch is another thread's, and must not be on the same cache line */
	u8 apart[KMM_LINE_BYTES - (16 + sizeof(struct kmm_sequence)) % KMM_LINE_BYTES];
};
_Static_assert(sizeof(struct kmm_sequence) >= sizeof(struct kmm_case), "the larger of the two");
_Static_assert(sizeof(struct kmm_watch) % KMM_LINE_BYTES == 0, "whole lines");

/* The case that a job makes of (seed, shard, index). */
KMM_EXPORT void kmm_draw_case(const struct kmm_job *job, u64 shard, u64 index, struct kmm_case *c);

/* The same where `c` is case `index` - 1 already: cases that share a world draw it once. */
KMM_EXPORT void kmm_draw_next(const struct kmm_job *job, u64 shard, u64 index, struct kmm_case *c);
KMM_EXPORT void kmm_draw_sequence(const struct kmm_job *job, u64 shard, u64 index,
				  struct kmm_sequence *s);

/* Run a shard with a runner of its kind; *stop, if given, ends it between two cases. */
KMM_EXPORT void kmm_run_shard(struct kmm_runner *runner, const struct kmm_job *job,
			      struct kmm_shard *shard, const volatile int *stop,
			      struct kmm_watch *watch);

/* Of so many cases, the first of each function are run again by the builds that count. */
#define KMM_COUNT_EVERY	512
#define KMM_COUNT_SEQUENCES_EVERY 256

/*
 * Which cases are looked at for new behaviours: not all, as that would cost a
 * seventh of the time of sequences; of all functions; and none of the sample.
 */
#define KMM_IS_NOTED(index)		((index) & 16)
#define KMM_IS_NOTED_SEQUENCE(index)	((index) % 16 == 1)
_Static_assert(NR_KMM_FUNCTIONS <= 16 && KMM_COUNT_EVERY % 32 == 0, "none is of the sample");

/* Count one case into the shard's counters, by a runner of its kind. */
KMM_EXPORT void kmm_count_case(struct kmm_runner *runner, const struct kmm_job *job,
			       const struct kmm_shard *shard, u64 index);

#endif
