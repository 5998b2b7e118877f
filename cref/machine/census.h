/* SPDX-License-Identifier: GPL-2.0-only */
/* Every pte of a world looked at once, for all the properties that ask about them. */
#ifndef KMM_MACHINE_CENSUS_H
#define KMM_MACHINE_CENSUS_H

#include "machine/alloc.h"
#include "machine/pgtable.h"

#define EACH_PAGE(world, page) \
	(struct page *page = (world)->pages; page < (world)->pages + (world)->size.pages; page++)
#define EACH_MM(world, mm) \
	(struct mm_struct *mm = (world)->mms; mm < (world)->mms + (world)->size.mms; mm++)
#define EACH_VMA(mm, vma) \
	(struct vm_area_struct *vma = (mm)->mmap; vma; vma = vma->vm_next)
#define EACH_FILE(world, file) \
	(struct file *file = (world)->files; file < (world)->files + (world)->size.files; file++)

/* Ptes that a page counts in: all, those with D, those that may write in a private mapping. */
struct kmm_census_page {
	u32 ptes, dirty, private_writers;
};

struct kmm_census_mm {
	s64 file, anon;
};

struct kmm_census {
	struct world *world;
	struct kmm_census_page *pages;
	struct kmm_census_mm *mms;
	u32 *swap;			/* ptes that lead to each slot */
	u32 untracked;			/* ptes that may write to a clean page where writes are tracked */
	u32 unknown;			/* ptes that show a process what nobody wrote */
	u32 forbidden;			/* ptes that may write in a vma that may not */
	u32 lost_bits;			/* ptes without the protection bits that their driver chose */
};

/* Writes are tracked where the patch means to: shared, writable, of a file that accounts. */
int kmm_vma_is_tracked(const struct vm_area_struct *vma);
/* The bits that a driver's mmap has put into the protection of this vma; 0: none. */
u32 kmm_bits_of_driver(const struct vm_area_struct *vma);

/* The arrays are the caller's and all zero. */
void kmm_take_census(struct kmm_census *census);

static inline s32 kmm_ptes_of(const struct kmm_census *census, const struct page *page)
{
	return (s32)census->pages[page - census->world->pages].ptes;
}

/* Does a sector of the page hold what no store and no disk put there? */
static inline int kmm_has_garbage(const struct page *page)
{
	u32 i;

	for (i = 0; i < KMM_SECTORS; i++)
		if (page->contents[i] == KMM_GARBAGE)
			return 1;
	return 0;
}

#endif
