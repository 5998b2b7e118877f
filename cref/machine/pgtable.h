/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables in memory: the walk to a slot, the lock of its table, and the
 * operations on a slot.  Mapping a table (kmap) is only counted, so that a
 * table that is never unmapped shows in the state.
 */
#ifndef KMM_MACHINE_PGTABLE_H
#define KMM_MACHINE_PGTABLE_H

#include "machine/lock.h"
#include "machine/page.h"
#include "machine/pte.h"

/* The directory entry that covers `address`, or NULL where a level is missing. */
static inline pmd_t *kmm_find_pmd(const struct mm_struct *mm, unsigned long address)
{
	unsigned long index = address >> kmm_world->pmd_shift;
	u32 i;

	for (i = 0; i < mm->nr_pmds; i++)
		if (mm->pgd[i].index == index && mm->pgd[i].table)
			return &mm->pgd[i];
	return NULL;
}

/*
 * The walk from the top of an address space to the entry of one page table:
 * NULL for what the kernel finds out level by level, that one is none or bad.
 */
static inline pmd_t *kmm_pmd_offset(const struct mm_struct *mm, unsigned long address, u32 here)
{
	pmd_t *pmd = kmm_find_pmd(mm, address);

	KMM_EVENT(pmd_offset, here, mm, address, pmd);
	return pmd;
}
#define pmd_offset(mm, address)		kmm_pmd_offset(mm, address, KMM_HERE)

static inline pte_t *kmm_pte_offset(const pmd_t *pmd, unsigned long address)
{
	return &pmd->table[address >> PAGE_SHIFT & ((1UL << kmm_world->size.table_shift) - 1)];
}

static inline spinlock_t *kmm_pte_lockptr(pmd_t *pmd)
{
	return &pmd->ptl;
}

static inline unsigned long page_to_pfn(const struct page *page)
{
	return (unsigned long)(page - kmm_world->pages) + KMM_PFN_BASE;
}

static inline int pfn_valid(unsigned long pfn)
{
	return pfn - KMM_PFN_BASE < kmm_world->size.pages;
}

static inline struct page *pfn_to_page(unsigned long pfn)
{
	return &kmm_world->pages[pfn - KMM_PFN_BASE];
}

static inline pte_t mk_pte(const struct page *page, pgprot_t prot)
{
	return pfn_pte(page_to_pfn(page), prot);
}

