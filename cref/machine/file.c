// SPDX-License-Identifier: GPL-2.0-only
/* Open files, what do_mmap_pgoff asks about them, and pages of files found or read in. */
#include "machine/blocks.h"
#include "machine/file.h"
#include "machine/lru.h"
#include "machine/times.h"
#include "machine/truncate.h"

#define KMM_FILE KMM_FILE_MACHINE

static long open_file(struct inode *inode, u32 f_mode, u32 mnt_flags, struct file **opened)
{
	struct file *file = kmm_file_alloc();

	if (!file)
		return -ENFILE;
	if (f_mode & FMODE_WRITE && inode->i_writecount < 0) {
		file->f_count = 0;
		return -ETXTBSY;
	}
	file->f_mapping = inode->i_mapping;
	file->f_dentry->d_inode = inode;
	file->f_vfsmnt->mnt_flags = mnt_flags;
	file->f_op = kmm_file_kinds[inode->i_kind].f_op;
	file->f_mode = f_mode;
	if (f_mode & FMODE_WRITE)
		kmm_count_add(&inode->i_writecount, 1);
	inode->i_count++;
	*opened = file;
	return 0;
}

long kmm_open(struct inode *inode, u32 f_mode, u32 mnt_flags, struct file **opened)
{
	u64 *back = KMM_BACK(open, 4, KMM_HERE);
	long error;

	back[0] = KMM_WORD(inode);
	back[1] = f_mode;
	back[2] = back[3] = 0;
	barrier();
	error = open_file(inode, f_mode, mnt_flags, opened);
	if (!error)
		back[2] = KMM_WORD(*opened);
	back[3] = KMM_WORD(error);
	barrier();
	return error;
}

void kmm_get_file(struct file *file, u32 here)
{
	KMM_EVENT(get_file, here, file);
	file->f_count++;
}

/* The slot is taken until nothing of the file is left: truncation may sleep. */
static void destroy_inode(struct inode *inode)
{
	struct address_space *mapping = inode->i_mapping;

	inode->i_state |= I_FREEING;
	truncate_inode_pages(mapping, 0);
	if (inode->i_charged)
		vm_unacct_memory(inode->i_charged);
	mapping->a_ops = NULL;
	mapping->flags = 0;
	mapping->truncate_count = 0;
	mapping->writeback_index = 0;
	mapping->i_mmap_writable = 0;
	mapping->backing_dev_info->capabilities = 0;
	inode->i_state = 0;
	inode->i_size = 0;
	inode->i_mapped = 0;
	inode->i_writecount = 0;
	inode->i_is = 0;
	inode->i_place = INODE_ON_NO_LIST;
	inode->dirtied_when = 0;
	inode->i_kind = 0;
	inode->i_flags = 0;
	inode->i_charged = 0;
	inode->i_count = 0;
}

/* A named inode has one reference more than it has open files. */
static void put_inode(struct inode *inode)
{
	if (inode->i_count > 1)
		inode->i_count--;
	else if (inode->i_count)
		destroy_inode(inode);
}

static void close_file(struct file *file)
{
	struct inode *inode = file->f_dentry->d_inode;

	if (file->f_mode & FMODE_WRITE)
		kmm_count_add(&inode->i_writecount, -1);
	file->f_mapping = NULL;
	file->f_dentry->d_inode = NULL;
	file->f_vfsmnt->mnt_flags = 0;
	file->f_op = NULL;
	file->f_mode = 0;
	put_inode(inode);
}

void kmm_fput(struct file *file, u32 here)
{
	KMM_EVENT(fput, here, file);
	if (file->f_count <= 0)
		kmm_end(KMM_REFCOUNT);
	if (!--file->f_count)
		close_file(file);
}

int kmm_is_file_hugepages(const struct file *file, u32 here)
{
	int is = (file->f_mapping->host->i_flags & S_HUGETLB) != 0;

	KMM_EVENT(is_file_hugepages, here, file, is);
	return is;
}

int kmm_IS_APPEND(const struct inode *inode, u32 here)
{
	int is = (inode->i_flags & S_APPEND) != 0;

	KMM_EVENT(IS_APPEND, here, inode, is);
	return is;
}

int kmm_locks_verify_locked(const struct inode *inode, u32 here)
{
	int error = inode->i_flags & S_MANDLOCK ? -EAGAIN : 0;

	KMM_EVENT(locks_verify_locked, here, inode, error);
	return error;
}

/* No security module is loaded. */
int kmm_security_file_mmap(struct file *file, unsigned long reqprot, unsigned long prot,
			   unsigned long flags, u32 here)
{
	KMM_EVENT(security_file_mmap, here, file, reqprot, prot, flags, 0);
	return 0;
}

int kmm_deny_write_access(struct file *file, u32 here)
{
	struct inode *inode = file->f_dentry->d_inode;
	int error = inode->i_writecount > 0 ? -ETXTBSY : 0;

	if (!error)
		kmm_count_add(&inode->i_writecount, -1);
	KMM_EVENT(deny_write_access, here, file, error);
	return error;
}

