// SPDX-License-Identifier: GPL-2.0-only
/* msync(2): the only system call that carries dirty bits from ptes to pages. */
#include "machine/dirty.h"
#include "machine/fault.h"
#include "machine/file.h"
#include "machine/msync.h"
#include "machine/watch.h"
#include "machine/writeback.h"
#include "machine/zap.h"

#define KMM_FILE KMM_FILE_MACHINE

/* All of these tell how many pages became dirty. */
static int msync_pte(struct vm_area_struct *vma, unsigned long address, pte_t *pte)
{
	struct page *page;

	if (!pte_present(*pte) || !pte_dirty(*pte))
		return 0;
	page = vm_normal_page(vma, address, *pte);
	if (!page)
		return 0;
	/* RW stays: the next store makes the pte dirty again without a fault */
	return ptep_clear_flush_dirty(vma, address, pte) && set_page_dirty_by_pte(page);
}

static int msync_page_range(struct vm_area_struct *vma, unsigned long address, unsigned long end)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long stop;
	int dirtied = 0;
	pmd_t *pmd;

	flush_cache_range(vma, address, end);
	for (; (pmd = kmm_next_table(mm, &address, end, &stop)); address = stop) {
		spinlock_t *ptl;
		pte_t *first = pte_offset_map_lock(mm, pmd, address, &ptl), *pte = first;

		for (; address < stop; address += PAGE_SIZE, pte++)
			dirtied += msync_pte(vma, address, pte);
		pte_unmap_unlock(first, ptl);
	}
	return dirtied;
}

static int msync_interval(struct vm_area_struct *vma, unsigned long address, unsigned long end,
			  int flags, int *dirtied)
{
	if (flags & MS_INVALIDATE && vma->vm_flags & VM_LOCKED)
		return -EBUSY;
	if (vma->vm_file && vma->vm_flags & VM_SHARED)
		*dirtied = msync_page_range(vma, address, end);
	return 0;
}

/*
 * Who dirties pages may have to write some.  Here none are: writeback is an operation
 * of its own, and comes at any time.  But mmap_sem is dropped for it.
 */
static void balance_unlocked(struct mm_struct *mm, struct file *file)
{
	get_file(file);
	up_read(&mm->mmap_sem);
	fput(file);
	down_read(&mm->mmap_sem);
}

/* A file outlives its mapping here: mmap_sem is dropped while it is written. */
static int fsync_unlocked(struct mm_struct *mm, struct file *file)
{
	int error;

	get_file(file);
	up_read(&mm->mmap_sem);
	error = do_fsync(file, 0);
	fput(file);
	down_read(&mm->mmap_sem);
	return error;
}

/*
 * Every vma of [start, end) in turn.  The first error ends it.  A hole is
 * reported only by the vma that reaches `end`, and then only if no fsync of
 * that vma comes after.
 */
static int msync_vmas(struct mm_struct *mm, unsigned long start, unsigned long end, int flags)
{
	struct vm_area_struct *vma = find_vma(mm, start);
	int error = 0, hole = 0, done = 0;

	if (!vma)
		return -ENOMEM;
	while (vma && !done) {
		unsigned long stop = vma->vm_end;
		int dirtied = 0;

		if (start < vma->vm_start) {
			hole = -ENOMEM;
			start = vma->vm_start;
		}
		if (end <= stop) {
			stop = end;
			done = 1;
		}
		error = start < stop ? msync_interval(vma, start, stop, flags, &dirtied) : 0;
		if (error)
			return error;
		if (done)
			error = hole;

		start = vma->vm_end;
		if (flags & MS_ASYNC && vma->vm_file && dirtied) {
			balance_unlocked(mm, vma->vm_file);
			vma = find_vma(mm, start);
		} else if (flags & MS_SYNC && vma->vm_file && vma->vm_flags & VM_SHARED) {
			error = fsync_unlocked(mm, vma->vm_file);
			if (error)
				return error;
			vma = find_vma(mm, start);
		} else {
			vma = vma->vm_next;
		}
	}
	return error;
}

long sys_msync(unsigned long start, unsigned long len, int flags)
{
	struct mm_struct *mm = current->mm;
	unsigned long end;
	long error;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || start & ~PAGE_MASK ||
	    (flags & MS_ASYNC && flags & MS_SYNC))
		return -EINVAL;
	end = start + ((len + ~PAGE_MASK) & PAGE_MASK);
	if (end < start)
		return -ENOMEM;
	if (end == start)
		return 0;
	down_read(&mm->mmap_sem);
	error = msync_vmas(mm, start, end, flags);
	up_read(&mm->mmap_sem);
	return error;
}
