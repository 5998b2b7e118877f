// SPDX-License-Identifier: GPL-2.0-only
#include "machine/file.h"
#include "machine/msync.h"
#include "machine/pagetree.h"
#include "machine/rmap.h"
#include "machine/running.h"
#include "machine/unwritten.h"
#include "machine/vma.h"
#include "machine/watch.h"
#include "machine/writeback.h"

#define RUNS		1u
#define HAS_NOTES	2u

void kmm_watch_begin(struct kmm_watch_saved *saved)
{
	struct world *world = kmm_world;

	saved->began = world->began;
	saved->paused_began = world->paused_began;
	if (world->interfering)
		world->paused_began = world->began;
	world->began = world->version;
	world->operating |= RUNS;
}

static void forget_notes(struct world *world)
{
	u32 i;

	for (i = 0; i < world->size.mappings; i++)
		world->inodes[i].i_asked = world->inodes[i].i_failed = 0;
}

void kmm_watch_end(const struct kmm_watch_saved *saved)
{
	struct world *world = kmm_world;

	world->began = saved->began;
	world->paused_began = saved->paused_began;
	if (world->interfering)
		return;
	if (world->operating & HAS_NOTES)
		forget_notes(world);
	world->operating = 0;
}

/* Versions wrap as they are stored. */
static int is_later(u16 version, u32 than)
{
	return (u16)(version - than - 1) < 0x7FFF;
}

int kmm_is_later_store(u16 version)
{
	return kmm_world->operating && is_later(version, kmm_world->began);
}

/* The bit of a page of a file; the last one is for all from there on. */
static u64 bit_of(pgoff_t index)
{
	return 1ull << (index < 63 ? index : 63);
}

static void note(u64 *bits, pgoff_t index)
{
	*bits |= bit_of(index);
	kmm_world->operating |= HAS_NOTES;
}

static struct inode *inode_of(const struct page *page)
{
	const struct address_space *mapping = kmm_mapping_of(page);

	return mapping ? mapping->host : NULL;
}

void kmm_note_asked(const struct page *page)
{
	struct inode *inode = inode_of(page);

	if (inode && kmm_world->operating)
		note(&inode->i_asked, page->index);
}

void kmm_note_write_at(const struct vm_area_struct *vma, unsigned long address, pte_t pte)
{
	if (!kmm_world->operating || !(vma->vm_flags & VM_SHARED) || !vma->vm_file)
		return;
	if (pte_none(pte))
		note(&vma->vm_file->f_mapping->host->i_asked, linear_page_index(vma, address));
	else if (!pte_present(pte) && pte_file(pte))
		note(&vma->vm_file->f_mapping->host->i_asked, pte_to_pgoff(pte));
	else if (pte_present(pte) && pfn_valid(pte_pfn(pte)))
		kmm_note_asked(pfn_to_page(pte_pfn(pte)));
}

void kmm_note_dirtied(const struct page *page)
{
	const struct inode *inode = inode_of(page);

	if (inode && kmm_world->operating && !(inode->i_asked & bit_of(page->index)))
		kmm_world->store_faults |= KMM_FAULT_DIRTIED;
}

/* Exception: another actor may have stored there meanwhile. */
void kmm_note_read_fault(const struct vm_area_struct *vma, const pte_t *pte, pte_t old)
{
	pte_t now = *pte;

	if (!pte_present(now) || !pte_dirty(now) || (pte_present(old) && pte_dirty(old)))
		return;
	if (!kmm_world->operating || kmm_world->interfered || !(vma->vm_flags & VM_SHARED) ||
	    !pfn_valid(pte_pfn(now)) || !inode_of(pfn_to_page(pte_pfn(now))))
		return;
	kmm_world->store_faults |= KMM_FAULT_DIRTIED;
}

void kmm_note_failed(const struct page *page, u16 version)
{
	const struct world *world = kmm_world;
	struct inode *inode = inode_of(page);
	u32 began = world->interfering ? world->paused_began : world->began;

	if (inode && world->operating && !is_later(version, began))
		note(&inode->i_failed, page->index);
}

/* Does anything but the pte in hand lead to this anonymous page? */
static int others_reach(const struct page *page)
{
	const struct world *world = kmm_world;

	if (page->_mapcount.counter > 0)
		return 1;
	/* the swap cache counts itself */
	return kmm_page_flag(page, PG_swapcache) && page->private < world->size.swap_slots &&
	       world->swap[page->private].map > 1;
}

/*
 * Exceptions: others who had the page when the fault began and have let it go at
 * a pause; and, of a page that was made dirty, all runs in which another actor
 * came between, as that one may have done it.
 */
static void look_at_anonymous(const struct page *page, const pte_t *pte, int shared, int dirty,
			      int ret)
{
	struct world *world = kmm_world;

	if (!pte_present(*pte) || pte_pfn(*pte) != page_to_pfn(page))
		return;
	if ((ret & VM_FAULT_WRITE && shared && others_reach(page)) ||
	    (!dirty && kmm_page_flag(page, PG_dirty) && !world->interfered))
		world->store_faults |= KMM_FAULT_ANONYMOUS;
}

