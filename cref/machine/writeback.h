/* SPDX-License-Identifier: GPL-2.0-only */
/* Writing files back: pages found by tag, their writepage, inodes found by being dirty. */
#ifndef KMM_MACHINE_WRITEBACK_H
#define KMM_MACHINE_WRITEBACK_H

#include "machine/blocks.h"
#include "machine/file.h"

/* A control block of the world, all zero, and its end: in the reverse order. */
struct writeback_control *kmm_get_wbc(void);
void kmm_put_wbc(struct writeback_control *wbc);

/*
 * Up to `most` pages of a file from *index on, ascending, each with a reference
 * until the release; *index moves past the last one.  tag: only pages with it;
 * KMM_ANY_TAG: all.
 */
#define KMM_ANY_TAG		(-1)
u32 pagevec_lookup_tag(struct pagevec *pvec, struct address_space *mapping, pgoff_t *index,
		       int tag, u32 most);
/* How many may be of interest in [index, end], which is not empty. */
static inline u32 kmm_most_pages(pgoff_t index, pgoff_t end)
{
	return end - index < PAGEVEC_SIZE ? (u32)(end - index) + 1 : PAGEVEC_SIZE;
}
void pagevec_release(struct pagevec *pvec);

/* The first sector that lies wholly past this many bytes. */
static inline u64 kmm_first_sector_past(loff_t_kmm bytes)
{
	return (u64)(bytes + (1 << KMM_SECTOR_SHIFT) - 1) >> KMM_SECTOR_SHIFT;
}

/* use_bio: the get_block path of ext2; else a_ops->writepage for each page. */
int mpage_writepages(struct address_space *mapping, struct writeback_control *wbc, int use_bio);
KMM_EXPORT int kmm_generic_writepages(struct address_space *mapping,
				      struct writeback_control *wbc, u32 here);
#define generic_writepages(mapping, wbc) kmm_generic_writepages(mapping, wbc, KMM_HERE)
int kmm_ext2_writepages(struct address_space *mapping, struct writeback_control *wbc);
int kmm_block_device_writepages(struct address_space *mapping, struct writeback_control *wbc);
int kmm_shmem_writepage(struct page *page, struct writeback_control *wbc);

void wait_on_page_writeback(struct page *page);		/* lets its writes complete */
void end_page_writeback(struct page *page);
int filemap_fdatawrite(struct address_space *mapping);
int filemap_fdatawait(struct address_space *mapping);
int do_fsync(struct file *file, int datasync);
/* One inode as pdflush (WB_SYNC_NONE) or sync (WB_SYNC_ALL) does it, if it is dirty. */
int kmm_sync_inode(struct inode *inode, u32 sync_mode, s64 nr_to_write);
void kmm_sync_all(void);				/* sync(2) */

#endif
