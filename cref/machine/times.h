/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time stamps of files.  None is kept: all that shows of one is that the inode
 * becomes dirty when it changes, which it does unless the world's clock stands.
 * A block device's are its node's, whose inode is not here; drivers keep none.
 */
#ifndef KMM_MACHINE_TIMES_H
#define KMM_MACHINE_TIMES_H

#include "machine/dirty.h"

void file_accessed(struct file *file);			/* atime: mmap(2) */
void file_update_time(struct inode *inode);		/* mtime and ctime: write(2) */
/* mark_inode_dirty: what is more than a time has changed: size, blocks. */
#define mark_inode_dirty(inode)		__mark_inode_dirty(inode, I_DIRTY)

#endif
