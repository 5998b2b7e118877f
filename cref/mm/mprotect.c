// SPDX-License-Identifier: GPL-2.0-only
/* mm/mprotect.c of 2.6.17.  Edits E16-E19.  Steps MF. */
#include <linux/mm.h>
/* E16 { */
#include <linux/backing-dev.h>
/* } E16 */

#include "half_table.h"

#define KMM_FILE KMM_FILE_MM_MPROTECT

static int mprotect_fixup(struct vm_area_struct *vma, struct vm_area_struct **pprev,
			unsigned long start, unsigned long end, unsigned long newflags)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long oldflags = vma->vm_flags;
	long nrpages = (end - start) >> PAGE_SHIFT;
	unsigned long charged = 0;
	/* E17 { */
	unsigned int mask;
	struct address_space *mapping = NULL;
	/* } E17 */
	pgprot_t newprot;
	pgoff_t pgoff;
	int error;

	if (newflags == oldflags) {			/* MF1 */
		*pprev = vma;
		return 0;
	}

	/* a mapping that was charged once stays charged, read-only or not */
	if (newflags & VM_WRITE) {			/* MF2 */
		if (!(oldflags & (VM_ACCOUNT|VM_WRITE|VM_SHARED))) {
			charged = nrpages;
			if (security_vm_enough_memory(charged))
				return -ENOMEM;
			newflags |= VM_ACCOUNT;
		}
	}

	/* E18 { */
	/* with the unit on, MF7 sets it anew: that this line is gone cannot be observed */
	newprot = protection_map[newflags & 0xf];	/* MF3 E18 */
	/* } E18 */

	pgoff = vma->vm_pgoff + ((start - vma->vm_start) >> PAGE_SHIFT);	/* MF4 */
	*pprev = vma_merge(mm, *pprev, start, end, newflags,
			vma->anon_vma, vma->vm_file, pgoff, vma_policy(vma));
	if (*pprev) {
		vma = *pprev;
		goto success;
	}

	*pprev = vma;

	if (start != vma->vm_start) {			/* MF5 */
		error = split_vma(mm, vma, start, 1);
		if (error)
			goto fail;
	}

	if (end != vma->vm_end) {			/* MF6 */
		error = split_vma(mm, vma, end, 0);
		if (error)
			goto fail;
	}

success:
	/* E19 { */
	if (unit(KMM_U4)) {				/* MF7 E19 */
		mask = VM_READ|VM_WRITE|VM_EXEC|VM_SHARED;
		if (is_shared_writable(newflags) && vma->vm_file)
			mapping = vma->vm_file->f_mapping;
		/* without VM_SHARED the row is that of a private mapping: copy, so read-only */
		if (mapping && mapping_cap_account_dirty(mapping))
			mask &= ~VM_SHARED;

		newprot = protection_map[newflags & mask];
	}
	/* } E19 */
	vma->vm_flags = newflags;			/* MF8 */
	vma->vm_page_prot = newprot;
	if (is_vm_hugetlb_page(vma))			/* MF9 */
		hugetlb_change_protection(vma, start, end, newprot);
	else
		change_protection(vma, start, end, newprot);
	vm_stat_account(mm, oldflags, vma->vm_file, -nrpages);	/* MF10 */
	vm_stat_account(mm, newflags, vma->vm_file, nrpages);
	return 0;

fail:
	vm_unacct_memory(charged);			/* MF11 */
	return error;
}

KMM_ENTRY(mprotect_fixup);
