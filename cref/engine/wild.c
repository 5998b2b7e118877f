// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wild worlds: a legal one in which up to four fields or arguments hold any
 * value of their type.  A pointer may be NULL or lead to any object of its
 * kind, and a number may be anything; what the halves make of it must still
 * be the same.  Links of lists and trees stay as they are, and so does what a
 * vma's place in them follows from: a file, a process's list.
 */
#include <string.h>

#include "engine/build_parts.h"

static u64 value_of(const struct kmm_case *c, u32 edit)
{
	u64 value;

	memcpy(&value, &c->edit_value[edit * 8], sizeof(value));
	return value;
}

/* A number near the places where counts and indices turn over, or the raw one. */
static u64 number(u32 how, u64 raw)
{
	static const u64 interesting[8] = {
		0, 1, 2, ~0ull, ~0ull - 1, 0x7FFFFFFF, 0xFFFFFFFF, 1ull << 63,
	};

	return how < 8 ? interesting[how] : how < 12 ? raw & 15 : raw;
}

/* What page->mapping can be: nothing, a mapping, or either an anon_vma or a mapping tagged as one. */
static struct address_space *any_mapping_of_page(struct world *world, u32 how)
{
	unsigned long mapping = (unsigned long)&world->mappings[how % KMM_CASE_MAPPINGS];

	if (how < 3)
		return NULL;
	if (how < 10)
		return (struct address_space *)mapping;
	if (how < 14)
		mapping = (unsigned long)&world->anon_vmas[how & 1];
	return (struct address_space *)(mapping | PAGE_MAPPING_ANON);
}

/* Any lock of the world, held or not as the edit says, with or without a record of it. */
static void any_lock(struct world *world, u32 which, u32 how)
{
	struct address_space *mapping = &world->mappings[which % KMM_CASE_MAPPINGS];
	spinlock_t *const locks[8] = {
		&mapping->i_mmap_lock, &mapping->tree_lock, &mapping->private_lock,
		&world->pmds[which % KMM_CASE_TABLES].ptl,
		&world->mms[which % KMM_CASE_MMS].page_table_lock, &world->lru_lock,
		&world->anon_vmas[which & 1].lock, which & 1 ? &world->inode_lock : &world->swap_lock,
	};
	spinlock_t *lock = locks[which >> 5];

	if (lock->held)
		return;
	if (how & 1)
		kmm_lock(lock);
	else
		lock->held = 1;
}

static void edit_page(struct world *world, u32 what, struct page *page, u32 how, u64 raw)
{
	switch (what) {
	case 0:
		page->flags = raw & ((1UL << NR_PAGEFLAGS) - 1);
		break;
	case 1:
		page->flags ^= 1UL << how;
		break;
	case 2:
		page->mapping = any_mapping_of_page(world, how);
		break;
	case 3:
		page->index = number(how, raw);
		break;
	case 4:
		page->_mapcount.counter = (s32)number(how, raw);
		break;
	case 5:
		page->_count.counter = (s32)number(how, raw);
		break;
	default:
		page->private = number(how, raw);
	}
}

static const struct vm_operations_struct *any_vm_ops(u32 how)
{
	static const struct vm_operations_struct *const ops[4] = {
		NULL, &kmm_generic_vm_ops, &kmm_shmem_vm_ops, &kmm_driver_vm_ops,
	};

	return ops[how & 3];
}

static void edit_vma(struct world *world, u32 what, struct vm_area_struct *vma, u32 how, u64 raw)
{
	switch (what) {
	case 7:
		vma->vm_flags = how < 8 ? vma->vm_flags ^ (raw & (VM_READ | VM_WRITE | VM_SHARED | VM_PFNMAP))
					: (u32)raw;
		break;
	case 8:
		vma->vm_start = how < 8 ? vma->vm_start + (raw & 7) * PAGE_SIZE - 4 * PAGE_SIZE
					: number(how, raw);
		break;
	case 9:
		vma->vm_end = how < 8 ? vma->vm_end + (raw & 7) * PAGE_SIZE - 4 * PAGE_SIZE
				      : number(how, raw);
		break;
	case 10:
		vma->vm_pgoff = number(how, raw);
		break;
	case 11:
		vma->vm_mm = how < 4 ? NULL : &world->mms[how % KMM_CASE_MMS];
		break;
	case 12:
		vma->vm_ops = any_vm_ops(how);
		vma->vm_page_prot = __pgprot(how & 4 ? raw & 0xFFF : pgprot_val(vma->vm_page_prot));
		break;
	default:
		vma->vm_truncate_count = number(how, raw);
	}
}

