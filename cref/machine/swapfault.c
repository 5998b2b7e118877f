// SPDX-License-Identifier: GPL-2.0-only
/* A fault on a swap pte. */
#include "machine/account.h"
#include "machine/fault.h"
#include "machine/running.h"
#include "machine/swap.h"
#include "machine/watch.h"

#define KMM_FILE KMM_FILE_MACHINE

/* What do_swap_page and its parts are about. */
struct swap_fault {
	struct mm_struct *mm;
	struct vm_area_struct *vma;
	unsigned long address;
	pmd_t *pmd;
	pte_t orig_pte;
	int write_access;
};

/* No page: an error only if the pte still asks for one; else what was found before stands. */
static int nothing_read(const struct swap_fault *fault, int ret)
{
	spinlock_t *ptl;
	pte_t *pte = pte_offset_map_lock(fault->mm, fault->pmd, fault->address, &ptl);

	if (pte_same(*pte, fault->orig_pte))
		ret = VM_FAULT_OOM;
	pte_unmap_unlock(pte, ptl);
	return ret;
}

/* The page of the entry, locked and in the swap cache, or NULL. */
static struct page *lock_swap_page(unsigned long entry, int *ret)
{
	struct page *page;

	for (;;) {
		page = lookup_swap_cache(entry);
		if (!page) {
			page = read_swap_cache(entry);
			if (!page)
				return NULL;
			*ret = VM_FAULT_MAJOR;
		}
		mark_page_accessed(page);
		lock_page(page);
		if (kmm_page_flag(page, PG_swapcache))
			return page;
		unlock_page(page);
		page_cache_release(page);
	}
}

/* The page, locked, into its slot, with ptl held; both are let go. */
static int map_swap_page(const struct swap_fault *fault, struct page *page, pte_t *pte,
			 spinlock_t *ptl, int ret)
{
	struct vm_area_struct *vma = fault->vma;
	unsigned long address = fault->address;
	int copy = fault->write_access;
	pte_t value;

	inc_mm_counter(fault->mm, anon_rss);
	value = mk_pte(page, vma->vm_page_prot);
	/* asked while our use of the page is still counted by its slot alone */
	if (copy && can_share_swap_page(page)) {
		value = maybe_mkwrite(pte_mkdirty(value), vma);
		copy = 0;
	}
	flush_icache_page(vma, page);
	set_pte_at(fault->mm, address, pte, value);
	page_add_anon_rmap(page, vma, address);

	swap_free(kmm_pte_to_swap(fault->orig_pte));
	if (vm_swap_full())
		remove_exclusive_swap_page(page);
	unlock_page(page);

	if (copy) {
		/* it lets ptl go; that it wrote is lost, only that it could not is told */
		if (kmm_watched_wp_page(fault->mm, vma, address, pte, fault->pmd, ptl, value) ==
		    VM_FAULT_OOM)
			ret = VM_FAULT_OOM;
		return ret;
	}
	update_mmu_cache(vma, address, value);
	lazy_mmu_prot_update(value);
	pte_unmap_unlock(pte, ptl);
	return ret;
}

static int swap_in(const struct swap_fault *fault)
{
	int ret = VM_FAULT_MINOR;
	struct page *page = lock_swap_page(kmm_pte_to_swap(fault->orig_pte), &ret);
	spinlock_t *ptl;
	pte_t *pte;

	if (!page)
		return nothing_read(fault, ret);
	pte = pte_offset_map_lock(fault->mm, fault->pmd, fault->address, &ptl);
	if (pte_same(*pte, fault->orig_pte)) {
		if (kmm_page_flag(page, PG_uptodate))
			return map_swap_page(fault, page, pte, ptl, ret);
		ret = VM_FAULT_SIGBUS;
	}
	pte_unmap_unlock(pte, ptl);
	unlock_page(page);
	page_cache_release(page);
	return ret;
}

int do_swap_page(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long address,
		 pte_t *page_table, pmd_t *pmd, int write_access, pte_t orig_pte)
{
	u64 *ret = KMM_ENTER(do_swap_page, KMM_HERE, mm, vma, address, write_access);
	const struct swap_fault fault = { mm, vma, address, pmd, orig_pte, write_access };

	pte_unmap(page_table);
	return KMM_GIVE(ret, swap_in(&fault));
}
