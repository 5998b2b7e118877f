// SPDX-License-Identifier: GPL-2.0-only
/*
 * Legal worlds for direct calls.  "Legal" means what the functions may rely on:
 * pages are in the tree of their mapping at their index, counts are those of
 * the references and ptes that exist, a pte is writable only where its vma
 * allows it, locks are held as the function expects them on entry.
 *
 * Choices pick rows of tables; the more often a kind of thing matters, the
 * more rows it has.  This is the hot path of fuzzing: tables instead of
 * branches on case bytes, which no processor can predict.
 */
#include <string.h>

#include "engine/build.h"

const struct world_size kmm_case_world_size = {
	.pages = KMM_CASE_PAGES + 1,
	.vmas = KMM_CASE_VMAS,
	.mms = KMM_CASE_MMS,
	.pmds = KMM_CASE_PMDS,
	.table_shift = KMM_CASE_TABLE_SHIFT,
	.mappings = KMM_CASE_MAPPINGS,
	.slots = KMM_CASE_PAGES,
	.files = KMM_CASE_FILES,
	.anon_vmas = 2,
	.buffers = KMM_CASE_BUFFERS,
	.trace_words = KMM_CASE_TRACE_WORDS,
};

struct world *kmm_build_common(void *block)
{
	struct world *world = kmm_world_init(block, &kmm_case_world_size);
	u32 i, j;

	for (i = 0; i < KMM_CASE_MMS; i++)
		for (j = 0; j < KMM_CASE_PMDS; j++) {
			pmd_t *pmd = &world->mms[i].pgd[j];

			pmd->table = &world->ptes[(pmd - world->pmds) << KMM_CASE_TABLE_SHIFT];
		}
	for (i = 0; i < KMM_CASE_FILES; i++) {
		world->files[i].f_mapping = &world->mappings[i];
		world->files[i].f_mode = FMODE_READ | FMODE_WRITE;
		world->files[i].f_count = 1;
		world->inodes[i].i_is = INODE_HASHED;
	}
	world->swapper_space->a_ops = &kmm_no_buffers_aops;
	return world;
}

/* Index of the page that lies first in its file; the last two are near the ends of 32 and 52 bits. */
static const u64 index_base[8] = { 0, 0, 0, 1, 5, 0xFFFF0, 0xFFFFFFF8, 0xFFFFFFFFFFFF0 };

enum owner { FILE_0, FILE_1, FILE_2, SWAP_CACHE, ANON, NOBODY };
_Static_assert(SWAP_CACHE == KMM_CASE_FILES, "owners below are indices of mappings");

/* What follows from who owns a page. */
static const struct {
	u8 is_file, in_swap, is_anon, references;
} about_owner[6] = {
	[FILE_0 ... FILE_2] = { 1, 0, 0, 2 },
	[SWAP_CACHE] = { 0, 1, 1, 2 },
	[ANON] = { 0, 0, 1, 1 },
	[NOBODY] = { 0, 0, 0, 1 },
};

static const u8 owner_of[16] = {
	FILE_0, FILE_0, FILE_0, FILE_0, FILE_0, FILE_0, FILE_1, FILE_1, FILE_1,
	FILE_2, FILE_2, ANON, ANON, SWAP_CACHE, SWAP_CACHE, NOBODY,
};

/* Disk files, a block device, tmpfs, ramfs, ramdisk, a driver. */
static const struct {
	u8 capabilities;
	u8 no_buffers;
	u8 inode_is;
} mapping_kind[16] = {
	[0 ... 8] = { BDI_CAP_MAP_COPY, 0, INODE_HASHED },
	[9 ... 10] = { BDI_CAP_MAP_COPY, 0, INODE_BLOCK_DEVICE },
	[11 ... 13] = { BDI_CAP_NO_ACCT_DIRTY | BDI_CAP_NO_WRITEBACK, 1, INODE_HASHED },
	[14] = { 0x7F, 0, INODE_HASHED },
	[15] = { BDI_CAP_NO_ACCT_DIRTY | BDI_CAP_NO_WRITEBACK | BDI_CAP_MAP_COPY, 0,
		 INODE_BLOCK_DEVICE },
};

#define SHARED_RW	(VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_MAYSHARE | \
			 VM_SHARED | VM_READ | VM_WRITE)
#define PRIVATE		(VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

