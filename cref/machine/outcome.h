/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a run of a half ends.  All but "returned" leave the half by a jump to
 * the guard that started it (machine/guard.c).
 */
#ifndef KMM_MACHINE_OUTCOME_H
#define KMM_MACHINE_OUTCOME_H

enum kmm_outcome {
#define OUTCOME(number, words) number,
#include "machine/outcomes.def"
#undef OUTCOME
	NR_KMM_OUTCOMES
};

/* In words, or NULL. */
__attribute__((visibility("default"))) const char *kmm_outcome_words(enum kmm_outcome outcome);

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
