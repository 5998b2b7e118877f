/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Getting onto the LRU: a page waits in a pagevec, which holds a reference,
 * until that is full or drained.  The order of the lists is not modelled.
 */
#ifndef KMM_MACHINE_LRU_H
#define KMM_MACHINE_LRU_H

#include "machine/page.h"

KMM_EXPORT void kmm_lru_cache_add_active(struct page *page, u32 here);
KMM_EXPORT void kmm_lru_cache_add(struct page *page, u32 here);
KMM_EXPORT void kmm_lru_add_drain(u32 here);
#define lru_cache_add_active(page)	kmm_lru_cache_add_active(page, KMM_HERE)
#define lru_cache_add(page)		kmm_lru_cache_add(page, KMM_HERE)
#define lru_add_drain()			kmm_lru_add_drain(KMM_HERE)

#endif
