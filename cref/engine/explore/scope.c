// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "engine/explore/scope.h"
#include "machine/file.h"

static void fill_disk(struct world *world, struct inode *inode, u32 pages)
{
	u32 i;

	for (i = 0; i < pages * KMM_SECTORS; i++)
		inode->i_disk[i] = (u16)++world->version;
}

static void set_word(struct world *world, const struct kmm_scope_word *word)
{
	u64 value = (u64)word->high << 32 | word->low, old = 0;
	u8 *at = (u8 *)world + word->offset;

	memcpy(&old, at, word->bytes);
	if (word->more)
		value |= old;
	memcpy(at, &value, word->bytes);
}

void kmm_scope_start(struct world *world, const struct kmm_scope *scope)
{
	u32 i;

	world->mms[0].mm_users = 1;
	world->tasks[0].capabilities = CAP_IPC_LOCK;
	world->swapper_space->a_ops = &kmm_swap_aops;
	world->units = scope->units;
	for (i = 0; i < scope->files; i++) {
		const struct kmm_scope_file *file = &scope->file[i];
		struct inode *inode = &world->inodes[i];

		kmm_make_inode(inode, file->kind, (loff_t_kmm)file->pages << PAGE_SHIFT);
		inode->i_blkbits = file->block_shift;
		inode->i_mapped = ~0ull;
		/* the others have no disk */
		if (kmm_kind_has(file->kind, KMM_ON_DISK))
			fill_disk(world, inode, file->pages);
	}
	for (i = 0; i < scope->words; i++)
		set_word(world, &scope->word[i]);
}

u32 kmm_action_cost(const struct kmm_action *action)
{
	u32 cost = 1, i;

	for (i = 0; i < KMM_OTHER_ACTORS; i++)
		cost += action->pause_in[i] != 0;
	return cost;
}

void kmm_arm(struct world *world, const struct kmm_action *action)
{
	world->fail_in = action->fail_in;
	memcpy(world->pauses_left, action->pause_in, sizeof(world->pauses_left));
	if (action->pause_in[0] | action->pause_in[1])
		memcpy(world->interference, action->other, sizeof(world->interference));
}

int kmm_took_place(const struct world *world, const struct kmm_action *action)
{
	u32 others = (action->pause_in[0] != 0) | (action->pause_in[1] != 0) << 1;

	return !(action->fail_in && world->fail_in) && world->interfered == others;
}

#define IS_ARMED(field)	(offsetof(struct world, field) >= KMM_ARMED_FROM &&		\
			 offsetof(struct world, field) +				\
			 sizeof(((struct world *)0)->field) <= KMM_ARMED_TO)
_Static_assert(IS_ARMED(current_task) && IS_ARMED(order_fault) && IS_ARMED(sleep_fault) &&
	       IS_ARMED(store_faults) && IS_ARMED(fail_in) && IS_ARMED(interfered) &&
	       IS_ARMED(pauses_left) && IS_ARMED(interference), "all that is written here");

void kmm_settle(struct world *world)
{
	world->trace_at = world->trace;
	world->current_task = world->tasks;
	world->order_fault = world->sleep_fault = world->store_faults = 0;
	world->fail_in = world->interfered = 0;
	memset(world->pauses_left, 0, sizeof(world->pauses_left));
	memset(world->interference, 0, sizeof(world->interference));
}

int kmm_in_scope(const struct world *world, const struct kmm_scope *scope)
{
	u32 vmas = 0, processes = 0, i;

	for (i = 0; i < world->size.vmas; i++)
		vmas += world->vmas[i].vm_end != 0;
	for (i = 0; i < world->size.mms; i++)
		processes += world->mms[i].mm_users != 0;
	return vmas <= scope->vmas && processes <= scope->processes;
}
