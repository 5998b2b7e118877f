// SPDX-License-Identifier: GPL-2.0-only
#include "machine/rmap.h"

#define KMM_FILE KMM_FILE_MACHINE

pte_t *kmm_page_check_address(struct page *page, struct mm_struct *mm, unsigned long address,
			      spinlock_t **ptlp, u32 here)
{
	u64 *back = KMM_BACK(page_check_address, 5, here);
	spinlock_t *ptl;
	pmd_t *pmd;
	pte_t *pte;

	back[0] = KMM_WORD(page);
	back[1] = KMM_WORD(mm);
	back[2] = address;
	back[3] = 0;
	back[4] = 0;
	barrier();

	pmd = kmm_find_pmd(mm, address);
	if (!pmd)
		return NULL;
	pte = kmm_pte_offset(pmd, address);
	/* a first look without the lock: most vmas of a file do not map the page */
	if (!pte_present(*pte))
		return NULL;

	ptl = kmm_pte_lockptr(pmd);
	kmm_lock(ptl);
	if (pte_present(*pte) && page_to_pfn(page) == pte_pfn(*pte)) {
		kmm_world->kmaps++;
		*ptlp = ptl;
		back[3] = KMM_WORD(ptl);
		back[4] = KMM_WORD(pte);
		barrier();
		return pte;
	}
	kmm_unlock(ptl);
	return NULL;
}

void kmm_page_add_file_rmap(struct page *page, u32 here)
{
	KMM_EVENT(page_add_file_rmap, here, page);
	if (kmm_count_add(&page->_mapcount.counter, 1) == 0)
		inc_page_state(nr_mapped);
}

static void set_anon_rmap(struct page *page, struct vm_area_struct *vma, unsigned long address)
{
	BUG_ON(!vma->anon_vma);
	page->mapping = (struct address_space *)((unsigned long)vma->anon_vma | PAGE_MAPPING_ANON);
	page->index = linear_page_index(vma, address);
	inc_page_state(nr_mapped);
}

void kmm_page_add_anon_rmap(struct page *page, struct vm_area_struct *vma,
			    unsigned long address, u32 here)
{
	KMM_EVENT(page_add_anon_rmap, here, page, vma, address);
	if (kmm_count_add(&page->_mapcount.counter, 1) == 0)
		set_anon_rmap(page, vma, address);
}

void kmm_page_add_new_anon_rmap(struct page *page, struct vm_area_struct *vma,
				unsigned long address, u32 here)
{
	KMM_EVENT(page_add_new_anon_rmap, here, page, vma, address);
	page->_mapcount.counter = 0;
	set_anon_rmap(page, vma, address);
}

void kmm_page_dup_rmap(struct page *page, u32 here)
{
	KMM_EVENT(page_dup_rmap, here, page);
	kmm_count_add(&page->_mapcount.counter, 1);
}

void kmm_page_remove_rmap(struct page *page, u32 here)
{
	KMM_EVENT(page_remove_rmap, here, page);
	kmm_count_add(&page->_mapcount.counter, -1);
	BUG_ON(page->_mapcount.counter < -1);
	if (page->_mapcount.counter == -1)
		dec_page_state(nr_mapped);
}
