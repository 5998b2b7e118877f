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

/* How many blocks of a file a disk has room for. */
static inline u64 kmm_blocks_on_disk(const struct inode *inode)
{
	return (u64)kmm_world->size.slots * kmm_blocks_per_page(inode);
}

/* The bit of i_mapped that tells of a block; the last one tells of all from there on. */
static inline u64 kmm_mapped_bit(u64 block)
{
	return 1ull << (block < 63 ? block : 63);
}

/* Is a block of the file, counted in its blocks, on disk and not a hole? */
static inline int kmm_block_mapped(const struct inode *inode, u64 block)
{
	return block < kmm_blocks_on_disk(inode) && inode->i_mapped & kmm_mapped_bit(block);
}

/* Which sectors of page `index` begin before the end of the file. */
static inline u32 kmm_sectors_in_file(const struct inode *inode, pgoff_t index)
{
	u64 first = (u64)index << PAGE_SHIFT, size = (u64)inode->i_size;

	if (first >= size)
		return 0;
	if (size - first >= PAGE_SIZE)
		return KMM_IO_SECTORS;
	return (1u << ((size - first + (1u << KMM_SECTOR_SHIFT) - 1) >> KMM_SECTOR_SHIFT)) - 1;
}

/* The sectors of the i-th block of a page. */
static inline u32 kmm_sectors_of_block(u32 blocks_per_page, u32 i)
{
	u32 each = KMM_SECTORS / blocks_per_page;

	return ((1u << each) - 1) << i * each;
}

static inline void kmm_zero_sectors(struct page *page, u32 sectors)
{
	u32 i;

	for (i = 0; i < KMM_SECTORS; i++)
		if (sectors >> i & 1)
			page->contents[i] = 0;
}

/* Is block `block` of the file (counted in its blocks) on disk?  create: make it so.  0, -ENOSPC. */
int get_block(struct inode *inode, u64 block, int create, int *mapped);

/* Attach a ring of buffers with `state` bits in each; buffers.c. 0 when the pool is empty. */
int create_empty_buffers(struct page *page, u32 blkbits, unsigned long state);
static inline void kmm_map_buffer(struct buffer_head *bh, u64 block)
{
	bh->b_state |= 1UL << BH_Mapped;
	bh->b_blocknr = (u32)block;
}
void lock_buffer(struct buffer_head *bh);		/* waits: its I/O completes */
int trylock_buffer(struct buffer_head *bh);		/* 1 if it got the lock */
void unlock_buffer(struct buffer_head *bh);
void wait_on_buffer(struct buffer_head *bh);		/* for its I/O, if it is locked */
void submit_bh(struct buffer_head *bh, u32 end_io);
void ll_rw_block_write(struct buffer_head *bh, int wait_for_lock);	/* SWRITE, else WRITE */
int sync_dirty_buffer(struct buffer_head *bh);

/* readpage: into a locked page, which it unlocks.  0, or -ENOMEM without buffers. */
int block_read_full_page(struct file *file, struct page *page);
int __block_prepare_write(struct inode *inode, struct page *page, u32 from, u32 to);
void __block_commit_write(struct inode *inode, struct page *page, u32 from, u32 to);
int block_write_full_page(struct page *page, struct writeback_control *wbc);
/* What writepage does when there are no buffers to be had: the page stays dirty.  -ENOMEM. */
int kmm_writepage_no_memory(struct page *page, struct writeback_control *wbc);
/* A locked page's block at `offset`, in which its file ends: zeroes from there on, and dirty. */
void block_truncate_page(struct page *page, u32 offset);
/* The buffers of a locked page that starts to be discarded at `offset`. */
void block_invalidatepage(struct page *page, unsigned long offset);
int try_to_release_page(struct page *page, u32 gfp);

/* ext3, ordered data: journal.c */
int kmm_ext3_writepage(struct page *page, struct writeback_control *wbc);
int kmm_ext3_releasepage(struct page *page, u32 gfp);
/* Filing: one that a commit has still to write is written at once, and waited for. */
void kmm_join_transaction(struct buffer_head *bh);
void kmm_leave_transaction(struct buffer_head *bh);
/* A buffer that is cut off, locked: 1 where a commit has it to write, and it stays as it is. */
int kmm_commit_keeps(struct buffer_head *bh);
/*
 * Writes what is dirty and not locked of the inode's transaction, waits for the rest, and
 * lets go of all of it: 0, or -EIO where a block that it only waited for was not written.
 */
int kmm_journal_commit(struct inode *inode);

/* The file system writes the dirty buffers of a page by itself and tells the page nothing. */
void kmm_flush_buffers_by_hand(struct page *page);

/* The disk (disk.c): begin a write of sectors of a page, end all writes of a page. */
void kmm_begin_write(struct page *page, u32 sectors);
void kmm_end_io(struct page *page, int ok);
void kmm_read_sectors(struct page *page, const struct inode *inode, u32 sectors);

#endif
