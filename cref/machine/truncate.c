// SPDX-License-Identifier: GPL-2.0-only
/* Taking pages out of files: truncation, which asks nobody, and invalidation, which does. */
#include "machine/running.h"
#include "machine/times.h"
#include "machine/truncate.h"
#include "machine/unwritten.h"
#include "machine/watch.h"
#include "machine/zap.h"

#define KMM_FILE KMM_FILE_MACHINE

void __remove_from_page_cache(struct page *page)
{
	struct address_space *mapping = page->mapping;

	KMM_EVENT(remove_from_page_cache, KMM_HERE, page);
	kmm_tree_delete(&mapping->page_tree, page->index);
	page->mapping = NULL;
	mapping->nrpages--;
}

/* No kind of file has an invalidatepage of its own. */
void do_invalidatepage(struct page *page, unsigned long offset)
{
	block_invalidatepage(page, offset);
}

void truncate_complete_page(struct address_space *mapping, struct page *page)
{
	KMM_EVENT(truncate_complete_page, KMM_HERE, mapping, page);
	if (page->mapping != mapping)
		return;
	if (kmm_page_flag(page, PG_private))
		do_invalidatepage(page, 0);
	HALF(test_clear_page_dirty)(page);
	page->flags &= ~(1UL << PG_uptodate | 1UL << PG_mappedtodisk);
	remove_from_page_cache(page);
	page_cache_release(page);
}

static void truncate_partial_page(struct page *page, unsigned long partial)
{
	u32 i;

	for (i = kmm_first_sector_past(partial); i < KMM_SECTORS; i++)
		page->contents[i] = 0;
	if (kmm_page_flag(page, PG_private))
		do_invalidatepage(page, partial);
}

/* The page that the new end cuts in two; it stays, and so do its ptes and PG_dirty. */
static void truncate_last_page(struct address_space *mapping, loff_t_kmm lstart)
{
	struct page *page = kmm_find_lock_page(mapping, (pgoff_t)lstart >> PAGE_SHIFT, 0);

	if (!page)
		return;
	wait_on_page_writeback(page);
	truncate_partial_page(page, lstart & (PAGE_SIZE - 1));
	unlock_page(page);
	page_cache_release(page);
}

/* What can be had without waiting. */
static void truncate_first_pass(struct address_space *mapping, pgoff_t index)
{
	struct pagevec pvec;
	u32 i;

	while (pagevec_lookup_tag(&pvec, mapping, &index, KMM_ANY_TAG, PAGEVEC_SIZE)) {
		for (i = 0; i < pvec.nr; i++) {
			struct page *page = pvec.pages[i];

			if (TestSetPageLocked(page))
				continue;
			if (!kmm_page_flag(page, PG_writeback))
				truncate_complete_page(mapping, page);
			unlock_page(page);
		}
		pagevec_release(&pvec);
	}
}

/* All that is left, again from the start as long as anything is found. */
static void truncate_second_pass(struct address_space *mapping, pgoff_t start)
{
	struct pagevec pvec;
	pgoff_t index = start;
	u32 i;

	for (;;) {
		if (!pagevec_lookup_tag(&pvec, mapping, &index, KMM_ANY_TAG, PAGEVEC_SIZE)) {
			if (index == start)
				return;
			index = start;
			continue;
		}
		for (i = 0; i < pvec.nr; i++) {
			struct page *page = pvec.pages[i];

			lock_page(page);
			wait_on_page_writeback(page);
			truncate_complete_page(mapping, page);
			unlock_page(page);
		}
		pagevec_release(&pvec);
	}
}

void truncate_inode_pages(struct address_space *mapping, loff_t_kmm lstart)
{
	pgoff_t start = (pgoff_t)(lstart + (loff_t_kmm)PAGE_SIZE - 1) >> PAGE_SHIFT;

	if (!mapping->nrpages)
		return;
	truncate_first_pass(mapping, start);
	if (lstart & (PAGE_SIZE - 1))
		truncate_last_page(mapping, lstart);
	truncate_second_pass(mapping, start);
}

/*
 * The block that the file ends in is brought into memory, and made dirty there: 0 where
 * no page can be had for it.
 */
static int truncate_last_block(struct inode *inode)
{
	struct page *page;

	if (!(inode->i_size & (((loff_t_kmm)1 << inode->i_blkbits) - 1)))
		return 1;
	page = kmm_find_lock_page(inode->i_mapping, (pgoff_t)inode->i_size >> PAGE_SHIFT, 1);
	if (!page)
		return 0;
	block_truncate_page(page, inode->i_size & (PAGE_SIZE - 1));
	unlock_page(page);
	page_cache_release(page);
	return 1;
}

/* Blocks wholly past the end become holes, of which the disk here keeps nothing. */
static void free_blocks(struct inode *inode)
{
	loff_t_kmm block = (loff_t_kmm)1 << inode->i_blkbits;
	u64 kept = (u64)(inode->i_size + block - 1) >> inode->i_blkbits;
	u64 sector = kept << (inode->i_blkbits - KMM_SECTOR_SHIFT);

	if (kept < 64)
		inode->i_mapped &= (1ull << kept) - 1;
	for (; sector < (u64)kmm_world->size.slots * KMM_SECTORS; sector++)
		inode->i_disk[sector] = 0;
}

