/* SPDX-License-Identifier: GPL-2.0-only */
/* 128 bits of a list of words: two states that mix in unlike ways, in several lanes, crossed at the end. */
#ifndef KMM_ENGINE_EXPLORE_HASH_H
#define KMM_ENGINE_EXPLORE_HASH_H

#include "machine/types.h"

/* Odd words without a pattern: fractions of square roots of small primes. */
#define KMM_HASH_1	0x6A09E667F3BCC909ull
#define KMM_HASH_2	0xBB67AE8584CAA73Bull
#define KMM_HASH_3	0x3C6EF372FE94F82Bull
#define KMM_HASH_4	0xA54FF53A5F1D36F1ull

/* Both halves of the whole product, folded. */
static inline u64 kmm_hash_fold(u64 a, u64 b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (u64)product ^ (u64)(product >> 64);
}

static inline u64 kmm_hash_turn(u64 word, u32 by)
{
	return word << by | word >> (64 - by);
}

static inline u64 kmm_hash_finish(u64 word)
{
	word = (word ^ word >> 32) * KMM_HASH_4;
	word = (word ^ word >> 29) * KMM_HASH_3;
	return word ^ word >> 32;
}

/* One lane takes two words and hands its state on; lanes do not wait for each other. */
struct kmm_hash_lane {
	u64 a, b;
};

static inline void kmm_hash_take(struct kmm_hash_lane *lane, u64 first, u64 second)
{
	lane->a = kmm_hash_fold(first ^ lane->a, second ^ KMM_HASH_3) + KMM_HASH_4;
	lane->b = (kmm_hash_turn(lane->b, 29) ^ first) * KMM_HASH_2 + second;
}

#define KMM_HASH_LANES	2u

/* nr is even: who has an odd number puts a 0 behind. */
static inline void kmm_hash_words(const u64 *words, u32 nr, u64 hash[2])
{
	struct kmm_hash_lane lanes[KMM_HASH_LANES];
	u32 i, j;

	for (j = 0; j < KMM_HASH_LANES; j++)
		lanes[j] = (struct kmm_hash_lane){ KMM_HASH_1 ^ nr, KMM_HASH_2 + j };
	for (i = 0; i + 2 * KMM_HASH_LANES <= nr; i += 2 * KMM_HASH_LANES)
		for (j = 0; j < KMM_HASH_LANES; j++)
			kmm_hash_take(&lanes[j], words[i + 2 * j], words[i + 2 * j + 1]);
	for (j = 0; i < nr; i += 2, j++)
		kmm_hash_take(&lanes[j], words[i], words[i + 1]);
	for (j = 1; j < KMM_HASH_LANES; j++)
		kmm_hash_take(&lanes[0], lanes[j].a, lanes[j].b);
	hash[0] = kmm_hash_finish(lanes[0].a + kmm_hash_turn(lanes[0].b, 23));
	hash[1] = kmm_hash_finish(lanes[0].b ^ kmm_hash_fold(lanes[0].a ^ KMM_HASH_2, KMM_HASH_4));
}

#endif
