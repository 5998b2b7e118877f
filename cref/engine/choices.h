/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Choices, one byte each: a byte b decodes to b * limit / 256, which is total,
 * needs no branch, and is even.
 */
#ifndef KMM_ENGINE_CHOICES_H
#define KMM_ENGINE_CHOICES_H

#include "machine/types.h"

/* gcc's O2 leaves a loop of this length to one byte at a time; clang's does not, and lacks the word */
#ifdef __clang__
#define KMM_MANY_AT_ONCE
#else
#define KMM_MANY_AT_ONCE	__attribute__((optimize("O3")))
#endif

KMM_MANY_AT_ONCE
static inline void kmm_decode_bytes(u8 *out, const u8 *bytes, const u16 *limit, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		out[i] = (u16)(bytes[i] * limit[i]) >> 8;
}

/* The smallest bytes that decode to these choices. */
static inline void kmm_encode_bytes(u8 *bytes, const u8 *in, const u16 *limit, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		bytes[i] = (in[i] * 256u + limit[i] - 1) / limit[i];
}

#endif