static inline int is_cow_mapping(unsigned long flags)
{
	return (flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

/*
 * The page that a present pte stands for; NULL for a frame that only a driver
 * knows: one of a PFNMAP, unless it is a private copy there, or one past memory.
 */
static inline struct page *kmm_vm_normal_page(const struct vm_area_struct *vma,
					      unsigned long address, pte_t pte, u32 here)
{
	unsigned long pfn = pte_pfn(pte);
	struct page *page = NULL;

	if (vma->vm_flags & VM_PFNMAP) {
		unsigned long off = (address - vma->vm_start) >> PAGE_SHIFT;

		if (pfn != vma->vm_pgoff + off && is_cow_mapping(vma->vm_flags) && pfn_valid(pfn))
			page = pfn_to_page(pfn);
	} else if (pfn_valid(pfn)) {
		page = pfn_to_page(pfn);
	}
	KMM_EVENT(vm_normal_page, here, vma, address, pte_val(pte), page);
	return page;
}
#define vm_normal_page(vma, address, pte) \
	kmm_vm_normal_page(vma, address, pte, KMM_HERE)

static inline pte_t *kmm_pte_offset_map_lock(struct mm_struct *mm, pmd_t *pmd,
					     unsigned long address, spinlock_t **ptlp, u32 here)
{
	spinlock_t *ptl = kmm_pte_lockptr(pmd);
	pte_t *pte = kmm_pte_offset(pmd, address);

	KMM_EVENT(pte_offset_map_lock, here, mm, pmd, address, ptl, pte);
	*ptlp = ptl;
	kmm_world->kmaps++;
	kmm_lock(ptl);
	return pte;
}
#define pte_offset_map_lock(mm, pmd, address, ptlp) \
	kmm_pte_offset_map_lock(mm, pmd, address, ptlp, KMM_HERE)

static inline void kmm_pte_unmap_unlock(pte_t *pte, spinlock_t *ptl, u32 here)
{
	KMM_EVENT(pte_unmap_unlock, here, pte, ptl);
	kmm_unlock(ptl);
	kmm_world->kmaps--;
}
#define pte_unmap_unlock(pte, ptl)	kmm_pte_unmap_unlock(pte, ptl, KMM_HERE)

static inline void kmm_pte_unmap(pte_t *pte, u32 here)
{
	KMM_EVENT(pte_unmap, here, pte);
	kmm_world->kmaps--;
}
#define pte_unmap(pte)			kmm_pte_unmap(pte, KMM_HERE)

static inline void kmm_set_pte_at(struct mm_struct *mm, unsigned long address, pte_t *pte,
				  pte_t value, u32 here)
{
	KMM_EVENT(set_pte_at, here, mm, address, pte, pte_val(value));
	*pte = value;
}
#define set_pte_at(mm, address, pte, value) \
	kmm_set_pte_at(mm, address, pte, value, KMM_HERE)

static inline void kmm_pte_clear(struct mm_struct *mm, unsigned long address, pte_t *pte, u32 here)
{
	KMM_EVENT(pte_clear, here, mm, address, pte);
	*pte = __pte(0);
}
#define pte_clear(mm, address, pte)	kmm_pte_clear(mm, address, pte, KMM_HERE)

static inline pte_t kmm_ptep_get_and_clear(struct mm_struct *mm, unsigned long address,
					   pte_t *pte, u32 here)
{
	pte_t old = *pte;

	KMM_EVENT(ptep_get_and_clear, here, mm, address, pte, pte_val(old));
	*pte = __pte(0);
	return old;
}
#define ptep_get_and_clear(mm, address, pte) \
	kmm_ptep_get_and_clear(mm, address, pte, KMM_HERE)

/* Stores and flushes: with one processor the flush is only part of this event. */
static inline void kmm_ptep_establish(struct vm_area_struct *vma, unsigned long address,
				      pte_t *pte, pte_t value, u32 here)
{
	KMM_EVENT(ptep_establish, here, vma, address, pte, pte_val(value));
	*pte = value;
}
#define ptep_establish(vma, address, pte, value) \
	kmm_ptep_establish(vma, address, pte, value, KMM_HERE)

/* i386 stores nothing at all unless `dirty` is set. */
static inline void kmm_ptep_set_access_flags(struct vm_area_struct *vma, unsigned long address,
					     pte_t *pte, pte_t value, int dirty, u32 here)
{
	KMM_EVENT(ptep_set_access_flags, here, vma, address, pte, pte_val(value), dirty);
	if (dirty)
		*pte = value;
}
#define ptep_set_access_flags(vma, address, pte, value, dirty) \
	kmm_ptep_set_access_flags(vma, address, pte, value, dirty, KMM_HERE)

static inline void kmm_ptep_set_wrprotect(struct mm_struct *mm, unsigned long address,
					  pte_t *pte, u32 here)
{
	KMM_EVENT(ptep_set_wrprotect, here, mm, address, pte);
	*pte = pte_wrprotect(*pte);
}
#define ptep_set_wrprotect(mm, address, pte) \
	kmm_ptep_set_wrprotect(mm, address, pte, KMM_HERE)

static inline pte_t kmm_ptep_clear_flush(struct vm_area_struct *vma, unsigned long address,
					 pte_t *pte, u32 here)
{
	pte_t old = *pte;

	KMM_EVENT(ptep_clear_flush, here, vma, address, pte, pte_val(old));
	*pte = __pte(0);
	return old;
}
#define ptep_clear_flush(vma, address, pte) \
	kmm_ptep_clear_flush(vma, address, pte, KMM_HERE)

static inline int kmm_ptep_clear_flush_dirty(struct vm_area_struct *vma, unsigned long address,
					     pte_t *pte, u32 here)
{
	int dirty = pte_dirty(*pte) != 0;

	KMM_EVENT(ptep_clear_flush_dirty, here, vma, address, pte, dirty);
	*pte = pte_mkclean(*pte);
	return dirty;
}
#define ptep_clear_flush_dirty(vma, address, pte) \
	kmm_ptep_clear_flush_dirty(vma, address, pte, KMM_HERE)

static inline int kmm_ptep_clear_flush_young(struct vm_area_struct *vma, unsigned long address,
					     pte_t *pte, u32 here)
{
	int young = pte_young(*pte) != 0;

	KMM_EVENT(ptep_clear_flush_young, here, vma, address, pte, young);
	*pte = pte_mkold(*pte);
	return young;
}
#define ptep_clear_flush_young(vma, address, pte) \
	kmm_ptep_clear_flush_young(vma, address, pte, KMM_HERE)

/* No-ops on i386, recorded all the same: a half that forgets one is wrong elsewhere. */
#define flush_cache_page(vma, address, pfn) \
	KMM_EVENT(flush_cache_page, KMM_HERE, vma, address, pfn)
#define flush_tlb_page(vma, address) \
	KMM_EVENT(flush_tlb_page, KMM_HERE, vma, address)
#define update_mmu_cache(vma, address, value) \
	KMM_EVENT(update_mmu_cache, KMM_HERE, vma, address, pte_val(value))
#define lazy_mmu_prot_update(value) \
	KMM_EVENT(lazy_mmu_prot_update, KMM_HERE, pte_val(value))

#endif
