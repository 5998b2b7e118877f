/* SPDX-License-Identifier: GPL-2.0-only */
/* One call of one patched function: which, with what, and how it ended. */
#ifndef KMM_ENGINE_CALL_H
#define KMM_ENGINE_CALL_H

#include "engine/case.h"
#include "half.h"
#include "machine/guard.h"

struct kmm_call {
	enum kmm_function function;
	unsigned int flags;
	int protect;
	u32 reserved;
	unsigned long address;
	struct page *page;
	struct vm_area_struct *vma;
	struct address_space *mapping;
};

/* Does this half have the function? */
KMM_EXPORT int kmm_half_has(const struct kmm_half *half, enum kmm_function function);

/* A call under the guard: whatever ends it, this returns. */
KMM_EXPORT void kmm_guarded_call(const struct kmm_half *half, const struct kmm_call *call,
				 struct kmm_result *result);

/* The call alone, kept apart so that a profiler can count what is inside it. */
KMM_EXPORT s64 kmm_bare_call(const struct kmm_half *half, const struct kmm_call *call);

#endif
