// SPDX-License-Identifier: GPL-2.0-only
#include "machine/alloc.h"

#define KMM_FILE KMM_FILE_MACHINE

/* Bits that a page keeps through no allocation. */
#define FLAGS_OF_USE	(~(1UL << PG_reserved | 1UL << PG_arch_1))

void kmm_page_is_free(struct page *page)
{
	u32 i;

	page->flags &= ~FLAGS_OF_USE;
	page->private = 0;
	page->index = 0;
	page->io = 0;
	page->pins = 0;
	for (i = 0; i < KMM_SECTORS; i++) {
		page->contents[i] = KMM_GARBAGE;
		page->in_flight[i] = 0;
	}
}

static struct page *take_page(void)
{
	struct world *world = kmm_world;
	u32 i;

	if (kmm_allocation_fails())
		return NULL;
	for (i = 0; i < world->size.pages; i++) {
		struct page *page = &world->pages[i];

		/* one that is still on the LRU: who dropped it waits for lru_lock to take it off */
		if (page->_count.counter || kmm_page_flag(page, PG_lru))
			continue;
		kmm_page_is_free(page);
		page->_count.counter = 1;
		page->_mapcount.counter = -1;
		page->mapping = NULL;
		return page;
	}
	return NULL;
}

struct page *kmm_alloc_page(u32 gfp, u32 here)
{
	u64 *result = KMM_ENTER(alloc_page, here, gfp);

	return KMM_GIVE(result, take_page());
}

struct page *kmm_alloc_page_vma(u32 gfp, struct vm_area_struct *vma, unsigned long address,
				u32 here)
{
	u64 *result = KMM_ENTER(alloc_page_vma, here, gfp, vma, address);

	return KMM_GIVE(result, take_page());
}

struct page *kmm_alloc_zeroed_user_highpage(struct vm_area_struct *vma, unsigned long address,
					    u32 here)
{
	u64 *result = KMM_ENTER(alloc_zeroed_user_highpage, here, vma, address);
	struct page *page = take_page();

	if (page)
		__builtin_memset(page->contents, 0, sizeof(page->contents));
	return KMM_GIVE(result, page);
}

struct vm_area_struct *kmm_vma_alloc(u32 gfp, u32 here)
{
	u64 *result = KMM_ENTER(kmem_cache_zalloc, here, gfp);
	struct world *world = kmm_world;
	u32 i;

	if (kmm_allocation_fails())
		return NULL;
	for (i = 0; i < world->size.vmas; i++) {
		struct vm_area_struct *vma = &world->vmas[i];

		if (vma->vm_end || vma->vm_mm)
			continue;
		/* taken, although its owner has not filled it in: no vma ends at address 1 */
		vma->vm_end = 1;
		return KMM_GIVE(result, vma);
	}
	return NULL;
}

void kmm_vma_free(struct vm_area_struct *vma, u32 here)
{
	KMM_EVENT(kmem_cache_free, here, vma);
	*vma = (struct vm_area_struct) { 0 };
}

pmd_t *kmm_pte_alloc(struct mm_struct *mm, unsigned long address, u32 here)
{
	u64 *result = KMM_ENTER(pte_alloc, here, mm, address);
	struct world *world = kmm_world;
	unsigned long index = address >> world->pmd_shift;
	u32 i;

	for (i = 0; i < mm->nr_pmds; i++) {
		pmd_t *pmd = &mm->pgd[i];

		if (pmd->index != index)
			continue;
		if (!pmd->table) {
			if (kmm_allocation_fails())
				return NULL;
			pmd->table = &world->ptes[(u64)(pmd - world->pmds) << world->size.table_shift];
		}
		return KMM_GIVE(result, pmd);
	}
	/* no table can be there: asked for in vain, and counted like any other */
	kmm_allocation_fails();
	return NULL;
}

void kmm_free_page_tables(struct mm_struct *mm)
{
	u32 i;

	for (i = 0; i < mm->nr_pmds; i++)
		mm->pgd[i].table = NULL;
}

struct anon_vma *kmm_anon_vma_alloc(void)
{
	struct world *world = kmm_world;
	u32 i;

	if (kmm_allocation_fails())
		return NULL;
	for (i = 0; i < world->size.anon_vmas; i++)
		if (!world->anon_vmas[i].head)
			return &world->anon_vmas[i];
	return NULL;
}

struct buffer_head *kmm_buffer_alloc(struct page *page)
{
	struct world *world = kmm_world;
	u32 i;

	if (kmm_allocation_fails())
		return NULL;
	for (i = 0; i < world->size.buffers; i++) {
		struct buffer_head *bh = &world->buffers[i];

		if (bh->b_page)
			continue;
		bh->b_page = page;
		return bh;
	}
	return NULL;
}

struct file *kmm_file_alloc(void)
{
	struct world *world = kmm_world;
	u32 i;

	if (kmm_allocation_fails())
		return NULL;
	for (i = 0; i < world->size.files; i++) {
		struct file *file = &world->files[i];

		if (file->f_count)
			continue;
		file->f_count = 1;
		return file;
	}
	return NULL;
}

struct inode *kmm_inode_alloc(void)
{
	struct world *world = kmm_world;
	u32 i;

	if (kmm_allocation_fails())
		return NULL;
	/* the last mapping is swapper_space, which has no inode */
	for (i = 0; i + 1 < world->size.mappings; i++)
		if (!world->inodes[i].i_count)
			return &world->inodes[i];
	return NULL;
}