static const struct address_space_operations *any_a_ops(u32 how)
{
	static const struct address_space_operations *const ops[8] = {
		NULL, &kmm_ext2_aops, &kmm_ext3_aops, &kmm_block_device_aops, &kmm_tmpfs_aops,
		&kmm_ramfs_aops, &kmm_swap_aops, &kmm_driver_aops,
	};

	return ops[how & 7];
}

static void edit_mapping(struct world *world, u32 what, u32 which, u32 how, u64 raw)
{
	struct address_space *mapping = &world->mappings[which % KMM_CASE_MAPPINGS];

	switch (what) {
	case 16:
		world->bdis[which % KMM_CASE_MAPPINGS].capabilities = number(how, raw);
		break;
	case 17:
		mapping->backing_dev_info = how < 6 ? NULL : &world->bdis[how % KMM_CASE_MAPPINGS];
		break;
	case 18:
		/* the swapper's keep off page->mapping, which is tagged there */
		if (mapping != world->swapper_space)
			mapping->a_ops = any_a_ops(how);
		mapping->writeback_index = number(raw & 15, raw >> 4);
		break;
	default:
		mapping->truncate_count = (u32)number(how, raw);
		mapping->flags = raw & (1UL << AS_EIO | 1UL << AS_ENOSPC);
	}
}

static void edit_inode(struct inode *inode, u32 how, u64 raw)
{
	switch (how & 3) {
	case 0:
		inode->i_size = (loff_t_kmm)number(how >> 1, raw);
		break;
	case 1:
		inode->i_flags = raw & (S_APPEND | S_MANDLOCK | S_HUGETLB | S_SWAPFILE);
		inode->i_writecount = (s32)number(how, raw);
		break;
	case 2:
		inode->i_mapped = raw;
		inode->i_state = raw >> 3 & 0xFF;
		break;
	default:
		/* a shift, so only what it can be */
		inode->i_blkbits = PAGE_SHIFT - raw % 3;
		inode->i_kind = (raw >> 8) % NR_KMM_FILE_KINDS;
	}
}

static void edit_file(struct world *world, u32 which, u32 how, u64 raw)
{
	struct file *file = &world->files[which % KMM_CASE_OPEN_FILES];

	switch (how & 3) {
	case 0:
		file->f_op = how & 4 ? NULL : kmm_file_kinds[raw % NR_KMM_FILE_KINDS].f_op;
		break;
	case 1:
		file->f_mode = raw & 3;
		file->own_mount.mnt_flags = raw >> 2 & 7;
		break;
	case 2:
		/* of the one that no vma maps yet */
		world->files[KMM_CASE_CALL_FILE].f_mapping = how < 6 ? NULL :
			&world->mappings[raw % KMM_CASE_MAPPINGS];
		break;
	default:
		file->own_dentry.d_inode = how < 8 ? NULL : &world->inodes[raw % KMM_CASE_MAPPINGS];
	}
}

static void edit_process(struct world *world, u32 which, u32 how, u64 raw)
{
	struct mm_struct *mm = &world->mms[which % KMM_CASE_MMS];
	struct task_struct *task = &world->tasks[which % KMM_CASE_MMS];

	switch (how & 7) {
	case 0:
		mm->file_rss = (s64)number(how >> 1, raw);
		mm->anon_rss = (s64)number(raw & 15, raw >> 4);
		break;
	case 1:
		mm->total_vm = number(how, raw);
		break;
	case 2:
		mm->locked_vm = number(how, raw);
		break;
	case 3:
		mm->def_flags = (u32)raw;
		break;
	case 4:
		mm->map_count = (s32)number(how, raw);
		break;
	case 5:
		task->signal->rlim[raw % RLIM_NLIMITS].rlim_cur = raw >> (raw & 63);
		break;
	case 6:
		task->personality = (u32)raw;
		task->capabilities = (u32)(raw >> 32);
		break;
	default:
		task->mm = how & 8 ? NULL : &world->mms[raw % KMM_CASE_MMS];
	}
}

