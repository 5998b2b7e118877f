// SPDX-License-Identifier: GPL-2.0-only
#include "machine/times.h"

#define KMM_FILE KMM_FILE_MACHINE

static void stamp(struct inode *inode)
{
	if (!kmm_world->clock_stands)
		__mark_inode_dirty(inode, I_DIRTY_SYNC);
}

static int has_times(const struct inode *inode)
{
	return inode->i_kind == KMM_EXT2 || inode->i_kind == KMM_EXT3 ||
	       inode->i_kind == KMM_TMPFS || inode->i_kind == KMM_RAMFS;
}

void file_accessed(struct file *file)
{
	struct inode *inode = file->f_mapping->host;

	if (has_times(inode))
		stamp(inode);
}

/* tmpfs stores its times and says nothing to the inode. */
void file_update_time(struct inode *inode)
{
	if (has_times(inode) && inode->i_kind != KMM_TMPFS)
		stamp(inode);
}
