// SPDX-License-Identifier: GPL-2.0-only
/* Calls of do_wp_page, do_no_page and do_writepages: what is mapped, locked and wanted on entry. */
#include "engine/build_parts.h"

/* The directory entry of an address that some process has a table for, present or not. */
static pmd_t *pmd_of(const struct mm_struct *mm, unsigned long address)
{
	return &mm->pgd[(address - TASK_UNMAPPED_BASE) >> (PAGE_SHIFT + KMM_CASE_TABLE_SHIFT)];
}

/* A table that a fault on the way here would have allocated. */
static pmd_t *pmd_for_fault(struct world *world, const struct mm_struct *mm, unsigned long address)
{
	pmd_t *pmd = pmd_of(mm, address);

	if (!pmd->table)
		pmd->table = &world->ptes[(pmd - world->pmds) << KMM_CASE_TABLE_SHIFT];
	return pmd;
}

/* What a fault knows: where it is, with the page table mapped. */
static void at_fault(struct world *world, const struct kmm_case *c, struct kmm_call *call,
		     unsigned long address)
{
	struct mm_struct *mm = call->vma->vm_mm;

	call->mm = mm;
	/* to the byte */
	call->address = address + (((u32)c->flags[1] << 4 | c->flags[2]) & ~PAGE_MASK);
	call->pmd = pmd_for_fault(world, mm, address);
	call->page_table = kmm_pte_offset(call->pmd, address);
	kmm_hold_mmap_sem(mm, 0);
	world->kmaps = 1;
	kmm_run_task_of(world, c, mm);
	if (!c->pagevec)
		kmm_fill_pagevec(world);
}

/* The first place, from the case's on, that a present pte lies at; 0 if there is none. */
static unsigned long find_present(struct world *world, const struct kmm_case *c,
				  struct kmm_call *call)
{
	u32 first = c->vma * KMM_CASE_VMA_PAGES + c->address % KMM_CASE_VMA_PAGES, i;

	for (i = 0; i < KMM_CASE_PTES; i++) {
		u32 at = (first + i) % KMM_CASE_PTES;
		struct vm_area_struct *vma = &world->vmas[at / KMM_CASE_VMA_PAGES];
		unsigned long address = vma->vm_start +
					((unsigned long)(at % KMM_CASE_VMA_PAGES) << PAGE_SHIFT);
		const pmd_t *pmd = pmd_of(vma->vm_mm, address);

		if (address < vma->vm_end && pmd->table &&
		    pte_present(*kmm_pte_offset(pmd, address))) {
			call->vma = vma;
			return address;
		}
	}
	return 0;
}

/* No pte is present in this world: the zero page is mapped where it may be, if there is a place. */
static unsigned long map_zero_page(struct world *world, struct kmm_call *call)
{
	pte_t *pte;
	u32 i;

	for (i = 1; i < KMM_CASE_VMAS && call->vma->vm_flags & (VM_SHARED | VM_PFNMAP); i++)
		call->vma = &world->vmas[i];
	if (call->vma->vm_flags & VM_PFNMAP)
		call->vma = world->vmas;
	pte = kmm_pte_offset(pmd_for_fault(world, call->vma->vm_mm, call->vma->vm_start),
			     call->vma->vm_start);
	kmm_forget_pte(world, call->vma, pte);
	*pte = mk_pte(world->zero_page, __pgprot(PAGE_READONLY_VALUE));
	kmm_count_pte(world, world->zero_page);
	call->vma->vm_mm->file_rss++;
	return call->vma->vm_start;
}

void kmm_build_wp(struct world *world, const struct kmm_case *c, struct kmm_call *call)
{
	unsigned long address = find_present(world, c, call);

	if (unlikely(!address))
		address = map_zero_page(world, call);
	at_fault(world, c, call, address);
	/* only a fault on a page from swap meets a pte that can be written to */
	if (c->pte_is >= 4)
		*call->page_table = pte_wrprotect(*call->page_table);
	call->orig_pte = pte_val(*call->page_table);
	/* read before the lock was taken, and another processor has been here since */
	if (c->pte_is >= 60)
		call->page_table->pte_low ^= c->pte_is & 1 ? _PAGE_DIRTY : _PAGE_ACCESSED;
	call->ptl = &call->pmd->ptl;
	kmm_lock(call->ptl);
}

