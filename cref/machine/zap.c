// SPDX-License-Identifier: GPL-2.0-only
/* Taking ptes out: of a range of one vma, or of every mapping of a range of a file. */
#include "machine/dirty.h"
#include "machine/lru.h"
#include "machine/swap.h"
#include "machine/watch.h"
#include "machine/zap.h"

#define KMM_FILE KMM_FILE_MACHINE

/* Pages that no pte of this range maps any more; their references go after the locks. */
#define KMM_GATHERED	16
struct mmu_gather {
	u32 nr;
	struct page *pages[KMM_GATHERED];
};

static void free_gathered(struct mmu_gather *tlb)
{
	u32 i;

	for (i = 0; i < tlb->nr; i++)
		free_page_and_swap_cache(tlb->pages[i]);
	tlb->nr = 0;
}

/* Is this page one that details leave alone? */
static int keeps(const struct zap_details *details, const struct page *page)
{
	if (details->check_mapping && page->mapping != details->check_mapping)
		return 1;
	return details->nonlinear_vma &&
	       (page->index < details->first_index || page->index > details->last_index);
}

static void zap_present(struct vm_area_struct *vma, unsigned long address, pte_t *pte,
			const struct zap_details *details, struct mmu_gather *tlb)
{
	struct mm_struct *mm = vma->vm_mm;
	struct page *page = vm_normal_page(vma, address, *pte);
	pte_t old;

	if (details && page && keeps(details, page))
		return;
	old = ptep_get_and_clear(mm, address, pte);
	if (!page)
		return;
	if (details && details->nonlinear_vma && page->index != linear_page_index(vma, address))
		set_pte_at(mm, address, pte, pgoff_to_pte(page->index));
	if (kmm_page_is_anon(page)) {
		dec_mm_counter(mm, anon_rss);
	} else {
		if (pte_dirty(old))
			set_page_dirty_by_pte(page);
		if (pte_young(old))
			mark_page_accessed(page);
		dec_mm_counter(mm, file_rss);
	}
	page_remove_rmap(page);
	/* a full gather is emptied under the lock, which the order allows */
	if (tlb->nr == KMM_GATHERED)
		free_gathered(tlb);
	tlb->pages[tlb->nr++] = page;
}

/* One pte that is not none.  `details` is NULL here where everything goes. */
static void zap_pte(struct vm_area_struct *vma, unsigned long address, pte_t *pte,
		    const struct zap_details *details, struct mmu_gather *tlb)
{
	if (pte_present(*pte)) {
		zap_present(vma, address, pte, details, tlb);
		return;
	}
	if (details)
		return;
	if (!pte_file(*pte))
		free_swap_and_cache(kmm_pte_to_swap(*pte));
	pte_clear(vma->vm_mm, address, pte);
}

void zap_page_range(struct vm_area_struct *vma, unsigned long start, unsigned long end,
		    const struct zap_details *details)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long address = start, stop;
	struct mmu_gather tlb;
	pmd_t *pmd;

	KMM_EVENT(zap_page_range, KMM_HERE, vma, start, end);
	if (details && !details->check_mapping && !details->nonlinear_vma)
		details = NULL;
	tlb.nr = 0;
	for (; (pmd = kmm_next_table(mm, &address, end, &stop)); address = stop) {
		spinlock_t *ptl;
		pte_t *first = pte_offset_map_lock(mm, pmd, address, &ptl), *pte = first;

		for (; address < stop; address += PAGE_SIZE, pte++)
			if (!pte_none(*pte))
				zap_pte(vma, address, pte, details, &tlb);
		pte_unmap_unlock(first, ptl);
	}
	free_gathered(&tlb);
}

/* A vma that has seen this truncation is done; the kernel may have to begin its walk anew. */
static void unmap_part(struct vm_area_struct *vma, unsigned long start, unsigned long end,
		       const struct zap_details *details)
{
	if (vma->vm_truncate_count == details->truncate_count)
		return;
	lru_add_drain();
	zap_page_range(vma, start, end, details);
	vma->vm_truncate_count = details->truncate_count;
}

/* The part of one linear vma that maps [first, last] of the file. */
static void unmap_linear(struct vm_area_struct *vma, const struct zap_details *details)
{
	unsigned long first = vma->vm_pgoff, last = kmm_vma_last(vma);

	if (first < details->first_index)
		first = details->first_index;
	if (last > details->last_index)
		last = details->last_index;
	unmap_part(vma, vma->vm_start + ((first - vma->vm_pgoff) << PAGE_SHIFT),
		   vma->vm_start + ((last - vma->vm_pgoff + 1) << PAGE_SHIFT), details);
}

/* Counts are told from addresses, which vmas may hold in their place: no count is a page's. */
static u32 next_truncate_count(struct address_space *mapping)
{
	struct prio_tree_iter iter;
	struct vm_area_struct *vma;

	if (!(++mapping->truncate_count & ~PAGE_MASK)) {
		if (!mapping->truncate_count) {
			vma_prio_tree_foreach(vma, &iter, &mapping->i_mmap, 0, ~0UL)
				vma->vm_truncate_count = 0;
			for (vma = mapping->i_mmap_nonlinear; vma; vma = vma->nonlinear_next)
				vma->vm_truncate_count = 0;
		}
		mapping->truncate_count++;
	}
	return mapping->truncate_count;
}

void unmap_mapping_range(struct address_space *mapping, loff_t_kmm holebegin, loff_t_kmm holelen,
			 int even_cows)
{
	pgoff_t first = (u64)holebegin >> PAGE_SHIFT;
	pgoff_t pages = ((u64)holelen + PAGE_SIZE - 1) >> PAGE_SHIFT;
	struct zap_details details = {
		.check_mapping = even_cows ? NULL : mapping,
		.first_index = first,
		.last_index = first + pages - 1,
	};
	struct prio_tree_iter iter;
	struct vm_area_struct *vma;

	KMM_EVENT(unmap_mapping_range, KMM_HERE, mapping, first, pages, even_cows);
	/* without a length: to the end of the file and past it; so too where the sum wraps */
	if (!pages || details.last_index < first)
		details.last_index = ~0UL;

	spin_lock(&mapping->i_mmap_lock);
	details.truncate_count = next_truncate_count(mapping);
	vma_prio_tree_foreach(vma, &iter, &mapping->i_mmap, first, details.last_index)
		unmap_linear(vma, &details);
	for (vma = mapping->i_mmap_nonlinear; vma; vma = vma->nonlinear_next) {
		details.nonlinear_vma = vma;
		unmap_part(vma, vma->vm_start, vma->vm_end, &details);
	}
	spin_unlock(&mapping->i_mmap_lock);
}
