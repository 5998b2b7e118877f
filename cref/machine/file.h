/* SPDX-License-Identifier: GPL-2.0-only */
/* Kinds of file, open files, and their mmap, nopage and write. */
#ifndef KMM_MACHINE_FILE_H
#define KMM_MACHINE_FILE_H

#include "machine/dirty.h"
#include "machine/vma.h"

/* What is the same for all files of a kind (kinds.c). */
struct kmm_file_kind_facts {
	const char *name;
	const struct address_space_operations *a_ops;
	const struct file_operations *f_op;
	u32 capabilities;		/* of the backing device */
	u32 i_is;
};
KMM_EXPORT extern const struct kmm_file_kind_facts kmm_file_kinds[NR_KMM_FILE_KINDS];

/* Make inode i, its mapping and its bdi those of a file of this kind, `size` bytes long. */
KMM_EXPORT void kmm_make_inode(struct inode *inode, enum kmm_file_kind kind, loff_t_kmm size);

KMM_EXPORT extern const struct address_space_operations kmm_ext2_aops, kmm_ext3_aops,
	kmm_block_device_aops, kmm_tmpfs_aops, kmm_ramfs_aops, kmm_swap_aops, kmm_driver_aops;
KMM_EXPORT extern const struct vm_operations_struct kmm_generic_vm_ops, kmm_shmem_vm_ops,
	kmm_driver_vm_ops, kmm_own_vm_ops;
KMM_EXPORT extern const struct file_operations kmm_generic_fops, kmm_shmem_fops,
	kmm_pfnmap_fops, kmm_prot_driver_fops, kmm_hugetlb_fops, kmm_failing_fops, kmm_no_mmap_fops;

/* Open, and the last fput closes; an unnamed file's inode goes with it. */
/* 0, -ENFILE or -ETXTBSY. */
long kmm_open(struct inode *inode, u32 f_mode, u32 mnt_flags, struct file **file);
KMM_EXPORT void kmm_get_file(struct file *file, u32 here);
KMM_EXPORT void kmm_fput(struct file *file, u32 here);
#define get_file(file)			kmm_get_file(file, KMM_HERE)
#define fput(file)			kmm_fput(file, KMM_HERE)

/* What do_mmap_pgoff asks about a file. */
KMM_EXPORT int kmm_is_file_hugepages(const struct file *file, u32 here);
KMM_EXPORT int kmm_IS_APPEND(const struct inode *inode, u32 here);
KMM_EXPORT int kmm_locks_verify_locked(const struct inode *inode, u32 here);	/* 0 or -EAGAIN */
KMM_EXPORT int kmm_security_file_mmap(struct file *file, unsigned long reqprot,
				      unsigned long prot, unsigned long flags, u32 here);
KMM_EXPORT int kmm_deny_write_access(struct file *file, u32 here);
KMM_EXPORT int kmm_shmem_zero_setup(struct vm_area_struct *vma, u32 here);
#define is_file_hugepages(file)		kmm_is_file_hugepages(file, KMM_HERE)
#define IS_APPEND(inode)		kmm_IS_APPEND(inode, KMM_HERE)
#define locks_verify_locked(inode)	kmm_locks_verify_locked(inode, KMM_HERE)
#define security_file_mmap(file, reqprot, prot, flags) \
	kmm_security_file_mmap(file, reqprot, prot, flags, KMM_HERE)
#define deny_write_access(file)		kmm_deny_write_access(file, KMM_HERE)
#define shmem_zero_setup(vma)		kmm_shmem_zero_setup(vma, KMM_HERE)
/* atomic_inc(&inode->i_writecount) */
#define i_writecount_inc(inode) do {					\
		KMM_EVENT(i_writecount_inc, KMM_HERE, inode);		\
		kmm_count_add(&(inode)->i_writecount, 1);				\
	} while (0)

/* The operations in the tables.  `type` gets VM_FAULT_MINOR or VM_FAULT_MAJOR. */
struct page *filemap_nopage(struct vm_area_struct *area, unsigned long address, int *type);
struct page *shmem_nopage(struct vm_area_struct *area, unsigned long address, int *type);
/* nopage's event ends in both things that come back; `result` is the place of the last one. */
static inline struct page *kmm_nopage_gives(u64 *result, int type, struct page *page)
{
	result[-1] = KMM_WORD(type);
	return KMM_GIVE(result, page);
}

struct page *kmm_driver_nopage(struct vm_area_struct *area, unsigned long address, int *type);
struct page *kmm_own_nopage(struct vm_area_struct *area, unsigned long address, int *type);
void kmm_driver_open(struct vm_area_struct *area);
void kmm_driver_close(struct vm_area_struct *area);
int generic_file_mmap(struct file *file, struct vm_area_struct *vma);
int shmem_mmap(struct file *file, struct vm_area_struct *vma);
int kmm_pfnmap_mmap(struct file *file, struct vm_area_struct *vma);
int kmm_prot_driver_mmap(struct file *file, struct vm_area_struct *vma);
int kmm_hugetlb_mmap(struct file *file, struct vm_area_struct *vma);
int kmm_failing_mmap(struct file *file, struct vm_area_struct *vma);
int kmm_ramfs_readpage(struct file *file, struct page *page);

/* The page of a file at an index, with a reference, unlocked, or NULL; nothing is read. */
struct page *find_get_page(struct address_space *mapping, pgoff_t index);
/* The same, read in if it is not there; *error is 0, -ENOMEM or -EIO. */
struct page *kmm_read_page(struct file *file, struct address_space *mapping, pgoff_t index,
			   int *major, int *error);
/*
 * The page at an index, locked, with a reference; `make` says whether a page that
 * is not there is made, not yet Uptodate.  NULL: not there, or no memory.
 */
struct page *kmm_find_lock_page(struct address_space *mapping, pgoff_t index, int make);
/* A new one, locked, not Uptodate: 0, -ENOMEM, or -EEXIST where another was faster. */
int kmm_make_page(struct address_space *mapping, pgoff_t index, struct page **made);
/*
 * A tmpfs page, unlocked, with a reference, made if it is not there: 0, -ENOMEM, or -ENOSPC
 * where the file may not be charged for one more.
 */
int shmem_getpage(struct inode *inode, pgoff_t index, struct page **page);
/* Gives back what a tmpfs file is charged for pages that it has no more. */
void shmem_recalc_inode(struct inode *inode);

/* write(2) of `len` bytes at `pos`, at most to the end of its page: bytes, or -errno. */
long kmm_write(struct file *file, loff_t_kmm pos, unsigned long len);

#endif