static void edit_system(struct world *world, u32 which, u32 how, u64 raw)
{
	switch (which & 7) {
	case 0:
		world->irqs_disabled = how & 1;
		world->page_state.nr_dirty = raw;
		break;
	case 1:
		world->vm_committed_space = (s64)number(how, raw);
		break;
	case 2:
		world->commit_limit = (s64)number(how, raw);
		world->overcommit_memory = raw & 3;
		break;
	case 3:
		world->max_map_count = (u32)number(how, raw);
		break;
	case 4:
		world->fail_in = (u32)number(how, raw);
		break;
	case 5:
		world->swap[raw % KMM_CASE_SWAP_SLOTS].map = (u32)number(how, raw);
		break;
	case 6:
		world->lru_add_active.nr = how % PAGEVEC_SIZE;
		world->lru_add_active.pages[raw % PAGEVEC_SIZE] = &world->pages[raw >> 8 & 15];
		break;
	default:
		world->buffer_heads_over_limit = how & 1;
		world->kmaps += raw & 3;
	}
}

static void edit_buffer(struct world *world, u32 which, u32 how, u64 raw)
{
	struct buffer_head *bh = &world->buffers[which % KMM_CASE_BUFFERS];

	switch (how & 3) {
	case 0:
		bh->b_state ^= raw & ((1UL << BH_Freed) - 1);
		break;
	case 1:
		bh->b_count = (s32)number(how, raw);
		break;
	case 2:
		/* not NULL: it would be free, and in use all the same */
		bh->b_page = &world->pages[raw % KMM_CASE_PAGES];
		break;
	default:
		bh->b_blocknr = (u32)number(how, raw);
	}
}

static void edit_wbc(struct writeback_control *wbc, u32 how, u64 raw)
{
	switch (how & 3) {
	case 0:
		wbc->nr_to_write = (s64)number(how >> 1, raw);
		break;
	case 1:
		wbc->start = (loff_t_kmm)number(how, raw);
		break;
	case 2:
		wbc->end = (loff_t_kmm)number(how, raw);
		break;
	default:
		wbc->sync_mode = (u32)number(how >> 1, raw);
	}
}

/* Arguments of the functions that are given more than a page. */
static void edit_more(struct world *world, struct kmm_call *call, u32 which, u32 how, u64 raw)
{
	switch (which & 15) {
	case 0:
		call->mm = how < 4 ? NULL : &world->mms[raw % KMM_CASE_MMS];
		break;
	case 1:
		call->file = how < 4 ? NULL : &world->files[raw % KMM_CASE_OPEN_FILES];
		break;
	case 2:
		call->pmd = how < 4 ? NULL : &world->pmds[raw % KMM_CASE_TABLES];
		break;
	case 3:
		call->page_table = how < 4 ? NULL :
			&world->ptes[raw % (KMM_CASE_TABLES << KMM_CASE_TABLE_SHIFT)];
		break;
	case 4:
		call->ptl = how < 4 ? NULL : &world->pmds[raw % KMM_CASE_TABLES].ptl;
		break;
	case 5 ... 6:
		call->orig_pte = how < 8 ? call->orig_pte ^ (raw & 0xFFF) : (u32)raw;
		break;
	case 7:
		call->wbc = how < 4 ? NULL : &world->wbc[raw % KMM_NR_WBC];
		break;
	case 8:
		call->write_access = (int)raw;
		call->len = number(how, raw);
		break;
	case 9:
		call->end = how < 8 ? call->end + (raw & 7) * PAGE_SIZE : number(how, raw);
		break;
	case 10 ... 11:
		call->prot = raw;
		call->map_flags = how & 1 ? raw >> 32 : call->map_flags;
		break;
	case 12:
		call->pgoff = number(how, raw);
		break;
	case 13 ... 14:
		call->newflags = how < 8 ? call->newflags ^ (raw & 0xF) : number(how, raw);
		break;
	default:
		/* no vma of another list: what merges with it would be linked there */
		world->pprev = how & 1 ? NULL : call->vma;
	}
}

static void edit_call(struct world *world, struct kmm_call *call, u32 how, u64 raw)
{
	switch (how & 3) {
	case 0:
		call->page = how < 8 ? NULL : &world->pages[raw % KMM_CASE_PAGES];
		break;
	case 1:
		call->vma = how < 8 ? NULL : &world->vmas[raw % KMM_CASE_VMAS];
		/* what merges with a vma of another list would be linked there */
		world->pprev = NULL;
		break;
	case 2:
		call->mapping = how < 8 ? NULL : &world->mappings[raw % KMM_CASE_MAPPINGS];
		break;
	default:
		call->protect = (int)raw;
		call->address = how & 4 ? raw : call->address;
		call->flags = (u32)raw;
	}
}

