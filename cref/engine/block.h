/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory for worlds: nothing is mapped around a block, so that what leaves it faults. */
#ifndef KMM_ENGINE_BLOCK_H
#define KMM_ENGINE_BLOCK_H

#include <stddef.h>

/* A zeroed block of so many bytes, aligned to a page of the host; NULL without memory. */
void *kmm_map_block(size_t bytes);
void kmm_unmap_block(void *block, size_t bytes);

#endif
