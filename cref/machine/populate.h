/* SPDX-License-Identifier: GPL-2.0-only */
/* remap_file_pages and the populate operations behind it. */
#ifndef KMM_MACHINE_POPULATE_H
#define KMM_MACHINE_POPULATE_H

#include "machine/fault.h"

KMM_EXPORT long kmm_remap_file_pages(unsigned long start, unsigned long size, unsigned long prot,
				     unsigned long pgoff, unsigned long flags, u32 here);
#define sys_remap_file_pages(start, size, prot, pgoff, flags) \
	kmm_remap_file_pages(start, size, prot, pgoff, flags, KMM_HERE)

int filemap_populate(struct vm_area_struct *vma, unsigned long addr, unsigned long len,
		     pgprot_t prot, unsigned long pgoff, int nonblock);
int shmem_populate(struct vm_area_struct *vma, unsigned long addr, unsigned long len,
		   pgprot_t prot, unsigned long pgoff, int nonblock);
int install_page(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long addr,
		 struct page *page, pgprot_t prot);
int install_file_pte(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long addr,
		     unsigned long pgoff, pgprot_t prot);

#endif
