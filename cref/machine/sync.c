// SPDX-License-Identifier: GPL-2.0-only
/* Who asks for writeback: fsync by mapping, pdflush and sync by dirty inode. */
#include "machine/running.h"
#include "machine/writeback.h"

#define KMM_FILE KMM_FILE_MACHINE

#define ALL_PAGES	(~(1ull << 63))

int filemap_fdatawrite(struct address_space *mapping)
{
	u64 *result = KMM_ENTER(filemap_fdatawrite, KMM_HERE, mapping);
	struct writeback_control *wbc;
	int ret;

	if (!mapping_cap_writeback_dirty(mapping))
		return 0;
	wbc = kmm_get_wbc();
	wbc->sync_mode = WB_SYNC_ALL;
	wbc->nr_to_write = 2 * (s64)mapping->nrpages;
	ret = HALF(do_writepages)(mapping, wbc);
	kmm_put_wbc(wbc);
	return KMM_GIVE(result, ret);
}

int filemap_fdatawait(struct address_space *mapping)
{
	u64 *result = KMM_ENTER(filemap_fdatawait, KMM_HERE, mapping);
	/* none if the file is empty: an error stays for who asks when it is not */
	pgoff_t pages = (u64)(mapping->host->i_size + (loff_t_kmm)PAGE_SIZE - 1) >> PAGE_SHIFT;
	struct pagevec pvec;
	pgoff_t index = 0;
	int ret = 0;
	u32 i;

	if (!pages)
		return 0;
	while (index < pages &&
	       pagevec_lookup_tag(&pvec, mapping, &index, PAGECACHE_TAG_WRITEBACK,
				  kmm_most_pages(index, pages - 1))) {
		for (i = 0; i < pvec.nr && pvec.pages[i]->index < pages; i++) {
			wait_on_page_writeback(pvec.pages[i]);
			if (kmm_page_flag(pvec.pages[i], PG_error))
				ret = -EIO;
		}
		pagevec_release(&pvec);
	}
	if (kmm_test_and_clear(&mapping->flags, AS_ENOSPC))
		ret = -ENOSPC;
	if (kmm_test_and_clear(&mapping->flags, AS_EIO))
		ret = -EIO;
	return KMM_GIVE(result, ret);
}

/* Where it belongs after a round of writeback; inode_lock is held. */
static void place_inode(struct inode *inode)
{
	if (inode->i_state & I_FREEING)
		return;
	if (!(inode->i_state & I_DIRTY) &&
	    kmm_tree_tagged(&inode->i_mapping->page_tree, PAGECACHE_TAG_DIRTY))
		inode->i_state |= I_DIRTY_PAGES;
	inode->i_place = inode->i_state & I_DIRTY ? INODE_ON_DIRTY : INODE_ON_CLEAN;
}

/*
 * Nothing is modelled of an inode on disk but its bits, which are off already.  ext3's
 * is in the journal: who waits has that commit, with all data that it holds; who does
 * not wait does nothing.
 */
static int write_inode(struct inode *inode, u32 sync_mode)
{
	if (inode->i_kind == KMM_EXT3 && sync_mode == WB_SYNC_ALL)
		return kmm_journal_commit(inode);
	return 0;
}

static int sync_single_inode(struct inode *inode, unsigned long was_dirty,
			     struct writeback_control *wbc)
{
	struct address_space *mapping = inode->i_mapping;
	int ret = HALF(do_writepages)(mapping, wbc), error;

	if (was_dirty & (I_DIRTY_SYNC | I_DIRTY_DATASYNC)) {
		error = write_inode(inode, wbc->sync_mode);
		if (!ret)
			ret = error;
	}
	if (wbc->sync_mode == WB_SYNC_ALL) {
		error = filemap_fdatawait(mapping);
		if (!ret)
			ret = error;
	}
	return ret;
}

