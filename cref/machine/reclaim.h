/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking pages away under memory pressure: the caller names the page. */
#ifndef KMM_MACHINE_RECLAIM_H
#define KMM_MACHINE_RECLAIM_H

#include "machine/rmap.h"

int try_to_unmap(struct page *page, int ignore_refs);	/* SWAP_SUCCESS, _AGAIN, _FAIL */
int page_referenced(struct page *page);			/* locked */
/* shrink_page_list with this one page off its LRU list: 1 if it was freed. */
int kmm_shrink_page(struct page *page, int may_write);
/* Buffers off this page if it can be locked; only when buffer_heads_over_limit. */
int kmm_strip_page(struct page *page);

#endif
