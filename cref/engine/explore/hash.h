/* SPDX-License-Identifier: GPL-2.0-only */
/* 128 bits of a list of words: two lanes that mix in unlike ways, crossed at the end. */
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

/* nr is even: who has an odd number puts a 0 behind. */
static inline void kmm_hash_words(const u64 *words, u32 nr, u64 hash[2])
{
	u64 a = KMM_HASH_1 ^ nr, b = KMM_HASH_2;
	u32 i;

	for (i = 0; i < nr; i += 2) {
		a = kmm_hash_fold(words[i] ^ a, words[i + 1] ^ KMM_HASH_3) + KMM_HASH_4;
		b = (b ^ words[i] * KMM_HASH_1) + words[i + 1];
		b = kmm_hash_turn(b * KMM_HASH_2, 29) ^ kmm_hash_turn(words[i + 1], 17);
	}
	hash[0] = kmm_hash_finish(a + kmm_hash_turn(b, 23));
	hash[1] = kmm_hash_finish(b ^ kmm_hash_fold(a ^ KMM_HASH_2, KMM_HASH_4));
}

#endif
