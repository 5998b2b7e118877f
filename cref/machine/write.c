// SPDX-License-Identifier: GPL-2.0-only
/*
 * write(2), within one page of a file.  What it copies is a new version of every
 * sector that it touches; its user buffer can always be read.
 */
#include "machine/blocks.h"
#include "machine/file.h"
#include "machine/times.h"
#include "machine/truncate.h"

#define KMM_FILE KMM_FILE_MACHINE

static void copy_in(struct page *page, u32 from, u32 to)
{
	u32 sector, last = (to - 1) >> KMM_SECTOR_SHIFT;

	for (sector = from >> KMM_SECTOR_SHIFT; sector <= last; sector++)
		kmm_store(page, sector, KMM_HERE);
}

/* Blocks written to an ext3 file must be on disk before their transaction commits. */
static void join_written(struct page *page, u32 size, u32 from, u32 to)
{
	struct buffer_head *head = kmm_buffers_of(page), *bh = head;
	u32 start = 0;

	do {
		if (start < to && start + size > from)
			kmm_join_transaction(bh);
		start += size;
		bh = bh->b_this_page;
	} while (bh != head);
}

static int grows(struct inode *inode, loff_t_kmm end)
{
	if (end <= inode->i_size)
		return 0;
	inode->i_size = end;
	return 1;
}

static int write_blocks(struct inode *inode, struct page *page, u32 from, u32 to)
{
	loff_t_kmm start = (loff_t_kmm)(page->index << PAGE_SHIFT);
	int error = __block_prepare_write(inode, page, from, to);

	if (error) {
		/* without buffers nothing would know what of it is newer than the disk */
		if (error != -ENOMEM)
			page->flags &= ~(1UL << PG_uptodate);
		return error;
	}
	copy_in(page, from, to);
	if (inode->i_kind == KMM_EXT3)
		join_written(page, 1u << inode->i_blkbits, from, to);
	__block_commit_write(inode, page, from, to);
	if (grows(inode, start + to))
		mark_inode_dirty(inode);
	return 0;
}

static int write_disk_file(struct inode *inode, pgoff_t index, u32 from, u32 to)
{
	struct page *page = kmm_find_lock_page(inode->i_mapping, index, 1);
	int error;

	if (!page)
		return -ENOMEM;
	error = write_blocks(inode, page, from, to);
	unlock_page(page);
	if (!error)
		mark_page_accessed(page);
	put_page(page);
	/* blocks that were found for it beyond the end of the file */
	if (error && (loff_t_kmm)(index << PAGE_SHIFT) + to > inode->i_size)
		vmtruncate(inode, inode->i_size);
	return error;
}

static int write_ramfs(struct inode *inode, pgoff_t index, u32 from, u32 to)
{
	struct page *page = kmm_find_lock_page(inode->i_mapping, index, 1);

	if (!page)
		return -ENOMEM;
	if (!kmm_page_flag(page, PG_uptodate)) {
		kmm_zero_contents(page->contents);
		SetPageUptodate(page);
	}
	copy_in(page, from, to);
	grows(inode, (loff_t_kmm)(index << PAGE_SHIFT) + to);
	set_page_dirty(page);
	unlock_page(page);
	mark_page_accessed(page);
	put_page(page);
	return 0;
}

/* tmpfs does not lock the page while it copies. */
static int write_tmpfs(struct inode *inode, pgoff_t index, u32 from, u32 to)
{
	struct page *page;
	int error = shmem_getpage(inode, index, &page);

	if (error)
		return error;
	copy_in(page, from, to);
	grows(inode, (loff_t_kmm)(index << PAGE_SHIFT) + to);
	set_page_dirty(page);
	mark_page_accessed(page);
	put_page(page);
	return 0;
}

static int write_page(struct inode *inode, pgoff_t index, u32 from, u32 to)
{
	if (inode->i_kind == KMM_TMPFS)
		return write_tmpfs(inode, index, from, to);
	if (inode->i_kind == KMM_RAMFS)
		return write_ramfs(inode, index, from, to);
	return write_disk_file(inode, index, from, to);
}

/* How much of a write may happen, or -errno: to the limit, and to a device's end. */
static long allowed(const struct inode *inode, u64 pos, unsigned long len)
{
	u64 limit = current->signal->rlim[RLIMIT_FSIZE].rlim_cur;

	if (inode->i_kind == KMM_BLOCK_DEVICE) {
		limit = (u64)inode->i_size;
		if (pos >= limit)
			return -ENOSPC;
	} else if (pos >= limit) {
		return -EFBIG;
	}
	return len < limit - pos ? (long)len : (long)(limit - pos);
}

/* i_mutex is held, but for a block device. */
static long write_at(struct inode *inode, loff_t_kmm pos, unsigned long asked)
{
	u32 from;
	long len;
	int error;

	if (inode->i_flags & S_APPEND && inode->i_kind != KMM_BLOCK_DEVICE)
		pos = inode->i_size;
	from = (u32)pos & (PAGE_SIZE - 1);
	len = allowed(inode, (u64)pos, asked < PAGE_SIZE ? asked : PAGE_SIZE);
	if (len <= 0)
		return len;
	file_update_time(inode);
	if (from + len > (long)PAGE_SIZE)
		len = (long)PAGE_SIZE - from;
	error = write_page(inode, (pgoff_t)((u64)pos >> PAGE_SHIFT), from, from + (u32)len);
	return error ? error : len;
}

long kmm_write(struct file *file, loff_t_kmm pos, unsigned long len)
{
	u64 *ret = KMM_ENTER(filemap_write, KMM_HERE, file, pos, len);
	struct inode *inode = file->f_mapping->host;
	long done;

	if (!(file->f_mode & FMODE_WRITE))
		return KMM_GIVE(ret, (long)-EBADF);
	/* drivers and hugetlbfs have no write operation */
	if (!kmm_kind_has(inode->i_kind, KMM_HAS_WRITE) || pos < 0)
		return KMM_GIVE(ret, (long)-EINVAL);
	if (inode->i_kind == KMM_BLOCK_DEVICE)
		return KMM_GIVE(ret, write_at(inode, pos, len));
	mutex_lock(&inode->i_mutex);
	done = write_at(inode, pos, len);
	mutex_unlock(&inode->i_mutex);
	return KMM_GIVE(ret, done);
}
