// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a mapping goes that asks for no place, or whose place is taken: plain
 * first fit.  The kernel's cache of where its last search ended, and its
 * layout from the top down, are not modelled.
 */
#include "machine/vma.h"

#define KMM_FILE KMM_FILE_MACHINE

/* The gap below `vma`, which is the first that ends above `address`, has room for it. */
static int fits(unsigned long address, unsigned long len, const struct vm_area_struct *vma)
{
	return !vma || address + len <= vma->vm_start;
}

static unsigned long search(struct mm_struct *mm, unsigned long hint, unsigned long len)
{
	unsigned long address = TASK_UNMAPPED_BASE;
	struct vm_area_struct *vma;

	if (len > TASK_SIZE)
		return -ENOMEM;
	if (hint) {
		hint = kmm_page_align(hint);
		if (hint <= TASK_SIZE - len && fits(hint, len, find_vma(mm, hint)))
			return hint;
	}
	for (vma = find_vma(mm, address); !fits(address, len, vma); vma = vma->vm_next)
		address = vma->vm_end;
	return address <= TASK_SIZE - len ? address : (unsigned long)-ENOMEM;
}

/* MM4 */
static unsigned long place(unsigned long address, unsigned long len, unsigned long flags)
{
	if (!(flags & MAP_FIXED)) {
		address = search(current->mm, address, len);
		if (address & ~PAGE_MASK)
			return address;
	}
	if (address > TASK_SIZE - len)
		return -ENOMEM;
	return address & ~PAGE_MASK ? (unsigned long)-EINVAL : address;
}

unsigned long kmm_get_unmapped_area(struct file *file, unsigned long address, unsigned long len,
				    unsigned long pgoff, unsigned long flags, u32 here)
{
	u64 *result = KMM_ENTER(get_unmapped_area, here, file, address, len, pgoff, flags);

	return KMM_GIVE(result, place(address, len, flags));
}
