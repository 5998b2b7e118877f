// SPDX-License-Identifier: GPL-2.0-only
/* mm/rmap.c of 2.6.17.  Edits E24, E25.  Steps MK, MFI, PM. */
#include <linux/mm.h>
#include <linux/rmap.h>
/* E24 { */
#include <linux/backing-dev.h>
/* } E24 */

#include "half_table.h"

#define KMM_FILE KMM_FILE_MM_RMAP

/* E25 { */
static int page_mkclean_one(struct page *page, struct vm_area_struct *vma, int protect)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long address;
	pte_t *pte, entry;
	spinlock_t *ptl;
	int ret = 0;

	address = vma_address(page, vma);		/* MK1 E25 */
	if (address == (unsigned long)-EFAULT)
		goto out;

	pte = page_check_address(page, mm, address, &ptl);	/* MK2 E25 */
	if (!pte)
		goto out;

	if (!(pte_dirty(*pte) || (protect && pte_write(*pte))))	/* MK3 E25 */
		goto unlock;

	entry = ptep_get_and_clear(mm, address, pte);	/* MK4 E25 */
	entry = pte_mkclean(entry);			/* MK5 E25 */
	if (protect)
		entry = pte_wrprotect(entry);
	ptep_establish(vma, address, pte, entry);	/* MK6 E25 */
	lazy_mmu_prot_update(entry);
	ret = 1;					/* MK7 E25 */

unlock:
	pte_unmap_unlock(pte, ptl);			/* MK8 E25 */
out:
	return ret;					/* MK9 E25 */
}

static int page_mkclean_file(struct address_space *mapping, struct page *page)
{
	pgoff_t pgoff = page->index << (PAGE_CACHE_SHIFT - PAGE_SHIFT);	/* MFI1 E25 */
	struct vm_area_struct *vma;
	struct prio_tree_iter iter;
	int ret = 0;

	BUG_ON(PageAnon(page));				/* MFI2 E25 */

	spin_lock(&mapping->i_mmap_lock);		/* MFI3 E25 */
	vma_prio_tree_foreach(vma, &iter, &mapping->i_mmap, pgoff, pgoff) {	/* MFI4 E25 */
		int protect = mapping_cap_account_dirty(mapping) &&
			is_shared_writable(vma->vm_flags);
		ret += page_mkclean_one(page, vma, protect);
	}
	spin_unlock(&mapping->i_mmap_lock);		/* MFI5 E25 */
	return ret;
}

int page_mkclean(struct page *page)
{
	int ret = 0;

	BUG_ON(!PageLocked(page));			/* PM1 E25 */

	if (page_mapped(page)) {			/* PM2 E25 */
		struct address_space *mapping = page_mapping(page);	/* PM3 E25 */
		if (mapping)
			ret = page_mkclean_file(mapping, page);	/* PM4 E25 */
	}

	return ret;
}
/* } E25 */

KMM_ENTRY(page_mkclean_one);
KMM_ENTRY(page_mkclean_file);
KMM_ENTRY(page_mkclean);