static int can_fault_in(const struct vm_area_struct *vma)
{
	return vma->vm_ops && vma->vm_ops->nopage && !(vma->vm_flags & VM_PFNMAP);
}

void kmm_build_no_page(struct world *world, const struct kmm_case *c, struct kmm_call *call)
{
	unsigned long address;
	u32 i;

	/* no file need be there: the kernel maps pages of its own into a process */
	if (!call->vma->vm_file && c->protect)
		call->vma->vm_ops = &kmm_own_vm_ops;
	/* the first vma can always */
	for (i = 1; i < KMM_CASE_VMAS && !can_fault_in(call->vma); i++)
		call->vma = &world->vmas[(c->vma + i) % KMM_CASE_VMAS];
	address = call->vma->vm_start + ((unsigned long)c->address << PAGE_SHIFT) %
					(call->vma->vm_end - call->vma->vm_start);
	at_fault(world, c, call, address);
	/* it was none without the lock; in some cases, another thread has filled it since */
	if (c->pte_is < 60)
		kmm_forget_pte(world, call->vma, call->page_table);
	call->write_access = c->write_access;
	kmm_let_pages_be_locked(world, c);
}

/* What a file must be for anyone to write it back. */
static int can_write_back(const struct address_space *mapping)
{
	return mapping->a_ops->writepage &&
	       !(mapping->backing_dev_info->capabilities & BDI_CAP_NO_WRITEBACK);
}

void kmm_build_writepages(struct world *world, const struct kmm_case *c, struct kmm_call *call)
{
	static const s64 pages[8] = { 1000, 1000, 1000, 1024, 1, 2, 3, 0 };
	static const u8 sync_mode[8] = {
		WB_SYNC_NONE, WB_SYNC_NONE, WB_SYNC_NONE, WB_SYNC_ALL, WB_SYNC_ALL, WB_SYNC_ALL,
		WB_SYNC_HOLD, WB_SYNC_NONE,
	};
	struct writeback_control *wbc = &world->wbc[0];
	loff_t_kmm at = (loff_t_kmm)(kmm_page_of_call(world, c)->index << PAGE_SHIFT);
	u32 first = c->mapping % KMM_CASE_FILES, i;

	call->mapping = &world->mappings[first];
	for (i = 1; i < KMM_CASE_FILES && !can_write_back(call->mapping); i++)
		call->mapping = &world->mappings[(first + i) % KMM_CASE_FILES];
	call->wbc = wbc;
	world->nr_wbc = 1;
	/* without one that can, there is nothing to do */
	wbc->nr_to_write = can_write_back(call->mapping) ? pages[c->wbc_pages] : 0;
	wbc->sync_mode = sync_mode[c->wbc_sync];
	wbc->start = c->wbc_range < 6 ? 0 : at;
	wbc->end = c->wbc_range < 6 ? 0 : at + ((loff_t_kmm)(c->wbc_range - 6) << (PAGE_SHIFT + 1)) + 1;
	wbc->nonblocking = c->wbc_more & 1;
	wbc->for_kupdate = c->wbc_more >> 1 & 1;
	wbc->for_reclaim = (c->wbc_more & 0x1C) == 0x1C;
	call->mapping->backing_dev_info->congested = (c->wbc_more & 0xE0) == 0xE0;
	call->mapping->writeback_index = c->wbc_range & 1 ? 0 : at >> PAGE_SHIFT;
	world->buffer_heads_over_limit = c->write_access;
	kmm_let_pages_be_locked(world, c);
	kmm_run_task_of(world, c, world->vmas[c->vma].vm_mm);
}
