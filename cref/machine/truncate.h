/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking pages out of files. */
#ifndef KMM_MACHINE_TRUNCATE_H
#define KMM_MACHINE_TRUNCATE_H

#include "machine/writeback.h"

/* remove_from_page_cache for who holds tree_lock. */
void __remove_from_page_cache(struct page *page);
void do_invalidatepage(struct page *page, unsigned long offset);
void truncate_complete_page(struct address_space *mapping, struct page *page);
void truncate_inode_pages(struct address_space *mapping, loff_t_kmm lstart);
/* i_mutex is held: 0, -EFBIG or -ETXTBSY. */
long vmtruncate(struct inode *inode, loff_t_kmm size);
/* With i_mutex taken inside; 0 or -errno. */
long kmm_truncate(struct inode *inode, loff_t_kmm size);
int invalidate_inode_pages2(struct address_space *mapping);

#endif
