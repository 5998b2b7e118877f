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
 *
 * Here is what all worlds have in common; the parts that differ are in
 * build_files.c, build_pages.c, build_vmas.c and build_ptes.c, the calls in
 * build_call.c, build_faults.c and build_mmaps.c, and what these find on
 * entry in build_entry.c.
 */
#include "engine/build_parts.h"

const struct world_size kmm_case_world_size = {
	.pages = KMM_CASE_PAGES + KMM_CASE_FREE_PAGES + KMM_CASE_FILLERS + 1,
	.vmas = KMM_CASE_VMAS + KMM_CASE_FREE_VMAS,
	.mms = KMM_CASE_MMS,
	.pmds = KMM_CASE_PMDS,
	.table_shift = KMM_CASE_TABLE_SHIFT,
	.mappings = KMM_CASE_MAPPINGS,
	.slots = KMM_CASE_SLOTS,
	.files = KMM_CASE_OPEN_FILES,
	.anon_vmas = KMM_CASE_ANON_VMAS + KMM_CASE_FREE_ANON_VMAS,
	.buffers = KMM_CASE_BUFFERS + KMM_CASE_FREE_BUFFERS,
	.trace_words = KMM_CASE_TRACE_WORDS,
	.swap_slots = KMM_CASE_SWAP_SLOTS,
};

/* Each file is open twice, for writing too by process 0 and for reading by process 1. */
static void open_files(struct world *world)
{
	u32 i;

	for (i = 0; i < 2 * KMM_CASE_FILES; i++) {
		struct file *file = &world->files[i];
		u32 number = i % KMM_CASE_FILES;

		file->f_mapping = &world->mappings[number];
		file->own_dentry.d_inode = &world->inodes[number];
		file->f_mode = i < KMM_CASE_READ_ONLY ? FMODE_READ | FMODE_WRITE : FMODE_READ;
		file->f_count = 1;
		world->tasks[i / KMM_CASE_FILES].fd[number] = file;
	}
	for (i = 0; i < KMM_CASE_FILES; i++) {
		world->inodes[i].i_count = 3;		/* its name, and both files */
		world->inodes[i].i_writecount = 1;
		world->mappings[i].truncate_count = 2;
	}
}

/* Every sector of every page, disk and swap slot holds something of its own. */
static void fill_contents(struct world *world)
{
	u32 i, j;

	for (i = 0; i < KMM_CASE_PAGES; i++)
		for (j = 0; j < KMM_SECTORS; j++) {
			world->pages[i].contents[j] = ++world->version;
			world->pages[i].in_flight[j] = ++world->version;
		}
	for (i = 0; i < KMM_CASE_FILES * KMM_CASE_SLOTS * KMM_SECTORS; i++)
		world->disks[i] = ++world->version;
	for (i = 1; i < KMM_CASE_SWAP_SLOTS; i++)
		for (j = 0; j < KMM_SECTORS; j++)
			world->swap[i].contents[j] = ++world->version;
}

struct world *kmm_build_common(void *block)
{
	struct world *world = kmm_world_init(block, &kmm_case_world_size);
	u32 i, j;

	for (i = 0; i < KMM_CASE_MMS; i++) {
		world->mms[i].mm_users = 1;
		for (j = 0; j < KMM_CASE_PMDS; j++) {
			pmd_t *pmd = &world->mms[i].pgd[j];

			pmd->table = &world->ptes[(pmd - world->pmds) << KMM_CASE_TABLE_SHIFT];
		}
	}
	open_files(world);
	world->swapper_space->a_ops = &kmm_swap_aops;
	fill_contents(world);
	for (i = KMM_CASE_PAGES; i < KMM_CASE_PAGES + KMM_CASE_FREE_PAGES; i++)
		kmm_page_is_free(&world->pages[i]);
	for (; &world->pages[i] < world->zero_page; i++) {
		world->pages[i].flags = 1UL << PG_uptodate;
		world->pages[i]._count.counter = 1;
	}
	return world;
}

void kmm_build_world(struct world *world, const struct kmm_case *c)
{
	struct plan plan;

	kmm_build_files(world, c);
	kmm_build_pages(world, c, &plan);
	kmm_build_buffers(world, c, &plan);
	kmm_build_processes(world, c, &plan);
}
