// SPDX-License-Identifier: GPL-2.0-only
/* mm/memory.c of 2.6.17.  Edit E02.  Steps FP. */
#include <linux/mm.h>

#include "half.h"

#define KMM_FILE KMM_FILE_MM_MEMORY

struct page *follow_page(struct vm_area_struct *vma, unsigned long address,
			unsigned int flags)
{
	pmd_t *pmd;
	pte_t *ptep, pte;
	spinlock_t *ptl;
	struct page *page;
	struct mm_struct *mm = vma->vm_mm;

	/* the model has no huge pages, and one walk for the kernel's three levels */
	page = NULL;					/* FP2 */
	pmd = pmd_offset(mm, address);
	if (!pmd)
		goto no_page_table;

	ptep = pte_offset_map_lock(mm, pmd, address, &ptl);	/* FP3 */
	pte = *ptep;
	if (!pte_present(pte))				/* FP4 */
		goto unlock;
	/* E02 { */
	/* a page that v8 keeps write-protected fails here, and takes its fault now */
	/* } E02 */
	if ((flags & FOLL_WRITE) && !pte_write(pte))	/* FP5 */
		goto unlock;
	page = vm_normal_page(vma, address, pte);	/* FP6 */
	if (!page)
		goto unlock;

	if (flags & FOLL_GET)				/* FP7 */
		get_page(page);
	if (flags & FOLL_TOUCH) {			/* FP8 */
		if ((flags & FOLL_WRITE) && !pte_dirty(pte) && !PageDirty(page))
			set_page_dirty(page);
		mark_page_accessed(page);
	}
unlock:
	pte_unmap_unlock(ptep, ptl);			/* FP9 */
	return page;

no_page_table:
	if (flags & FOLL_ANON) {			/* FP10 */
		page = ZERO_PAGE(address);
		if (flags & FOLL_GET)
			get_page(page);
		BUG_ON(flags & FOLL_WRITE);
	}
	return page;
}

KMM_ENTRY(follow_page);
