/* SPDX-License-Identifier: GPL-2.0-only */
/* What makes a page, its buffers and its inode dirty, and what takes writeback's tags. */
#ifndef KMM_MACHINE_DIRTY_H
#define KMM_MACHINE_DIRTY_H

#include "machine/buffer.h"
#include "machine/pagetree.h"
#include "machine/vmstat.h"

static inline int kmm_mapping_accounts(const struct address_space *mapping)
{
	return !(mapping->backing_dev_info->capabilities & BDI_CAP_NO_ACCT_DIRTY);
}

static inline int kmm_mapping_cap_account_dirty(const struct address_space *mapping, u32 here)
{
	int accounts = kmm_mapping_accounts(mapping);

	KMM_EVENT(mapping_cap_account_dirty, here, mapping, accounts);
	return accounts;
}
#define mapping_cap_account_dirty(mapping) \
	kmm_mapping_cap_account_dirty(mapping, KMM_HERE)

static inline int kmm_mapping_cap_writeback_dirty(const struct address_space *mapping, u32 here)
{
	int writes = !(mapping->backing_dev_info->capabilities & BDI_CAP_NO_WRITEBACK);

	KMM_EVENT(mapping_cap_writeback_dirty, here, mapping, writes);
	return writes;
}
#define mapping_cap_writeback_dirty(mapping) \
	kmm_mapping_cap_writeback_dirty(mapping, KMM_HERE)

/* The kinds of mapping differ in one operation here: what their set_page_dirty is. */
KMM_EXPORT extern const struct address_space_operations kmm_ext2_aops, kmm_tmpfs_aops;
#define kmm_disk_aops		kmm_ext2_aops
#define kmm_no_buffers_aops	kmm_tmpfs_aops

/* All of these return 1 if the page is newly dirty, else 0. */
KMM_EXPORT int kmm_set_page_dirty(struct page *page, u32 here);
KMM_EXPORT int kmm_set_page_dirty_buffers(struct page *page, u32 here);
KMM_EXPORT int kmm_set_page_dirty_nobuffers(struct page *page, u32 here);
#define set_page_dirty(page)		kmm_set_page_dirty(page, KMM_HERE)
#define __set_page_dirty_buffers(page)	kmm_set_page_dirty_buffers(page, KMM_HERE)
#define __set_page_dirty_nobuffers(page) kmm_set_page_dirty_nobuffers(page, KMM_HERE)

KMM_EXPORT void kmm_mark_buffer_dirty(struct buffer_head *bh, u32 here);
#define mark_buffer_dirty(bh)		kmm_mark_buffer_dirty(bh, KMM_HERE)

KMM_EXPORT void kmm_mark_inode_dirty(struct inode *inode, int flags, u32 here);
#define __mark_inode_dirty(inode, flags) kmm_mark_inode_dirty(inode, flags, KMM_HERE)

/* Both return the old PG_writeback. */
KMM_EXPORT int kmm_set_page_writeback(struct page *page, u32 here);
KMM_EXPORT int kmm_test_clear_page_writeback(struct page *page, u32 here);
#define set_page_writeback(page)	kmm_set_page_writeback(page, KMM_HERE)
#define test_clear_page_writeback(page)	kmm_test_clear_page_writeback(page, KMM_HERE)

#endif