int kmm_watched_wp_page(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long address,
			pte_t *page_table, pmd_t *pmd, spinlock_t *ptl, pte_t orig_pte)
{
	const struct page *page = pfn_valid(pte_pfn(orig_pte)) ?
				  pfn_to_page(pte_pfn(orig_pte)) : NULL;
	int shared = 0, dirty = 0, anonymous = page && kmm_page_is_anon(page), ret;

	if (anonymous) {
		shared = others_reach(page);
		dirty = kmm_page_flag(page, PG_dirty);
	} else {
		kmm_note_write_at(vma, address, orig_pte);
	}
	ret = HALF(do_wp_page)(mm, vma, address, page_table, pmd, ptl, orig_pte);
	if (anonymous)
		look_at_anonymous(page, page_table, shared, dirty, ret);
	return ret;
}

/*
 * A store that a sync is to have written.  Exceptions: it is on disk, or was
 * lost in a way that its user is told of (machine/unwritten.h); a later store
 * is in its place.
 */
static int is_left(const struct inode *inode, pgoff_t index, u32 began)
{
	const u16 *unwritten = kmm_unwritten(inode->i_mapping, index);
	u32 i;

	if (!unwritten)
		return 0;
	/* at a pause an earlier failure may be of the operation that is paused, and told there */
	if (!kmm_world->interfering && inode->i_failed & bit_of(index))
		return 1;
	for (i = 0; i < KMM_SECTORS; i++)
		if (unwritten[i] && !is_later(unwritten[i], began))
			return 1;
	return 0;
}

/* Stores of an operation that is paused are not earlier. */
static u32 stores_before(void)
{
	const struct world *world = kmm_world;

	return world->interfering ? world->paused_began : world->version;
}

s64 kmm_watched_fsync(struct file *file)
{
	const struct inode *inode = file->f_mapping->host;
	u32 began = stores_before(), i;
	int ret = do_fsync(file, 0);

	for (i = 0; !ret && i < kmm_world->size.slots; i++)
		if (is_left(inode, i, began))
			kmm_world->store_faults |= KMM_FAULT_SYNCED;
	return ret;
}

/* A page of a file that a sync is to write; a store to it may have been through another mapping. */
struct synced_page {
	const struct inode *inode;	/* NULL: none is there */
	pgoff_t index;
	int told_elsewhere;
};

static int is_dirty_at(const pte_t *pte, const struct page *page)
{
	return pte_present(*pte) && pte_dirty(*pte) && pte_pfn(*pte) == page_to_pfn(page);
}

/* Is there a dirty pte of this page but in [start, end) of the process? */
static int is_told_elsewhere(const struct page *page, unsigned long start, unsigned long end)
{
	struct world *world = kmm_world;
	u32 each = 1u << world->size.table_shift, i, j, k;

	for (i = 0; i < world->size.mms; i++)
		for (j = 0; j < world->mms[i].nr_pmds; j++) {
			const pmd_t *pmd = &world->mms[i].pgd[j];
			unsigned long address = pmd->index << world->pmd_shift;

			for (k = 0; pmd->table && k < each; k++, address += PAGE_SIZE)
				if (is_dirty_at(&pmd->table[k], page) &&
				    !(&world->mms[i] == current->mm && address >= start &&
				      address < end))
					return 1;
		}
	return 0;
}

static void find_page(struct synced_page *found, unsigned long address, unsigned long start,
		      unsigned long end)
{
	const pmd_t *pmd = kmm_find_pmd(current->mm, address);
	pte_t pte = pmd ? *kmm_pte_offset(pmd, address) : __pte(0);
	const struct address_space *mapping;
	const struct radix_tree_slot *slot;

	found->index = 0;
	mapping = kmm_mapping_meant(current->mm, address, pte, &found->index);
	/* a private copy stands for the page of the file that would be there */
	if (!mapping)
		mapping = kmm_mapping_meant(current->mm, address, __pte(0), &found->index);
	found->inode = mapping ? mapping->host : NULL;
	slot = mapping ? kmm_tree_find(&mapping->page_tree, found->index) : NULL;
	/* a paused operation may have taken a dirty pte, and not told yet */
	found->told_elsewhere = kmm_world->interfering ||
				(slot && is_told_elsewhere(slot->page, start, end));
}

/* Has another thread mapped something else there meanwhile?  Then whether msync saw the page is a race. */
static int is_still_there(const struct synced_page *page, unsigned long address)
{
	struct synced_page now;

	if (!kmm_world->interfered)
		return 1;
	find_page(&now, address, address, address);
	return now.inode == page->inode && now.index == page->index;
}

/* What is mapped in the range when it begins, and still is at its end. */
s64 kmm_watched_msync(unsigned long start, unsigned long len, int flags)
{
	u32 pages = flags & MS_SYNC ? (u32)((len + PAGE_SIZE - 1) >> PAGE_SHIFT) : 0, i;
	struct synced_page page[pages + 1];
	u32 began = stores_before();
	s64 ret;

	for (i = 0; i < pages; i++)
		find_page(&page[i], start + ((unsigned long)i << PAGE_SHIFT), start, start + len);
	ret = sys_msync(start, len, flags);
	for (i = 0; !ret && i < pages; i++) {
		if (!page[i].inode || !is_left(page[i].inode, page[i].index, began) ||
		    !is_still_there(&page[i], start + ((unsigned long)i << PAGE_SHIFT)))
			continue;
		kmm_world->store_faults |= KMM_FAULT_SYNCED |
					   (page[i].told_elsewhere ? 0 : KMM_FAULT_MSYNCED);
	}
	return ret;
}
