// SPDX-License-Identifier: GPL-2.0-only
/* get_user_pages and who uses it: locked memory, debuggers, direct I/O. */
#include "machine/contents.h"
#include "machine/dirty.h"
#include "machine/gup.h"
#include "machine/running.h"
#include "machine/watch.h"

#define KMM_FILE KMM_FILE_MACHINE

/* The vma at `address`, if it allows this; a debugger is allowed what the vma might be. */
static struct vm_area_struct *vma_to_get(struct mm_struct *mm, unsigned long address, int write,
					 int force)
{
	unsigned long need = write ? VM_WRITE | VM_MAYWRITE : VM_READ | VM_MAYREAD;
	struct vm_area_struct *vma = find_vma(mm, address);

	need &= force ? VM_MAYREAD | VM_MAYWRITE : VM_READ | VM_WRITE;
	if (!vma || address < vma->vm_start || !(vma->vm_flags & need))
		return NULL;
	/* huge pages can be mapped in this model, but have no contents */
	if (vma->vm_flags & (VM_IO | VM_PFNMAP | VM_HUGETLB))
		return NULL;
	return vma;
}

static unsigned int flags_to_follow(const struct vm_area_struct *vma, int write, int get)
{
	unsigned int flags = FOLL_TOUCH;

	if (get)
		flags |= FOLL_GET;
	if (write)
		flags |= FOLL_WRITE;
	else if (!(vma->vm_flags & VM_LOCKED) && !(vma->vm_ops && vma->vm_ops->nopage))
		flags |= FOLL_ANON;
	return flags;
}

/* It is going to be written to: where its pte is writable already, no fault says so. */
static void note_write(const struct vm_area_struct *vma, unsigned long address)
{
	const pmd_t *pmd = kmm_find_pmd(vma->vm_mm, address);

	if (pmd)
		kmm_note_write_at(vma, address, *kmm_pte_offset(pmd, address));
}

/* One page, faulted in as often as it takes; NULL: *error tells. */
static struct page *get_one(struct vm_area_struct *vma, unsigned long address, unsigned int flags,
			    int *error)
{
	struct page *page;

	for (;;) {
		int ret;

		if (flags & FOLL_WRITE)
			note_write(vma, address);
		page = HALF(follow_page)(vma, address, flags);
		if (page)
			return page;
		ret = __handle_mm_fault(vma->vm_mm, vma, address, flags & FOLL_WRITE);
		/* the copy is made; its pte stays read-only if the vma is not writable */
		if (ret & VM_FAULT_WRITE)
			flags &= ~FOLL_WRITE;
		switch (ret & ~VM_FAULT_WRITE) {
		case VM_FAULT_MINOR:
		case VM_FAULT_MAJOR:
			break;
		case VM_FAULT_OOM:
			*error = -ENOMEM;
			return NULL;
		case VM_FAULT_SIGBUS:
			*error = -EFAULT;
			return NULL;
		default:
			kmm_bug();
		}
	}
}

static int get_pages(struct mm_struct *mm, unsigned long start, int len, int write, int force,
		     struct page **pages)
{
	int got = 0, error = -EFAULT;

	while (len > 0) {
		struct vm_area_struct *vma = vma_to_get(mm, start, write, force);
		unsigned int flags;

		if (!vma)
			return got ? got : -EFAULT;
		flags = flags_to_follow(vma, write, pages != NULL);
		do {
			struct page *page = get_one(vma, start, flags, &error);

			if (!page)
				return got ? got : error;
			if (pages)
				pages[got] = page;
			got++;
			start += PAGE_SIZE;
			len--;
		} while (len > 0 && start < vma->vm_end);
	}
	return got;
}

int get_user_pages(struct mm_struct *mm, unsigned long start, int len, int write, int force,
		   struct page **pages)
{
	u64 *got = KMM_ENTER(get_user_pages, KMM_HERE, mm, start, len, write, force);

	return KMM_GIVE(got, get_pages(mm, start, len, write, force, pages));
}

/* Callers ignore what it gives: 0, -1 if some are not present, or -errno. */
int kmm_make_pages_present(unsigned long addr, unsigned long end, u32 here)
{
	u64 *result = KMM_ENTER(make_pages_present, here, addr, end);
	struct vm_area_struct *vma = find_vma(current->mm, addr);
	int len = (int)((end >> PAGE_SHIFT) - (addr >> PAGE_SHIFT));
	int got = get_user_pages(current->mm, addr, len, (vma->vm_flags & VM_WRITE) != 0, 0, NULL);

	return KMM_GIVE(result, got < 0 ? got : got == len ? 0 : -1);
}

static void set_page_dirty_lock(struct page *page)
{
	lock_page(page);
	set_page_dirty(page);
	unlock_page(page);
}

int access_process_vm(struct mm_struct *mm, unsigned long address, int write, u32 *version)
{
	u32 sector = kmm_sector(address);
	struct page *page;
	int got;

	down_read(&mm->mmap_sem);
	got = get_user_pages(mm, address, 1, write, 1, &page);
	if (got == 1) {
		if (write) {
			kmm_store(page, sector, KMM_HERE);
			set_page_dirty_lock(page);
		}
		*version = page->contents[sector];
		put_page(page);
	}
	up_read(&mm->mmap_sem);
	return got == 1;
}

long kmm_pin(struct mm_struct *mm, unsigned long address, int write, int force)
{
	struct page *page;
	int got;

	down_read(&mm->mmap_sem);
	got = get_user_pages(mm, address, 1, write, force, &page);
	up_read(&mm->mmap_sem);
	if (got != 1)
		return got;
	page->pins++;
	return page - kmm_world->pages;
}

long kmm_unpin(struct page *page, int dirty)
{
	if (!page->pins)
		return -EINVAL;
	/* first, or another one takes the same pin back while this waits for the page */
	page->pins--;
	if (dirty) {
		kmm_note_asked(page);
		set_page_dirty_lock(page);
	}
	put_page(page);
	return 0;
}
