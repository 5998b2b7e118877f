// SPDX-License-Identifier: GPL-2.0-only
#include "engine/lines.h"

/* Without a branch for each line: where the first one differs cannot be foreseen. */
static u32 differ_by_words(const u8 *a, const u8 *b, u32 lines, u16 *at)
{
	u32 nr = 0, i, j;

	for (i = 0; i < lines; i++) {
		u64 different = 0, x[8], y[8];

		memcpy(x, a + (u64)i * KMM_LINE, sizeof(x));
		memcpy(y, b + (u64)i * KMM_LINE, sizeof(y));
		for (j = 0; j < 8; j++)
			different |= x[j] ^ y[j];
		at[nr] = (u16)i;
		nr += different != 0;
	}
	return nr;
}

#ifdef __x86_64__
#include <immintrin.h>

__attribute__((target("avx512f")))
static u32 differ_by_vectors(const u8 *a, const u8 *b, u32 lines, u16 *at)
{
	u32 nr = 0, i;

	for (i = 0; i < lines; i++) {
		__m512i x = _mm512_loadu_si512(a + (u64)i * KMM_LINE);
		__m512i y = _mm512_loadu_si512(b + (u64)i * KMM_LINE);

		at[nr] = (u16)i;
		nr += _mm512_cmpneq_epi64_mask(x, y) != 0;
	}
	return nr;
}

u32 kmm_lines_that_differ(const void *a, const void *b, u32 lines, u16 *at)
{
	return __builtin_cpu_supports("avx512f") ? differ_by_vectors(a, b, lines, at) :
						   differ_by_words(a, b, lines, at);
}
#else
u32 kmm_lines_that_differ(const void *a, const void *b, u32 lines, u16 *at)
{
	return differ_by_words(a, b, lines, at);
}
#endif
