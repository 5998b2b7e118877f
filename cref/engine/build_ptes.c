// SPDX-License-Identifier: GPL-2.0-only
/* Ptes of a direct world, counted wherever the kernel counts them. */
#include "engine/build_parts.h"

/* Bits of a pte choice; the upper three say what it leads to. */
#define PTE_D		0x01
#define PTE_W		0x02
#define PTE_A		0x04
#define PTE_PROTNONE	0x08
#define PTE_UNCACHED	0x30	/* both */
enum { PTE_NONE, PTE_FILE_OFFSET, PTE_SWAPPED, PTE_ANON_PAGE, PTE_FILE_PAGE };
static const u8 pte_leads_to[8] = {
	PTE_NONE, PTE_FILE_OFFSET, PTE_SWAPPED, PTE_ANON_PAGE,
	PTE_FILE_PAGE, PTE_FILE_PAGE, PTE_FILE_PAGE, PTE_FILE_PAGE,
};

/* The bits of a present pte, by the lower six bits of its choice. */
#define PRESENT(c) (							\
	((c) & PTE_PROTNONE ? _PAGE_PROTNONE : _PAGE_PRESENT | _PAGE_USER) | \
	((c) & PTE_D ? _PAGE_DIRTY : 0) |				\
	((c) & PTE_A ? _PAGE_ACCESSED : 0) |				\
	(((c) & PTE_UNCACHED) == PTE_UNCACHED ? _PAGE_PCD : 0) |	\
	(((c) & (PTE_W | PTE_PROTNONE)) == PTE_W ? _PAGE_RW : 0))
#define PRESENT4(c)	PRESENT(c), PRESENT((c) + 1), PRESENT((c) + 2), PRESENT((c) + 3)
#define PRESENT16(c)	PRESENT4(c), PRESENT4((c) + 4), PRESENT4((c) + 8), PRESENT4((c) + 12)
static const u16 present[64] = {
	PRESENT16(0), PRESENT16(16), PRESENT16(32), PRESENT16(48),
};

/* RW only where the vma allows it. */
static inline u32 present_bits(u32 choice, u32 writable)
{
	return present[choice & 63] & ~(_PAGE_RW & (writable - 1));
}

static inline void count(struct world *world, struct page *page, u32 times)
{
	world->page_state.nr_mapped += times & (page->_mapcount.counter < 0);
	page->_mapcount.counter += times;
	page->_count.counter += times;
}

void kmm_count_pte(struct world *world, struct page *page)
{
	count(world, page, 1);
}

/* The page that an anonymous pte of this vma can lead to, or NULL. */
static struct page *anon_page_for(struct world *world, struct vm_area_struct *vma,
				  const struct plan *plan, u32 choice, unsigned long index)
{
	struct page *page;
	struct anon_vma *anon_vma;

	if (!plan->nr_anon)
		return NULL;
	page = &world->pages[plan->anon[(choice >> 3) % plan->nr_anon]];
	anon_vma = (struct anon_vma *)((unsigned long)page->mapping & ~PAGE_MAPPING_ANON);
	if (vma->anon_vma && vma->anon_vma != anon_vma)
		return NULL;
	/* mapped before: only at the place that its index says */
	if (page->_mapcount.counter >= 0 && page->index != index)
		return NULL;
	if (!vma->anon_vma) {
		vma->anon_vma = anon_vma;
		vma->anon_vma_next = anon_vma->head;
		anon_vma->head = vma;
	}
	page->index = index;
	return page;
}

/* Memory of no file that was only read: the zero page, which nobody can write to. */
static u32 zero_pte(struct world *world, struct mm_struct *mm, u32 choice)
{
	mm->file_rss++;
	count(world, world->zero_page, 1);
	return (u32)(page_to_pfn(world->zero_page) << PAGE_SHIFT) |
	       (present_bits(choice, 0) & ~_PAGE_DIRTY);
}

static u32 anon_pte(struct world *world, struct vm_area_struct *vma, const struct plan *plan,
		    u32 choice, unsigned long index)
{
	u32 pfnmap = (vma->vm_flags & VM_PFNMAP) != 0, shared = (vma->vm_flags & VM_SHARED) != 0;
	struct page *page = NULL;

	if (!vma->vm_file && (choice & 0x18) == 0x18)
		return zero_pte(world, vma->vm_mm, choice);
	/* a shared mapping holds one only if a forced write left it there, a driver's never */
	if (!shared || (choice & 1 && !pfnmap))
		page = anon_page_for(world, vma, plan, choice, index);
	if (!page)
		return vma->vm_file ? 0 : zero_pte(world, vma->vm_mm, choice);
	vma->vm_mm->anon_rss++;
	count(world, page, 1);
	return (u32)(page_to_pfn(page) << PAGE_SHIFT) |
	       present_bits(choice, (vma->vm_flags & VM_WRITE) != 0);
}

