// SPDX-License-Identifier: GPL-2.0-only
#include "machine/blocks.h"
#include "machine/file.h"
#include "machine/rmap.h"
#include "machine/unwritten.h"
#include "machine/watch.h"

u16 *kmm_unwritten(const struct address_space *mapping, pgoff_t index)
{
	const struct inode *inode = mapping ? mapping->host : NULL;

	if (!inode || !inode->i_unwritten || !kmm_kind_has(inode->i_kind, KMM_ON_DISK) ||
	    index >= kmm_world->size.slots)
		return NULL;
	return inode->i_unwritten + index * KMM_SECTORS;
}

static u16 *unwritten_of_page(const struct page *page)
{
	return kmm_unwritten(kmm_mapping_of(page), page->index);
}

void kmm_note_store(const struct page *page, u32 sector)
{
	u16 *unwritten = unwritten_of_page(page);

	if (unwritten && kmm_sectors_in_file(page->mapping->host, page->index) >> sector & 1)
		unwritten[sector] = page->contents[sector];
}

void kmm_note_end_of_write(const struct page *page, u32 sectors, int ok)
{
	u16 *unwritten = unwritten_of_page(page);
	u32 i;

	for (i = 0; unwritten && i < KMM_SECTORS; i++) {
		if (!(sectors >> i & 1) || unwritten[i] != page->in_flight[i])
			continue;
		if (!ok && unwritten[i])
			kmm_note_failed(page, unwritten[i]);
		unwritten[i] = 0;
	}
}

void kmm_forget_stores(const struct page *page, u32 sectors)
{
	u16 *unwritten = unwritten_of_page(page);
	u32 i;

	for (i = 0; unwritten && i < KMM_SECTORS; i++)
		if (sectors >> i & 1)
			unwritten[i] = 0;
}

void kmm_forget_earlier_stores(const struct address_space *mapping, pgoff_t index, u32 sectors)
{
	u16 *unwritten = kmm_unwritten(mapping, index);
	u32 i;

	for (i = 0; unwritten && i < KMM_SECTORS; i++)
		if (sectors >> i & 1 && !kmm_is_later_store(unwritten[i]))
			unwritten[i] = 0;
}

void kmm_forget_stores_from(const struct inode *inode, u64 sector)
{
	for (; sector < (u64)kmm_world->size.slots * KMM_SECTORS; sector++)
		inode->i_unwritten[sector] = 0;
}

static const struct vm_area_struct *vma_at(const struct mm_struct *mm, unsigned long address)
{
	const struct vm_area_struct *vma = mm->mmap;

	while (vma && vma->vm_end <= address)
		vma = vma->vm_next;
	return vma && vma->vm_start <= address ? vma : NULL;
}

/* Which page of its file a place in a vma stands for; 0 if it has a page of its own there. */
static int means_page_of_file(const struct vm_area_struct *vma, unsigned long address,
			      pte_t pte, pgoff_t *index)
{
	*index = linear_page_index(vma, address);
	if (pte_none(pte))
		return 1;
	if (!pte_present(pte)) {
		*index = pte_to_pgoff(pte);
		return pte_file(pte);
	}
	if (!pfn_valid(pte_pfn(pte)) || kmm_page_is_anon(pfn_to_page(pte_pfn(pte))))
		return 0;
	*index = pfn_to_page(pte_pfn(pte))->index;
	return 1;
}

/* The vma that a store into a file would be through, or NULL. */
static const struct vm_area_struct *shared_vma_at(const struct mm_struct *mm,
						  unsigned long address)
{
	const struct vm_area_struct *vma = vma_at(mm, address);

	return vma && vma->vm_flags & VM_SHARED && vma->vm_file ? vma : NULL;
}

struct address_space *kmm_mapping_meant(const struct mm_struct *mm, unsigned long address,
					pte_t pte, pgoff_t *index)
{
	const struct vm_area_struct *vma = shared_vma_at(mm, address);

	if (!vma || !means_page_of_file(vma, address, pte, index))
		return NULL;
	return vma->vm_file->f_mapping;
}

u16 *kmm_unwritten_of_access(const struct mm_struct *mm, unsigned long address, const pte_t *pte)
{
	u32 sector = kmm_sector(address);
	pgoff_t index = 0;
	const struct address_space *mapping =
		kmm_mapping_meant(mm, address, pte ? *pte : __pte(0), &index);
	u16 *unwritten = kmm_unwritten(mapping, index);

	if (!unwritten || !(kmm_sectors_in_file(mapping->host, index) >> sector & 1))
		return NULL;
	return unwritten + sector;
}

void kmm_note_access(const struct mm_struct *mm, unsigned long address, pte_t pte, u16 *meant)
{
	const struct vm_area_struct *vma = shared_vma_at(mm, address);
	const struct page *page = pfn_valid(pte_pfn(pte)) ? pfn_to_page(pte_pfn(pte)) : NULL;
	const u16 *unwritten;

	/* a page of the file has been noted already */
	if (!vma || !page || !kmm_page_is_anon(page))
		return;
	unwritten = kmm_unwritten(vma->vm_file->f_mapping, linear_page_index(vma, address));
	if (unwritten && meant == unwritten + kmm_sector(address))
		*meant = page->contents[kmm_sector(address)];
}
