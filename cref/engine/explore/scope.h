/* SPDX-License-Identifier: GPL-2.0-only */
/* What is explored: a start world, and what is tried from every world. */
#ifndef KMM_ENGINE_SCOPE_H
#define KMM_ENGINE_SCOPE_H

#include "half_table.h"
#include "machine/operation.h"
#include "machine/world.h"

#define KMM_SCOPE_FILES	3
#define KMM_SCOPE_WORDS	64

struct kmm_scope_file {
	u32 kind;		/* of enum kmm_file_kind */
	u32 pages;
	u32 block_shift;	/* log2 of the bytes of a block */
};

/* A word of the start that is not as usual: set to `low` and `high`, or with these bits as well. */
struct kmm_scope_word {
	u32 offset;		/* bytes from the start of the world */
	u32 bytes;
	u32 more;
	u32 low, high;
};

/* Words throughout: a digest is made of it. */
struct kmm_scope {
	struct world_size size;
	u32 files;
	struct kmm_scope_file file[KMM_SCOPE_FILES];
	u32 units;
	u32 vmas;		/* a world with more is outside */
	u32 processes;		/* the same */
	u32 properties;		/* mask of those that are looked at */
	u32 form;		/* flags of the canonical form */
	u32 words;
	struct kmm_scope_word word[KMM_SCOPE_WORDS];
};

/*
 * One thing that is tried.  With `fail_in` or `pause_in` it counts only where
 * that allocation fails, or where each other actor's operation takes place at
 * its pause.
 */
struct kmm_action {
	struct kmm_operation operation;
	struct kmm_operation other[KMM_OTHER_ACTORS];
	u32 fail_in;
	u32 pause_in[KMM_OTHER_ACTORS];
};

/*
 * Turn a world of scope->size, just made, into the start: process 0, and the
 * files, whose sectors on disk hold 1, 2, ... one file after the other.
 */
KMM_EXPORT void kmm_scope_start(struct world *world, const struct kmm_scope *scope);

/* Operations of an action, those of all actors. */
u32 kmm_action_cost(const struct kmm_action *action);
/* Before an action: what its allocation and its pause need; after one: nothing of a run is left. */
void kmm_arm(struct world *world, const struct kmm_action *action);
void kmm_settle(struct world *world);
/* What these two write, but for trace_at, lies between these bytes of a world. */
#define KMM_ARMED_FROM	offsetof(struct world, order_fault)
#define KMM_ARMED_TO	offsetof(struct world, operating)
#define KMM_FIRST_ARMED	((u32)(KMM_ARMED_FROM / KMM_WORLD_ALIGN))	/* lines: engine/lines.h */
#define KMM_LAST_ARMED	((u32)((KMM_ARMED_TO - 1) / KMM_WORLD_ALIGN))
/* After a run and before kmm_settle: did what the action was armed with take place? */
int kmm_took_place(const struct world *world, const struct kmm_action *action);
/* Does the world have no more vmas and processes than the scope? */
int kmm_in_scope(const struct world *world, const struct kmm_scope *scope);

#endif
