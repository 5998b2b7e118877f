// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "machine/event.h"
#include "machine/guard.h"
#include "machine/interfere.h"
#include "machine/lock.h"
#include "machine/operation.h"

#define KMM_FILE KMM_FILE_MACHINE

static __thread struct {
	void *image;
	u64 bytes;
} room __attribute__((tls_model("initial-exec")));

void kmm_interfere_room(void *image, u64 bytes)
{
	room.image = image;
	room.bytes = bytes;
}

static s64 act(const void *operation)
{
	return kmm_operate(operation);
}

/* Run it as another actor: it holds nothing, and what it takes it must give back. */
static u32 run_as_other(struct world *world, u32 other)
{
	const struct kmm_operation operation = world->interference[other];
	struct task_struct *task = world->current_task;
	u32 held_from = world->held_from, classes = world->held_classes;
	u32 pages_locked = world->pages_locked, irqs_disabled = world->irqs_disabled;
	struct kmm_result result;

	world->interfering = 1;
	world->paused_task = task;
	world->held_from = world->nr_held;
	world->held_classes = 0;
	world->pages_locked = 0;
	world->irqs_disabled = 0;
	world->current_task = &world->tasks[operation.actor % world->size.mms];
	kmm_guarded(act, &operation, &result);
	world->current_task = task;
	world->irqs_disabled = irqs_disabled;
	world->pages_locked = pages_locked;
	world->held_classes = classes;
	world->held_from = held_from;
	world->paused_task = NULL;
	world->interfering = 0;
	return result.outcome;
}

/* Apart, so that a pause at which nobody acts saves no registers: nearly all of them. */
static __attribute__((noinline)) void interfere(struct world *world, u32 other)
{
	const struct kmm_operation *operation = &world->interference[other];
	u64 *allowed, *end;
	u32 outcome;

	if (!room.image || room.bytes < world->used)
		return;
	allowed = KMM_ENTER(interference, KMM_HERE, operation->kind, operation->actor);
	end = world->trace_at;
	memcpy(room.image, world, world->used);
	outcome = run_as_other(world, other);
	if (outcome == KMM_LOCK_TWICE || outcome == KMM_HANG) {
		/* it would wait for the one that paused, or never come to an end: not now */
		memcpy(world, room.image, world->used);
		world->trace_at = end;
		return;
	}
	/* what ends in a BUG has acted too: a search counts only what did */
	world->interfered |= 1u << other;
	*allowed = 1;
	if (outcome != KMM_RETURNED)
		kmm_end(outcome);
}

/* One pause less for an other actor: is this the one at which it acts? */
static inline u32 count_down(struct world *world, u32 other)
{
	if (!world->pauses_left[other] || --world->pauses_left[other])
		return 0;
	if (world->pauses_more[other]) {
		world->pauses_more[other]--;
		world->pauses_left[other] = world->pause_every[other];
	}
	return 1u << other;
}

void kmm_pause_counted(void)
{
	struct world *world = kmm_world;
	u32 acting;

	if (world->interfering)
		return;
	/* both are counted before one acts: taking that back leaves the other's count as it is */
	acting = count_down(world, 0) | count_down(world, 1);
	if (acting & 1)
		interfere(world, 0);
	if (acting & 2)
		interfere(world, 1);
}