static const struct {
	u32 flags;
	u8 file;		/* it maps one */
	u8 nonlinear;
} vma_kind[16] = {
	[0 ... 4] = { SHARED_RW, 1, 0 },
	[5] = { SHARED_RW & ~VM_WRITE, 1, 0 },
	[6] = { SHARED_RW & ~VM_READ, 1, 0 },
	[7] = { SHARED_RW & ~(VM_READ | VM_WRITE), 1, 0 },
	/* shared by a file that was opened read-only */
	[8] = { SHARED_RW & ~(VM_SHARED | VM_WRITE | VM_MAYWRITE), 1, 0 },
	[9] = { PRIVATE | VM_READ | VM_WRITE | VM_ACCOUNT, 1, 0 },
	[10] = { PRIVATE | VM_READ, 1, 0 },
	[11] = { SHARED_RW | VM_IO | VM_RESERVED | VM_PFNMAP, 1, 0 },
	[12] = { SHARED_RW | VM_NONLINEAR, 1, 1 },
	[13] = { PRIVATE | VM_READ | VM_WRITE | VM_ACCOUNT, 0, 0 },
	[14] = { SHARED_RW | VM_LOCKED | VM_EXEC, 1, 0 },
	[15] = { PRIVATE | VM_READ | VM_EXEC | VM_DENYWRITE, 1, 0 },
};

/* Where a vma begins relative to the page in focus: most cover it. */
static const s8 pgoff_from_page[8] = { 0, 0, -1, -1, -2, -3, 1, -8 };

/* What a vma maps: the file of the page in focus, or one of its own. */
static const s8 vma_file[8] = { -1, -1, -1, -1, -1, FILE_0, FILE_1, FILE_2 };

/* While a world is built: facts about pages by number. */
struct plan {
	u8 owner[KMM_CASE_PAGES];
	u8 page_at[KMM_CASE_PAGES];		/* by index less base */
	u8 anon[KMM_CASE_PAGES];		/* the anonymous pages */
	u32 nr_anon;
	u32 focus_file;
	u64 base;
	u64 focus;				/* index of the page in focus, less base */
};

static void build_files(struct world *world, const struct kmm_case *c)
{
	u32 i;

	for (i = 0; i < KMM_CASE_FILES; i++) {
		u32 kind = c->mapping_kind[i];

		world->bdis[i].capabilities = mapping_kind[kind].capabilities;
		world->mappings[i].a_ops = mapping_kind[kind].no_buffers ? &kmm_no_buffers_aops
									 : &kmm_disk_aops;
		world->inodes[i].i_is = mapping_kind[kind].inode_is;
		world->inodes[i].i_state = c->inode_state[i];
		world->inodes[i].i_size = (loff_t_kmm)KMM_CASE_PAGES << PAGE_SHIFT;
	}
}

/*
 * Bits of page_flags and page_more, onto PG_*: half of each kind of page is
 * dirty, and PG_active goes with PG_lru only.  Four bits at a time.
 */
#define ROW4(a, b, c, d) {						\
		0,       d,         c,         c | d,			\
		b,       b | d,     b | c,     b | c | d,		\
		a,       a | d,     a | c,     a | c | d,		\
		a | b,   a | b | d, a | b | c, a | b | c | d,		\
	}
static const u32 flags_low[16] =
	ROW4(1 << PG_dirty, 1 << PG_uptodate, 1 << PG_referenced, 1 << PG_error);
static const u32 flags_high[16] = {
	0, 1 << PG_writeback, 1 << PG_locked, 1 << PG_locked | 1 << PG_writeback,
	0, 1 << PG_mappedtodisk, 1 << PG_reclaim, 1 << PG_checked,
	1 << PG_lru, 1 << PG_lru | 1 << PG_locked, 1 << PG_lru | 1 << PG_writeback, 1 << PG_lru,
	1 << PG_lru | 1 << PG_active, 1 << PG_lru | 1 << PG_active | 1 << PG_writeback,
	1 << PG_lru | 1 << PG_active | 1 << PG_reclaim, 1 << PG_lru | 1 << PG_active,
};

/*
 * Pages in the order of their indices, which is the order of the slots of
 * their trees.  Slots of pages that are in no tree go to a spare one.
 */
