/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking ptes out. */
#ifndef KMM_MACHINE_ZAP_H
#define KMM_MACHINE_ZAP_H

#include "machine/rmap.h"

/* What unmap_mapping_range looks at before it takes a pte; NULL where everything goes. */
struct zap_details {
	struct vm_area_struct *nonlinear_vma;	/* pages by their index, not by their place */
	struct address_space *check_mapping;	/* only pages that are still of it */
	pgoff_t first_index;
	pgoff_t last_index;
};

/* [start, end) of one vma. */
void zap_page_range(struct vm_area_struct *vma, unsigned long start, unsigned long end,
		    const struct zap_details *details);

/* Every mapping of the bytes from holebegin on (holelen 0: to the end) of a file. */
void unmap_mapping_range(struct address_space *mapping, loff_t_kmm holebegin, loff_t_kmm holelen,
			 int even_cows);

#endif