static int sync_inode(struct inode *inode, u32 sync_mode, s64 nr_to_write)
{
	struct world *world = kmm_world;
	struct writeback_control *wbc;
	unsigned long was_dirty;
	u64 *result;
	int ret;

	result = KMM_ENTER(sync_inode, KMM_HERE, inode, sync_mode);
	spin_lock(&world->inode_lock);
	if (inode->i_state & I_LOCK) {
		spin_unlock(&world->inode_lock);
		if (sync_mode == WB_SYNC_NONE)
			return 0;
		/* who writes it waits for us to be done */
		kmm_may_sleep();
		kmm_end(KMM_LOCK_TWICE);
	}
	was_dirty = inode->i_state & I_DIRTY;
	inode->i_state = (inode->i_state & ~(unsigned long)I_DIRTY) | I_LOCK;
	spin_unlock(&world->inode_lock);

	wbc = kmm_get_wbc();
	wbc->sync_mode = sync_mode;
	wbc->nr_to_write = nr_to_write;
	wbc->nonblocking = sync_mode == WB_SYNC_NONE;
	ret = sync_single_inode(inode, was_dirty, wbc);
	kmm_put_wbc(wbc);

	spin_lock(&world->inode_lock);
	inode->i_state &= ~(unsigned long)I_LOCK;
	place_inode(inode);
	spin_unlock(&world->inode_lock);
	return KMM_GIVE(result, ret);
}

int kmm_sync_inode(struct inode *inode, u32 sync_mode, s64 nr_to_write)
{
	if (inode->i_place != INODE_ON_DIRTY ||
	    inode->i_mapping->backing_dev_info->capabilities & BDI_CAP_NO_WRITEBACK)
		return 0;
	return sync_inode(inode, sync_mode, nr_to_write);
}

/* f_op->fsync of a block device: its pages once more. */
static int sync_blockdev(struct address_space *mapping)
{
	int ret = filemap_fdatawrite(mapping), error = filemap_fdatawait(mapping);

	return ret ? ret : error;
}

/*
 * f_op->fsync, with i_mutex held; pages were begun before, so the inode alone is left to
 * write.  ext3 has its journal commit for an inode that is dirty itself, and else does nothing.
 */
static int fsync_of_kind(struct inode *inode)
{
	switch (inode->i_kind) {
	case KMM_EXT3:
		return inode->i_state & (I_DIRTY_SYNC | I_DIRTY_DATASYNC) ?
		       sync_inode(inode, WB_SYNC_ALL, 0) : 0;
	case KMM_EXT2:
		return inode->i_state & I_DIRTY ? sync_inode(inode, WB_SYNC_ALL, 0) : 0;
	case KMM_BLOCK_DEVICE:
		return sync_blockdev(inode->i_mapping);
	case KMM_TMPFS:
	case KMM_RAMFS:
	case KMM_HUGETLBFS:
		return 0;
	default:
		return -EINVAL;
	}
}

int do_fsync(struct file *file, int datasync)
{
	u64 *result = KMM_ENTER(do_fsync, KMM_HERE, file);
	struct address_space *mapping = file->f_mapping;
	struct inode *inode = mapping->host;
	int ret, error;

	(void)datasync;		/* what it spares is metadata */
	if (!kmm_kind_has(inode->i_kind, KMM_HAS_FSYNC))
		return KMM_GIVE(result, -EINVAL);
	ret = filemap_fdatawrite(mapping);
	mutex_lock(&inode->i_mutex);
	error = fsync_of_kind(inode);
	if (!ret)
		ret = error;
	mutex_unlock(&inode->i_mutex);
	error = filemap_fdatawait(mapping);
	if (!ret)
		ret = error;
	return KMM_GIVE(result, ret);
}

/*
 * The kernel goes over the inodes twice, the first time without waiting; the
 * commit of journals between the two is an operation of its own here.
 */
void kmm_sync_all(void)
{
	struct world *world = kmm_world;
	u32 i;

	/* the last mapping is swapper_space, which has no inode */
	for (i = 0; i + 1 < world->size.mappings; i++)
		kmm_sync_inode(&world->inodes[i], WB_SYNC_ALL, ALL_PAGES);
}
