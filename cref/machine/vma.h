/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vmas of a process: its sorted list and its tree, and merging, splitting
 * and adjusting them.  Callers hold mmap_sem for write.
 */
#ifndef KMM_MACHINE_VMA_H
#define KMM_MACHINE_VMA_H

#include "machine/account.h"
#include "machine/alloc.h"
#include "machine/imap.h"
#include "machine/pte.h"

/* NUMA policy is not modelled: no vma has one. */
#define vma_policy(vma)		((void *)0)
#define mpol_free(policy)	KMM_EVENT(mpol_free, KMM_HERE, policy)
#define vma_pages(vma)		(((vma)->vm_end - (vma)->vm_start) >> PAGE_SHIFT)

/* Up to a whole page; from the last page of all it wraps to 0. */
static inline unsigned long kmm_page_align(unsigned long bytes)
{
	return (bytes + ~PAGE_MASK) & PAGE_MASK;
}

/* The first vma that ends above `address`, or NULL; find_vma_prev also gives the one before it. */
KMM_EXPORT struct vm_area_struct *kmm_find_vma(struct mm_struct *mm, unsigned long address,
					       u32 here);
struct vm_area_struct *find_vma_prev(struct mm_struct *mm, unsigned long address,
				     struct vm_area_struct **prev);
#define find_vma(mm, address)	kmm_find_vma(mm, address, KMM_HERE)

/* As find_vma, with the places in list and tree where a vma at `address` belongs. */
KMM_EXPORT struct vm_area_struct *kmm_find_vma_prepare(struct mm_struct *mm, unsigned long address,
						       struct vm_area_struct **pprev,
						       struct rb_node ***rb_link,
						       struct rb_node **rb_parent, u32 here);
#define find_vma_prepare(mm, address, pprev, rb_link, rb_parent) \
	kmm_find_vma_prepare(mm, address, pprev, rb_link, rb_parent, KMM_HERE)

KMM_EXPORT void kmm_vma_link(struct mm_struct *mm, struct vm_area_struct *vma,
			     struct vm_area_struct *prev, struct rb_node **rb_link,
			     struct rb_node *rb_parent, u32 here);
#define vma_link(mm, vma, prev, rb_link, rb_parent) \
	kmm_vma_link(mm, vma, prev, rb_link, rb_parent, KMM_HERE)

/* Into list and tree at its address, and the list of its anon_vma, and counted; caller locks. */
void kmm_vma_insert(struct mm_struct *mm, struct vm_area_struct *vma);
/* Out of list and tree, not out of its file; prev is the one before it, or NULL. */
void kmm_vma_unlink(struct mm_struct *mm, struct vm_area_struct *vma, struct vm_area_struct *prev);
/* Into and out of the file's tree or list, with i_writecount and i_mmap_writable; caller locks. */
void kmm_vma_link_file(struct vm_area_struct *vma);
void kmm_vma_unlink_file(struct vm_area_struct *vma);
/* The same under i_mmap_lock, if it has a file. */
void kmm_unlink_file_vma(struct vm_area_struct *vma);

KMM_EXPORT struct vm_area_struct *kmm_vma_merge(struct mm_struct *mm, struct vm_area_struct *prev,
						unsigned long address, unsigned long end,
						unsigned long flags, struct anon_vma *anon_vma,
						struct file *file, pgoff_t pgoff, void *policy,
						u32 here);
#define vma_merge(mm, prev, address, end, flags, anon_vma, file, pgoff, policy) \
	kmm_vma_merge(mm, prev, address, end, flags, anon_vma, file, pgoff, policy, KMM_HERE)

KMM_EXPORT void kmm_vma_adjust(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			       pgoff_t pgoff, struct vm_area_struct *insert, u32 here);
#define vma_adjust(vma, start, end, pgoff, insert) \
	kmm_vma_adjust(vma, start, end, pgoff, insert, KMM_HERE)

/* 0, or -ENOMEM with nothing changed. */
KMM_EXPORT int kmm_split_vma(struct mm_struct *mm, struct vm_area_struct *vma,
			     unsigned long address, int new_below, u32 here);
#define split_vma(mm, vma, address, new_below) \
	kmm_split_vma(mm, vma, address, new_below, KMM_HERE)

/* Where a mapping of `len` bytes goes: plain first fit from TASK_UNMAPPED_BASE (area.c). */
KMM_EXPORT unsigned long kmm_get_unmapped_area(struct file *file, unsigned long address,
					       unsigned long len, unsigned long pgoff,
					       unsigned long flags, u32 here);
#define get_unmapped_area(file, address, len, pgoff, flags) \
	kmm_get_unmapped_area(file, address, len, pgoff, flags, KMM_HERE)

/* protection_map[] and changing ptes to a new protection (protect.c). */
KMM_EXPORT extern const pgprot_t protection_map[16];
KMM_EXPORT void kmm_change_protection(struct vm_area_struct *vma, unsigned long start,
				      unsigned long end, pgprot_t newprot, u32 here);
KMM_EXPORT int kmm_is_vm_hugetlb_page(const struct vm_area_struct *vma, u32 here);
#define change_protection(vma, start, end, newprot) \
	kmm_change_protection(vma, start, end, newprot, KMM_HERE)
#define is_vm_hugetlb_page(vma)	kmm_is_vm_hugetlb_page(vma, KMM_HERE)
#define hugetlb_change_protection(vma, start, end, newprot) \
	KMM_EVENT(hugetlb_change_protection, KMM_HERE, vma, start, end, pgprot_val(newprot))

#endif
