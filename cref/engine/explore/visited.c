// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "engine/explore/visited.h"

#define FIRST_ROOM	1024u
#define NUMBER(slot)	((u32)(slot) - 1)
#define HIGH_HALF	0xFFFFFFFF00000000ull

int kmm_visited_init(struct kmm_visited *visited)
{
	visited->nr = 0;
	visited->room = FIRST_ROOM;
	visited->slots = 4 * FIRST_ROOM;
	visited->seen = malloc(visited->room * sizeof(*visited->seen));
	visited->index = calloc(visited->slots, sizeof(*visited->index));
	return visited->seen && visited->index ? 0 : -ENOMEM;
}

void kmm_visited_free(struct kmm_visited *visited)
{
	free(visited->seen);
	free(visited->index);
}

/* The low half of the first word chooses the slot, its high half stands there. */
u32 kmm_visited_find(const struct kmm_visited *visited, const u64 hash[2])
{
	u64 at = hash[0] & (visited->slots - 1), slot;

	while ((slot = visited->index[at])) {
		if (!((slot ^ hash[0]) & HIGH_HALF)) {
			const struct kmm_seen *seen = &visited->seen[NUMBER(slot)];

			if (seen->hash[0] == hash[0] && seen->hash[1] == hash[1])
				return NUMBER(slot);
		}
		at = (at + 1) & (visited->slots - 1);
	}
	return KMM_NO_WORLD;
}

void kmm_visited_fetch_index(const struct kmm_visited *visited, const u64 hash[2])
{
	__builtin_prefetch(&visited->index[hash[0] & (visited->slots - 1)]);
}

/* Of the first slot alone: nearly always that is the one. */
void kmm_visited_fetch_seen(const struct kmm_visited *visited, const u64 hash[2])
{
	u64 slot = visited->index[hash[0] & (visited->slots - 1)];

	if (slot)
		__builtin_prefetch(&visited->seen[NUMBER(slot)]);
}

static void enter(struct kmm_visited *visited, u32 number)
{
	u64 hash = visited->seen[number].hash[0], at = hash & (visited->slots - 1);

	while (visited->index[at])
		at = (at + 1) & (visited->slots - 1);
	visited->index[at] = (hash & HIGH_HALF) | (number + 1);
}

static int grow_index(struct kmm_visited *visited, u64 wanted)
{
	u64 slots = visited->slots, *index;
	u32 i;

	while (wanted * 2 > slots)
		slots *= 2;
	if (slots == visited->slots)
		return 0;
	index = calloc(slots, sizeof(*index));
	if (!index)
		return -ENOMEM;
	free(visited->index);
	visited->index = index;
	visited->slots = slots;
	for (i = 0; i < visited->nr; i++)
		enter(visited, i);
	return 0;
}

int kmm_visited_reserve(struct kmm_visited *visited, u32 more)
{
	u64 wanted = (u64)visited->nr + more, room = visited->room;
	struct kmm_seen *seen;

	if (wanted >= KMM_NO_WORLD - 1)
		return -ENOMEM;
	if (wanted > room) {
		room = wanted > room + room / 4 ? wanted : room + room / 4;
		if (room >= KMM_NO_WORLD)
			room = wanted;
		seen = realloc(visited->seen, room * sizeof(*seen));
		if (!seen)
			return -ENOMEM;
		visited->seen = seen;
		visited->room = (u32)room;
	}
	return grow_index(visited, wanted);
}

u32 kmm_visited_add(struct kmm_visited *visited, const struct kmm_seen *seen)
{
	if (visited->nr == visited->room || (u64)visited->nr * 2 >= visited->slots)
		if (kmm_visited_reserve(visited, 1))
			return KMM_NO_WORLD;
	visited->seen[visited->nr] = *seen;
	enter(visited, visited->nr);
	return visited->nr++;
}

u64 kmm_visited_bytes(const struct kmm_visited *visited)
{
	return visited->room * sizeof(*visited->seen) + visited->slots * sizeof(*visited->index);
}

u32 kmm_visited_path(const struct kmm_visited *visited, u32 number, u32 *actions)
{
	const struct kmm_seen *seen = visited->seen;
	u32 depth = 0, at, world;

	for (world = number; seen[world].parent != KMM_NO_WORLD; world = seen[world].parent)
		depth++;
	for (at = depth, world = number; at; world = seen[world].parent)
		actions[--at] = seen[world].action;
	return depth;
}
