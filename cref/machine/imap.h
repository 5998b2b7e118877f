/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mapping->i_mmap: the linear vmas of a file by the pages that they map.
 *
 * A treap ordered by (vm_pgoff, slot of the vma), in which every node knows
 * the last page of its subtree.  A vma's priority comes from its slot alone, so
 * the shape follows from the set of vmas and not from their history.  Walks
 * visit in order; that stands for the kernel's preorder of its prio tree.
 */
#ifndef KMM_MACHINE_IMAP_H
#define KMM_MACHINE_IMAP_H

#include "machine/event.h"

/* The last page that a vma maps, as an index into its file. */
static inline unsigned long kmm_vma_last(const struct vm_area_struct *vma)
{
	return vma->vm_pgoff + ((vma->vm_end - vma->vm_start) >> PAGE_SHIFT) - 1;
}

KMM_EXPORT void vma_prio_tree_insert(struct vm_area_struct *vma, struct prio_tree_root *root);
KMM_EXPORT void vma_prio_tree_remove(struct vm_area_struct *vma, struct prio_tree_root *root);

/* Nonlinear vmas are on a list of their own and in no tree. */
KMM_EXPORT void vma_nonlinear_insert(struct vm_area_struct *vma, struct address_space *mapping);
KMM_EXPORT void vma_nonlinear_remove(struct vm_area_struct *vma, struct address_space *mapping);

/* Each linear vma that maps a page of [begin, end], once; caller holds i_mmap_lock. */
KMM_EXPORT struct vm_area_struct *kmm_prio_tree_first(struct prio_tree_iter *iter,
						      const struct prio_tree_root *root,
						      unsigned long begin, unsigned long end,
						      u32 here);
KMM_EXPORT struct vm_area_struct *kmm_prio_tree_next(struct prio_tree_iter *iter, u32 here);
#define vma_prio_tree_first(iter, root, begin, end) \
	kmm_prio_tree_first(iter, root, begin, end, KMM_HERE)
#define vma_prio_tree_next(iter)	kmm_prio_tree_next(iter, KMM_HERE)

#define vma_prio_tree_foreach(vma, iter, root, begin, end)		\
	for (vma = vma_prio_tree_first(iter, root, begin, end); vma;	\
	     vma = vma_prio_tree_next(iter))

#endif
