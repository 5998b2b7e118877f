/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An image of a world as lines of 64 bytes.  An operation changes few of them: which ones is asked
 * once, and only those are kept, compared and put back.
 */
#ifndef KMM_ENGINE_LINES_H
#define KMM_ENGINE_LINES_H

#include <string.h>

#include "machine/world.h"

#define KMM_LINE	KMM_WORLD_ALIGN

static inline u32 kmm_nr_lines(u64 bytes)
{
	return (u32)(bytes / KMM_LINE);
}

/*
 * Numbers of the lines in which two images of so many differ, the lowest first, into at[], which has
 * room for all of them; returns how many.
 */
u32 kmm_lines_that_differ(const void *a, const void *b, u32 lines, u16 *at)
	__attribute__((visibility("hidden")));

static inline void *kmm_line_at(const void *image, u32 number)
{
	return (u8 *)image + (u64)number * KMM_LINE;
}

/* These lines of one image into another one. */
static inline void kmm_copy_lines(void *to, const void *from, const u16 *at, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++)
		memcpy(kmm_line_at(to, at[i]), kmm_line_at(from, at[i]), KMM_LINE);
}

#endif
