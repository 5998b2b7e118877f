// SPDX-License-Identifier: GPL-2.0-only
/* remap_file_pages(2): pages of a file at places of their own, and the ptes for that. */
#include "machine/file.h"
#include "machine/populate.h"
#include "machine/swap.h"
#include "machine/watch.h"

#define KMM_FILE KMM_FILE_MACHINE

static unsigned long pages_of_file(const struct inode *inode)
{
	return (u64)(inode->i_size + (loff_t_kmm)PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* Take out a pte that is not none: 1 if a page was there, whose reference goes too. */
static int take_out(struct vm_area_struct *vma, unsigned long addr, pte_t *pte)
{
	struct page *page;
	pte_t old = *pte;

	if (!pte_present(old)) {
		if (!pte_file(old))
			free_swap_and_cache(kmm_pte_to_swap(old));
		pte_clear(vma->vm_mm, addr, pte);
		return 0;
	}
	flush_cache_page(vma, addr, pte_pfn(old));
	old = ptep_clear_flush(vma, addr, pte);
	page = vm_normal_page(vma, addr, old);
	if (!page)
		return 0;
	if (pte_dirty(old))
		set_page_dirty_by_pte(page);
	vma->vm_mm->anon_replaced += kmm_page_is_anon(page);
	page_remove_rmap(page);
	put_page(page);
	return 1;
}

/*
 * A page that was taken out and the one put in its place count the same, even
 * where the first was a private copy: anon_rss then stays one too high for ever.
 */
static int install(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long addr,
		   struct page *page, pgprot_t prot)
{
	pmd_t *pmd = pte_alloc(mm, addr);
	pte_t *pte, value;
	int error;
	spinlock_t *ptl;

	if (!pmd)
		return -ENOMEM;
	pte = pte_offset_map_lock(mm, pmd, addr, &ptl);
	/* truncated meanwhile? */
	if (!page->mapping || page->index >= pages_of_file(vma->vm_file->f_mapping->host)) {
		error = -EINVAL;
	} else if (page->_mapcount.counter >= INT32_MAX / 2) {
		error = -ENOMEM;
	} else {
		error = 0;
		if (pte_none(*pte) || !take_out(vma, addr, pte))
			inc_mm_counter(mm, file_rss);
		flush_icache_page(vma, page);
		value = mk_pte(page, prot);
		set_pte_at(mm, addr, pte, value);
		page_add_file_rmap(page);
		update_mmu_cache(vma, addr, value);
	}
	pte_unmap_unlock(pte, ptl);
	return error;
}

/* The caller's reference becomes the pte's. */
int install_page(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long addr,
		 struct page *page, pgprot_t prot)
{
	u64 *result = KMM_ENTER(install_page, KMM_HERE, mm, vma, addr, page, pgprot_val(prot));

	return KMM_GIVE(result, install(mm, vma, addr, page, prot));
}

int install_file_pte(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long addr,
		     unsigned long pgoff, pgprot_t prot)
{
	u64 *result = KMM_ENTER(install_file_pte, KMM_HERE, mm, vma, addr, pgoff,
				pgprot_val(prot));
	pmd_t *pmd = pte_alloc(mm, addr);
	pte_t value = pgoff_to_pte(pgoff);
	spinlock_t *ptl;
	pte_t *pte;

	if (!pmd)
		return KMM_GIVE(result, -ENOMEM);
	pte = pte_offset_map_lock(mm, pmd, addr, &ptl);
	if (!pte_none(*pte) && take_out(vma, addr, pte))
		dec_mm_counter(mm, file_rss);
	set_pte_at(mm, addr, pte, value);
	update_mmu_cache(vma, addr, value);
	pte_unmap_unlock(pte, ptl);
	return 0;
}

/*
 * With a reference, in *page; NULL where it would have to be read and must not.  Any
 * failure of a file's own read counts as no memory.
 */
static int page_of_file(struct file *file, unsigned long pgoff, int nonblock, struct page **page)
{
	struct address_space *mapping = file->f_mapping;
	int major, error;

	if (!nonblock) {
		*page = kmm_read_page(file, mapping, pgoff, &major, &error);
		return *page ? 0 : -ENOMEM;
	}
	*page = find_get_page(mapping, pgoff);
	if (*page && !kmm_page_flag(*page, PG_uptodate)) {
		put_page(*page);
		*page = NULL;
	}
	return 0;
}

/* The same of tmpfs, which waits for a page that is locked even where it must not read. */
static int page_of_shmem(struct address_space *mapping, unsigned long pgoff, int nonblock,
			 struct page **page)
{
	int uptodate;

	if (!nonblock)
		return shmem_getpage(mapping->host, pgoff, page);
	*page = kmm_find_lock_page(mapping, pgoff, 0);
	if (!*page)
		return 0;
	uptodate = kmm_page_flag(*page, PG_uptodate);
	unlock_page(*page);
	if (!uptodate) {
		put_page(*page);
		*page = NULL;
	}
	return 0;
}

static int populate_one(struct vm_area_struct *vma, unsigned long addr, pgprot_t prot,
			unsigned long pgoff, int nonblock, int shmem)
{
	struct file *file = vma->vm_file;
	struct page *page;
	int error = shmem ? page_of_shmem(file->f_mapping, pgoff, nonblock, &page) :
			    page_of_file(file, pgoff, nonblock, &page);

	if (error)
		return error;
	if (page) {
		mark_page_accessed(page);
		error = install_page(vma->vm_mm, vma, addr, page, prot);
		if (error)
			put_page(page);
	} else if (vma->vm_flags & VM_NONLINEAR) {
		error = install_file_pte(vma->vm_mm, vma, addr, pgoff, prot);
	}
	return error;
}

static int populate(struct vm_area_struct *vma, unsigned long addr, unsigned long len,
		    pgprot_t prot, unsigned long pgoff, int nonblock, int shmem)
{
	const struct inode *inode = vma->vm_file->f_mapping->host;

	for (; len; len -= PAGE_SIZE, addr += PAGE_SIZE, pgoff++) {
		int error;

		/* again for each page: the file may shrink while one is read */
		if (pgoff + (len >> PAGE_SHIFT) > pages_of_file(inode))
			return -EINVAL;
		error = populate_one(vma, addr, prot, pgoff, nonblock, shmem);
		if (error)
			return error;
	}
	return 0;
}

int filemap_populate(struct vm_area_struct *vma, unsigned long addr, unsigned long len,
		     pgprot_t prot, unsigned long pgoff, int nonblock)
{
	return populate(vma, addr, len, prot, pgoff, nonblock, 0);
}

int shmem_populate(struct vm_area_struct *vma, unsigned long addr, unsigned long len,
		   pgprot_t prot, unsigned long pgoff, int nonblock)
{
	return populate(vma, addr, len, prot, pgoff, nonblock, 1);
}

/* From here on no walk of the file's tree finds this vma. */
static void make_nonlinear(struct vm_area_struct *vma)
{
	struct address_space *mapping = vma->vm_file->f_mapping;

	spin_lock(&mapping->i_mmap_lock);
	vma->vm_flags |= VM_NONLINEAR;
	vma_prio_tree_remove(vma, &mapping->i_mmap);
	vma_nonlinear_insert(vma, mapping);
	spin_unlock(&mapping->i_mmap_lock);
}

/* The one vma that [start, start + size) lies in, if it can be populated. */
static struct vm_area_struct *vma_to_populate(struct mm_struct *mm, unsigned long start,
					      unsigned long size)
{
	struct vm_area_struct *vma = find_vma(mm, start);

	if (!vma || start < vma->vm_start || start + size > vma->vm_end)
		return NULL;
	if (!(vma->vm_flags & VM_SHARED) || !vma->vm_ops || !vma->vm_ops->populate)
		return NULL;
	/* a driver's: reclaim would take it for a cursor of its own */
	if (vma->vm_private_data && !(vma->vm_flags & VM_NONLINEAR))
		return NULL;
	return vma;
}

static long remap(struct mm_struct *mm, unsigned long start, unsigned long size,
		  unsigned long pgoff, unsigned long flags)
{
	struct vm_area_struct *vma;
	long error = -EINVAL;
	int writer = 0;

	down_read(&mm->mmap_sem);
	vma = vma_to_populate(mm, start, size);
	if (vma && !(vma->vm_flags & VM_NONLINEAR) && pgoff != linear_page_index(vma, start)) {
		/* vm_flags change: as the writer, who must look again */
		up_read(&mm->mmap_sem);
		down_write(&mm->mmap_sem);
		writer = 1;
		vma = vma_to_populate(mm, start, size);
		if (vma && !(vma->vm_flags & VM_NONLINEAR) &&
		    pgoff != linear_page_index(vma, start))
			make_nonlinear(vma);
	}
	if (vma)
		error = vma->vm_ops->populate(vma, start, size, vma->vm_page_prot, pgoff,
					      (flags & MAP_NONBLOCK) != 0);
	if (writer)
		up_write(&mm->mmap_sem);
	else
		up_read(&mm->mmap_sem);
	return error;
}

long kmm_remap_file_pages(unsigned long start, unsigned long size, unsigned long prot,
			  unsigned long pgoff, unsigned long flags, u32 here)
{
	u64 *result = KMM_ENTER(remap_file_pages, here, start, size, prot, pgoff, flags);
	long error = -EINVAL;

	start &= PAGE_MASK;
	size &= PAGE_MASK;
	/* a pte has room for so many bits of an offset */
	if (!prot && start + size > start && pgoff + (size >> PAGE_SHIFT) < 1UL << PTE_FILE_MAX_BITS)
		error = remap(current->mm, start, size, pgoff, flags);
	return KMM_GIVE(result, error);
}
