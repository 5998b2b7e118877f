/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks of files, buffers over them, and the disk below.  A write takes the
 * contents when it is submitted and puts them on disk when it completes; who
 * waits for a write lets it complete without error.
 */
#ifndef KMM_MACHINE_BLOCKS_H
#define KMM_MACHINE_BLOCKS_H

#include "machine/contents.h"
#include "machine/dirty.h"

static inline u32 kmm_blocks_per_page(const struct inode *inode)
{
	return 1u << (PAGE_SHIFT - inode->i_blkbits);
}

/* Is block `block` of the file (counted in its blocks) on disk?  create: make it so. 0 or -ENOSPC. */
int get_block(struct inode *inode, u64 block, int create, int *mapped);

/* Attach a ring of buffers with `state` bits in each; buffers.c. 0 when the pool is empty. */
int create_empty_buffers(struct page *page, u32 blkbits, unsigned long state);
void lock_buffer(struct buffer_head *bh);		/* waits: its I/O completes */
void unlock_buffer(struct buffer_head *bh);
void submit_bh(struct buffer_head *bh, u32 end_io);
void ll_rw_block_write(struct buffer_head *bh, int wait_for_lock);	/* SWRITE if it waits, else WRITE */
int sync_dirty_buffer(struct buffer_head *bh);

/* readpage: into a locked page, which it unlocks.  0 or -EIO. */
int block_read_full_page(struct file *file, struct page *page);
int __block_prepare_write(struct inode *inode, struct page *page, u32 from, u32 to);
void __block_commit_write(struct inode *inode, struct page *page, u32 from, u32 to);
int block_write_full_page(struct page *page, struct writeback_control *wbc);
void block_invalidatepage(struct page *page, unsigned long offset);
int try_to_release_page(struct page *page, u32 gfp);

/* ext3, ordered data: journal.c */
int kmm_ext3_writepage(struct page *page, struct writeback_control *wbc);
int kmm_ext3_releasepage(struct page *page, u32 gfp);
void kmm_join_transaction(struct buffer_head *bh);
void kmm_journal_commit(struct inode *inode);

/* The file system writes the dirty buffers of a page by itself and tells the page nothing. */
void kmm_flush_buffers_by_hand(struct page *page);

/* The disk (disk.c): begin a write of sectors of a page, end all writes of a page. */
void kmm_begin_write(struct page *page, u32 sectors);
void kmm_end_io(struct page *page, int ok);
void kmm_read_sectors(struct page *page, const struct inode *inode, u32 sectors);

#endif
