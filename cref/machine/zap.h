/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking ptes out. */
#ifndef KMM_MACHINE_ZAP_H
#define KMM_MACHINE_ZAP_H

#include "machine/account.h"
#include "machine/imap.h"
#include "machine/rmap.h"

/* What unmap_mapping_range looks at before it takes a pte; NULL where everything goes. */
struct zap_details {
	struct vm_area_struct *nonlinear_vma;	/* pages by their index, not by their place */
	struct address_space *check_mapping;	/* only pages that are still of it */
	pgoff_t first_index;
	pgoff_t last_index;
	u32 truncate_count;			/* the mapping's, which vmas take over when they are done */
};

/*
 * The page table of the lowest addresses in [*address, end) that is there, or
 * NULL: *address becomes its first address in the range, *stop where it or the
 * range ends.  Tables are few, and vmas may be longer than what tables cover.
 */
static inline pmd_t *kmm_next_table(const struct mm_struct *mm, unsigned long *address,
				    unsigned long end, unsigned long *stop)
{
	u32 shift = kmm_world->pmd_shift, i;
	unsigned long first = *address >> shift;
	pmd_t *found = NULL;

	if (*address >= end)
		return NULL;
	for (i = 0; i < mm->nr_pmds; i++) {
		pmd_t *pmd = &mm->pgd[i];

		if (pmd->table && pmd->index >= first && pmd->index <= (end - 1) >> shift &&
		    (!found || pmd->index < found->index))
			found = pmd;
	}
	if (!found)
		return NULL;
	if (found->index > first)
		*address = found->index << shift;
	*stop = (found->index + 1) << shift;
	if (*stop > end)
		*stop = end;
	return found;
}

/* [start, end) of one vma. */
void zap_page_range(struct vm_area_struct *vma, unsigned long start, unsigned long end,
		    const struct zap_details *details);

/* Every mapping of the bytes from holebegin on (holelen 0: to the end) of a file. */
void unmap_mapping_range(struct address_space *mapping, loff_t_kmm holebegin, loff_t_kmm holelen,
			 int even_cows);

#endif
