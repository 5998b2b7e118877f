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

/* Compares `a` and `b`; and then `start`, if it is not NULL, goes into `b`. */
static inline int kmm_same_by_bytes(const void *a, void *b, const void *start, u64 bytes)
{
	int same = !memcmp(a, b, bytes);

	if (start)
		memcpy(b, start, bytes);
	return same;
}

#ifdef __x86_64__
typedef u64 kmm_line __attribute__((vector_size(64), aligned(64)));

__attribute__((target("avx512f")))
static inline int kmm_same_lines(const kmm_line *a, const kmm_line *b, u64 lines)
{
	kmm_line different = { 0 };
	u64 any = 0, i;

	for (i = 0; i < lines; i += 4)
		different |= (a[i] ^ b[i]) | (a[i + 1] ^ b[i + 1]) |
			     (a[i + 2] ^ b[i + 2]) | (a[i + 3] ^ b[i + 3]);
	for (i = 0; i < 8; i++)
		any |= different[i];
	return !any;
}

__attribute__((target("avx512f")))
static inline int kmm_same_lines_put_back(const kmm_line *a, kmm_line *b, const kmm_line *start,
					  u64 lines)
{
	kmm_line different = { 0 };
	u64 any = 0, i;

	for (i = 0; i < lines; i += 4) {
		different |= (a[i] ^ b[i]) | (a[i + 1] ^ b[i + 1]) |
			     (a[i + 2] ^ b[i + 2]) | (a[i + 3] ^ b[i + 3]);
		b[i] = start[i];
		b[i + 1] = start[i + 1];
		b[i + 2] = start[i + 2];
		b[i + 3] = start[i + 3];
	}
	for (i = 0; i < 8; i++)
		any |= different[i];
	return !any;
}

/* How much of so many bytes is groups of four lines. */
static inline u64 kmm_in_lines(u64 bytes)
{
	return __builtin_cpu_supports("avx512f") ? bytes / 256 * 256 : 0;
}

/* All aligned to a line, as a block and its images are. */
static inline int kmm_same(const void *a, void *b, u64 bytes)
{
	u64 done = kmm_in_lines(bytes);
	int same = !done || kmm_same_lines(a, b, done / 64);

	if (done == bytes)
		return same;
	return kmm_same_by_bytes((const u8 *)a + done, (u8 *)b + done, NULL, bytes - done) && same;
}

/* And `start` goes into `b`. */
static inline int kmm_same_put_back(const void *a, void *b, const void *start, u64 bytes)
{
	u64 done = kmm_in_lines(bytes);
	int same = !done || kmm_same_lines_put_back(a, b, start, done / 64);

	if (done == bytes)
		return same;
	return kmm_same_by_bytes((const u8 *)a + done, (u8 *)b + done, (const u8 *)start + done,
				 bytes - done) && same;
}
#else
static inline int kmm_same(const void *a, void *b, u64 bytes)
{
	return kmm_same_by_bytes(a, b, NULL, bytes);
}

static inline int kmm_same_put_back(const void *a, void *b, const void *start, u64 bytes)
{
	return kmm_same_by_bytes(a, b, start, bytes);
}
#endif

#endif
