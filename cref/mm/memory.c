// SPDX-License-Identifier: GPL-2.0-only
/* mm/memory.c of 2.6.17.  Edits E02-E09.  Steps FP, WP, NP. */
#include <linux/mm.h>

#include "half_table.h"

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

static int do_wp_page(struct mm_struct *mm, struct vm_area_struct *vma,
			unsigned long address, pte_t *page_table, pmd_t *pmd,
			spinlock_t *ptl, pte_t orig_pte)
{
	struct page *old_page, *new_page;
	pte_t entry;
	/* E03-E05 { */
	int reuse = 0, ret = VM_FAULT_MINOR;
	struct page *dirty_page = NULL;

	old_page = vm_normal_page(vma, address, orig_pte);	/* WP1 */
	if (!old_page)
		goto gotten;

	/* without VM_WRITE in the test, a forced write would reach the file's own page */
	if (unit(KMM_U1) && unlikely(is_shared_writable(vma->vm_flags))) {	/* WP2 E04 */
		reuse = 1;
		dirty_page = old_page;
		get_page(dirty_page);
	} else if (PageAnon(old_page) && !TestSetPageLocked(old_page)) {
		reuse = can_share_swap_page(old_page);
		unlock_page(old_page);
	}

	if (reuse) {					/* WP3 E05 */
		flush_cache_page(vma, address, pte_pfn(orig_pte));
		entry = pte_mkyoung(orig_pte);
		entry = maybe_mkwrite(pte_mkdirty(entry), vma);
		ptep_set_access_flags(vma, address, page_table, entry, 1);
		update_mmu_cache(vma, address, entry);
		lazy_mmu_prot_update(entry);
		ret |= VM_FAULT_WRITE;
		goto unlock;
	/* } E03-E05 */
	}

	page_cache_get(old_page);			/* WP4 */
gotten:
	pte_unmap_unlock(page_table, ptl);		/* WP6 */

	if (unlikely(anon_vma_prepare(vma)))		/* WP7 */
		goto oom;
	if (old_page == ZERO_PAGE(address)) {		/* WP8 */
		new_page = alloc_zeroed_user_highpage(vma, address);
		if (!new_page)
			goto oom;
	} else {
		new_page = alloc_page_vma(GFP_HIGHUSER, vma, address);
		if (!new_page)
			goto oom;
		cow_user_page(new_page, old_page, address);
	}

	/* the pte may have become another while nothing was held */
	page_table = pte_offset_map_lock(mm, pmd, address, &ptl);	/* WP9 */
	if (likely(pte_same(*page_table, orig_pte))) {	/* WP10 */
		if (old_page) {
			page_remove_rmap(old_page);
			if (!PageAnon(old_page)) {
				dec_mm_counter(mm, file_rss);
				inc_mm_counter(mm, anon_rss);
			}
		} else
			inc_mm_counter(mm, anon_rss);
		flush_cache_page(vma, address, pte_pfn(orig_pte));	/* WP10b */
		entry = mk_pte(new_page, vma->vm_page_prot);
		entry = maybe_mkwrite(pte_mkdirty(entry), vma);
		ptep_establish(vma, address, page_table, entry);	/* WP10d */
		update_mmu_cache(vma, address, entry);
		lazy_mmu_prot_update(entry);
		lru_cache_add_active(new_page);		/* WP10g */
		page_add_new_anon_rmap(new_page, vma, address);
		new_page = old_page;			/* WP10i */
		ret |= VM_FAULT_WRITE;
	}
	if (new_page)					/* WP11 */
		page_cache_release(new_page);
	if (old_page)					/* WP12 */
		page_cache_release(old_page);
unlock:
	pte_unmap_unlock(page_table, ptl);		/* WP13 */
	/* E06 { */
	if (dirty_page) {				/* WP14 E06 */
		set_page_dirty(dirty_page);
		put_page(dirty_page);
	}
	/* } E06 */
	return ret;
oom:
	if (old_page)					/* WP15 */
		page_cache_release(old_page);
	return VM_FAULT_OOM;
}

static int do_no_page(struct mm_struct *mm, struct vm_area_struct *vma,
			unsigned long address, pte_t *page_table, pmd_t *pmd,
			int write_access)
{
	spinlock_t *ptl;
	struct page *new_page;
	struct address_space *mapping = NULL;
	pte_t entry;
	unsigned int sequence = 0;
	int ret = VM_FAULT_MINOR;
	int anon = 0;
	/* E07 { */
	struct page *dirty_page = NULL;
	/* } E07 */

	pte_unmap(page_table);				/* NP1 */
	BUG_ON(vma->vm_flags & VM_PFNMAP);		/* NP2 */

	if (vma->vm_file) {				/* NP3 */
		mapping = vma->vm_file->f_mapping;
		sequence = mapping->truncate_count;
		smp_rmb();
	}
retry:
	new_page = vma->vm_ops->nopage(vma, address & PAGE_MASK, &ret);	/* NP4 */

	if (new_page == NOPAGE_SIGBUS)			/* NP5 */
		return VM_FAULT_SIGBUS;
	if (new_page == NOPAGE_OOM)
		return VM_FAULT_OOM;

	/* a private mapping that is written to never maps the file's own page */
	if (write_access && !(vma->vm_flags & VM_SHARED)) {	/* NP6 */
		struct page *page;

		if (unlikely(anon_vma_prepare(vma)))
			goto oom;
		page = alloc_page_vma(GFP_HIGHUSER, vma, address);
		if (!page)
			goto oom;
		copy_user_highpage(page, new_page, address);
		page_cache_release(new_page);
		new_page = page;
		anon = 1;
	}

	page_table = pte_offset_map_lock(mm, pmd, address, &ptl);	/* NP7 */
	/* truncation that ran meanwhile may have passed over a pte that was not there yet */
	if (mapping && unlikely(sequence != mapping->truncate_count)) {	/* NP8 */
		pte_unmap_unlock(page_table, ptl);
		page_cache_release(new_page);
		cond_resched();
		sequence = mapping->truncate_count;
		smp_rmb();
		goto retry;
	}

	if (pte_none(*page_table)) {			/* NP9 */
		flush_icache_page(vma, new_page);
		entry = mk_pte(new_page, vma->vm_page_prot);
		if (write_access)
			entry = maybe_mkwrite(pte_mkdirty(entry), vma);
		set_pte_at(mm, address, page_table, entry);
		if (anon) {
			inc_mm_counter(mm, anon_rss);	/* NP9a */
			lru_cache_add_active(new_page);
			page_add_new_anon_rmap(new_page, vma, address);
		} else {
			inc_mm_counter(mm, file_rss);	/* NP9b */
			page_add_file_rmap(new_page);
			/* E08 { */
			if (unit(KMM_U2) && write_access) {	/* NP9c E08 */
				dirty_page = new_page;
				get_page(dirty_page);
			}
			/* } E08 */
		}
	} else {
		page_cache_release(new_page);		/* NP10 */
		goto unlock;
	}

	update_mmu_cache(vma, address, entry);		/* NP11 */
	lazy_mmu_prot_update(entry);
unlock:
	pte_unmap_unlock(page_table, ptl);		/* NP12 */
	/* E09 { */
	if (dirty_page) {				/* NP12a E09 */
		set_page_dirty(dirty_page);
		put_page(dirty_page);
	}
	/* } E09 */
	return ret;
oom:
	page_cache_release(new_page);			/* NP13 */
	return VM_FAULT_OOM;
}

KMM_ENTRY(follow_page);
KMM_ENTRY(do_wp_page);
KMM_ENTRY(do_no_page);
