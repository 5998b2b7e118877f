// SPDX-License-Identifier: GPL-2.0-only
/* The system calls that change a process's vmas, around what halves do of them. */
#include "machine/file.h"
#include "machine/munmap.h"
#include "machine/running.h"

#define KMM_FILE KMM_FILE_MACHINE

long sys_mmap(struct file *file, int has_fd, unsigned long addr, unsigned long len,
	      unsigned long prot, unsigned long flags, unsigned long pgoff)
{
	struct mm_struct *mm = current->mm;
	long ret;

	flags &= ~(unsigned long)(MAP_EXECUTABLE | MAP_DENYWRITE);
	if (flags & MAP_ANONYMOUS)
		file = NULL;
	else if (!has_fd || !file)
		return -EBADF;

	if (file)
		get_file(file);
	down_write(&mm->mmap_sem);
	ret = (long)HALF(do_mmap_pgoff)(file, addr, len, prot, flags, pgoff);
	up_write(&mm->mmap_sem);
	if (file)
		fput(file);
	return ret;
}

long sys_munmap(unsigned long addr, unsigned long len)
{
	struct mm_struct *mm = current->mm;
	int ret;

	down_write(&mm->mmap_sem);
	ret = do_munmap(mm, addr, len);
	up_write(&mm->mmap_sem);
	return ret;
}

/* Would a heap from `old` to `new`, and the page after it that stays free, meet a mapping? */
static int heap_is_blocked(struct mm_struct *mm, unsigned long old, unsigned long new)
{
	const struct vm_area_struct *vma = find_vma(mm, old);

	return vma && vma->vm_start < new + PAGE_SIZE;
}

/* The model has no code and no data of its own: both end where the heap begins. */
static int may_set_brk(struct mm_struct *mm, unsigned long brk)
{
	unsigned long old = kmm_page_align(mm->brk), new = kmm_page_align(brk);

	if (brk < mm->start_brk ||
	    brk - mm->start_brk > current->signal->rlim[RLIMIT_DATA].rlim_cur)
		return 0;
	if (new == old)
		return 1;
	if (brk <= mm->brk)
		return !do_munmap(mm, new, old - new);
	return !heap_is_blocked(mm, old, new) && HALF(do_brk)(old, new - old) == old;
}

long sys_brk(unsigned long brk)
{
	struct mm_struct *mm = current->mm;
	long ret;

	down_write(&mm->mmap_sem);
	if (may_set_brk(mm, brk))
		mm->brk = brk;
	ret = (long)mm->brk;
	up_write(&mm->mmap_sem);
	return ret;
}

/* SM8: the first vma of the range and the one before it; a range that grows is moved. */
static int find_first(unsigned long *start, unsigned long *end, unsigned long grows,
		      struct vm_area_struct **first, struct vm_area_struct **prev)
{
	struct vm_area_struct *vma = find_vma_prev(current->mm, *start, prev);

	if (!vma)
		return -ENOMEM;
	if (grows & PROT_GROWSDOWN) {
		if (vma->vm_start >= *end)
			return -ENOMEM;
		*start = vma->vm_start;
		if (!(vma->vm_flags & VM_GROWSDOWN))
			return -EINVAL;
	} else {
		if (vma->vm_start > *start)
			return -ENOMEM;
		if (grows & PROT_GROWSUP) {
			*end = vma->vm_end;
			if (!(vma->vm_flags & VM_GROWSUP))
				return -EINVAL;
		}
	}
	if (*start > vma->vm_start)
		*prev = vma;
	*first = vma;
	return 0;
}

/* SM9: one vma after the other; those that are done stay so when a later one fails. */
static int protect_each(struct vm_area_struct *vma, struct vm_area_struct *prev,
			unsigned long start, unsigned long end, unsigned long prot)
{
	const unsigned long rwx = VM_READ | VM_WRITE | VM_EXEC;

	for (;;) {
		unsigned long newflags = (prot & rwx) | (vma->vm_flags & ~rwx);
		unsigned long to = vma->vm_end < end ? vma->vm_end : end;
		int error;

		if (newflags & ~(newflags >> 4) & rwx)
			return -EACCES;
		/* no security module is modelled that could refuse here */
		error = HALF(mprotect_fixup)(vma, &prev, start, to, newflags);
		if (error)
			return error;
		start = to < prev->vm_end ? prev->vm_end : to;
		if (start >= end)
			return 0;
		vma = prev->vm_next;
		if (!vma || vma->vm_start != start)
			return -ENOMEM;
	}
}

long sys_mprotect(unsigned long start, unsigned long len, unsigned long prot)
{
	const unsigned long grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma, *prev;
	unsigned long end;
	int error;

	prot &= ~grows;
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP))			/* SM1 */
		return -EINVAL;
	if (start & ~PAGE_MASK)						/* SM2 */
		return -EINVAL;
	if (!len)							/* SM3 */
		return 0;
	end = start + kmm_page_align(len);				/* SM4 */
	if (end <= start)
		return -ENOMEM;
	if (prot & ~(unsigned long)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))	/* SM5 */
		return -EINVAL;
	if (prot & PROT_READ && current->personality & READ_IMPLIES_EXEC)		/* SM6 */
		prot |= PROT_EXEC;

	down_write(&mm->mmap_sem);					/* SM7 */
	error = find_first(&start, &end, grows, &vma, &prev);		/* SM8 */
	if (!error)
		error = protect_each(vma, prev, start, end, prot);	/* SM9 */
	up_write(&mm->mmap_sem);					/* SM10 */
	return error;
}