int generic_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	u64 *error = KMM_ENTER(f_op_mmap, KMM_HERE, file, vma);

	if (!file->f_mapping->a_ops->readpage)
		return KMM_GIVE(error, -ENOEXEC);
	file_accessed(file);
	vma->vm_ops = &kmm_generic_vm_ops;
	return 0;
}

/* Looking up and taking the reference are one step under tree_lock, which is not recorded. */
struct page *find_get_page(struct address_space *mapping, pgoff_t index)
{
	const struct radix_tree_slot *slot = kmm_tree_find(&mapping->page_tree, index);

	if (!slot)
		return NULL;
	get_page(slot->page);
	return slot->page;
}

int kmm_make_page(struct address_space *mapping, pgoff_t index, struct page **made)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	int error;

	if (!page)
		return -ENOMEM;
	error = add_to_page_cache(page, mapping, index);
	if (error) {
		put_page(page);
		return error;
	}
	lru_cache_add(page);
	*made = page;
	return 0;
}

struct page *kmm_find_lock_page(struct address_space *mapping, pgoff_t index, int make)
{
	for (;;) {
		struct page *page = find_get_page(mapping, index);
		int error;

		if (page) {
			lock_page(page);
			if (page->mapping == mapping)
				return page;
			unlock_page(page);	/* truncated while this waited */
			put_page(page);
			continue;
		}
		if (!make)
			return NULL;
		error = kmm_make_page(mapping, index, &page);
		if (!error)
			return page;
		if (error != -EEXIST)
			return NULL;
	}
}

/* Read a new page, which is locked, and unlock it: the page, or NULL without its reference. */
static struct page *read_new(struct file *file, struct address_space *mapping,
			     struct page *page, int *error)
{
	*error = mapping->a_ops->readpage(file, page);
	if (!*error)
		return page;
	put_page(page);
	return NULL;
}

/* Once more, without what an earlier write has left: 0, -EAGAIN for a page that is no more. */
static int read_again(struct file *file, struct address_space *mapping, struct page *page)
{
	lock_page(page);
	if (page->mapping != mapping || kmm_page_flag(page, PG_uptodate)) {
		unlock_page(page);
		return page->mapping == mapping ? 0 : -EAGAIN;
	}
	page->flags &= ~(1UL << PG_error);
	return mapping->a_ops->readpage(file, page) ? -EIO : 0;
}

/* The same for a page that was there: PG_error keeps it from becoming Uptodate the first time. */
static struct page *read_old(struct file *file, struct address_space *mapping,
			     struct page *page, int *error)
{
	*error = mapping->a_ops->readpage(file, page);
	if (*error || !kmm_page_flag(page, PG_uptodate))
		*error = read_again(file, mapping, page);
	if (!*error && kmm_page_flag(page, PG_uptodate))
		return page;
	if (!*error)
		*error = -EIO;
	put_page(page);
	return NULL;
}

struct page *kmm_read_page(struct file *file, struct address_space *mapping, pgoff_t index,
			   int *major, int *error)
{
	*error = 0;
	*major = 0;
	for (;;) {
		struct page *page = find_get_page(mapping, index);

		if (!page) {
			*error = kmm_make_page(mapping, index, &page);
			if (*error == -EEXIST)
				continue;
			if (*error)
				return NULL;
			*major = 1;
			return read_new(file, mapping, page, error);
		}
		if (kmm_page_flag(page, PG_uptodate))
			return page;
		lock_page(page);
		if (page->mapping != mapping) {		/* truncated while this waited */
			unlock_page(page);
			put_page(page);
			continue;
		}
		if (!kmm_page_flag(page, PG_uptodate)) {
			*major = 1;
			page = read_old(file, mapping, page, error);
			if (*error == -EAGAIN)
				continue;
			return page;
		}
		unlock_page(page);
		return page;
	}
}

static struct page *nopage(struct vm_area_struct *area, unsigned long address, int *type)
{
	struct file *file = area->vm_file;
	struct address_space *mapping = file->f_mapping;
	u64 pages = ((u64)mapping->host->i_size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	pgoff_t index = ((address - area->vm_start) >> PAGE_SHIFT) + area->vm_pgoff;
	struct page *page;
	int major, error;

	/* who reaches into another process gets a page beyond the end, too */
	if (index >= pages && area->vm_mm == current->mm)
		return NOPAGE_SIGBUS;
	page = kmm_read_page(file, mapping, index, &major, &error);
	if (!page)
		return error == -ENOMEM ? NOPAGE_OOM : NOPAGE_SIGBUS;
	mark_page_accessed(page);
	*type = major ? VM_FAULT_MAJOR : VM_FAULT_MINOR;
	return page;
}

struct page *filemap_nopage(struct vm_area_struct *area, unsigned long address, int *type)
{
	u64 *result = KMM_ENTER(nopage, KMM_HERE, area, address, 0);
	struct page *page = nopage(area, address, type);

	return kmm_nopage_gives(result, *type, page);
}
