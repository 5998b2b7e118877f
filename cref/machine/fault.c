// SPDX-License-Identifier: GPL-2.0-only
/* Page faults: what kind it is and who handles it; and accesses as the processor does them. */
#include "machine/account.h"
#include "machine/contents.h"
#include "machine/fault.h"
#include "machine/lru.h"
#include "machine/running.h"
#include "machine/unwritten.h"
#include "machine/watch.h"

#define KMM_FILE KMM_FILE_MACHINE

/* An access that faults more often than this for one retry after the other never ends. */
#define MAX_FAULTS	16

/* Both ways to a new anonymous pte end here, with ptl held. */
static void map_anonymous(struct mm_struct *mm, struct vm_area_struct *vma,
			  unsigned long address, pte_t *page_table, pte_t value)
{
	set_pte_at(mm, address, page_table, value);
	update_mmu_cache(vma, address, value);
	lazy_mmu_prot_update(value);
}

/* The zero page counts, is mapped and is held like a page of a file. */
static int read_anonymous(struct mm_struct *mm, struct vm_area_struct *vma,
			  unsigned long address, pte_t *page_table, pmd_t *pmd)
{
	struct page *page = ZERO_PAGE(address);
	spinlock_t *ptl = kmm_pte_lockptr(pmd);

	page_cache_get(page);
	spin_lock(ptl);
	if (pte_none(*page_table)) {
		inc_mm_counter(mm, file_rss);
		page_add_file_rmap(page);
		map_anonymous(mm, vma, address, page_table, mk_pte(page, vma->vm_page_prot));
	} else {
		page_cache_release(page);
	}
	pte_unmap_unlock(page_table, ptl);
	return VM_FAULT_MINOR;
}

static int write_anonymous(struct mm_struct *mm, struct vm_area_struct *vma,
			   unsigned long address, pte_t *page_table, pmd_t *pmd)
{
	struct page *page;
	spinlock_t *ptl;

	pte_unmap(page_table);
	if (anon_vma_prepare(vma))
		return VM_FAULT_OOM;
	page = alloc_zeroed_user_highpage(vma, address);
	if (!page)
		return VM_FAULT_OOM;
	page_table = pte_offset_map_lock(mm, pmd, address, &ptl);
	if (pte_none(*page_table)) {
		inc_mm_counter(mm, anon_rss);
		lru_cache_add_active(page);
		page_add_new_anon_rmap(page, vma, address);
		map_anonymous(mm, vma, address, page_table,
			      maybe_mkwrite(pte_mkdirty(mk_pte(page, vma->vm_page_prot)), vma));
	} else {
		page_cache_release(page);
	}
	pte_unmap_unlock(page_table, ptl);
	return VM_FAULT_MINOR;
}

static int do_anonymous_page(struct mm_struct *mm, struct vm_area_struct *vma,
			     unsigned long address, pte_t *page_table, pmd_t *pmd,
			     int write_access)
{
	u64 *ret = KMM_ENTER(do_anonymous_page, KMM_HERE, mm, vma, address, write_access);

	return KMM_GIVE(ret, write_access ?
			write_anonymous(mm, vma, address, page_table, pmd) :
			read_anonymous(mm, vma, address, page_table, pmd));
}

static int populate_one(struct vm_area_struct *vma, unsigned long address, pte_t orig_pte)
{
	int error;

	if (!(vma->vm_flags & VM_NONLINEAR))
		return VM_FAULT_OOM;
	error = vma->vm_ops->populate(vma, address & PAGE_MASK, PAGE_SIZE, vma->vm_page_prot,
				      pte_to_pgoff(orig_pte), 0);
	if (error == -ENOMEM)
		return VM_FAULT_OOM;
	return error ? VM_FAULT_SIGBUS : VM_FAULT_MAJOR;
}

static int do_file_page(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long address,
			pte_t *page_table, int write_access, pte_t orig_pte)
{
	u64 *ret = KMM_ENTER(do_file_page, KMM_HERE, mm, vma, address, write_access);

	pte_unmap(page_table);
	return KMM_GIVE(ret, populate_one(vma, address, orig_pte));
}

/* A pte that is present after all, or not writable. */
static int fault_on_present(struct mm_struct *mm, struct vm_area_struct *vma,
			    unsigned long address, pte_t *pte, pmd_t *pmd, int write_access,
			    pte_t old)
{
	spinlock_t *ptl = kmm_pte_lockptr(pmd);
	pte_t value = old;

	spin_lock(ptl);
	if (!pte_same(*pte, old))
		goto unlock;
	if (write_access) {
		if (!pte_write(old))
			return kmm_watched_wp_page(mm, vma, address, pte, pmd, ptl, old);
		value = pte_mkdirty(value);
	}
	value = pte_mkyoung(value);
	if (!pte_same(value, old)) {
		ptep_set_access_flags(vma, address, pte, value, write_access);
		update_mmu_cache(vma, address, value);
		lazy_mmu_prot_update(value);
	} else if (write_access) {
		flush_tlb_page(vma, address);
	}
unlock:
	pte_unmap_unlock(pte, ptl);
	return VM_FAULT_MINOR;
}

