/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers for cases.  The n-th number of a case depends on the seed, the shard,
 * the case's place in it and n, and on nothing that was drawn before.
 */
#ifndef KMM_ENGINE_RNG_H
#define KMM_ENGINE_RNG_H

#include "machine/types.h"

#define KMM_RNG_STEP	0xC2B2AE3D27D4EB4Full	/* odd, so that a counter of it visits every word */
#define KMM_RNG_FOLD	0x9FB21C651E98DF25ull

/* Both halves of a 128-bit product, folded into one word. */
static inline u64 kmm_mix(u64 x)
{
	unsigned __int128 product = (unsigned __int128)(x ^ x >> 29) * (x ^ KMM_RNG_FOLD);

	return (u64)product ^ (u64)(product >> 64);
}

static inline u64 kmm_case_key(u64 seed, u64 shard, u64 index)
{
	return kmm_mix(seed ^ kmm_mix((shard << 32 ^ index) * KMM_RNG_STEP + KMM_RNG_FOLD));
}

static inline u64 kmm_random(u64 key, u64 n)
{
	return kmm_mix(key + (n + 1) * KMM_RNG_STEP);
}

#endif
