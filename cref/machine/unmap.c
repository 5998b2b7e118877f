// SPDX-License-Identifier: GPL-2.0-only
/* Walks from a page to its ptes that reclaim makes: who used it, and taking it from everyone. */
#include "machine/account.h"
#include "machine/dirty.h"
#include "machine/imap.h"
#include "machine/reclaim.h"
#include "machine/swap.h"
#include "machine/watch.h"

#define KMM_FILE KMM_FILE_MACHINE

static int mapped(const struct page *page)
{
	return page->_mapcount.counter >= 0;
}

static struct anon_vma *anon_vma_of(const struct page *page)
{
	return (struct anon_vma *)((unsigned long)page->mapping & ~PAGE_MAPPING_ANON);
}

static int page_referenced_one(struct page *page, struct vm_area_struct *vma, int *ptes_left)
{
	unsigned long address = vma_address(page, vma);
	spinlock_t *ptl;
	pte_t *pte;
	int young;

	if (address == (unsigned long)-EFAULT)
		return 0;
	pte = page_check_address(page, vma->vm_mm, address, &ptl);
	if (!pte)
		return 0;
	young = ptep_clear_flush_young(vma, address, pte);
	(*ptes_left)--;
	pte_unmap_unlock(pte, ptl);
	return young;
}

static int page_referenced_anon(struct page *page)
{
	struct anon_vma *anon_vma = anon_vma_of(page);
	int ptes_left = page->_mapcount.counter + 1, referenced = 0;
	struct vm_area_struct *vma;

	spin_lock(&anon_vma->lock);
	for (vma = anon_vma->head; vma && ptes_left; vma = vma->anon_vma_next)
		referenced += page_referenced_one(page, vma, &ptes_left);
	spin_unlock(&anon_vma->lock);
	return referenced;
}

static int page_referenced_file(struct page *page)
{
	const unsigned long locked_and_shared = VM_LOCKED | VM_MAYSHARE;
	struct address_space *mapping = page->mapping;
	int ptes_left = page->_mapcount.counter + 1, referenced = 0;
	struct prio_tree_iter iter;
	struct vm_area_struct *vma;

	spin_lock(&mapping->i_mmap_lock);
	vma_prio_tree_foreach(vma, &iter, &mapping->i_mmap, page->index, page->index) {
		if ((vma->vm_flags & locked_and_shared) == locked_and_shared) {
			referenced++;
			break;
		}
		referenced += page_referenced_one(page, vma, &ptes_left);
		if (!ptes_left)
			break;
	}
	spin_unlock(&mapping->i_mmap_lock);
	return referenced;
}

int page_referenced(struct page *page)
{
	u64 *result = KMM_ENTER(page_referenced, KMM_HERE, page);
	int referenced = kmm_test_and_clear(&page->flags, PG_referenced);

	BUG_ON(!kmm_page_flag(page, PG_locked));
	if (mapped(page) && page->mapping)
		referenced += kmm_page_is_anon(page) ? page_referenced_anon(page) :
						       page_referenced_file(page);
	return KMM_GIVE(result, referenced);
}

/* Under ptl; `old` is what was in the slot, which is 0 by now. */
static void take_from(struct page *page, struct vm_area_struct *vma, unsigned long address,
		      pte_t *pte, pte_t old)
{
	struct mm_struct *mm = vma->vm_mm;

	if (pte_dirty(old))
		set_page_dirty_by_pte(page);
	if (kmm_page_is_anon(page)) {
		BUG_ON(!kmm_page_flag(page, PG_swapcache));
		swap_duplicate(page->private);
		set_pte_at(mm, address, pte, kmm_swap_to_pte(page->private));
		dec_mm_counter(mm, anon_rss);
	} else {
		dec_mm_counter(mm, file_rss);
	}
	page_remove_rmap(page);
	page_cache_release(page);
}

static int try_to_unmap_one(struct page *page, struct vm_area_struct *vma, int ignore_refs)
{
	unsigned long address = vma_address(page, vma);
	int ret = SWAP_FAIL;
	spinlock_t *ptl;
	pte_t *pte;

	if (address == (unsigned long)-EFAULT)
		return SWAP_AGAIN;
	pte = page_check_address(page, vma->vm_mm, address, &ptl);
	if (!pte)
		return SWAP_AGAIN;
	if (!(vma->vm_flags & VM_LOCKED) &&
	    (!ptep_clear_flush_young(vma, address, pte) || ignore_refs)) {
		flush_cache_page(vma, address, page_to_pfn(page));
		take_from(page, vma, address, pte, ptep_clear_flush(vma, address, pte));
		ret = SWAP_AGAIN;
	}
	pte_unmap_unlock(pte, ptl);
	return ret;
}

static int try_to_unmap_anon(struct page *page, int ignore_refs)
{
	struct anon_vma *anon_vma = anon_vma_of(page);
	struct vm_area_struct *vma;
	int ret = SWAP_AGAIN;

	spin_lock(&anon_vma->lock);
	for (vma = anon_vma->head; vma; vma = vma->anon_vma_next) {
		ret = try_to_unmap_one(page, vma, ignore_refs);
		if (ret == SWAP_FAIL || !mapped(page))
			break;
	}
	spin_unlock(&anon_vma->lock);
	return ret;
}

/*
 * One slot of a nonlinear vma, whatever page of the file it holds; no other page may
 * be there, touched or not.  1 if a page was taken from it.
 */