static void build_pages(struct world *world, const struct kmm_case *c, struct plan *plan)
{
	struct radix_tree_slot spare[2 * KMM_CASE_PAGES];
	struct radix_tree_slot *next[6] = {
		world->mappings[0].page_tree.slots, world->mappings[1].page_tree.slots,
		world->mappings[2].page_tree.slots, world->swapper_space->page_tree.slots,
		spare, spare + KMM_CASE_PAGES,
	};
	const unsigned long anon = (unsigned long)world->anon_vmas | PAGE_MAPPING_ANON;
	const unsigned long mapping_of[6] = {
		(unsigned long)&world->mappings[0], (unsigned long)&world->mappings[1],
		(unsigned long)&world->mappings[2], anon, anon, 0,
	};
	u32 in_tree[6] = { 0 };
	u64 of_state[5] = { 0 };	/* by PG_lru and PG_active; then under writeback */
	u64 dirty_in[6] = { 0 };
	u32 i;

	plan->base = index_base[c->index_base];
	plan->nr_anon = 0;
	for (i = 0; i < KMM_CASE_PAGES; i++) {
		u32 number = (i - c->index_turn) & (KMM_CASE_PAGES - 1);
		struct page *page = &world->pages[number];
		u32 owner = owner_of[c->page_owner[number]];
		u32 choice = c->page_flags[number];
		u64 in_swap = about_owner[owner].in_swap;
		u64 is_anon = about_owner[owner].is_anon;
		u64 index = plan->base + i;
		u64 entry = 1ull << 27 | i;
		u32 flags = flags_low[choice & 15] | flags_high[choice >> 4] |
			    (u32)in_swap << PG_swapcache;
		/* a dirty page is tagged; a clean one may still be, after clear_page_dirty_for_io */
		u64 tags = (flags >> PG_dirty & 1) | (c->page_leftover_tag[number] == 3) |
			   (flags >> PG_writeback & 1) << PAGECACHE_TAG_WRITEBACK;
		struct radix_tree_slot *slot = &next[owner][in_tree[owner]++];

		plan->owner[number] = owner;
		plan->page_at[i] = number;
		plan->anon[plan->nr_anon] = number;
		plan->nr_anon += is_anon;

		page->flags = flags;
		page->index = index;
		page->private = entry & (0 - in_swap);
		page->mapping = (struct address_space *)
			(mapping_of[owner] + (number & is_anon) * sizeof(struct anon_vma));
		page->_count.counter = about_owner[owner].references;
		slot->page = page;
		slot->index_and_tags = (index + ((entry - index) & (0 - in_swap))) << KMM_TAG_BITS | tags;

		dirty_in[owner] += flags >> PG_dirty & 1;
		/* PG_lru and PG_active are neighbours */
		of_state[flags >> PG_lru & 3]++;
		of_state[4] += flags >> PG_writeback & 1;
	}
	for (i = 0; i < KMM_CASE_MAPPINGS; i++) {
		world->mappings[i].page_tree.nr = in_tree[i];
		world->mappings[i].nrpages = in_tree[i];
	}
	for (i = 0; i < KMM_CASE_FILES; i++)
		world->page_state.nr_dirty += dirty_in[i] & (0ull - kmm_mapping_accounts(&world->mappings[i]));
	world->page_state.nr_inactive = of_state[1];
	world->page_state.nr_active = of_state[3];
	world->page_state.nr_writeback = of_state[4];

	plan->focus = world->pages[c->focus].index - plan->base;
	plan->focus_file = about_owner[plan->owner[c->focus]].is_file ? plan->owner[c->focus] : 0;
}

/* How many buffers the page in focus has: all sizes of block. */
static const u8 nr_buffers[8] = { 0, 0, 1, 1, 2, 2, 3, 4 };

/* States of a buffer: most are free to go, or no page would ever lose its buffers. */
static const u16 buffer_state[16] = {
	[0 ... 5] = 1 << BH_Uptodate | 1 << BH_Mapped | 1 << BH_Req,
	[6 ... 8] = 1 << BH_Uptodate | 1 << BH_Mapped,
	[9] = 1 << BH_Uptodate,			/* a hole that was read */
	[10] = 1 << BH_Mapped | 1 << BH_Req | 1 << BH_Write_EIO,
	[11] = 1 << BH_Mapped | 1 << BH_New,
	[12] = 1 << BH_Uptodate | 1 << BH_Mapped | 1 << BH_Dirty,
	[13] = 1 << BH_Uptodate | 1 << BH_Mapped | 1 << BH_Dirty | 1 << BH_Write_EIO,
	[14] = 1 << BH_Uptodate | 1 << BH_Mapped | 1 << BH_Lock | 1 << BH_Async_Write,
	[15] = 1 << BH_Mapped | 1 << BH_Lock | 1 << BH_Async_Read,
};

