/* SPDX-License-Identifier: GPL-2.0-only */
/* include/linux/rmap.h of 2.6.17.  Edit E26. */
#ifndef _LINUX_RMAP_H
#define _LINUX_RMAP_H

#include "machine/machine.h"

/* E26 { */
/* How many ptes of the page's mappings were cleaned and, where tracked, protected. */
int page_mkclean(struct page *page);
/* } E26 */

#endif
