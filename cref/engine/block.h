/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory for worlds: nothing is mapped around a block, so that what leaves it faults. */
#ifndef KMM_ENGINE_BLOCK_H
#define KMM_ENGINE_BLOCK_H

#include <stddef.h>

/* A zeroed block of so many bytes, aligned to a page of the host; NULL without memory. */
void *kmm_map_block(size_t bytes);
void kmm_unmap_block(void *block, size_t bytes);

/*
 * For a build under the address sanitizer, which sees nothing amiss inside a
 * block by itself: bytes that nobody may touch, and a pattern of its own for
 * what each half finds where it has not written.  Nothing in other builds.
 */
#ifdef __SANITIZE_ADDRESS__
void kmm_forbid(void *from, size_t bytes);
void kmm_scribble(void *from, size_t bytes, unsigned int number);
#else
static inline void kmm_forbid(void *from, size_t bytes) { (void)from, (void)bytes; }
static inline void kmm_scribble(void *from, size_t bytes, unsigned int number)
{
	(void)from, (void)bytes, (void)number;
}
#endif

#endif
