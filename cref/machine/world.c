// SPDX-License-Identifier: GPL-2.0-only
/* How a world is laid out in its block; nothing here knows what is in it. */
#include <string.h>

#include "machine/enter.h"

/*
 * The arrays of a world in the order in which they stand.  Everything is a
 * multiple of 8 bytes long but the ptes, whose number is kept even.
 */
struct offsets {
	u64 pages, vmas, mms, tasks, mappings, inodes, bdis, files, anon_vmas, buffers,
	    pmds, slots, swap, disks, unwritten, ptes, end;
};

static u64 nr_pmds(const struct world_size *size)
{
	return (u64)size->mms * size->pmds;
}

static u64 nr_sectors(const struct world_size *size)
{
	return (u64)(size->mappings - 1) * size->slots * KMM_SECTORS;
}

static u64 nr_ptes(const struct world_size *size)
{
	return nr_pmds(size) << size->table_shift;
}

static struct offsets offsets_for(const struct world_size *size)
{
	struct offsets at;

	at.pages = sizeof(struct world);
	at.vmas = at.pages + size->pages * sizeof(struct page);
	at.mms = at.vmas + size->vmas * sizeof(struct vm_area_struct);
	at.tasks = at.mms + size->mms * sizeof(struct mm_struct);
	at.mappings = at.tasks + size->mms * sizeof(struct task_struct);
	at.inodes = at.mappings + size->mappings * sizeof(struct address_space);
	at.bdis = at.inodes + size->mappings * sizeof(struct inode);
	at.files = at.bdis + size->mappings * sizeof(struct backing_dev_info);
	at.anon_vmas = at.files + size->files * sizeof(struct file);
	at.buffers = at.anon_vmas + size->anon_vmas * sizeof(struct anon_vma);
	at.pmds = at.buffers + size->buffers * sizeof(struct buffer_head);
	at.slots = at.pmds + nr_pmds(size) * sizeof(pmd_t);
	at.swap = at.slots + (u64)size->mappings * size->slots * sizeof(struct radix_tree_slot);
	at.disks = at.swap + size->swap_slots * sizeof(struct swap_slot);
	at.unwritten = at.disks + nr_sectors(size) * sizeof(u16);
	at.ptes = at.unwritten + nr_sectors(size) * sizeof(u16);
	/* whole cache lines: the engine compares and copies by them */
	at.end = at.ptes + nr_ptes(size) * sizeof(pte_t);
	at.end = (at.end + KMM_WORLD_ALIGN - 1) / KMM_WORLD_ALIGN * KMM_WORLD_ALIGN;
	return at;
}

u64 kmm_world_state_bytes(const struct world_size *size)
{
	return offsets_for(size).end;
}

u64 kmm_world_bytes(const struct world_size *size)
{
	/* trace and places: one word each for every word of trace */
	return kmm_world_state_bytes(size) +
	       2 * (sizeof(u64) * size->trace_words + KMM_TRACE_GAP);
}

static void init_lock(spinlock_t *lock, enum lock_class class)
{
	lock->class = class;
}

static void init_inode(struct world *world, u32 i)
{
	struct inode *inode = &world->inodes[i];

	inode->i_mapping = &world->mappings[i];
	inode->i_blkbits = PAGE_SHIFT;
	inode->i_mutex.class = LOCK_I_MUTEX;
	if (i + 1 < world->size.mappings) {
		inode->i_disk = world->disks + (u64)i * world->size.slots * KMM_SECTORS;
		inode->i_unwritten = inode->i_disk + nr_sectors(&world->size);
	}
}

static void init_mapping(struct world *world, u32 i)
{
	struct address_space *mapping = &world->mappings[i];

	mapping->host = &world->inodes[i];
	init_inode(world, i);
	mapping->backing_dev_info = &world->bdis[i];
	mapping->page_tree.slots = &world->slots[(u64)i * world->size.slots];
	mapping->page_tree.capacity = world->size.slots;
	init_lock(&mapping->tree_lock, LOCK_TREE);
	init_lock(&mapping->i_mmap_lock, LOCK_I_MMAP);
	init_lock(&mapping->private_lock, LOCK_PRIVATE);
}

