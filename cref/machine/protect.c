// SPDX-License-Identifier: GPL-2.0-only
/* What a vma's flags mean for its ptes, and changing ptes that are there. */
#include "machine/fault.h"

#define KMM_FILE KMM_FILE_MACHINE

#define NONE	{ PAGE_NONE_VALUE }
#define READ	{ PAGE_READONLY_VALUE }
#define SHARED	{ PAGE_SHARED_VALUE }

/* By the low four bits of vm_flags: private, then shared; only shared and writable has RW. */
const pgprot_t protection_map[16] = {
	NONE, READ, READ, READ, READ, READ, READ, READ,
	NONE, READ, SHARED, SHARED, READ, READ, SHARED, SHARED,
};

/* The first directory entry with a page table whose index is in [first, last], or NULL. */
static pmd_t *next_table(struct mm_struct *mm, unsigned long first, unsigned long last)
{
	pmd_t *found = NULL;
	u32 i;

	for (i = 0; i < mm->nr_pmds; i++) {
		pmd_t *pmd = &mm->pgd[i];

		if (pmd->table && pmd->index >= first && pmd->index <= last) {
			found = pmd;
			last = pmd->index;
		}
	}
	return found;
}

/* CP3, one page table */
static void change_pte_range(struct mm_struct *mm, pmd_t *pmd, unsigned long address,
			     unsigned long end, pgprot_t newprot)
{
	spinlock_t *ptl;
	pte_t *mapped = pte_offset_map_lock(mm, pmd, address, &ptl), *pte;

	for (pte = mapped; address < end; pte++, address += PAGE_SIZE) {
		pte_t value;

		if (!pte_present(*pte))
			continue;
		value = pte_modify(ptep_get_and_clear(mm, address, pte), newprot);
		set_pte_at(mm, address, pte, value);
		lazy_mmu_prot_update(value);
	}
	pte_unmap_unlock(mapped, ptl);
}

void kmm_change_protection(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			   pgprot_t newprot, u32 here)
{
	u32 shift = kmm_world->pmd_shift;
	unsigned long index = start >> shift, last = (end - 1) >> shift;
	pmd_t *pmd;

	KMM_EVENT(change_protection, here, vma, start, end, pgprot_val(newprot));
	BUG_ON(start >= end);						/* CP1 */
	flush_cache_range(vma, start, end);				/* CP2 */
	while ((pmd = next_table(vma->vm_mm, index, last))) {		/* CP3 */
		unsigned long from = pmd->index << shift;
		unsigned long to = (pmd->index + 1) << shift;

		change_pte_range(vma->vm_mm, pmd, from < start ? start : from,
				 to > end ? end : to, newprot);
		index = pmd->index + 1;
	}
	flush_tlb_range(vma, start, end);				/* CP4 */
}

int kmm_is_vm_hugetlb_page(const struct vm_area_struct *vma, u32 here)
{
	int is = (vma->vm_flags & VM_HUGETLB) != 0;

	KMM_EVENT(is_vm_hugetlb_page, here, vma, is);
	return is;
}
