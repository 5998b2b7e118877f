// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "engine/rest.h"
#include "machine/interfere.h"
#include "machine/property.h"
#include "machine/running.h"

static void operate(u32 kind, u32 actor, u32 a0, u32 a1, u32 a2)
{
	const struct kmm_operation operation = { kind, actor, { a0, a1, a2 } };

	kmm_operate(&operation);
}

static void end_processes(struct world *world)
{
	u32 i;

	for (i = 0; i < world->size.mms; i++)
		operate(KMM_OP_exit, i, 0, 0, 0);
	for (i = 0; i < world->size.pages; i++)
		while (world->pages[i].pins)
			operate(KMM_OP_unpin, 0, i, 0, 0);
}

/* Twice, as the writes that end may leave what is to be written still. */
static void write_back(struct world *world)
{
	u32 round, i;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < KMM_SEQUENCE_FILES; i++)
			operate(KMM_OP_commit, 0, i, 0, 0);
		operate(KMM_OP_sync, 0, 0, 0, 0);
		for (i = 0; i < world->size.pages; i++)
			operate(KMM_OP_complete, 0, i, 1, 0);
	}
	operate(KMM_OP_drain, 0, 0, 0, 0);
}

/*
 * A page that was being swapped out when its last user went stays until it is
 * reclaimed, and so does one that was truncated while the journal held its
 * buffers.
 */
static int waits_for_reclaim(const struct page *page)
{
	return kmm_page_flag(page, PG_swapcache) ||
	       (kmm_page_flag(page, PG_private) && !page->mapping);
}

/* In as many rounds as such a page has signs of use. */
static void reclaim_leftovers(struct world *world)
{
	u32 round, i;

	for (round = 0; round < 3; round++)
		for (i = 0; i < world->size.pages; i++)
			if (waits_for_reclaim(&world->pages[i]))
				operate(KMM_OP_reclaim, 0, i, 1, 0);
}

static void empty_files(struct world *world)
{
	u32 i;

	for (i = 0; i < KMM_SEQUENCE_FILES; i++) {
		world->inodes[i].i_flags = 0;
		operate(KMM_OP_truncate, 0, i, 0, 0);
		/* what has no size to be cut loses its clean pages so */
		operate(KMM_OP_invalidate, 0, i, 0, 0);
		/* as when it is deleted: a fault may have charged a page of tmpfs behind its end */
		shmem_recalc_inode(&world->inodes[i]);
	}
}

static enum kmm_leftover leftover(const struct world *world)
{
	u32 i;

	for (i = 0; i < world->size.pages; i++)
		if (world->pages[i]._count.counter && !kmm_page_flag(&world->pages[i], PG_reserved))
			return KMM_LEFT_PAGE;
	for (i = 0; i < world->size.vmas; i++)
		if (world->vmas[i].vm_end)
			return KMM_LEFT_VMA;
	for (i = 0; i < world->size.anon_vmas; i++)
		if (world->anon_vmas[i].head)
			return KMM_LEFT_ANON_VMA;
	for (i = 0; i < world->size.buffers; i++)
		if (world->buffers[i].b_page)
			return KMM_LEFT_BUFFER;
	for (i = 0; i < world->size.swap_slots; i++)
		if (world->swap[i].map)
			return KMM_LEFT_SWAP;
	if (world->vm_committed_space)
		return KMM_LEFT_COMMITTED;
	for (i = 0; i < world->size.files; i++)
		if (world->files[i].f_count)
			return KMM_LEFT_FILE;
	return KMM_LEFT_NOTHING;
}

/*
 * A mmap hook that fails on a shared, accountable mapping lowers what is
 * committed, although nothing was charged (MM24).  It does so before the patch
 * and after; it is set right here, and counted, so that it hides nothing else.
 */
static s64 quirk_of(const struct kmm_operation *operation)
{
	return operation->kind == KMM_OP_mmap &&
	       (operation->a[4] & KMM_MMAP_TYPE) == MAP_SHARED ? operation->a[2] : 0;
}

/* Is it the sum of these, each taken any number of times? */
static int adds_up(s64 missing, const s64 *pages, u32 nr)
{
	if (missing <= 0 || !nr)
		return missing == 0;
	return adds_up(missing, pages + 1, nr - 1) ||
	       (*pages && adds_up(missing - *pages, pages, nr));
}

