// SPDX-License-Identifier: GPL-2.0-only
/* Taking mappings away: a range of a process, and all of it at its exit. */
#include "machine/anon.h"
#include "machine/file.h"
#include "machine/fault.h"
#include "machine/lru.h"
#include "machine/munmap.h"
#include "machine/zap.h"

#define KMM_FILE KMM_FILE_MACHINE

/* The ptes of a list of vmas, as far as they lie in [start, end), and the charge for them. */
static void unmap_vmas(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	long accounted = 0;

	for (; vma && vma->vm_start < end; vma = vma->vm_next) {
		unsigned long from = vma->vm_start < start ? start : vma->vm_start;
		unsigned long to = vma->vm_end > end ? end : vma->vm_end;

		if (vma->vm_flags & VM_ACCOUNT)
			accounted += (long)((to - from) >> PAGE_SHIFT);
		zap_page_range(vma, from, to, NULL);
	}
	vm_unacct_memory(accounted);
}

/* Only now, that no pte leads to their pages any more, may the rmap forget these vmas. */
static void unlink_from_rmap(struct vm_area_struct *vma)
{
	for (; vma; vma = vma->vm_next) {
		if (vma->anon_vma)
			anon_vma_unlink(vma);
		kmm_unlink_file_vma(vma);
	}
}

/* The page tables that hold ptes of [start, end) and none of a neighbour's. */
static void free_pgtables(struct mm_struct *mm, unsigned long start, unsigned long end,
			  unsigned long floor, unsigned long ceiling)
{
	u32 shift = kmm_world->pmd_shift, i;

	for (i = 0; i < mm->nr_pmds; i++) {
		pmd_t *pmd = &mm->pgd[i];
		unsigned long from = pmd->index << shift, to = (pmd->index + 1) << shift;

		if (from < end && to > start && from >= floor && to <= ceiling)
			pmd->table = NULL;
	}
}

void kmm_unmap_region(struct mm_struct *mm, struct vm_area_struct *vma,
		      struct vm_area_struct *prev, unsigned long start, unsigned long end,
		      u32 here)
{
	struct vm_area_struct *next = prev ? prev->vm_next : mm->mmap;

	KMM_EVENT(unmap_region, here, mm, vma, prev, start, end);
	lru_add_drain();
	unmap_vmas(vma, start, end);
	unlink_from_rmap(vma);
	free_pgtables(mm, start, end, prev ? prev->vm_end : 0, next ? next->vm_start : TASK_SIZE);
}

/* The vmas of [.., end), from `vma` on, out of the process and ended as a list of their own. */
static void detach_vmas(struct mm_struct *mm, struct vm_area_struct *vma,
			struct vm_area_struct *prev, unsigned long end)
{
	struct vm_area_struct *last;

	do {
		last = vma;
		vma = vma->vm_next;
		kmm_vma_unlink(mm, last, prev);
		kmm_count_add(&mm->map_count, -1);
	} while (vma && vma->vm_start < end);
	last->vm_next = NULL;
}

/* A list of vmas that are linked nowhere: what they counted for, and they themselves. */
static void remove_vmas(struct mm_struct *mm, struct vm_area_struct *vma)
{
	while (vma) {
		struct vm_area_struct *next = vma->vm_next;
		long pages = (long)vma_pages(vma);

		mm->total_vm -= pages;
		if (vma->vm_flags & VM_LOCKED)
			mm->locked_vm -= pages;
		vm_stat_account(mm, vma->vm_flags, vma->vm_file, -pages);
		if (vma->vm_ops && vma->vm_ops->close)
			vma->vm_ops->close(vma);
		if (vma->vm_file)
			fput(vma->vm_file);
		kmem_cache_free(vm_area_cachep, vma);
		vma = next;
	}
}

static int unmap(struct mm_struct *mm, unsigned long start, unsigned long len)
{
	struct vm_area_struct *vma, *prev, *last;
	unsigned long end;
	int error;

	if (start & ~PAGE_MASK || start > TASK_SIZE || len > TASK_SIZE - start)
		return -EINVAL;
	len = kmm_page_align(len);
	if (!len)
		return -EINVAL;
	end = start + len;
	vma = find_vma_prev(mm, start, &prev);
	if (!vma || vma->vm_start >= end)
		return 0;

	if (start > vma->vm_start) {
		error = split_vma(mm, vma, start, 0);
		if (error)
			return error;
		prev = vma;
	}
	last = find_vma(mm, end);
	if (last && end > last->vm_start) {
		error = split_vma(mm, last, end, 1);
		if (error)
			return error;
	}
	vma = prev ? prev->vm_next : mm->mmap;
	detach_vmas(mm, vma, prev, end);
	unmap_region(mm, vma, prev, start, end);
	remove_vmas(mm, vma);
	return 0;
}

int kmm_do_munmap(struct mm_struct *mm, unsigned long start, unsigned long len, u32 here)
{
	u64 *error = KMM_ENTER(do_munmap, here, mm, start, len);

	return KMM_GIVE(error, unmap(mm, start, len));
}

/* file_rss and anon_rss stay: pages that were counted and never taken back would show there. */
static void forget_sizes(struct mm_struct *mm)
{
	mm->map_count = 0;
	mm->total_vm = mm->locked_vm = mm->shared_vm = 0;
	mm->exec_vm = mm->stack_vm = mm->reserved_vm = 0;
	mm->def_flags = 0;
	mm->start_brk = mm->brk = KMM_HEAP_START;
	mm->mm_users = 0;
}

void exit_mmap(struct mm_struct *mm)
{
	struct vm_area_struct *vma = mm->mmap;

	KMM_EVENT(exit_mmap, KMM_HERE, mm);
	lru_add_drain();
	unmap_vmas(vma, 0, TASK_SIZE);
	unlink_from_rmap(vma);
	kmm_free_page_tables(mm);
	mm->mmap = NULL;
	mm->mm_rb.rb_node = NULL;
	remove_vmas(mm, vma);
	forget_sizes(mm);
}
