/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside of the explorer: what its files share. */
#ifndef KMM_ENGINE_EXPLORE_INSIDE_H
#define KMM_ENGINE_EXPLORE_INSIDE_H

#include "engine/explore/canonical.h"
#include "engine/explore/explore.h"

/* What a chunk found, in the order of its worlds and of the actions. */
struct kmm_chunk {
	struct kmm_seen *worlds;
	u32 nr, room;
	u32 done;
	u32 no_memory;
	u64 transitions, known, outside;
	struct kmm_found found[KMM_NR_FOUND];
};

/* A world that an action led to, until it is known whether it was seen before. */
struct kmm_reached {
	u64 hash[2];
	u32 action;
	u32 faults;			/* 1: a rule was broken on the way there */
};

/* One thread's. */
struct kmm_walker {
	struct kmm_runner *runner;
	struct kmm_canonical *form;
	u8 *images;			/* of the worlds on the path that was walked last */
	u32 path[KMM_MOST_DEPTH + 1];	/* their numbers */
	u32 room;			/* images there is room for */
	u32 walked;			/* images that are there */
	struct kmm_reached *reached;	/* from the world that is being tried; room for all actions */
	u32 nr_reached;
	u32 reserved;
};

struct kmm_explorer {
	struct kmm_explore_job job;
	struct kmm_visited visited;
	struct kmm_explored totals;
	struct kmm_walker *walkers;
	struct kmm_chunk chunks[KMM_BATCH_CHUNKS];
	u32 batch_from, batch_to;
	u32 next_chunk;			/* the next one to be taken: atomic */
	u32 most_cost;			/* of any action */
	u32 *order;			/* numbers of the actions that are tried, by what they cost, */
	u32 order_from[KMM_MOST_COST + 2];	/* from here on those of each cost */
	u64 so_far;			/* atomic */
	u64 digest[2];			/* of scope, actions and halves: for files */
};

#define KMM_INSIDE __attribute__((visibility("hidden")))

/* A walker with the start in images[0]; 0, or -ENOMEM. */
KMM_INSIDE int kmm_walker_init(struct kmm_walker *walker, const struct kmm_explore_job *job);
KMM_INSIDE void kmm_walker_free(struct kmm_walker *walker);
/* The image of a world; NULL: no memory. */
KMM_INSIDE const u8 *kmm_walk_to(struct kmm_walker *walker, const struct kmm_explorer *explorer,
				 u32 world);
/* All actions of one cost on a world. */
KMM_INSIDE void kmm_try_all(struct kmm_walker *walker, const struct kmm_explorer *explorer,
			    const u8 *image, u32 world, u32 cost, struct kmm_chunk *chunk);

/* Which worlds are tried by which actions: levels.c.  0, or -1 without memory. */
KMM_INSIDE int kmm_levels_init(struct kmm_explorer *explorer);
/* There is the start, and nothing has been tried. */
KMM_INSIDE void kmm_levels_start(struct kmm_explorer *explorer);
/* Worlds before this one have been tried. */
KMM_INSIDE void kmm_levels_tried(struct kmm_explorer *explorer, u32 up_to);
/* Is there anything to be tried?  Then it begins at totals.next. */
KMM_INSIDE enum kmm_explore_state kmm_levels_next(struct kmm_explorer *explorer);

#endif
