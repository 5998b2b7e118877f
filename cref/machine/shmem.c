// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmpfs and ramfs: files that are nowhere but in memory.  A tmpfs page is never
 * swapped out, because its writepage acts as if swap were full; so a page that
 * is not in memory was never there.
 */
#include "machine/contents.h"
#include "machine/file.h"
#include "machine/lru.h"
#include "machine/times.h"

#define KMM_FILE KMM_FILE_MACHINE

void shmem_recalc_inode(struct inode *inode)
{
	unsigned long has = inode->i_mapping->nrpages;
	long gone = (long)inode->i_charged - (long)has;

	if (inode->i_flags & S_ACCOUNT || gone <= 0)
		return;
	inode->i_charged -= (u32)gone;
	vm_unacct_memory(gone);
}

/* One page more: 0 or -ENOSPC.  It is the file's once it is there: until then nobody else gives it back. */
static int charge_page(const struct inode *inode)
{
	if (!(inode->i_flags & S_ACCOUNT) && security_vm_enough_memory(1))
		return -ENOSPC;
	return 0;
}

static void uncharge_page(const struct inode *inode)
{
	if (!(inode->i_flags & S_ACCOUNT))
		vm_unacct_memory(1);
}

/* In the cache and locked; counted before anything else can come between. */
static int make_page(struct inode *inode, pgoff_t index, struct page **made)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	int error;

	if (!page)
		return -ENOMEM;
	error = add_to_page_cache(page, inode->i_mapping, index);
	if (error) {
		put_page(page);
		return error;
	}
	if (!(inode->i_flags & S_ACCOUNT))
		inode->i_charged++;
	lru_cache_add(page);
	*made = page;
	return 0;
}

/* Made clean: only who writes to it makes it dirty. */
int shmem_getpage(struct inode *inode, pgoff_t index, struct page **found)
{
	struct address_space *mapping = inode->i_mapping;
	struct page *page;
	int error;

	do {
		page = kmm_find_lock_page(mapping, index, 0);
		if (page)
			break;
		shmem_recalc_inode(inode);
		error = charge_page(inode);
		if (error)
			return error;
		error = make_page(inode, index, &page);
		if (error)
			uncharge_page(inode);
		/* where the tree has no room the kernel would try for ever */
		if (error && error != -EEXIST)
			return -ENOMEM;
	} while (error);
	if (!kmm_page_flag(page, PG_uptodate)) {
		kmm_zero_contents(page->contents);
		SetPageUptodate(page);
	}
	unlock_page(page);
	*found = page;
	return 0;
}

static struct page *nopage(struct vm_area_struct *area, unsigned long address)
{
	struct inode *inode = area->vm_file->f_mapping->host;
	pgoff_t index = ((address - area->vm_start) >> PAGE_SHIFT) + area->vm_pgoff;
	struct page *page;
	int error;

	if ((u64)index << PAGE_SHIFT >= (u64)inode->i_size)
		return NOPAGE_SIGBUS;
	error = shmem_getpage(inode, index, &page);
	if (error)
		return error == -ENOMEM ? NOPAGE_OOM : NOPAGE_SIGBUS;
	mark_page_accessed(page);
	return page;
}

struct page *shmem_nopage(struct vm_area_struct *area, unsigned long address, int *type)
{
	u64 *result = KMM_ENTER(nopage, KMM_HERE, area, address, 0);

	*type = VM_FAULT_MINOR;
	return kmm_nopage_gives(result, *type, nopage(area, address));
}

int shmem_mmap(struct file *file, struct vm_area_struct *vma)
{
	KMM_EVENT(f_op_mmap, KMM_HERE, file, vma, 0);
	file_accessed(file);
	vma->vm_ops = &kmm_shmem_vm_ops;
	return 0;
}

/*
 * An unnamed file of tmpfs: only its open file holds the inode.  No mapping of
 * i386 is too large for one, so -EINVAL does not occur.
 */
static int open_unnamed(struct vm_area_struct *vma, struct file **opened)
{
	unsigned long pages = vma_pages(vma);
	u32 charged = vma->vm_flags & VM_ACCOUNT ? (u32)pages : 0;
	struct inode *inode;
	struct file *file;
	int error = -ENFILE;

	if (charged && security_vm_enough_memory(charged))
		return -ENOMEM;
	file = kmm_file_alloc();
	if (!file)
		goto uncharge;
	inode = kmm_inode_alloc();
	if (!inode) {
		file->f_count = 0;
		error = -ENOSPC;
		goto uncharge;
	}
	kmm_make_inode(inode, KMM_TMPFS, (loff_t_kmm)(pages << PAGE_SHIFT));
	inode->i_charged = charged;
	if (charged)
		inode->i_flags |= S_ACCOUNT;
	file->f_mapping = inode->i_mapping;
	file->f_dentry->d_inode = inode;
	file->f_op = kmm_file_kinds[KMM_TMPFS].f_op;
	file->f_mode = FMODE_READ | FMODE_WRITE;
	inode->i_writecount = 1;
	*opened = file;
	return 0;

uncharge:
	if (charged)
		vm_unacct_memory(charged);
	return error;
}

int kmm_shmem_zero_setup(struct vm_area_struct *vma, u32 here)
{
	u64 *result = KMM_ENTER(shmem_zero_setup, here, vma);
	struct file *file;
	int error = open_unnamed(vma, &file);

	if (error)
		return KMM_GIVE(result, error);
	if (vma->vm_file)
		fput(vma->vm_file);
	vma->vm_file = file;
	vma->vm_ops = &kmm_shmem_vm_ops;
	return 0;
}

/* ramfs has no disk: what was never written is zeroes. */
int kmm_ramfs_readpage(struct file *file __attribute__((unused)), struct page *page)
{
	KMM_EVENT(readpage, KMM_HERE, page, 0);
	kmm_zero_contents(page->contents);
	SetPageUptodate(page);
	unlock_page(page);
	return 0;
}
