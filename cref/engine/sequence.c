// SPDX-License-Identifier: GPL-2.0-only
/*
 * From choices to operations and the world that they start from.  Choices pick
 * rows of tables, and what matters more often has more rows: files are small,
 * mappings lie close together, and most stores meet a mapping.
 */
#include <string.h>

#include "engine/choices.h"
#include "engine/sequence.h"
#include "machine/file.h"
#include "machine/operation.h"

#define CHOICES_STRUCT	kmm_sequence
#define CHOICES_FILE	"engine/sequence.def"
#define CHOICES_TABLE	kmm_sequence_choices
#define CHOICES_COUNT	kmm_nr_sequence_choices
#include "engine/choice_table.h"

void kmm_sequence_decode(struct kmm_sequence *s, const u8 *bytes)
{
	kmm_decode_bytes((u8 *)s, bytes, (const u16 *)&limits, sizeof(*s));
}

void kmm_sequence_encode(u8 *bytes, const struct kmm_sequence *s)
{
	kmm_encode_bytes(bytes, (const u8 *)s, (const u16 *)&limits, sizeof(*s));
}

const struct world_size kmm_sequence_world_size = {
	.pages = 16 + 1,
	.vmas = 14,
	.mms = 3,
	.pmds = 3,
	.table_shift = 3,
	.mappings = KMM_SEQUENCE_FILES + 2 + 1,
	.slots = 6,
	.files = 8,
	.anon_vmas = 8,
	.buffers = 16,
	.trace_words = 32768,
	.swap_slots = 4,
};

#define X2(k)	KMM_OP_##k, KMM_OP_##k
#define X3(k)	X2(k), KMM_OP_##k
#define X4(k)	X2(k), X2(k)
#define X6(k)	X4(k), X2(k)
#define X8(k)	X4(k), X4(k)
#define X16(k)	X8(k), X8(k)

static const u8 kind_of[KMM_SEQUENCE_KINDS] = {
	X16(store), X6(store), X8(load), X2(load),
	X8(mmap), X2(mmap), X6(mprotect), X4(munmap), X2(brk), X4(msync), X2(remap_file_pages),
	X4(fork), X2(exit), X4(poke), X3(pin), X2(unpin),
	X4(write), X3(fsync), X3(truncate), X2(invalidate), X6(writeback), X2(sync), X4(complete),
	X3(flush_buffers), X2(commit), X3(release_page), X6(reclaim), X2(strip), X2(drain),
	X8(lock_page), KMM_OP_lock_page, KMM_OP_open, KMM_OP_close,
};

/* What another actor does at a pause: mostly what changes what the paused one has seen. */
static const u8 kind_at_pause[KMM_SEQUENCE_KINDS] = {
	X16(store), X16(store), X8(load), X2(load),
	X2(mmap), X2(mprotect), X4(munmap), X2(msync), X4(fork), X2(exit), X4(poke), X3(pin),
	X2(unpin), X4(write), X2(fsync), X16(truncate), X8(truncate), X4(invalidate), X4(writeback), X2(complete),
	X3(flush_buffers), X2(release_page), X8(reclaim), X2(drain), X6(lock_page),
};

/* A sequence begins with mappings: nothing else can be done before. */
#define FIRST_KINDS	2

enum argument {
	NONE, FD, MMAP_FD, INODE, MODE, PLACE, HEAP_PAGES, PAGES, PROT, MMAP_FLAGS, PGOFF,
	MSYNC_FLAGS, FLAG, MOSTLY, PROCESS, SECTOR, SECTORS, SIZE, INDEX, SYNC_MODE, NR_TO_WRITE,
	PAGE, NR_ARGUMENTS
};