/* Only pages of files have buffers, and those that lost their file while they had them. */
static void build_buffers(struct world *world, const struct kmm_case *c, const struct plan *plan)
{
	struct page *page = &world->pages[c->focus];
	u32 count = nr_buffers[c->buffers], i;

	if (!count || about_owner[plan->owner[c->focus]].is_anon)
		return;
	kmm_attach_buffers(page, world->buffers, count);
	for (i = 0; i < count; i++) {
		struct buffer_head *bh = &world->buffers[i];

		bh->b_state = buffer_state[c->buffer_state[i]];
		bh->b_blocknr = i;
		bh->b_count = c->buffer_is_held[i] == 0;
		bh->b_assoc_mapping = c->buffer_is_held[i] == 1 ? page->mapping : NULL;
	}
}

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

static void map_page(struct world *world, struct page *page, u32 times)
{
	world->page_state.nr_mapped += times & (page->_mapcount.counter < 0);
	page->_mapcount.counter += times;
	page->_count.counter += times;
}

static u32 anon_pte(struct world *world, struct vm_area_struct *vma, const struct plan *plan,
		    u32 choice, unsigned long index)
{
	struct page *page = NULL;

	/* a shared mapping holds one only if a forced write left it there, a driver's never */
	if (!(vma->vm_flags & VM_SHARED) || (choice & 1 && !(vma->vm_flags & VM_PFNMAP)))
		page = anon_page_for(world, vma, plan, choice, index);
	if (!page)
		return 0;
	vma->vm_mm->anon_rss++;
	map_page(world, page, 1);
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
	u32 is_there = (leads_to == PTE_FILE_PAGE) & (at < KMM_CASE_PAGES) &
		       (page->mapping == rules->mapping);

	/* no branch: each of the three is there or nothing, and at most one is not nothing */
	map_page(world, page, is_there & rules->counted);
	mm->file_rss += is_there & rules->counted;
	return ((0 - is_there) & ((number + KMM_PFN_BASE) << PAGE_SHIFT |
				  present_bits(choice, rules->writable))) |
	       ((0u - (leads_to == PTE_FILE_OFFSET)) & rules->file_offsets &
		pte_val(pgoff_to_pte(index & 0xFFFFF))) |
	       ((0u - (leads_to == PTE_SWAPPED)) & rules->swapped &
		pte_val(swap_pte(1, choice & 15)));
}

