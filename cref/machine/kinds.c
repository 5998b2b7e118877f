// SPDX-License-Identifier: GPL-2.0-only
/* The kinds of file: which operations they have, and what backs them. */
#include "machine/blocks.h"
#include "machine/file.h"
#include "machine/populate.h"
#include "machine/swap.h"
#include "machine/writeback.h"

#define KMM_FILE KMM_FILE_MACHINE

static int dirty_no_buffers(struct page *page)
{
	return __set_page_dirty_nobuffers(page);
}

const struct address_space_operations kmm_ext2_aops = {
	.writepage = block_write_full_page,
	.writepages = kmm_ext2_writepages,
	.readpage = block_read_full_page,
};

const struct address_space_operations kmm_ext3_aops = {
	.writepage = kmm_ext3_writepage,
	.readpage = block_read_full_page,
	.releasepage = kmm_ext3_releasepage,
};

const struct address_space_operations kmm_block_device_aops = {
	.writepage = block_write_full_page,
	.writepages = kmm_block_device_writepages,
	.readpage = block_read_full_page,
};

const struct address_space_operations kmm_tmpfs_aops = {
	.set_page_dirty = dirty_no_buffers,
	.writepage = kmm_shmem_writepage,
};

const struct address_space_operations kmm_ramfs_aops = {
	.readpage = kmm_ramfs_readpage,
};

const struct address_space_operations kmm_swap_aops = {
	.set_page_dirty = dirty_no_buffers,
	.writepage = kmm_swap_writepage,
};

const struct address_space_operations kmm_driver_aops = { .set_page_dirty = NULL };

const struct vm_operations_struct kmm_generic_vm_ops = {
	.nopage = filemap_nopage,
	.populate = filemap_populate,
};

const struct vm_operations_struct kmm_shmem_vm_ops = {
	.nopage = shmem_nopage,
	.populate = shmem_populate,
};

/* with a close operation, and so never merged */
const struct vm_operations_struct kmm_driver_vm_ops = {
	.open = kmm_driver_open,
	.close = kmm_driver_close,
	.nopage = kmm_driver_nopage,
};

const struct vm_operations_struct kmm_own_vm_ops = { .nopage = kmm_own_nopage };

const struct file_operations kmm_generic_fops = { .mmap = generic_file_mmap };
const struct file_operations kmm_shmem_fops = { .mmap = shmem_mmap };
const struct file_operations kmm_pfnmap_fops = { .mmap = kmm_pfnmap_mmap };
const struct file_operations kmm_prot_driver_fops = { .mmap = kmm_prot_driver_mmap };
const struct file_operations kmm_hugetlb_fops = { .mmap = kmm_hugetlb_mmap };
const struct file_operations kmm_failing_fops = { .mmap = kmm_failing_mmap };
const struct file_operations kmm_no_mmap_fops = { .mmap = NULL };

#define DISK	BDI_CAP_MAP_COPY
#define MEMORY	(BDI_CAP_NO_ACCT_DIRTY | BDI_CAP_NO_WRITEBACK)

/* What can be read and written by calls, without blocks of a disk and with them. */
#define PLAIN	(KMM_HAS_WRITE | KMM_HAS_FSYNC)
#define BLOCKS	(PLAIN | KMM_ON_DISK)

const struct kmm_file_kind_facts kmm_file_kinds[NR_KMM_FILE_KINDS] = {
	[KMM_EXT2] = { "ext2", &kmm_ext2_aops, &kmm_generic_fops, DISK, INODE_HASHED,
		       BLOCKS | KMM_HAS_SIZE },
	[KMM_EXT3] = { "ext3", &kmm_ext3_aops, &kmm_generic_fops, DISK, INODE_HASHED,
		       BLOCKS | KMM_HAS_SIZE },
	[KMM_BLOCK_DEVICE] = { "block device", &kmm_block_device_aops, &kmm_generic_fops, DISK,
			       INODE_BLOCK_DEVICE, BLOCKS },
	[KMM_TMPFS] = { "tmpfs", &kmm_tmpfs_aops, &kmm_shmem_fops, MEMORY, INODE_HASHED,
			PLAIN | KMM_HAS_SIZE },
	[KMM_RAMFS] = { "ramfs", &kmm_ramfs_aops, &kmm_generic_fops, 0x7F, INODE_HASHED,
			PLAIN | KMM_HAS_SIZE },
	[KMM_PFNMAP_DRIVER] = { "PFNMAP driver", &kmm_driver_aops, &kmm_pfnmap_fops, DISK,
				INODE_HASHED, 0 },
	[KMM_PROT_DRIVER] = { "prot driver", &kmm_driver_aops, &kmm_prot_driver_fops, DISK,
			      INODE_HASHED, 0 },
	[KMM_HUGETLBFS] = { "hugetlbfs", &kmm_driver_aops, &kmm_hugetlb_fops, MEMORY,
			    INODE_HASHED, KMM_HAS_FSYNC },
	[KMM_NO_MMAP] = { "no mmap", &kmm_driver_aops, &kmm_no_mmap_fops, DISK, INODE_HASHED, 0 },
	[KMM_FAILING_DRIVER] = { "failing driver", &kmm_driver_aops, &kmm_failing_fops, DISK,
				 INODE_HASHED, 0 },
};

void kmm_make_inode(struct inode *inode, enum kmm_file_kind kind, loff_t_kmm size)
{
	const struct kmm_file_kind_facts *facts = &kmm_file_kinds[kind];
	struct address_space *mapping = inode->i_mapping;

	mapping->host = inode;
	mapping->a_ops = facts->a_ops;
	mapping->backing_dev_info->capabilities = facts->capabilities;
	inode->i_kind = kind;
	inode->i_is = facts->i_is;
	inode->i_size = size;
	inode->i_count = 1;
	if (kind == KMM_HUGETLBFS)
		inode->i_flags |= S_HUGETLB;
}
