/* SPDX-License-Identifier: GPL-2.0-only */
/* From a page to the ptes that map it, and the counts kept of them. */
#ifndef KMM_MACHINE_RMAP_H
#define KMM_MACHINE_RMAP_H

#include "machine/page.h"
#include "machine/pgtable.h"
#include "machine/vmstat.h"

/*
 * Where `vma` maps `page`, by page->index alone: neither alignment nor mm is
 * looked at, and the arithmetic wraps.  A file page outside is a BUG; only an
 * anonymous page gets -EFAULT.
 */
static inline unsigned long kmm_vma_address(const struct page *page,
					    const struct vm_area_struct *vma, u32 here)
{
	unsigned long address = vma->vm_start + ((page->index - vma->vm_pgoff) << PAGE_SHIFT);

	if (unlikely(address < vma->vm_start || address >= vma->vm_end)) {
		if (!kmm_page_is_anon(page)) {
			KMM_EVENT(vma_address, here, page, vma, address);
			kmm_bug();
		}
		address = (unsigned long)-EFAULT;
	}
	KMM_EVENT(vma_address, here, page, vma, address);
	return address;
}
#define vma_address(page, vma)		kmm_vma_address(page, vma, KMM_HERE)

/*
 * The slot that maps `page` at `address`, mapped and with its table locked;
 * NULL, with nothing held, where a level is missing or another frame is there.
 */
KMM_EXPORT pte_t *kmm_page_check_address(struct page *page, struct mm_struct *mm,
					 unsigned long address, spinlock_t **ptlp, u32 here);
#define page_check_address(page, mm, address, ptlp) \
	kmm_page_check_address(page, mm, address, ptlp, KMM_HERE)

static inline unsigned long linear_page_index(const struct vm_area_struct *vma,
					      unsigned long address)
{
	return ((address - vma->vm_start) >> PAGE_SHIFT) + vma->vm_pgoff;
}

/* 2.6.17 has one counter, nr_mapped, for anonymous and file pages alike. */
KMM_EXPORT void kmm_page_add_file_rmap(struct page *page, u32 here);
KMM_EXPORT void kmm_page_add_anon_rmap(struct page *page, struct vm_area_struct *vma,
				       unsigned long address, u32 here);
KMM_EXPORT void kmm_page_add_new_anon_rmap(struct page *page, struct vm_area_struct *vma,
					   unsigned long address, u32 here);
KMM_EXPORT void kmm_page_dup_rmap(struct page *page, u32 here);
KMM_EXPORT void kmm_page_remove_rmap(struct page *page, u32 here);
#define page_add_file_rmap(page)	kmm_page_add_file_rmap(page, KMM_HERE)
#define page_add_anon_rmap(page, vma, address) \
	kmm_page_add_anon_rmap(page, vma, address, KMM_HERE)
#define page_add_new_anon_rmap(page, vma, address) \
	kmm_page_add_new_anon_rmap(page, vma, address, KMM_HERE)
#define page_dup_rmap(page)		kmm_page_dup_rmap(page, KMM_HERE)
#define page_remove_rmap(page)		kmm_page_remove_rmap(page, KMM_HERE)

#endif