static u32 repair_quirk(struct world *world, const struct kmm_operation *operation, s64 ret)
{
	s64 missing = kmm_committed_pages(world) - world->vm_committed_space;
	s64 pages[KMM_OTHER_ACTORS + 1] = { ret < 0 ? quirk_of(operation) : 0 };
	u32 i;

	if (missing <= 0)
		return 0;
	for (i = 0; i < KMM_OTHER_ACTORS; i++)
		if (world->interfered & 1u << i)
			pages[i + 1] = quirk_of(&world->interference[i]);
	if (!adds_up(missing, pages, KMM_OTHER_ACTORS + 1))
		return 0;
	world->vm_committed_space += missing;
	return 1;
}

/*
 * With the patch a fault dirties its page after the pte's lock is dropped.  If
 * the page is truncated between PG_dirty and the counter, truncation counts it
 * out and nobody has counted it in (docs/findings).  Only another actor at a
 * pause does that, and only with one of these units.
 */
static u32 repair_race(struct world *world)
{
	s64 missing = (s64)(kmm_dirty_pages(world) - world->page_state.nr_dirty);

	if (missing <= 0 || !world->interfered || !unit(KMM_U1 | KMM_U2))
		return 0;
	world->page_state.nr_dirty += (unsigned long)missing;
	return 1;
}

/* Before known defects are set right: nr_dirty is one of them.  Gives those that should hold always. */
static u32 judge(struct world *world, struct kmm_broken *broken, u32 at)
{
	u32 all = kmm_broken(world, KMM_PROPERTIES_ALL & ~broken->judged);
	u32 newly = all & (u32)KMM_PROPERTIES_JUDGED;

	broken->judged |= newly;
	for (; newly; newly &= newly - 1)
		broken->judged_at[__builtin_ctz(newly)] = (u8)at;
	return all & (u32)KMM_PROPERTIES_ALWAYS;
}

/* The property that should hold always, and does not once known defects have been set right. */
static u32 always_broken(struct world *world, u32 before, u32 repaired)
{
	if (!before)
		return NR_KMM_PROPERTIES;
	return repaired ? kmm_broken_property(world) : (u32)__builtin_ctz(before);
}

struct checked {
	const struct kmm_sequence *s;
	struct world *world;
	struct kmm_broken *broken;
};

static s64 run_checked(const void *context)
{
	const struct checked *checked = context;
	struct kmm_broken *broken = checked->broken;
	struct world *world = checked->world;
	struct kmm_operation operation;
	u32 always, quirk, race, i;
	s64 ret;

	for (i = 0; i <= checked->s->operations; i++) {
		kmm_sequence_operation(checked->s, i, &operation);
		ret = kmm_operate(&operation);
		always = judge(world, broken, i);
		quirk = repair_quirk(world, &operation, ret);
		race = repair_race(world);
		broken->quirks += quirk;
		broken->races += race;
		broken->at = i;
		broken->property = always_broken(world, always, quirk | race);
		if (broken->property != NR_KMM_PROPERTIES)
			return i;
	}
	world->fail_in = 0;
	memset(world->pauses_left, 0, sizeof(world->pauses_left));
	memset(world->pauses_more, 0, sizeof(world->pauses_more));
	end_processes(world);
	write_back(world);
	judge(world, broken, i);
	reclaim_leftovers(world);
	empty_files(world);
	broken->at = i;
	broken->property = kmm_broken_property(world);
	broken->left = leftover(world);
	return i;
}

void kmm_sequence_checked(struct kmm_runner *runner, const struct kmm_sequence *s,
			  const struct kmm_half *half, struct kmm_result *result,
			  struct kmm_broken *broken)
{
	const struct checked checked = { s, runner->world, broken };

	memset(broken, 0, sizeof(*broken));
	broken->property = NR_KMM_PROPERTIES;
	memcpy(runner->world, runner->drawn, runner->state_bytes);
	kmm_interfere_room(runner->room, runner->state_bytes);
	kmm_run_half(half, runner->world);
	kmm_guarded(run_checked, &checked, result);
}

const char *kmm_leftover_words(enum kmm_leftover leftover)
{
	static const char *const words[NR_KMM_LEFTOVERS] = {
#define LEFTOVER(number, words) [number] = words,
#include "engine/leftovers.def"
#undef LEFTOVER
	};

	return (u32)leftover < NR_KMM_LEFTOVERS ? words[leftover] : NULL;
}