static int leads_to_buffer(const struct world *world, const struct page *page)
{
	u64 at = page->private - (unsigned long)world->buffers;

	return at < world->size.buffers * sizeof(struct buffer_head) &&
	       at % sizeof(struct buffer_head) == 0;
}

/*
 * With PG_private set, page->private is a pointer to a buffer and no number:
 * after the edits it leads to some buffer, which may be in no ring, or nowhere.
 */
static void keep_private_typed(struct world *world, u64 raw)
{
	const u32 nr = world->size.buffers;
	u32 i;

	for (i = 0; i < world->size.pages; i++) {
		struct page *page = &world->pages[i];

		if (page->flags >> PG_private & 1 && !leads_to_buffer(world, page))
			page->private = raw & 8 ? 0 : (unsigned long)&world->buffers[raw % nr];
	}
	/* what is written for a buffer counts the ring of its page, whatever the page's flags say */
	for (i = 0; i < nr; i++) {
		struct buffer_head *bh = &world->buffers[i];

		if (bh->b_page && bh->b_page->private && !leads_to_buffer(world, bh->b_page))
			bh->b_page->private = 0;
	}
}

/* A vma that is in lists is in use, whatever it says: without this, it would be allocated again. */
static void keep_vmas_taken(struct world *world)
{
	u32 i;

	for (i = 0; i < KMM_CASE_VMAS; i++)
		if (!world->vmas[i].vm_mm && !world->vmas[i].vm_end)
			world->vmas[i].vm_end = PAGE_SIZE;
}

static void edit(struct world *world, const struct kmm_case *c, u32 i, struct kmm_call *call)
{
	u32 what = c->edit_what[i], which = c->edit_which[i], how = c->edit_how[i];
	u64 raw = value_of(c, i);
	struct page *page = which & 128 && call->page ? call->page :
			    &world->pages[which % KMM_CASE_PAGES];
	pmd_t *pmd = &world->pmds[which % KMM_CASE_TABLES];

	switch (what) {
	case 0 ... 6:
		edit_page(world, what, page, how, raw);
		break;
	case 7 ... 13:
		edit_vma(world, what, which & 128 && call->vma ? call->vma :
			 &world->vmas[which % KMM_CASE_VMAS], how, raw);
		break;
	case 14 ... 15:
		world->ptes[which % (KMM_CASE_TABLES << KMM_CASE_TABLE_SHIFT)] =
			__pte(what == 14 ? raw : (raw & 0xFFF) | page_to_pfn(page) << PAGE_SHIFT);
		break;
	case 16 ... 19:
		edit_mapping(world, what, which, how, raw);
		break;
	case 20:
		any_lock(world, which, how);
		break;
	case 21:
		pmd->table = how < 4 ? NULL :
			&world->ptes[(how % KMM_CASE_TABLES) << KMM_CASE_TABLE_SHIFT];
		pmd->index += how & 8 ? raw & 1 : 0;
		break;
	case 22:
		edit_inode(&world->inodes[which % (KMM_CASE_MAPPINGS - 1)], how, raw);
		break;
	case 23:
		edit_file(world, which, how, raw);
		break;
	case 24:
		edit_process(world, which, how, raw);
		break;
	case 25:
		edit_system(world, which, how, raw);
		break;
	case 26:
		edit_buffer(world, which, how, raw);
		break;
	case 27:
		edit_wbc(world->wbc, how, raw);
		break;
	case 28 ... 29:
		edit_more(world, call, which, how, raw);
		break;
	default:
		edit_call(world, call, how, raw);
	}
}

void kmm_build_wild(struct world *world, const struct kmm_case *c, struct kmm_call *call)
{
	u32 i;

	for (i = 0; i < KMM_CASE_EDITS; i++)
		edit(world, c, i, call);
	keep_private_typed(world, value_of(c, 0));
	keep_vmas_taken(world);
	/* it takes page->mapping as it stands: a tagged pointer there would be of no type */
	if (call->function == KMM_TRY_TO_FREE_BUFFERS && call->page && kmm_page_is_anon(call->page))
		call->page->mapping = NULL;
}