/* A process starts with no page table present: its directory entries lead nowhere. */
static void init_mm(struct world *world, u32 i)
{
	struct mm_struct *mm = &world->mms[i];
	u32 j;

	mm->pgd = &world->pmds[(u64)i * world->size.pmds];
	mm->nr_pmds = world->size.pmds;
	init_lock(&mm->page_table_lock, LOCK_PAGE_TABLE);
	mm->mmap_sem.class = LOCK_MMAP_SEM;
	for (j = 0; j < world->size.pmds; j++) {
		init_lock(&mm->pgd[j].ptl, LOCK_PTL);
		mm->pgd[j].index = (TASK_UNMAPPED_BASE >> world->pmd_shift) + j;
	}
	/* with three or more, the last one is for the heap */
	if (world->size.pmds > 2)
		mm->pgd[world->size.pmds - 1].index = KMM_HEAP_START >> world->pmd_shift;
	mm->start_brk = mm->brk = KMM_HEAP_START;
}

static void init_task(struct world *world, u32 i)
{
	struct task_struct *task = &world->tasks[i];
	u32 j;

	task->mm = &world->mms[i];
	task->signal = &task->own_signal;
	for (j = 0; j < RLIM_NLIMITS; j++)
		task->own_signal.rlim[j].rlim_cur = RLIM_INFINITY;
}

struct world *kmm_world_init(void *block, const struct world_size *size)
{
	struct offsets at = offsets_for(size);
	struct world *world = block;
	char *base = block;
	u32 i;

	memset(block, 0, at.end);
	world->used = at.end;
	world->size = *size;
	world->pages = (struct page *)(base + at.pages);
	world->vmas = (struct vm_area_struct *)(base + at.vmas);
	world->mms = (struct mm_struct *)(base + at.mms);
	world->mappings = (struct address_space *)(base + at.mappings);
	world->inodes = (struct inode *)(base + at.inodes);
	world->bdis = (struct backing_dev_info *)(base + at.bdis);
	world->files = (struct file *)(base + at.files);
	world->anon_vmas = (struct anon_vma *)(base + at.anon_vmas);
	world->buffers = (struct buffer_head *)(base + at.buffers);
	world->tasks = (struct task_struct *)(base + at.tasks);
	world->swap = (struct swap_slot *)(base + at.swap);
	world->disks = (u16 *)(base + at.disks);
	world->pmds = (pmd_t *)(base + at.pmds);
	world->slots = (struct radix_tree_slot *)(base + at.slots);
	world->ptes = (pte_t *)(base + at.ptes);
	world->pmd_shift = PAGE_SHIFT + size->table_shift;
	world->trace = (u64 *)(base + at.end);
	world->trace_at = world->trace;
	world->trace_end = world->trace + size->trace_words;
	world->place_distance = sizeof(u64) * size->trace_words + KMM_TRACE_GAP;

	init_lock(&world->inode_lock, LOCK_INODE);
	init_lock(&world->lru_lock, LOCK_LRU);
	init_lock(&world->swap_lock, LOCK_SWAP);
	for (i = 0; i < size->pages; i++)
		world->pages[i]._mapcount.counter = -1;
	for (i = 0; i < size->mappings; i++)
		init_mapping(world, i);
	for (i = 0; i < size->mms; i++) {
		init_mm(world, i);
		init_task(world, i);
	}
	for (i = 0; i < size->files; i++) {
		world->files[i].f_dentry = &world->files[i].own_dentry;
		world->files[i].f_vfsmnt = &world->files[i].own_mount;
	}
	world->current_task = world->tasks;
	world->max_map_count = DEFAULT_MAX_MAP_COUNT;
	world->commit_limit = ~(1ull << 63);
	for (i = 0; i < size->anon_vmas; i++)
		init_lock(&world->anon_vmas[i].lock, LOCK_ANON_VMA);

	world->zero_page = &world->pages[size->pages - 1];
	world->zero_page->flags = 1UL << PG_reserved;
	world->zero_page->_count.counter = 1;
	world->swapper_space = &world->mappings[size->mappings - 1];
	world->swapper_space->host = NULL;
	world->swapper_space->backing_dev_info->capabilities =
		BDI_CAP_NO_ACCT_DIRTY | BDI_CAP_NO_WRITEBACK;
	return world;
}

void kmm_core_enter(struct world *new_world)
{
	kmm_enter(new_world);
}
