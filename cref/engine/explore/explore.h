/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every world that the actions of a scope reach, nearest first: those that the
 * fewest operations lead to, whoever performs them.  Worlds are taken in
 * batches; threads work on chunks of a batch, and what they found is added in
 * the order of the chunks, so that nothing depends on how many there are.  A
 * world is made again from the start by its path when it is its turn.
 */
#ifndef KMM_ENGINE_EXPLORE_H
#define KMM_ENGINE_EXPLORE_H

#include "engine/explore/scope.h"
#include "engine/explore/visited.h"
#include "engine/replay.h"
#include "machine/outcome.h"
#include "machine/property.h"

#define KMM_CHUNK_WORLDS	16u
#define KMM_BATCH_CHUNKS	256u
#define KMM_MOST_ACTIONS	((1u << KMM_ACTION_BITS) - 1)
#define KMM_MOST_DEPTH		250u
#define KMM_MOST_COST		(KMM_OTHER_ACTORS + 1u)	/* operations of one action */
#define KMM_MADE_BY		4096u	/* bytes of the text that a file has of its halves */

/* What can be found: how a run ends, a property that breaks, halves that differ. */
#define KMM_FOUND_PROPERTY	16u	/* and on: one for each property */
#define KMM_FOUND_DIFFERENCE	48u	/* and on: one for each half */
_Static_assert(KMM_FOUND_PROPERTY >= NR_KMM_OUTCOMES, "endings have numbers of their own");
_Static_assert(KMM_FOUND_PROPERTY + NR_KMM_PROPERTIES <= KMM_FOUND_DIFFERENCE,
	       "and properties");
#define KMM_NR_FOUND		(KMM_FOUND_DIFFERENCE + KMM_MAX_HALVES)

/* The first time: world `parent` and what was done to it; KMM_NO_WORLD: never. */
struct kmm_found {
	u32 parent;
	u32 action;
	u64 times;
};

struct kmm_explore_job {
	struct kmm_scope scope;
	const struct kmm_half *halves[KMM_MAX_HALVES];
	u32 nr_halves;
	u32 nr_actions;
	const struct kmm_action *actions;	/* the caller's, for as long as it is explored */
	u32 nr_first;		/* actions that make the start: done once, one after the other */
	u32 depth;		/* operations; no further */
	u32 jobs;
	u32 go_on;		/* after something was found */
	u32 ends;		/* a run that does not return is something found */
	u32 reserved;
};

/* Totals of what has been merged. */
struct kmm_explored {
	u64 transitions;	/* an action that took place, by all halves */
	u64 known;		/* of those: to a world that was there already */
	u64 outside;		/* to a world with too many vmas or processes */
	struct kmm_found found[KMM_NR_FOUND];
	u32 worlds;
	u32 depth;		/* operations: every world that no more lead to is there */
	u32 level;		/* the level that is being made: depth + 1 until it is closed, */
	u32 cost;		/* now by actions of so many operations, */
	u32 level_from, level_to;	/* from these worlds */
	u32 next;		/* the first of them that has not been tried */
	u32 reserved;
	u32 levels[KMM_MOST_DEPTH + 4];	/* first world of each level up to the one being made */
};

enum kmm_explore_state {
	KMM_EXPLORE_BATCH,	/* there is a batch to be worked on */
	KMM_EXPLORE_FOUND,	/* something was found, and it is not to go on */
	KMM_EXPLORE_CLOSED,	/* there are no more worlds */
	KMM_EXPLORE_DEPTH,	/* no more within the depth */
	KMM_EXPLORE_NO_MEMORY
};

struct kmm_explorer;

/* NULL without memory, or for a scope of more than the form has room for. */
KMM_EXPORT struct kmm_explorer *kmm_explorer_new(const struct kmm_explore_job *job);
KMM_EXPORT void kmm_explorer_free(struct kmm_explorer *explorer);

/* What comes next; a batch that was begun and not merged is begun again. */
KMM_EXPORT enum kmm_explore_state kmm_explorer_begin(struct kmm_explorer *explorer);
/* Chunks of the batch, until all are taken or *stop: for each job, by its own thread. */
KMM_EXPORT void kmm_explorer_work(struct kmm_explorer *explorer, u32 job, const int *stop);
/* Add what the batch found: 0, -EAGAIN if it was stopped and nothing was added, -ENOMEM. */
KMM_EXPORT int kmm_explorer_merge(struct kmm_explorer *explorer);

KMM_EXPORT const struct kmm_explored *kmm_explorer_totals(const struct kmm_explorer *explorer);
KMM_EXPORT u64 kmm_explorer_bytes(const struct kmm_explorer *explorer);
/* Transitions of the batch that is being worked on, for who watches. */
KMM_EXPORT u64 kmm_explorer_so_far(const struct kmm_explorer *explorer);
/* The world of a number. */
KMM_EXPORT const struct kmm_seen *kmm_explorer_seen(const struct kmm_explorer *explorer,
						    u32 number);
/* Its state as it was first reached, in the block of the first job; NULL: no memory. */
KMM_EXPORT const u8 *kmm_explorer_image(struct kmm_explorer *explorer, u32 number, u64 *bytes);
/*
 * The actions from the start to a world, the last one's number last: how many,
 * at most KMM_MOST_DEPTH.
 */
KMM_EXPORT u32 kmm_explorer_path(const struct kmm_explorer *explorer, u32 number, u32 *actions);

/*
 * Write and read all that is needed to go on: 0, or -errno; of a file that is read also -EPROTO:
 * it is no such file, or of another version, -EINVAL: of another scope, -EILSEQ: damaged.  After
 * an error in reading the explorer is only to be freed.
 *
 * made_by: the halves in the caller's words, shorter than KMM_MADE_BY (-ENAMETOOLONG).  The
 * file keeps them and gives them back: whether they are the halves of the run that goes on is for
 * the caller to see, and if they are not, the explorer is only to be freed as well.
 */
KMM_EXPORT int kmm_explorer_save(const struct kmm_explorer *explorer, const char *path,
				 const char *made_by);
KMM_EXPORT int kmm_explorer_load(struct kmm_explorer *explorer, const char *path,
				 char made_by[KMM_MADE_BY]);

#endif
