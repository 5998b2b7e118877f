// SPDX-License-Identifier: GPL-2.0-only
/* Files of a direct world: of which kind, how long, what of them is on disk. */
#include "engine/build_parts.h"

/* Index of the page that lies first in its file; the last two are near the ends of 32 and 52 bits. */
const u64 kmm_index_base[8] = { 0, 0, 0, 1, 5, 0xFFFF0, 0xFFFFFFF8, 0xFFFFFFFFFFFF0 };

#define RAMDISK	(BDI_CAP_NO_ACCT_DIRTY | BDI_CAP_NO_WRITEBACK)

/* Kinds of which vmas can be; more: capabilities beyond those of the kind. */
static const struct {
	u8 kind;
	u8 more;
} mapping_kind[32] = {
	[0 ... 9] = { KMM_EXT2, 0 },
	[10 ... 15] = { KMM_EXT3, 0 },
	[16 ... 19] = { KMM_BLOCK_DEVICE, 0 },
	[20 ... 25] = { KMM_TMPFS, 0 },
	[26 ... 27] = { KMM_RAMFS, 0 },
	[28 ... 29] = { KMM_PROT_DRIVER, 0 },
	[30 ... 31] = { KMM_BLOCK_DEVICE, RAMDISK },
};

/* In bytes, from the index base on: eight pages lie there. */
static const u32 file_size[16] = {
	[0 ... 5] = 8 << PAGE_SHIFT, [6 ... 8] = 10 << PAGE_SHIFT, [9] = 7 << PAGE_SHIFT,
	[10] = (5 << PAGE_SHIFT) + 2048, [11] = (7 << PAGE_SHIFT) + 100, [12] = 12 << PAGE_SHIFT,
	[13] = (6 << PAGE_SHIFT) + 1, [14] = 3 << PAGE_SHIFT, [15] = 0,
};

static const u8 inode_flags[32] = { [29] = S_MANDLOCK, [30] = S_APPEND, [31] = S_APPEND };

static const struct {
	u64 mapped;
	u8 bits;
} file_blocks[16] = {
	[0 ... 7] = { ~0ull, PAGE_SHIFT },
	[8] = { 0x5555555555555555, PAGE_SHIFT },
	[9] = { 0, PAGE_SHIFT },
	[10] = { 0xFF, PAGE_SHIFT },
	[11] = { ~0ull, PAGE_SHIFT - 1 },
	[12] = { 0x3333333333333333, PAGE_SHIFT - 1 },
	[13] = { ~0ull, PAGE_SHIFT - 2 },
	[14] = { 0x0F1F0F3F0F7F0FFF, PAGE_SHIFT - 2 },
	[15] = { 0, PAGE_SHIFT - 2 },
};

void kmm_build_files(struct world *world, const struct kmm_case *c)
{
	/* bytes are counted in 63 bits: the file of the last base ends before its pages */
	u64 base = kmm_index_base[c->index_base] & ((1ull << (62 - PAGE_SHIFT)) - 1);
	u32 i;

	for (i = 0; i < KMM_CASE_FILES; i++) {
		u32 kind = mapping_kind[c->mapping_kind[i]].kind;
		const struct kmm_file_kind_facts *facts = &kmm_file_kinds[kind];
		struct address_space *mapping = &world->mappings[i];
		struct inode *inode = &world->inodes[i];

		world->bdis[i].capabilities = facts->capabilities |
					      mapping_kind[c->mapping_kind[i]].more;
		mapping->a_ops = facts->a_ops;
		inode->i_kind = kind;
		inode->i_is = facts->i_is;
		inode->i_state = c->inode_state[i];
		inode->i_place = c->inode_state[i] & I_DIRTY ? INODE_ON_DIRTY : INODE_ON_CLEAN;
		inode->i_flags = inode_flags[c->inode_flags[i]];
		inode->i_size = (loff_t_kmm)(base << PAGE_SHIFT) + file_size[c->file_size[i]];
		inode->i_mapped = file_blocks[c->file_blocks[i]].mapped;
		inode->i_blkbits = file_blocks[c->file_blocks[i]].bits;
		world->files[i].f_op = facts->f_op;
		world->files[i + KMM_CASE_READ_ONLY].f_op = facts->f_op;
	}
}

/* Which file is opened for a call: another time one of the world's, or one of any kind. */
static const u8 kind_for_call[16] = {
	[0 ... 5] = NR_KMM_FILE_KINDS,
	[6] = KMM_EXT2, [7] = KMM_EXT3, [8] = KMM_TMPFS, [9] = KMM_PFNMAP_DRIVER,
	[10] = KMM_PFNMAP_DRIVER, [11] = KMM_PROT_DRIVER, [12] = KMM_HUGETLBFS,
	[13] = KMM_NO_MMAP, [14] = KMM_FAILING_DRIVER, [15] = KMM_FAILING_DRIVER,
};

static const u8 mode_for_call[16] = {
	[0 ... 9] = FMODE_READ | FMODE_WRITE,
	[10 ... 13] = FMODE_READ,
	[14 ... 15] = FMODE_WRITE,
};

void kmm_open_for_call(struct world *world, const struct kmm_case *c)
{
	struct file *file = &world->files[KMM_CASE_CALL_FILE];
	u32 kind = kind_for_call[c->file_kind];
	u32 number = kind == NR_KMM_FILE_KINDS ? c->mapping % KMM_CASE_FILES : KMM_CASE_SPARE;
	struct inode *inode = &world->inodes[number];

	if (kind != NR_KMM_FILE_KINDS)
		kmm_make_inode(inode, kind, file_size[c->pgoff]);
	inode->i_count++;
	file->f_mapping = inode->i_mapping;
	file->own_dentry.d_inode = inode;
	/* what cannot be mapped may have no operations at all, as a device without a driver */
	file->f_op = kind == KMM_NO_MMAP && c->protect ? NULL : kmm_file_kinds[inode->i_kind].f_op;
	file->f_mode = mode_for_call[c->file_mode];
	file->own_mount.mnt_flags = (c->file_mode & 7) == 3 ? MNT_NOEXEC : 0;
	if (file->f_mode & FMODE_WRITE)
		inode->i_writecount++;
}