static const u8 argument_of[NR_KMM_OPERATIONS][6] = {
	[KMM_OP_open] = { FD, INODE, MODE },
	[KMM_OP_close] = { FD },
	[KMM_OP_mmap] = { MMAP_FD, PLACE, PAGES, PROT, MMAP_FLAGS, PGOFF },
	[KMM_OP_munmap] = { PLACE, PAGES },
	[KMM_OP_brk] = { HEAP_PAGES },
	[KMM_OP_mprotect] = { PLACE, PAGES, PROT },
	[KMM_OP_msync] = { PLACE, PAGES, MSYNC_FLAGS },
	[KMM_OP_remap_file_pages] = { PLACE, PAGES, PGOFF, FLAG },
	[KMM_OP_load] = { PLACE, SECTOR },
	[KMM_OP_store] = { PLACE, SECTOR },
	[KMM_OP_poke] = { PROCESS, PLACE, SECTOR, MOSTLY },
	[KMM_OP_pin] = { PLACE, MOSTLY, FLAG },
	[KMM_OP_unpin] = { PAGE, MOSTLY, MOSTLY },
	[KMM_OP_write] = { FD, INDEX, SECTOR, SECTORS },
	[KMM_OP_fsync] = { FD },
	[KMM_OP_truncate] = { INODE, SIZE },
	[KMM_OP_invalidate] = { INODE },
	[KMM_OP_writeback] = { INODE, SYNC_MODE, NR_TO_WRITE },
	[KMM_OP_complete] = { PAGE, MOSTLY },
	[KMM_OP_flush_buffers] = { INODE, INDEX },
	[KMM_OP_commit] = { INODE },
	[KMM_OP_release_page] = { INODE, INDEX },
	[KMM_OP_reclaim] = { PAGE, MOSTLY },
	[KMM_OP_strip] = { PAGE },
	[KMM_OP_lock_page] = { PAGE },
};

#define SHARED	MAP_SHARED
#define PRIVATE	MAP_PRIVATE
#define R	PROT_READ
#define W	PROT_WRITE
#define X	PROT_EXEC
#define H	KMM_HEAP_PLACE
static const u8 value_of[NR_ARGUMENTS][16] = {
	[FD] = { 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3 },
	[MMAP_FD] = { 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, KMM_NO_FD, KMM_NO_FD, KMM_NO_FD, KMM_NO_FD },
	[INODE] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2 },
	[MODE] = { 3, 3, 3, 3, 3, 3, 3, 3, 1, 1, 1, 1, 2, 2, 0, 3 },
	[PLACE] = { 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 7, H },
	[HEAP_PAGES] = { 1, 1, 1, 2, 2, 3, 4, 5, 6, 0, 0, 1, 2, 3, 1, 2 },
	[PAGES] = { 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 8, 0 },
	[PROT] = { R | W, R | W, R | W, R | W, R | W, R | W, R | W, R, R, R, 0, W, R | X, W | X,
		   R | W | X, R | PROT_SEM },
	[MMAP_FLAGS] = {
		SHARED, SHARED, SHARED, SHARED, SHARED, SHARED, PRIVATE, PRIVATE, PRIVATE, PRIVATE,
		SHARED | KMM_MMAP_LOCKED, SHARED | KMM_MMAP_POPULATE,
		PRIVATE | KMM_MMAP_LOCKED | KMM_MMAP_POPULATE,
		SHARED | KMM_MMAP_POPULATE | KMM_MMAP_NONBLOCK | KMM_MMAP_NORESERVE,
		SHARED | KMM_MMAP_ANYWHERE, PRIVATE | KMM_MMAP_ANYWHERE | KMM_MMAP_GROWSDOWN,
	},
	[PGOFF] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 5 },
	[MSYNC_FLAGS] = { MS_SYNC, MS_SYNC, MS_SYNC, MS_SYNC, MS_SYNC, MS_ASYNC, MS_ASYNC, MS_ASYNC,
			  MS_ASYNC, MS_ASYNC, MS_INVALIDATE, MS_SYNC | MS_INVALIDATE, 0, 8,
			  MS_SYNC | MS_ASYNC, MS_SYNC },
	[FLAG] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1 },
	[MOSTLY] = { 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	[PROCESS] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2 },
	[SECTOR] = { 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3 },
	[SECTORS] = { 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4, 0 },
	[SIZE] = { 0, 0, 1, 2, 4, 4, 4, 5, 6, 8, 8, 10, 12, 13, 16, 20 },
	[INDEX] = { 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4 },
	[SYNC_MODE] = { WB_SYNC_ALL, WB_SYNC_ALL, WB_SYNC_ALL, WB_SYNC_ALL, WB_SYNC_ALL },
	[NR_TO_WRITE] = { 1, 1, 2, 4, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32 },
	[PAGE] = { 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9 },
};
#undef R
#undef W
#undef X
#undef H

