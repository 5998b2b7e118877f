/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside of the explorer: what its files share. */
#ifndef KMM_ENGINE_EXPLORE_INSIDE_H
#define KMM_ENGINE_EXPLORE_INSIDE_H

#include "engine/explore/canonical.h"
#include "engine/explore/explore.h"
#include "engine/explore/recent.h"

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

/* Where an action has led. */
enum kmm_led_to {
	KMM_LED_NOWHERE,	/* the world is as it was */
	KMM_LED_OUTSIDE,	/* of the scope */
	KMM_LED_TO_WORLD
};

/* One thread's. */
struct kmm_walker {
	struct kmm_runner *runner;
	struct kmm_canonical *form;
	struct kmm_recent *recent;
	u8 *images;			/* of the worlds on the path that was walked last */
	u32 path[KMM_MOST_DEPTH + 1];	/* their numbers */
	u32 room;			/* images there is room for */
	u32 walked;			/* images that are there */
	struct kmm_reached *reached;	/* from the world that is being tried; room for all actions */
	u16 *lines;			/* that an action has changed; room for all */
	u32 nr_reached, nr_lines;
	u32 armed;			/* drawn and world: for the action that was tried last */
	u32 reserved;
	u64 (*added)[2];		/* hashes of worlds that this thread added, marked with their batch */
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
	u64 batch_mark;			/* of each batch that was begun another one */
	u64 so_far;			/* atomic */
	u64 digest[2];			/* of scope and actions: for files */
};

#define KMM_INSIDE __attribute__((visibility("hidden")))

/* A walker with the start in images[0]; 0, or -ENOMEM. */
KMM_INSIDE int kmm_walker_init(struct kmm_walker *walker, const struct kmm_explore_job *job);
KMM_INSIDE void kmm_walker_free(struct kmm_walker *walker);
/* The image of a world; NULL: no memory. */
KMM_INSIDE const u8 *kmm_walk_to(struct kmm_walker *walker, const struct kmm_explorer *explorer,
				 u32 world);
/* The actions that follow are tried on this image. */
KMM_INSIDE void kmm_try_from(struct kmm_walker *walker, const u8 *image);
/*
 * One of them by all halves: the number of the first that differs, or 0.  The world is as the last one leaves
 * it until kmm_transition_put_back, which comes before the next one.
 */
KMM_INSIDE u32 kmm_try(struct kmm_walker *walker, const struct kmm_explore_job *job,
		       const struct kmm_action *action, struct kmm_result *first);
/*
 * Settle the world that kmm_try has left on its way from this image, and find its canonical hash;
 * `faults`: one that broke a rule of the run is a world, whatever it is like.
 */
KMM_INSIDE enum kmm_led_to kmm_lead_to(struct kmm_walker *walker, const struct kmm_scope *scope,
				       const u8 *image, int faults, u64 hash[2]);
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
