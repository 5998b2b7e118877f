// SPDX-License-Identifier: GPL-2.0-only
/* What a vma's flags mean for its ptes, and changing ptes that are there. */
#include "machine/vma.h"

#define KMM_FILE KMM_FILE_MACHINE

#define NONE	{ PAGE_NONE_VALUE }
#define READ	{ PAGE_READONLY_VALUE }
#define SHARED	{ PAGE_SHARED_VALUE }

/* By the low four bits of vm_flags: private, then shared; only shared and writable has RW. */
const pgprot_t protection_map[16] = {
	NONE, READ, READ, READ, READ, READ, READ, READ,
	NONE, READ, SHARED, SHARED, READ, READ, SHARED, SHARED,
};