static const u8 actor_of[8] = { 0, 0, 0, 0, 0, 1, 1, 2 };

KMM_MANY_AT_ONCE
static void make_operation(struct kmm_operation *operation, u32 kind, u32 actor, const u8 *argument)
{
	u32 i;

	operation->kind = kind;
	operation->actor = actor_of[actor];
	for (i = 0; i < 6; i++)
		operation->a[i] = value_of[argument_of[kind][i]][argument[i]];
}

void kmm_make_interference(struct kmm_operation *operation, u32 kind, u32 actor,
			   const u8 *argument)
{
	make_operation(operation, kind_at_pause[kind], actor, argument);
}

void kmm_sequence_operation(const struct kmm_sequence *s, u32 i, struct kmm_operation *operation)
{
	u32 kind = i < FIRST_KINDS ? KMM_OP_mmap : kind_of[s->kind[i]];

	make_operation(operation, kind, i < FIRST_KINDS ? 0 : s->actor[i], &s->argument[6 * i]);
}

static const struct {
	const char *name, *arguments;
} operation_facts[NR_KMM_OPERATIONS] = {
#define OPERATION(name, arguments) { #name, arguments },
#include "machine/operations.def"
#undef OPERATION
};

const char *kmm_operation_name(u32 kind)
{
	return kind < NR_KMM_OPERATIONS ? operation_facts[kind].name : NULL;
}

const char *kmm_operation_arguments(u32 kind)
{
	return kind < NR_KMM_OPERATIONS ? operation_facts[kind].arguments : NULL;
}

static void open_for(struct world *world, u32 number, u32 inode, u32 mode)
{
	struct file *file = &world->files[number];

	file->f_mapping = &world->mappings[inode];
	file->own_dentry.d_inode = &world->inodes[inode];
	file->f_mode = mode;
	file->f_count = 1;
	world->tasks[0].fd[number] = file;
	if (mode & FMODE_WRITE)
		world->inodes[inode].i_writecount++;
}

/* Files differ in every sector, so that what a page or a process holds says where it is from. */
struct world *kmm_sequence_common(void *block)
{
	struct world *world = kmm_world_init(block, &kmm_sequence_world_size);
	u32 sectors = KMM_SEQUENCE_FILES * world->size.slots * KMM_SECTORS, i;

	world->mms[0].mm_users = 1;
	world->swapper_space->a_ops = &kmm_swap_aops;
	for (i = 0; i < sectors; i++)
		world->disks[i] = i + 1;
	world->version = sectors;
	for (i = 0; i < KMM_SEQUENCE_FILES; i++)
		kmm_make_inode(&world->inodes[i], KMM_EXT2, 0);
	open_for(world, 0, 0, FMODE_READ | FMODE_WRITE);
	open_for(world, 1, 1, FMODE_READ | FMODE_WRITE);
	open_for(world, 2, 0, FMODE_READ);
	open_for(world, 3, 2, FMODE_READ | FMODE_WRITE);
	return world;
}

static const u8 inode_kind[16] = {
	KMM_EXT2, KMM_EXT2, KMM_EXT2, KMM_EXT2, KMM_EXT2, KMM_EXT3, KMM_EXT3, KMM_EXT3,
	KMM_BLOCK_DEVICE, KMM_TMPFS, KMM_TMPFS, KMM_RAMFS, KMM_PFNMAP_DRIVER, KMM_PROT_DRIVER,
	KMM_HUGETLBFS, KMM_FAILING_DRIVER,
};

/* The first file is always one on a disk. */
static u32 kind_of_inode(const struct kmm_sequence *s, u32 i)
{
	return inode_kind[i ? s->inode_kind[i] : s->inode_kind[i] & 7];
}

