/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A half that calls another one, notes each call that the machine makes of the
 * functions that clean a page, and can undo what one of those calls did before
 * the machine goes on: so a run is done once more as it would have been without
 * one step.  pykmm/review/mechanisms.py says which step that is.
 */
#ifndef KMM_ENGINE_UNDO_H
#define KMM_ENGINE_UNDO_H

#include "engine/case.h"
#include "half.h"

#define KMM_MOST_NOTED	64u

/* Words of the trace that a call wrote are those from `from` up to `to`; 0: it never returned. */
struct kmm_noted_call {
	u32 function;			/* enum kmm_function */
	u32 page;			/* its number */
	u64 from, to;
};

enum kmm_undo_what {
	KMM_UNDO_PTE,			/* the pte at `address` gets the bits of `value`, if it maps that page */
	KMM_UNDO_PAGE,			/* set_page_dirty of the page at `address` */
	NR_KMM_UNDO
};

struct kmm_undo {
	u32 call;			/* its number, from 0: the undoing comes when it returns */
	u32 what;			/* enum kmm_undo_what */
	u64 address;
	u64 value;
};

/* One operation's: calls are noted, and those of `undo` undone. */
struct kmm_undoing {
	const struct kmm_half *half;	/* that is called */
	struct kmm_noted_call calls[KMM_MOST_NOTED];
	u32 nr_calls;			/* may be more than were noted */
	u32 nr_undo;
	const struct kmm_undo *undo;
	u32 undone;			/* of them, how many */
	u32 reserved;
};

/*
 * The table to run, for this thread and until the next call of this: `undoing`
 * is used by it, and starts with nr_calls and undone 0 at each operation.
 */
KMM_EXPORT const struct kmm_half *kmm_undoing_half(struct kmm_undoing *undoing);

#endif
