// SPDX-License-Identifier: GPL-2.0-only
/* Drivers that can be mapped, and hugetlbfs: mmap hooks, and pages that are a driver's own. */
#include "machine/contents.h"
#include "machine/fault.h"
#include "machine/file.h"
#include "machine/pgtable.h"

#define KMM_FILE KMM_FILE_MACHINE

/* The driver's frames lie above all memory; 15 bits of page offset keep them below 2^20. */
#define DRIVER_PFN		0xF0000UL
#define DRIVER_PFN_MASK		0x07FFFUL

static int fill_table(struct vm_area_struct *vma, unsigned long address, unsigned long end,
		      unsigned long pfn, pgprot_t prot)
{
	struct mm_struct *mm = vma->vm_mm;
	pmd_t *pmd = pte_alloc(mm, address);
	pte_t *start, *pte;
	spinlock_t *ptl;

	if (!pmd)
		return -ENOMEM;
	start = pte = pte_offset_map_lock(mm, pmd, address, &ptl);
	for (; address < end; address += PAGE_SIZE) {
		BUG_ON(!pte_none(*pte));
		set_pte_at(mm, address, pte++, pfn_pte(pfn++, prot));
	}
	pte_unmap_unlock(start, ptl);
	return 0;
}

static int fill(struct vm_area_struct *vma, unsigned long address, unsigned long end,
		unsigned long pfn, pgprot_t prot)
{
	const unsigned long table = 1UL << kmm_world->pmd_shift;

	while (address < end) {
		unsigned long next = (address + table) & ~(table - 1);
		int error;

		if (next > end)
			next = end;
		error = fill_table(vma, address, next, pfn, prot);
		if (error)
			return error;
		pfn += (next - address) >> PAGE_SHIFT;
		address = next;
	}
	return 0;
}

/* Frames without pages: no counts, no reverse map.  A private mapping must be filled at once. */
static int remap_pfn_range(struct vm_area_struct *vma, unsigned long address, unsigned long pfn,
			   unsigned long size, pgprot_t prot)
{
	u64 *result = KMM_ENTER(remap_pfn_range, KMM_HERE, vma, address, pfn, size,
				pgprot_val(prot));
	unsigned long end = address + size;

	if (is_cow_mapping(vma->vm_flags)) {
		if (address != vma->vm_start || end != vma->vm_end)
			return KMM_GIVE(result, -EINVAL);
		vma->vm_pgoff = pfn;
	}
	vma->vm_flags |= VM_IO | VM_RESERVED | VM_PFNMAP;
	flush_cache_range(vma, address, end);
	return KMM_GIVE(result, fill(vma, address, end, pfn, prot));
}

int kmm_pfnmap_mmap(struct file *file, struct vm_area_struct *vma)
{
	u64 *result = KMM_ENTER(f_op_mmap, KMM_HERE, file, vma);
	unsigned long pfn = DRIVER_PFN + (vma->vm_pgoff & DRIVER_PFN_MASK);

	return KMM_GIVE(result, remap_pfn_range(vma, vma->vm_start, pfn,
						vma->vm_end - vma->vm_start, vma->vm_page_prot));
}

/* Uncached, and pages on demand. */
int kmm_prot_driver_mmap(struct file *file, struct vm_area_struct *vma)
{
	KMM_EVENT(f_op_mmap, KMM_HERE, file, vma, 0);
	vma->vm_page_prot = __pgprot(pgprot_val(vma->vm_page_prot) | _PAGE_PCD | _PAGE_PWT);
	vma->vm_ops = &kmm_driver_vm_ops;
	return 0;
}

/* Its huge pages are not modelled: such a mapping is there, and nobody touches it. */
int kmm_hugetlb_mmap(struct file *file, struct vm_area_struct *vma)
{
	KMM_EVENT(f_op_mmap, KMM_HERE, file, vma, 0);
	vma->vm_flags |= VM_HUGETLB | VM_RESERVED;
	vma->vm_ops = NULL;
	return 0;
}

int kmm_failing_mmap(struct file *file, struct vm_area_struct *vma)
{
	KMM_EVENT(f_op_mmap, KMM_HERE, file, vma, -EIO);
	if (file->f_mapping->host->i_flags & S_CHARGES)
		vma->vm_flags |= VM_ACCOUNT;
	return -EIO;
}

/* A page comes into being when it is first touched; the driver keeps it off the LRU. */
static struct page *driver_page(struct address_space *mapping, pgoff_t index)
{
	for (;;) {
		struct page *page = find_get_page(mapping, index);
		int error;

		if (page)
			return page;
		page = alloc_page(GFP_KERNEL);
		if (!page)
			return NOPAGE_OOM;
		error = add_to_page_cache(page, mapping, index);
		if (!error) {
			kmm_zero_contents(page->contents);
			SetPageUptodate(page);
			unlock_page(page);
			return page;
		}
		put_page(page);
		if (error != -EEXIST)
			return NOPAGE_OOM;
	}
}

struct page *kmm_driver_nopage(struct vm_area_struct *area, unsigned long address, int *type)
{
	u64 *result = KMM_ENTER(nopage, KMM_HERE, area, address, 0);
	pgoff_t index = ((address - area->vm_start) >> PAGE_SHIFT) + area->vm_pgoff;

	*type = VM_FAULT_MINOR;
	return kmm_nopage_gives(result, *type, driver_page(area->vm_file->f_mapping, index));
}

/* A mapping of the kernel's own, of no file: one page for all, here the zero page. */
struct page *kmm_own_nopage(struct vm_area_struct *area, unsigned long address, int *type)
{
	u64 *result = KMM_ENTER(nopage, KMM_HERE, area, address, 0);

	get_page(kmm_world->zero_page);
	*type = VM_FAULT_MINOR;
	return kmm_nopage_gives(result, *type, kmm_world->zero_page);
}

/* A driver would count its users here. */
void kmm_driver_open(struct vm_area_struct *area)
{
	KMM_EVENT(vm_ops_open, KMM_HERE, area);
}

void kmm_driver_close(struct vm_area_struct *area)
{
	KMM_EVENT(vm_ops_close, KMM_HERE, area);
}
