/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking mappings away, and the system calls that change a process's vmas. */
#ifndef KMM_MACHINE_MUNMAP_H
#define KMM_MACHINE_MUNMAP_H

#include "machine/vma.h"

/* The ptes of [start, end), from `vma` on, out; un-charges nothing but what unmap_region itself does. */
KMM_EXPORT void kmm_unmap_region(struct mm_struct *mm, struct vm_area_struct *vma,
				 struct vm_area_struct *prev, unsigned long start,
				 unsigned long end, u32 here);
KMM_EXPORT int kmm_do_munmap(struct mm_struct *mm, unsigned long start, unsigned long len,
			     u32 here);
#define unmap_region(mm, vma, prev, start, end) \
	kmm_unmap_region(mm, vma, prev, start, end, KMM_HERE)
#define do_munmap(mm, start, len)	kmm_do_munmap(mm, start, len, KMM_HERE)

/* All of a process: vmas, page tables, and the process itself. */
void exit_mmap(struct mm_struct *mm);

/* System calls of `current`; results are the kernel's. */
long sys_mmap(struct file *file, int has_fd, unsigned long addr, unsigned long len,
	      unsigned long prot, unsigned long flags, unsigned long pgoff);
long sys_munmap(unsigned long addr, unsigned long len);
long sys_brk(unsigned long brk);
long sys_mprotect(unsigned long start, unsigned long len, unsigned long prot);

#endif
