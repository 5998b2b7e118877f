// SPDX-License-Identifier: GPL-2.0-only
#include "machine/census.h"
#include "machine/dirty.h"
#include "machine/swap.h"

/* The page that a present pte counts in, or NULL: not the frames of a driver. */
static struct page *counted_page(const struct vm_area_struct *vma, unsigned long address, pte_t pte)
{
	unsigned long pfn = pte_pfn(pte);

	if (!pfn_valid(pfn))
		return NULL;
	if (vma->vm_flags & VM_PFNMAP &&
	    (pfn == vma->vm_pgoff + ((address - vma->vm_start) >> PAGE_SHIFT) ||
	     !is_cow_mapping(vma->vm_flags)))
		return NULL;
	return pfn_to_page(pfn);
}

int kmm_vma_is_tracked(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_SHARED | VM_WRITE | VM_PFNMAP)) == (VM_SHARED | VM_WRITE) &&
	       vma->vm_file && kmm_mapping_accounts(vma->vm_file->f_mapping);
}

u32 kmm_bits_of_driver(const struct vm_area_struct *vma)
{
	return vma->vm_file && vma->vm_file->f_mapping->host->i_kind == KMM_PROT_DRIVER ?
	       _PAGE_PCD | _PAGE_PWT : 0;
}

static void count_writer(struct kmm_census *census, const struct vm_area_struct *vma,
			 const struct page *page)
{
	if (!(vma->vm_flags & VM_SHARED))
		census->pages[page - census->world->pages].private_writers++;
	/* a private copy, and a page that was truncated, are not the file's */
	else if (kmm_vma_is_tracked(vma) && kmm_mapping_of(page) == vma->vm_file->f_mapping &&
		 !kmm_page_flag(page, PG_dirty))
		census->untracked++;
}

static void count_swapped(struct kmm_census *census, pte_t pte)
{
	unsigned long offset = kmm_pte_to_swap(pte);

	if (!pte_file(pte) && offset < census->world->size.swap_slots)
		census->swap[offset]++;
}

static void count_pte(struct kmm_census *census, struct kmm_census_mm *mm,
		      const struct vm_area_struct *vma, unsigned long address, pte_t pte)
{
	struct kmm_census_page *of;
	struct page *page;

	if (pte_none(pte))
		return;
	if (!pte_present(pte)) {
		count_swapped(census, pte);
		return;
	}
	census->forbidden += pte_write(pte) && !(vma->vm_flags & VM_WRITE);
	census->lost_bits += (kmm_bits_of_driver(vma) & ~pte_val(pte)) != 0;
	page = counted_page(vma, address, pte);
	if (!page)
		return;
	of = &census->pages[page - census->world->pages];
	of->ptes++;
	of->dirty += pte_dirty(pte) != 0;
	if (kmm_page_is_anon(page))
		mm->anon++;
	else
		mm->file++;
	if (pte_write(pte))
		count_writer(census, vma, page);
	if (pte_val(pte) & _PAGE_PRESENT && kmm_has_garbage(page) &&
	    !(kmm_page_is_anon(page) && census->world->swap_failed))
		census->unknown++;
}

/* By page tables and not by addresses: a vma can be far larger than what has tables. */
static void count_vma(struct kmm_census *census, struct kmm_census_mm *mm,
		      const struct vm_area_struct *vma)
{
	const struct world *world = census->world;
	const struct mm_struct *of = vma->vm_mm;
	u32 i;

	for (i = 0; i < of->nr_pmds; i++) {
		const pmd_t *pmd = &of->pgd[i];
		unsigned long start = pmd->index << world->pmd_shift, at, end;

		if (!pmd->table)
			continue;
		end = start + (1UL << world->pmd_shift);
		end = end < vma->vm_end ? end : vma->vm_end;
		for (at = start > vma->vm_start ? start : vma->vm_start; at < end; at += PAGE_SIZE)
			count_pte(census, mm, vma, at, *kmm_pte_offset(pmd, at));
	}
}

void kmm_take_census(struct kmm_census *census)
{
	struct world *world = census->world;
	u32 i;

	for (i = 0; i < world->size.mms; i++)
		for EACH_VMA(&world->mms[i], vma)
			count_vma(census, &census->mms[i], vma);
}