/* Sizes in sectors. */
static const u8 inode_sectors[8] = { 16, 16, 16, 8, 8, 13, 5, 1 };
static const u64 inode_mapped[8] = { ~0ull, ~0ull, ~0ull, ~0ull, 0, 0xAAAA, 0x00F3, 0x0FFF };
static const u32 inode_flags[32] = { [28] = S_APPEND, [29] = S_MANDLOCK, [30] = S_SWAPFILE };

/* Sectors of a page by its blocks that are on disk, for blocks of one sector, two and four. */
static const u8 sectors_of_blocks[3][1 << KMM_SECTORS] = {
	{ 0x0, 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, 0xA, 0xB, 0xC, 0xD, 0xE, 0xF },
	{ 0x0, 0x3, 0xC, 0xF },
	{ 0x0, 0xF },
};

/* A page of a disk, as one word, is and-ed with the row of the sectors that it keeps. */
#define ROW(n) ((n & 1 ? 0xFFFFull : 0) | (n & 2 ? 0xFFFFull << 16 : 0) | \
		(n & 4 ? 0xFFFFull << 32 : 0) | (n & 8 ? 0xFFFFull << 48 : 0))
static const u64 kept_sectors[1 << KMM_SECTORS] = {
	ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7),
	ROW(8), ROW(9), ROW(10), ROW(11), ROW(12), ROW(13), ROW(14), ROW(15),
};
#undef ROW

/*
 * Nothing on disk beyond the end, and nothing in holes.  By tables, as branches
 * that depend on what was drawn cost more than all the rest of a file.
 */
static void clear_disk(const struct world *world, const struct inode *inode, u32 sectors, u32 blocks)
{
	u32 blocks_a_page = KMM_SECTORS >> blocks, of_page = (1u << blocks_a_page) - 1, i;
	u64 mapped = inode->i_mapped, inside = (1ull << sectors) - 1, page;

	for (i = 0; i < world->size.slots; i++) {
		u16 *disk = inode->i_disk + i * KMM_SECTORS;

		memcpy(&page, disk, sizeof(page));
		page &= kept_sectors[sectors_of_blocks[blocks][mapped & of_page] & inside];
		memcpy(disk, &page, sizeof(page));
		mapped >>= blocks_a_page;
		inside >>= KMM_SECTORS;
	}
}

static void make_file(struct world *world, const struct kmm_sequence *s, u32 i)
{
	struct inode *inode = &world->inodes[i];
	u32 sectors = inode_sectors[s->inode_size[i]];
	u32 blocks = s->inode_blocks[i] < 2 ? 2 : s->inode_blocks[i] - 2;

	kmm_make_inode(inode, kind_of_inode(s, i), (loff_t_kmm)sectors << KMM_SECTOR_SHIFT);
	inode->i_blkbits = KMM_SECTOR_SHIFT + blocks;
	/* a device has no holes */
	inode->i_mapped = inode->i_kind == KMM_BLOCK_DEVICE ? ~0ull :
			  inode_mapped[s->inode_holes[i]];
	inode->i_flags |= inode_flags[s->inode_flags[i]];
	clear_disk(world, inode, sectors, blocks);
	world->bdis[i].congested = s->congested == i;
}

#define PAGES(n)	((unsigned long)(n) << PAGE_SHIFT)
static const struct {
	unsigned long memlock, as, data, fsize;
	s64 committed;
	u32 overcommit, capabilities, personality, map_count;
} limit_of[16] = {
#define NO	RLIM_INFINITY
#define MAX	0x7FFFFFFFFFFFFFFF
	[0 ... 8] = { NO, NO, NO, NO, MAX, OVERCOMMIT_GUESS, CAP_IPC_LOCK, 0, DEFAULT_MAX_MAP_COUNT },
	[9] = { PAGES(2), NO, NO, NO, MAX, OVERCOMMIT_GUESS, 0, 0, DEFAULT_MAX_MAP_COUNT },
	[10] = { 0, NO, NO, NO, MAX, OVERCOMMIT_ALWAYS, 0, 0, DEFAULT_MAX_MAP_COUNT },
	[11] = { NO, PAGES(5), NO, NO, MAX, OVERCOMMIT_GUESS, 0, 0, DEFAULT_MAX_MAP_COUNT },
	[12] = { NO, NO, NO, NO, 3, OVERCOMMIT_NEVER, 0, 0, DEFAULT_MAX_MAP_COUNT },
	[13] = { NO, NO, PAGES(2), NO, 4, OVERCOMMIT_GUESS, 0, 0, DEFAULT_MAX_MAP_COUNT },
	[14] = { NO, NO, NO, PAGES(2), MAX, OVERCOMMIT_ALWAYS, CAP_IPC_LOCK, READ_IMPLIES_EXEC, 4 },
	[15] = { NO, NO, NO, NO, MAX, OVERCOMMIT_ALWAYS, CAP_IPC_LOCK, 0, 3 },
#undef NO
#undef MAX
};

