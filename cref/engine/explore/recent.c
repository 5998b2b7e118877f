// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "engine/explore/hash.h"
#include "engine/explore/recent.h"
#include "engine/lines.h"

/* More of them find hardly more. */
#define PLACE_BITS	14u
#define WORDS		(KMM_LINE / sizeof(u64))

/*
 * A world by its bytes: the sum of products of neighbouring words, each with a number of its own added
 * to it.  Lines add up, so that one which changes is taken out and put in by itself.  Two worlds have the
 * same sum by one chance in 2^64, and a key is compared with one other.
 */
typedef unsigned __int128 key;

struct place {
	key key;
	u64 hash[2];
};

struct kmm_recent {
	struct place *places;
	u64 *numbers;			/* WORDS of each line */
	key *lines;			/* of the image */
	key image, apart, met;		/* image: without those that are apart */
	struct place *place;		/* of what was met */
	u32 nr_lines, first, last;
	u32 reserved;
};

struct kmm_recent *kmm_recent_new(u64 bytes, u32 first, u32 last)
{
	struct kmm_recent *recent = calloc(1, sizeof(*recent));
	u64 lines = kmm_nr_lines(bytes), i;

	if (!recent)
		return NULL;
	recent->nr_lines = (u32)lines;
	recent->first = first;
	recent->last = last;
	recent->places = calloc(1u << PLACE_BITS, sizeof(*recent->places));
	recent->lines = calloc(lines, sizeof(*recent->lines));
	recent->numbers = calloc(lines * WORDS, sizeof(*recent->numbers));
	if (!recent->places || !recent->lines || !recent->numbers) {
		kmm_recent_free(recent);
		return NULL;
	}
	for (i = 0; i < lines * WORDS; i++)
		recent->numbers[i] = kmm_hash_finish((i + 1) * KMM_HASH_1);
	return recent;
}

void kmm_recent_free(struct kmm_recent *recent)
{
	if (!recent)
		return;
	free(recent->places);
	free(recent->lines);
	free(recent->numbers);
	free(recent);
}

void kmm_recent_forget(struct kmm_recent *recent)
{
	memset(recent->places, 0, sizeof(*recent->places) << PLACE_BITS);
}

static inline u64 word_at(const u8 *from)
{
	u64 word;

	memcpy(&word, from, sizeof(word));
	return word;
}

static inline key key_of(const struct kmm_recent *recent, const void *image, u32 line)
{
	const u64 *numbers = &recent->numbers[(u64)line * WORDS];
	const u8 *from = kmm_line_at(image, line);
	key sum = 0;
	u32 i;

	for (i = 0; i < WORDS; i += 2, from += 2 * sizeof(u64))
		sum += (key)(word_at(from) + numbers[i]) *
		       (word_at(from + sizeof(u64)) + numbers[i + 1]);
	return sum;
}

void kmm_recent_from(struct kmm_recent *recent, const u8 *image)
{
	u32 i;

	recent->image = recent->apart = 0;
	for (i = 0; i < recent->nr_lines; i++) {
		recent->lines[i] = key_of(recent, image, i);
		if (i >= recent->first && i <= recent->last)
			recent->apart += recent->lines[i];
		else
			recent->image += recent->lines[i];
	}
}

static key with_lines(const struct kmm_recent *recent, key sum, const void *world,
		      const u16 *lines, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++)
		sum += key_of(recent, world, lines[i]) - recent->lines[lines[i]];
	return sum;
}

void kmm_recent_meet(struct kmm_recent *recent, const void *world, const u16 *lines, u32 nr)
{
	u64 both;

	recent->met = with_lines(recent, recent->image, world, lines, nr);
	both = (u64)recent->met ^ (u64)(recent->met >> 64);
	recent->place = &recent->places[both * KMM_HASH_4 >> (64 - PLACE_BITS)];
	__builtin_prefetch(recent->place, 1);
}

u64 *kmm_recent_hash(struct kmm_recent *recent, const void *world, const u16 *lines, u32 nr,
		     int *known)
{
	key sum = with_lines(recent, recent->met + recent->apart, world, lines, nr);

	*known = recent->place->key == sum;
	recent->place->key = sum;
	return recent->place->hash;
}
