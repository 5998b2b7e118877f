/* SPDX-License-Identifier: GPL-2.0-only */
/* One call of one patched function: which, with what, and how it ended. */
#ifndef KMM_ENGINE_CALL_H
#define KMM_ENGINE_CALL_H

#include "engine/case.h"
#include "half.h"
#include "machine/outcome.h"

struct kmm_call {
	enum kmm_function function;
	unsigned int flags;
	int protect;
	u32 reserved;
	struct page *page;
	struct vm_area_struct *vma;
	struct address_space *mapping;
};

struct kmm_result {
	u32 outcome;		/* enum kmm_outcome */
	u32 fault_is_set;
	s64 ret;		/* KMM_RETURNED: the int, sign-extended */
	u64 fault;		/* KMM_OOPS: offset from NULL; KMM_STRAY: the address */
};

/* Does this half have the function? */
KMM_EXPORT int kmm_half_has(const struct kmm_half *half, enum kmm_function function);

/* Run something; whatever ends it, this returns. */
KMM_EXPORT void kmm_guarded(s64 (*run)(const void *context), const void *context,
			    struct kmm_result *result);

/* A call of a half, guarded so. */
KMM_EXPORT void kmm_guarded_call(const struct kmm_half *half, const struct kmm_call *call,
				 struct kmm_result *result);

/* The call alone, kept apart so that a profiler can count what is inside it. */
KMM_EXPORT s64 kmm_bare_call(const struct kmm_half *half, const struct kmm_call *call);

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
