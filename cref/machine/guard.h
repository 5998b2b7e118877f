/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard: what a run that does not return jumps back to.  It turns BUGs,
 * misused locks and faults into outcomes.
 */
#ifndef KMM_MACHINE_GUARD_H
#define KMM_MACHINE_GUARD_H

#include "machine/outcome.h"
#include "machine/world.h"

struct kmm_result {
	u32 outcome;		/* enum kmm_outcome */
	u32 fault_is_set;
	s64 ret;		/* KMM_RETURNED: the int, sign-extended, or the pointer */
	u64 fault;		/* KMM_OOPS: offset from NULL; KMM_STRAY: the address */
};

/* Run something; whatever ends it, this returns. */
KMM_EXPORT void kmm_guarded(s64 (*run)(const void *context), const void *context,
			    struct kmm_result *result);

/*
 * Catch faults of halves, from here until the matching leave: process-wide.
 * Every thread that calls a half calls kmm_guard_thread first, which gives it
 * a signal stack, so that even a stack overflow ends as an outcome.
 */
KMM_EXPORT void kmm_guard_process(void);
KMM_EXPORT void kmm_unguard_process(void);
KMM_EXPORT int kmm_guard_thread(void);
KMM_EXPORT void kmm_unguard_thread(void);

#endif