/* i_op->truncate, for a size that may be larger than before.  ext3 gives up without a page. */
static void truncate_hook(struct inode *inode)
{
	switch (inode->i_kind) {
	case KMM_EXT2:
	case KMM_EXT3:
		kmm_forget_stores_from(inode, kmm_first_sector_past(inode->i_size));
		if (truncate_last_block(inode) || inode->i_kind == KMM_EXT2)
			free_blocks(inode);
		break;
	case KMM_TMPFS:
		shmem_recalc_inode(inode);
		break;
	default:
		break;
	}
}

static int may_grow(loff_t_kmm size)
{
	const struct world *world = kmm_world;

	return (unsigned long)size <= current->signal->rlim[RLIMIT_FSIZE].rlim_cur &&
	       size <= (loff_t_kmm)world->size.slots << PAGE_SHIFT;
}

long vmtruncate(struct inode *inode, loff_t_kmm size)
{
	struct address_space *mapping = inode->i_mapping;

	if (size > inode->i_size) {
		if (!may_grow(size))
			return -EFBIG;
		inode->i_size = size;
	} else {
		if (inode->i_flags & S_SWAPFILE)
			return -ETXTBSY;
		inode->i_size = size;
		unmap_mapping_range(mapping, (size + (loff_t_kmm)PAGE_SIZE - 1) &
				    (loff_t_kmm)PAGE_MASK, 0, 1);
		truncate_inode_pages(mapping, size);
	}
	truncate_hook(inode);
	return 0;
}

/* The size that it has already touches no page, and is a change of the inode all the same. */
static long set_size(struct inode *inode, loff_t_kmm size)
{
	long error = size == inode->i_size ? 0 : vmtruncate(inode, size);

	if (!error)
		mark_inode_dirty(inode);
	return error;
}

long kmm_truncate(struct inode *inode, loff_t_kmm size)
{
	u64 *result = KMM_ENTER(vmtruncate, KMM_HERE, inode, size);
	long ret;

	if (size < 0 || !kmm_kind_has(inode->i_kind, KMM_HAS_SIZE))
		return KMM_GIVE(result, (long)-EINVAL);
	mutex_lock(&inode->i_mutex);
	ret = set_size(inode, size);
	mutex_unlock(&inode->i_mutex);
	return KMM_GIVE(result, ret);
}

/* Out of the file, unless its buffers stay or it is dirty again; who holds it is not asked. */
static int invalidate_complete_page2(struct address_space *mapping, struct page *page)
{
	int dirty;

	if (kmm_page_flag(page, PG_private) && !try_to_release_page(page, GFP_KERNEL))
		return 0;
	write_lock_irq(&mapping->tree_lock);
	dirty = kmm_page_flag(page, PG_dirty);
	if (!dirty) {
		BUG_ON(kmm_page_flag(page, PG_private));
		__remove_from_page_cache(page);
	}
	write_unlock_irq(&mapping->tree_lock);
	if (dirty)
		return 0;
	page->flags &= ~(1UL << PG_uptodate);
	page_cache_release(page);
	return 1;
}

/* Whoever is the first to be mapped takes the whole rest of the file along. */
static void unmap_page_or_rest(struct address_space *mapping, const struct page *page, int *rest)
{
	unmap_mapping_range(mapping, (loff_t_kmm)(page->index << PAGE_SHIFT),
			    *rest ? 0 : PAGE_SIZE, 0);
	*rest = 0;
}

static int invalidate_page(struct address_space *mapping, struct page *page, int *rest)
{
	pgoff_t index = page->index;
	int was_dirty, ret = 0;

	lock_page(page);
	if (page->mapping == mapping) {
		wait_on_page_writeback(page);
		while (page->_mapcount.counter >= 0)
			unmap_page_or_rest(mapping, page, rest);
		was_dirty = HALF(test_clear_page_dirty)(page);
		if (!invalidate_complete_page2(mapping, page)) {
			if (was_dirty) {
				kmm_note_asked(page);
				set_page_dirty(page);
			}
			ret = -EIO;
		} else if (was_dirty) {
			/* it has been written before, or is meant to go */
			kmm_forget_earlier_stores(mapping, index, KMM_ALL_SECTORS);
		}
	}
	unlock_page(page);
	return ret;
}

/* Ends at the first page that it cannot remove. */
int invalidate_inode_pages2(struct address_space *mapping)
{
	u64 *result = KMM_ENTER(invalidate_inode_pages2, KMM_HERE, mapping);
	struct pagevec pvec;
	pgoff_t index = 0;
	int ret = 0, rest = 1;
	u32 i;

	while (!ret && pagevec_lookup_tag(&pvec, mapping, &index, KMM_ANY_TAG, PAGEVEC_SIZE)) {
		for (i = 0; i < pvec.nr && !ret; i++)
			ret = invalidate_page(mapping, pvec.pages[i], &rest);
		pagevec_release(&pvec);
	}
	return KMM_GIVE(result, ret);
}
