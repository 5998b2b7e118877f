/* SPDX-License-Identifier: GPL-2.0-only */
/* include/linux/page-flags.h of 2.6.17, not patched: what the mirrored functions take from it. */
#ifndef _LINUX_PAGE_FLAGS_H
#define _LINUX_PAGE_FLAGS_H

#include "machine/machine.h"

int test_clear_page_dirty(struct page *page);

static inline void clear_page_dirty(struct page *page)
{
	test_clear_page_dirty(page);
}

#endif
