/* SPDX-License-Identifier: GPL-2.0-only */
/* anon_vmas: which vmas can hold an anonymous page. */
#ifndef KMM_MACHINE_ANON_H
#define KMM_MACHINE_ANON_H

#include "machine/vma.h"

/* 0 with vma->anon_vma set, or -ENOMEM. */
KMM_EXPORT int kmm_anon_vma_prepare(struct vm_area_struct *vma, u32 here);
#define anon_vma_prepare(vma)	kmm_anon_vma_prepare(vma, KMM_HERE)

/* vma->anon_vma is set: into its list, at the head, and out of it; the last one out frees it. */
void anon_vma_link(struct vm_area_struct *vma);		/* takes anon_vma->lock */
void anon_vma_unlink(struct vm_area_struct *vma);	/* takes anon_vma->lock */
void kmm_anon_vma_add(struct vm_area_struct *vma);	/* lock held, or nobody else knows it */
void kmm_anon_vma_remove(struct vm_area_struct *vma);	/* lock held; frees nothing */

#endif
