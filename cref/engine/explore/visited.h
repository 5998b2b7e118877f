/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The worlds that were seen, by the hashes of their canonical forms: for each
 * one how it was first reached.  Numbers go up in the order in which worlds
 * are added, so a world's parent has a lower one.
 */
#ifndef KMM_ENGINE_VISITED_H
#define KMM_ENGINE_VISITED_H

#include "machine/types.h"

#define KMM_NO_WORLD	0xFFFFFFFFu
#define KMM_ACTION_BITS	23		/* of an action's number */

/* kmm_seen.flags */
#define KMM_SEEN_LAST	1u	/* breaks a property: nothing is tried from it */

struct kmm_seen {
	u64 hash[2];
	u32 parent;		/* KMM_NO_WORLD: the start */
	u32 action : KMM_ACTION_BITS;
	u32 flags : 1;
	u32 actions : 8;	/* from the start to here */
};

struct kmm_visited {
	struct kmm_seen *seen;
	u32 nr, room;
	u64 *index;		/* open addressing: high half of the hash's first word | number + 1 */
	u64 slots;		/* a power of two */
};

/* 0, or -ENOMEM. */
int kmm_visited_init(struct kmm_visited *visited);
void kmm_visited_free(struct kmm_visited *visited);
/* Its number, or KMM_NO_WORLD.  Many threads may ask while nobody adds. */
u32 kmm_visited_find(const struct kmm_visited *visited, const u64 hash[2]);
/* Who asks for many: first this for each of them, then that, and nothing has to be waited for. */
void kmm_visited_fetch_index(const struct kmm_visited *visited, const u64 hash[2]);
void kmm_visited_fetch_seen(const struct kmm_visited *visited, const u64 hash[2]);
/* Its number; KMM_NO_WORLD: no memory.  It must not be there yet. */
u32 kmm_visited_add(struct kmm_visited *visited, const struct kmm_seen *seen);
/* Have room for so many more: 0, or -ENOMEM. */
int kmm_visited_reserve(struct kmm_visited *visited, u32 more);
/* The actions from the start to a world, the last one's number last: how many. */
u32 kmm_visited_path(const struct kmm_visited *visited, u32 number, u32 *actions);
/* Bytes that are in use for all worlds. */
u64 kmm_visited_bytes(const struct kmm_visited *visited);

#endif
