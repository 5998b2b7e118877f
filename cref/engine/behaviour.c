// SPDX-License-Identifier: GPL-2.0-only
#include "engine/behaviour.h"

/* Where a walk through a trace is. */
struct walk {
	const u64 *at, *end;
	u64 place_distance;
	u32 before;			/* the place of the event before */
};

static inline struct walk walk_from(const struct world *world)
{
	return (struct walk) { world->trace, world->trace_at, world->place_distance, 0 };
}

/* To the next event; which behaviour it is. */
static inline u32 step(struct walk *walk)
{
	const u64 *at = walk->at;
	u32 words = (u32)*at >> 16;
	u32 place = *(const u64 *)((const char *)at + walk->place_distance), mixed;

	walk->at = at + 1 + words;
	/* a wild run may have written into its own trace */
	if (unlikely(walk->at > walk->end))
		walk->at = walk->end;
	mixed = (walk->before ^ (walk->at[-1] == 0)) + place * 2654435769u;
	walk->before = place << 1;
	return mixed * 2246822519u >> (32 - KMM_BEHAVIOUR_BITS);
}

static inline u64 is_seen(const struct kmm_behaviours *behaviours, u32 behaviour)
{
	return behaviours->seen[behaviour / 64] >> behaviour % 64 & 1;
}

/* Rare: there is a new one, so see which, and where it first was. */
static __attribute__((noinline)) void
keep_new(struct kmm_behaviours *behaviours, struct walk walk, u64 shard, u64 index)
{
	while (walk.at < walk.end) {
		u32 behaviour = step(&walk);

		if (is_seen(behaviours, behaviour))
			continue;
		behaviours->seen[behaviour / 64] |= 1ull << behaviour % 64;
		behaviours->first[behaviours->nr_first++] =
			(struct kmm_first) { behaviour, shard, index };
	}
}

int kmm_note_behaviours(struct kmm_behaviours *behaviours, const struct world *world,
			u64 shard, u64 index)
{
	struct walk walk = walk_from(world);
	u64 all_seen = 1;

	while (walk.at < walk.end)
		all_seen &= is_seen(behaviours, step(&walk));
	if (likely(all_seen))
		return 0;
	keep_new(behaviours, walk_from(world), shard, index);
	return 1;
}