/* What is the same for all ptes of a vma. */
struct pte_rules {
	const struct address_space *mapping;
	u32 counted;		/* ptes count in their page: not those of a PFNMAP */
	u32 writable;		/* file pages may be */
	u32 file_offsets;	/* all ones where a file pte may stand, else 0 */
	u32 swapped;		/* all ones where a swap pte may stand, else 0 */
	u32 frames;		/* all ones where ptes lead to a driver's frames, else 0 */
};

/* A pte that is not anonymous: what its choice leads to, if the vma can hold such a one. */
static inline u32 other_pte(struct world *world, const struct pte_rules *rules,
			    struct mm_struct *mm, const struct plan *plan,
			    u32 choice, unsigned long index)
{
	u32 leads_to = pte_leads_to[choice >> 5];
	u64 at = index - plan->base;
	u32 number = plan->page_at[at % KMM_CASE_PAGES];
	struct page *page = &world->pages[number];
	u32 to_page = 0 - (leads_to == PTE_FILE_PAGE);
	u32 is_there = to_page & (at < KMM_CASE_PAGES) & (page->mapping == rules->mapping);
	u32 swapped = (0u - (leads_to == PTE_SWAPPED)) & rules->swapped;
	u32 offset = 1 + choice % KMM_CASE_PAGES;
	struct swap_slot *slot = &world->swap[offset];

	/* no branch: each is there or nothing, and at most one is not nothing */
	count(world, page, is_there & rules->counted);
	mm->file_rss += is_there & rules->counted;
	world->nr_swap_used += swapped & (slot->map == 0);
	slot->map += swapped & 1;
	return ((0 - is_there) & ((number + KMM_PFN_BASE) << PAGE_SHIFT |
				  present_bits(choice, rules->writable))) |
	       (to_page & rules->frames & ((u32)index << PAGE_SHIFT | present_bits(choice, 0))) |
	       ((0u - (leads_to == PTE_FILE_OFFSET)) & rules->file_offsets &
		pte_val(pgoff_to_pte(index & 0xFFFFF))) |
	       (swapped & pte_val(swap_pte(0, offset)));
}

void kmm_build_ptes(struct world *world, const struct kmm_case *c, const struct plan *plan,
		    u32 i, unsigned long first)
{
	struct vm_area_struct *vma = &world->vmas[i];
	struct mm_struct *mm = vma->vm_mm;
	u32 flags = vma->vm_flags, shared = (flags & VM_SHARED) != 0, j;
	u32 frames = (flags & VM_PFNMAP) && !shared;
	struct pte_rules rules = {
		/* a vma without a file maps the file pages of nobody */
		.mapping = vma->vm_file && !frames ? vma->vm_file->f_mapping : (void *)PAGE_MAPPING_ANON,
		.counted = !(flags & VM_PFNMAP),
		.writable = (flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE),
		.file_offsets = 0u - !!(flags & VM_NONLINEAR),
		.swapped = 0u - !shared,
		.frames = 0u - frames,
	};
	pte_t nowhere;

	for (j = 0; j < KMM_CASE_VMA_PAGES; j++) {
		u32 choice = c->pte[i * KMM_CASE_VMA_PAGES + j];
		pmd_t *pmd = &mm->pgd[(first + j) >> KMM_CASE_TABLE_SHIFT & (KMM_CASE_PMDS - 1)];
		u32 slot = (first + j) & ((1 << KMM_CASE_TABLE_SHIFT) - 1);
		/* a pte past the vma, or in a table that is not there, goes nowhere */
		u64 there = 0ull - ((j <= c->vma_pages[i]) & (pmd->table != NULL));
		pte_t *pte = (pte_t *)(((unsigned long)(pmd->table + slot) & there) |
				       ((unsigned long)&nowhere & ~there));

		choice &= there;
		if (unlikely(pte_leads_to[choice >> 5] == PTE_ANON_PAGE))
			pte->pte_low = anon_pte(world, vma, plan, choice, vma->vm_pgoff + j);
		else
			pte->pte_low = other_pte(world, &rules, mm, plan, choice,
						 vma->vm_pgoff + j);
	}
}

void kmm_forget_pte(struct world *world, struct vm_area_struct *vma, pte_t *pte)
{
	pte_t old = *pte;
	struct page *page;

	*pte = __pte(0);
	if (pte_present(old)) {
		if (vma->vm_flags & VM_PFNMAP)
			return;
		page = pfn_to_page(pte_pfn(old));
		if (kmm_page_is_anon(page))
			vma->vm_mm->anon_rss--;
		else
			vma->vm_mm->file_rss--;
		page->_count.counter--;
		if (--page->_mapcount.counter < 0)
			world->page_state.nr_mapped--;
	} else if (!pte_none(old) && !pte_file(old)) {
		struct swap_slot *slot = &world->swap[pte_val(old) >> 8];

		if (!--slot->map)
			world->nr_swap_used--;
	}
}
