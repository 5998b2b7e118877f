/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocators: pools of a world, lowest free slot first.  Each allocation may
 * sleep, and the case can say which one fails.
 */
#ifndef KMM_MACHINE_ALLOC_H
#define KMM_MACHINE_ALLOC_H

#include "machine/page.h"

/* What a page holds that nobody wrote: seen in a process, it is a leak. */
#define KMM_GARBAGE		0xFFFFu

/* To be asked once by every allocation, before it takes anything: does it fail? */
static inline int kmm_allocation_fails(void)
{
	struct world *world = kmm_world;

	kmm_may_sleep();
	return unlikely(world->fail_in) && !--world->fail_in;
}

/* The state of a page that is in no use; its _count is 0 already. */
KMM_EXPORT void kmm_page_is_free(struct page *page);

/* A page with one reference, or NULL.  Its contents are garbage. */
KMM_EXPORT struct page *kmm_alloc_page(u32 gfp, u32 here);
KMM_EXPORT struct page *kmm_alloc_page_vma(u32 gfp, struct vm_area_struct *vma,
					   unsigned long address, u32 here);
/* The same, with contents of zeroes. */
KMM_EXPORT struct page *kmm_alloc_zeroed_user_highpage(struct vm_area_struct *vma,
						       unsigned long address, u32 here);
#define alloc_page(gfp)			kmm_alloc_page(gfp, KMM_HERE)
#define alloc_page_vma(gfp, vma, address) \
	kmm_alloc_page_vma(gfp, vma, address, KMM_HERE)
#define alloc_zeroed_user_highpage(vma, address) \
	kmm_alloc_zeroed_user_highpage(vma, address, KMM_HERE)

/* The one cache that halves allocate from; its objects are vmas, all zero. */
#define vm_area_cachep		0
KMM_EXPORT struct vm_area_struct *kmm_vma_alloc(u32 gfp, u32 here);
KMM_EXPORT void kmm_vma_free(struct vm_area_struct *vma, u32 here);
#define kmem_cache_zalloc(cachep, gfp)	kmm_vma_alloc(gfp, KMM_HERE)
#define kmem_cache_free(cachep, vma)	kmm_vma_free(vma, KMM_HERE)

/*
 * The directory entry for `address` with its page table present: allocated if
 * it was not.  NULL without memory, or outside the addresses that this world
 * has page tables for.
 */
KMM_EXPORT pmd_t *kmm_pte_alloc(struct mm_struct *mm, unsigned long address, u32 here);
#define pte_alloc(mm, address)		kmm_pte_alloc(mm, address, KMM_HERE)
void kmm_free_page_tables(struct mm_struct *mm);	/* all of a process, at its exit */

/* NULL when the pool is empty or this allocation is the one that fails. */
struct anon_vma *kmm_anon_vma_alloc(void);
struct buffer_head *kmm_buffer_alloc(struct page *page);
struct file *kmm_file_alloc(void);
struct inode *kmm_inode_alloc(void);			/* of the slots that no file of the world has */

#endif