static void set_limits(struct world *world, u32 row)
{
	struct task_struct *task = &world->tasks[0];

	task->own_signal.rlim[RLIMIT_MEMLOCK].rlim_cur = limit_of[row].memlock;
	task->own_signal.rlim[RLIMIT_AS].rlim_cur = limit_of[row].as;
	task->own_signal.rlim[RLIMIT_DATA].rlim_cur = limit_of[row].data;
	task->own_signal.rlim[RLIMIT_FSIZE].rlim_cur = limit_of[row].fsize;
	task->capabilities = limit_of[row].capabilities;
	task->personality = limit_of[row].personality;
	world->commit_limit = limit_of[row].committed;
	world->overcommit_memory = limit_of[row].overcommit;
	world->max_map_count = limit_of[row].map_count;
}

/* Pages that are not there to be had: somebody has them for good. */
static const u8 pages_taken[8] = { 0, 0, 0, 2, 2, 6, 8, 10 };

static void take_pages(struct world *world, u32 taken)
{
	u32 i;

	for (i = world->size.pages - 1 - taken; i < world->size.pages - 1; i++) {
		world->pages[i].flags = 1UL << PG_reserved;
		world->pages[i]._count.counter = 1;
	}
}

/*
 * How often others act, both together: fewer times than the faults that an
 * access may take, so that one that is disturbed each time still ends.
 */
#define ACTS		4
#define ACTS_OF_EACH	(ACTS / KMM_OTHER_ACTORS)

/* `at` holds both numbers; `from`: the number of the pause at which it acts first. */
static void set_other(struct world *world, u32 other, u32 from, u32 at, u32 acts)
{
	world->pauses_left[other] = from;
	world->pause_every[other] = 4 + at % 8;
	world->pauses_more[other] = acts - 1;
}

static void set_others(struct world *world, const struct kmm_sequence *s)
{
	u32 first = s->pause_at / 8 + 1, second = s->second_at / 8 + 1;

	set_other(world, 0, first, s->pause_at, s->second ? ACTS_OF_EACH : ACTS);
	kmm_make_interference(&world->interference[0], s->pause_kind, s->pause_actor,
			      s->pause_argument);
	if (!s->second)
		return;
	set_other(world, 1, second + (second >= first), s->second_at, ACTS_OF_EACH);
	kmm_make_interference(&world->interference[1], s->second_kind, s->second_actor,
			      s->second_argument);
}

void kmm_sequence_world(struct world *world, const struct kmm_sequence *s)
{
	u32 i;

	for (i = 0; i < KMM_SEQUENCE_FILES; i++)
		make_file(world, s, i);
	for (i = 0; i < KMM_NR_FDS; i++) {
		struct file *file = world->tasks[0].fd[i];

		file->f_op = kmm_file_kinds[file->own_dentry.d_inode->i_kind].f_op;
		file->own_dentry.d_inode->i_count++;
	}
	set_limits(world, s->limits);
	take_pages(world, pages_taken[s->memory]);
	world->units = s->units;
	world->buffer_heads_over_limit = s->many_buffers == 0;
	world->clock_stands = s->clock == 3;
	world->fail_in = s->fail ? 0 : s->fail_at / 4 + 1;
	if (s->pause)
		set_others(world, s);
}
