// SPDX-License-Identifier: GPL-2.0-only
/* What is asked of a pair: does the other kernel go wrong where v8 does not, and does a user see it? */
#include <string.h>

#include "engine/explore/beside_inside.h"
#include "machine/property.h"

static int is_older(const struct kmm_beside *b, u32 inode)
{
	const struct world *world = b->runner->world;
	const u16 *one = in_image(b, b->left[0], world->inodes[inode].i_disk);
	const u16 *other = in_image(b, b->left[1], world->inodes[inode].i_disk);
	u32 sectors = world->size.slots * KMM_SECTORS, i;

	for (i = 0; i < sectors; i++)
		if (other[i] < one[i])
			return 1;
	return 0;
}

/* After fsync: the file of its descriptor. */
static int synced_less(const struct kmm_beside *b, const struct kmm_operation *operation)
{
	const struct world *world = b->runner->world;
	const struct file *file;

	if (operation->kind != KMM_OP_fsync || operation->a[0] >= KMM_NR_FDS)
		return 0;
	/* the block is as the other kernel left it, and an open file is the same in both */
	file = world->tasks[operation->actor % world->size.mms].fd[operation->a[0]];
	return file && is_older(b, (u32)(file->f_mapping->host - world->inodes));
}

/* Nobody is left, and nothing to be written. */
static int is_at_rest(const struct world *world)
{
	u32 i;

	for (i = 0; i < world->size.mms; i++)
		if (world->mms[i].mm_users)
			return 0;
	for (i = 0; i + 1 < world->size.pages; i++)
		if (world->pages[i]._count.counter > 0 &&
		    (world->pages[i].io || world->pages[i].pins ||
		     world->pages[i].flags & (1UL << PG_dirty | 1UL << PG_writeback)))
			return 0;
	for (i = 0; i < world->size.buffers; i++)
		if (world->buffers[i].b_page &&
		    (world->buffers[i].b_state & 1UL << BH_Dirty || world->buffers[i].b_in_transaction))
			return 0;
	return 1;
}

static int at_rest_less(struct kmm_beside *b)
{
	struct world *world = b->runner->world;
	u32 i;

	if (!is_at_rest(world))
		return 0;
	memcpy(world, b->left[0], bytes_of(b));
	if (!is_at_rest(world))
		return 0;
	for (i = 0; i < b->job.scope.files; i++)
		if (is_older(b, i))
			return 1;
	return 0;
}

/* A pin gives the number of a page, which no user sees. */
static int answers_differ(const struct kmm_operation *operation, const struct did did[2])
{
	s64 one = did[0].result.ret, other = did[1].result.ret;

	if (!kmm_operation_by_process(operation->kind))
		return 0;
	if (operation->kind == KMM_OP_pin && one >= 0 && other >= 0)
		return 0;
	return one != other;
}

static u32 broken_in(struct kmm_beside *b, u32 which, u32 mask, const struct did *did)
{
	struct world *world = b->runner->world;

	memcpy(world, b->left[which], bytes_of(b));
	world->order_fault = did->order_fault;
	world->sleep_fault = did->sleep_fault;
	world->store_faults = did->store_faults;
	return kmm_broken(world, mask);
}

static void note(struct kmm_beside_found *found, u32 within, const struct kmm_beside_found *one)
{
	if (one->length <= within && (!found->length || one->length < found->length ||
				      (one->length == found->length && one->what < found->what)))
		*found = *one;
}

int kmm_beside_judge(struct kmm_beside *b, struct kmm_beside_found *one, const struct did did[2])
{
	const struct kmm_action *action = &b->job.actions[one->action];
	const struct kmm_kernel *kernel = &b->kernels[one->kernel];
	struct kmm_beside_found *wrong = &b->wrong[one->kernel], *seen = &b->seen[one->kernel];
	u32 broken;

	one->results[0] = did[0].result.ret;
	one->results[1] = did[1].result.ret;
	if (did[0].result.outcome != KMM_RETURNED || did[1].result.outcome != KMM_RETURNED) {
		one->what = KMM_WRONG_OUTCOME + did[1].result.outcome;
		if (did[0].result.outcome == KMM_RETURNED)
			note(wrong, kernel->wrong_within, one);
		one->what = KMM_SEEN_OUTCOME;
		if (did[0].result.outcome != did[1].result.outcome)
			note(seen, kernel->seen_within, one);
		return 0;
	}
	if (one->length <= kernel->wrong_within &&
	    (!wrong->length || one->length <= wrong->length)) {
		broken = broken_in(b, 1, kernel->properties, &did[1]);
		if (broken)
			broken &= ~broken_in(b, 0, broken, &did[0]);
		if (broken) {
			one->what = (u32)__builtin_ctz(broken);
			note(wrong, kernel->wrong_within, one);
		}
	}
	memcpy(b->runner->world, b->left[1], bytes_of(b));
	if (answers_differ(&action->operation, did)) {
		one->what = KMM_SEEN_RESULT;
		note(seen, kernel->seen_within, one);
		return 0;
	}
	if (!did[0].result.ret && !did[1].result.ret && synced_less(b, &action->operation)) {
		one->what = KMM_SEEN_SYNCED;
		note(seen, kernel->seen_within, one);
	} else if (at_rest_less(b)) {
		one->what = KMM_SEEN_AT_REST;
		note(seen, kernel->seen_within, one);
	}
	return 1;
}