static void build_ptes(struct world *world, const struct kmm_case *c, const struct plan *plan,
		       u32 i, unsigned long first)
{
	struct vm_area_struct *vma = &world->vmas[i];
	struct mm_struct *mm = vma->vm_mm;
	u32 flags = vma->vm_flags, j;
	struct pte_rules rules = {
		/* a vma without a file maps the file pages of nobody */
		.mapping = vma->vm_file ? vma->vm_file->f_mapping : (void *)PAGE_MAPPING_ANON,
		.counted = !(flags & VM_PFNMAP),
		.writable = (flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE),
		.file_offsets = 0u - !!(flags & VM_NONLINEAR),
		.swapped = 0u - !(flags & VM_SHARED),
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

static void build_vma(struct world *world, const struct kmm_case *c, const struct plan *plan,
		      u32 i, struct vm_area_struct **tail_of[])
{
	struct vm_area_struct *vma = &world->vmas[i];
	u32 kind = c->vma_kind[i], more = c->vma_more[i], in = c->vma_mm[i];
	struct mm_struct *mm = &world->mms[in];
	/* at most 3 pages from every third on: no overlap, and one crosses a page table's end */
	unsigned long first = (TASK_UNMAPPED_BASE >> PAGE_SHIFT) + i * KMM_CASE_VMA_PAGES;
	u64 from_base = plan->focus + pgoff_from_page[c->vma_pgoff[i]];

	vma->vm_mm = mm;
	vma->vm_start = first << PAGE_SHIFT;
	vma->vm_end = (first + c->vma_pages[i] + 1) << PAGE_SHIFT;
	vma->vm_flags = vma_kind[kind].flags;
	vma->vm_page_prot = __pgprot(pgprot_val(kmm_protection(vma->vm_flags)) & ~(more & _PAGE_RW));
	vma->vm_pgoff = plan->base + (from_base < 2 * KMM_CASE_PAGES ? from_base : 0);

	*tail_of[in] = vma;
	tail_of[in] = &vma->vm_next;
	mm->map_count++;

	if (likely(vma_kind[kind].file)) {
		s32 chosen = vma_file[c->vma_file[i]];
		struct file *file = &world->files[chosen < 0 ? (s32)plan->focus_file : chosen];

		vma->vm_file = file;
		file->f_count++;
		file->f_mapping->i_mmap_writable += (vma->vm_flags & VM_SHARED) != 0;
		if (unlikely(vma_kind[kind].nonlinear))
			vma_nonlinear_insert(vma, file->f_mapping);
		else
			vma_prio_tree_insert(vma, &file->f_mapping->i_mmap);
	}
	build_ptes(world, c, plan, i, first);
}

static void build_processes(struct world *world, const struct kmm_case *c, const struct plan *plan)
{
	struct vm_area_struct **tail_of[KMM_CASE_MMS];
	u32 i;

	for (i = 0; i < KMM_CASE_MMS; i++)
		tail_of[i] = &world->mms[i].mmap;
	for (i = 0; i < KMM_CASE_TABLES; i++)
		world->pmds[i].table = c->table[i] ? world->pmds[i].table : NULL;
	for (i = 0; i < KMM_CASE_VMAS; i++)
		build_vma(world, c, plan, i, tail_of);
}

/* A vma that the page can be asked of: it is anonymous, or the vma maps it. */
static int can_ask(const struct page *page, const struct vm_area_struct *vma)
{
	return kmm_page_is_anon(page) ||
	       (vma->vm_file && vma->vm_file->f_mapping == page->mapping &&
		page->index - vma->vm_pgoff < (vma->vm_end - vma->vm_start) >> PAGE_SHIFT);
}

/* Which flags is_shared_writable is asked: a vma's, with one bit changed or not, or any at all. */
static u32 flags_for(const struct world *world, const struct kmm_case *c)
{
	if (c->flags[3] & 3)
		return world->vmas[c->vma].vm_flags ^ (u32)(c->flags[1] & 1) << (c->flags[0] & 31);
	return (u32)c->flags[0] | (u32)c->flags[1] << 8 | (u32)c->flags[2] << 16 |
	       (u32)c->flags[3] << 24;
}

/* The page in focus or another; try_to_free_buffers knows no anonymous pages. */
static struct page *page_for(const struct world *world, const struct kmm_case *c)
{
	u32 first = c->page_is_focus ? c->focus : c->page, i;

	if (c->function != KMM_TRY_TO_FREE_BUFFERS)
		return &world->pages[first];
	for (i = 0; i < KMM_CASE_PAGES; i++) {
		struct page *page = &world->pages[(first + i) % KMM_CASE_PAGES];

		if (!kmm_page_is_anon(page))
			return page;
	}
	return world->zero_page;
}

/* An address in the vma, to the byte, or in the pages around it. */
static unsigned long address_for(const struct vm_area_struct *vma, const struct kmm_case *c)
{
	static const s8 page[8] = { 0, 0, 0, 1, 1, 2, -1, 3 };

	return vma->vm_start + ((long)page[c->address] << PAGE_SHIFT) + c->flags[1];
}

void kmm_build_world(struct world *world, const struct kmm_case *c)
{
	struct plan plan;

	build_files(world, c);
	build_pages(world, c, &plan);
	build_buffers(world, c, &plan);
	build_processes(world, c, &plan);
}

void kmm_build_call(struct world *world, const struct kmm_case *c, struct kmm_call *call)
{
	u32 i;

	memset(call, 0, sizeof(*call));
	world->units = c->units;
	call->function = c->function;
	call->page = page_for(world, c);
	call->vma = &world->vmas[c->vma];
	call->mapping = &world->mappings[c->mapping];
	call->protect = c->protect;
	call->flags = flags_for(world, c);
	call->address = address_for(call->vma, c);
	call->page->flags &= ~(1UL << PG_locked);
	call->page->flags |= (unsigned long)(c->page_is_locked != 0) << PG_locked;

	if (call->function == KMM_PAGE_MKCLEAN_ONE) {
		for (i = 1; i < KMM_CASE_VMAS && !can_ask(call->page, call->vma); i++)
			call->vma = &world->vmas[(c->vma + i) % KMM_CASE_VMAS];
		if (call->vma->vm_file)
			kmm_lock(&call->vma->vm_file->f_mapping->i_mmap_lock);
	} else if (call->function == KMM_PAGE_MKCLEAN_FILE) {
		if (call->page->mapping && !kmm_page_is_anon(call->page))
			call->mapping = call->page->mapping;
	} else if (call->function == KMM_FOLLOW_PAGE) {
		call->flags = c->flags[0] & (FOLL_WRITE | FOLL_TOUCH | FOLL_GET | FOLL_ANON);
	}
	if (c->wild)
		kmm_build_wild(world, c, call);
}