static int sweep_pte(struct vm_area_struct *vma, unsigned long address, pte_t *pte)
{
	struct mm_struct *mm = vma->vm_mm;
	struct page *page;
	pte_t old;

	if (!pte_present(*pte))
		return 0;
	page = vm_normal_page(vma, address, *pte);
	BUG_ON(!page || kmm_page_is_anon(page));
	if (ptep_clear_flush_young(vma, address, pte))
		return 0;
	flush_cache_page(vma, address, page_to_pfn(page));
	old = ptep_clear_flush(vma, address, pte);
	/* who touches it again must find this page, not the one that would belong here */
	if (page->index != linear_page_index(vma, address))
		set_pte_at(mm, address, pte, pgoff_to_pte(page->index));
	if (pte_dirty(old))
		set_page_dirty_by_pte(page);
	page_remove_rmap(page);
	page_cache_release(page);
	dec_mm_counter(mm, file_rss);
	return 1;
}

#define CLUSTER		(32 * PAGE_SIZE)

/* The aligned window that `cursor` bytes of a vma lead to: how many ptes were taken. */
static int sweep_cluster(struct vm_area_struct *vma, unsigned long cursor)
{
	unsigned long address = (vma->vm_start + cursor) & ~(CLUSTER - 1), end = address + CLUSTER;
	int taken = 0;

	if (address < vma->vm_start)
		address = vma->vm_start;
	if (end > vma->vm_end)
		end = vma->vm_end;
	/* in the kernel a window lies in one page table */
	while (address < end) {
		unsigned long stop = ((address >> kmm_world->pmd_shift) + 1) << kmm_world->pmd_shift;
		pmd_t *pmd = kmm_find_pmd(vma->vm_mm, address);
		spinlock_t *ptl;
		pte_t *first, *pte;

		if (stop > end)
			stop = end;
		if (!pmd) {
			address = stop;
			continue;
		}
		first = pte_offset_map_lock(vma->vm_mm, pmd, address, &ptl);
		for (pte = first; address < stop; pte++, address += PAGE_SIZE)
			taken += sweep_pte(vma, address, pte);
		pte_unmap_unlock(first, ptl);
	}
	return taken;
}

static unsigned long length(const struct vm_area_struct *vma)
{
	return vma->vm_end - vma->vm_start;
}

/* One vma up to `stop`; *left ptes are wanted, and 0 says that there were enough. */
static int sweep_vma(struct vm_area_struct *vma, unsigned long stop, int *left)
{
	while (vma->vm_private_data < stop && vma->vm_private_data < length(vma)) {
		*left -= sweep_cluster(vma, vma->vm_private_data);
		vma->vm_private_data += CLUSTER;
		if (*left <= 0)
			return 0;
	}
	vma->vm_private_data = stop;
	return 1;
}

/*
 * Nobody knows where the page is in nonlinear vmas: ptes of all pages are taken until
 * they are as many as map this one.  Each vma remembers how far it was swept, so that
 * the next sweep goes on from there, and all begin anew when all have been swept.
 * SWAP_FAIL where none can be.
 */
static int sweep_nonlinear(struct address_space *mapping, const struct page *page)
{
	int left = page->_mapcount.counter + 1;
	unsigned long stop = 0, longest = 0;
	struct vm_area_struct *vma;

	for (vma = mapping->i_mmap_nonlinear; vma; vma = vma->nonlinear_next) {
		if (vma->vm_flags & VM_LOCKED)
			continue;
		if (vma->vm_private_data > stop)
			stop = vma->vm_private_data;
		if (length(vma) > longest)
			longest = length(vma);
	}
	if (!longest)
		return SWAP_FAIL;
	longest = (longest + CLUSTER - 1) & ~(CLUSTER - 1);
	if (!stop)
		stop = CLUSTER;
	do {
		for (vma = mapping->i_mmap_nonlinear; vma; vma = vma->nonlinear_next)
			if (!(vma->vm_flags & VM_LOCKED) && !sweep_vma(vma, stop, &left))
				return SWAP_AGAIN;
		stop += CLUSTER;
	} while (stop <= longest);
	for (vma = mapping->i_mmap_nonlinear; vma; vma = vma->nonlinear_next)
		vma->vm_private_data = 0;
	return SWAP_AGAIN;
}

static int try_to_unmap_file(struct page *page, int ignore_refs)
{
	struct address_space *mapping = page->mapping;
	struct prio_tree_iter iter;
	struct vm_area_struct *vma;
	int ret = SWAP_AGAIN;

	spin_lock(&mapping->i_mmap_lock);
	vma_prio_tree_foreach(vma, &iter, &mapping->i_mmap, page->index, page->index) {
		ret = try_to_unmap_one(page, vma, ignore_refs);
		if (ret == SWAP_FAIL || !mapped(page))
			goto out;
	}
	if (mapping->i_mmap_nonlinear)
		ret = sweep_nonlinear(mapping, page);
out:
	spin_unlock(&mapping->i_mmap_lock);
	return ret;
}

int try_to_unmap(struct page *page, int ignore_refs)
{
	u64 *result = KMM_ENTER(try_to_unmap, KMM_HERE, page, ignore_refs);
	int ret = SWAP_AGAIN;

	BUG_ON(!kmm_page_flag(page, PG_locked));
	if (mapped(page) && page->mapping)
		ret = kmm_page_is_anon(page) ? try_to_unmap_anon(page, ignore_refs) :
					       try_to_unmap_file(page, ignore_refs);
	if (!mapped(page))
		ret = SWAP_SUCCESS;
	return KMM_GIVE(result, ret);
}