static int dispatch(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long address,
		    pte_t *pte, pmd_t *pmd, int write_access)
{
	pte_t old = *pte;	/* without the lock: whoever needs it looks again */

	if (pte_present(old))
		return fault_on_present(mm, vma, address, pte, pmd, write_access, old);
	if (pte_none(old)) {
		if (vma->vm_ops && vma->vm_ops->nopage) {
			if (write_access)
				kmm_note_write_at(vma, address, old);
			return HALF(do_no_page)(mm, vma, address, pte, pmd, write_access);
		}
		return do_anonymous_page(mm, vma, address, pte, pmd, write_access);
	}
	if (pte_file(old))
		return do_file_page(mm, vma, address, pte, write_access, old);
	return do_swap_page(mm, vma, address, pte, pmd, write_access, old);
}

static int handle_pte_fault(struct mm_struct *mm, struct vm_area_struct *vma,
			    unsigned long address, pte_t *pte, pmd_t *pmd, int write_access)
{
	u64 *ret = KMM_ENTER(handle_pte_fault, KMM_HERE, mm, vma, address, write_access);
	pte_t old = *pte;
	int fault = KMM_GIVE(ret, dispatch(mm, vma, address, pte, pmd, write_access));

	if (!write_access)
		kmm_note_read_fault(vma, pte, old);
	return fault;
}

int __handle_mm_fault(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long address,
		      int write_access)
{
	pmd_t *pmd;

	/* the model's huge pages are there to be refused */
	if (vma->vm_flags & VM_HUGETLB)
		return VM_FAULT_SIGBUS;
	pmd = pte_alloc(mm, address);
	if (!pmd)
		return VM_FAULT_OOM;
	kmm_world->kmaps++;
	return handle_pte_fault(mm, vma, address, kmm_pte_offset(pmd, address), pmd,
				write_access);
}

/* What the processor found where it stopped; a missing page table is a missing page. */
static pte_t *walk(struct mm_struct *mm, unsigned long address)
{
	pmd_t *pmd = kmm_find_pmd(mm, address);

	return pmd ? kmm_pte_offset(pmd, address) : NULL;
}

static int allowed(pte_t pte, int write)
{
	u32 need = _PAGE_PRESENT | _PAGE_USER | (write ? _PAGE_RW : 0);

	return (pte_val(pte) & need) == need;
}

/* The access itself, with the bits that the processor sets; a frame without a page is nothing. */
static void access_frame(struct mm_struct *mm, unsigned long address, pte_t *pte, int write,
			 u32 *version)
{
	pte_t value = pte_mkyoung(*pte);
	u32 sector = kmm_sector(address);
	struct page *page;

	if (write)
		value = pte_mkdirty(value);
	if (!pte_same(value, *pte))
		set_pte_at(mm, address, pte, value);
	*version = 0;
	if (!pfn_valid(pte_pfn(value)))
		return;
	page = pfn_to_page(pte_pfn(value));
	if (write)
		kmm_store(page, sector, KMM_HERE);
	*version = page->contents[sector];
}

/*
 * May this vma be accessed so at all?  `present` is what the processor says:
 * it was no missing page but a lack of permission.
 */
static int bad_area(const struct vm_area_struct *vma, int write, int present)
{
	if (write)
		return !(vma->vm_flags & VM_WRITE);
	return present || !(vma->vm_flags & (VM_READ | VM_EXEC));
}

static enum kmm_access fault_in(struct mm_struct *mm, struct vm_area_struct *vma,
				unsigned long address, int write)
{
	switch (__handle_mm_fault(mm, vma, address, write) & ~VM_FAULT_WRITE) {
	case VM_FAULT_MINOR:
	case VM_FAULT_MAJOR:
		return KMM_ACCESS_DONE;
	case VM_FAULT_SIGBUS:
		return KMM_ACCESS_SIGBUS;
	default:
		return KMM_ACCESS_OOM;
	}
}

/* A stack that grows downwards is not modelled: below every vma is a bad address. */
static enum kmm_access take_fault(struct mm_struct *mm, unsigned long address, int write,
				  int present)
{
	enum kmm_access end = KMM_ACCESS_SIGSEGV;
	struct vm_area_struct *vma;

	down_read(&mm->mmap_sem);
	vma = find_vma(mm, address);
	if (vma && vma->vm_start <= address && !bad_area(vma, write, present))
		end = fault_in(mm, vma, address, write);
	up_read(&mm->mmap_sem);
	return end;
}

enum kmm_access kmm_user_access(unsigned long address, int write, u32 *version)
{
	struct mm_struct *mm = current->mm;
	u16 *unwritten = NULL;
	enum kmm_access end;
	int faults = 0;
	pte_t *pte;

	*version = 0;
	for (;;) {
		pte = walk(mm, address);
		if (pte && allowed(*pte, write)) {
			access_frame(mm, address, pte, write, version);
			if (unwritten)
				kmm_note_access(mm, address, *pte, unwritten);
			return KMM_ACCESS_DONE;
		}
		if (write && !faults)
			unwritten = kmm_unwritten_of_access(mm, address, pte);
		if (faults++ == MAX_FAULTS)
			kmm_hang();
		end = take_fault(mm, address, write,
				 pte && pte_val(*pte) & _PAGE_PRESENT);
		if (end != KMM_ACCESS_DONE)
			return end;
	}
}
