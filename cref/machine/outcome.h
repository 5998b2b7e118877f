/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a run of a half ends.  All but "returned" leave the half by a jump to
 * the guard that started it (machine/guard.c).
 */
#ifndef KMM_MACHINE_OUTCOME_H
#define KMM_MACHINE_OUTCOME_H

enum kmm_outcome {
	KMM_RETURNED,
	KMM_BUG,		/* BUG_ON fired */
	KMM_OOPS,		/* a NULL pointer was followed */
	KMM_LOCK_TWICE,		/* a lock was taken that is held: the processor would spin for ever */
	KMM_LOCK_UNHELD,	/* a lock was dropped that is not held */
	KMM_LOCK_MANY,		/* more locks held at once than a world has room for */
	KMM_REFCOUNT,		/* a count went below zero */
	KMM_HANG,		/* the trace is full: the run does not end */
	KMM_STRAY,		/* a pointer was followed that is neither NULL nor into the world */
	NR_KMM_OUTCOMES
};

__attribute__((noreturn, cold, visibility("default"))) void kmm_end(enum kmm_outcome outcome);

static inline __attribute__((noreturn)) void kmm_bug(void)
{
	kmm_end(KMM_BUG);
}

static inline __attribute__((noreturn)) void kmm_hang(void)
{
	kmm_end(KMM_HANG);
}

#endif
