/* SPDX-License-Identifier: GPL-2.0-only */
/* From a case to the world that it describes and the call that it makes. */
#ifndef KMM_ENGINE_BUILD_H
#define KMM_ENGINE_BUILD_H

#include "engine/call.h"
#include "machine/machine.h"

KMM_EXPORT extern const struct world_size kmm_case_world_size;

/* What all direct cases have in common: files, directories, page tables. */
KMM_EXPORT struct world *kmm_build_common(void *block);

/*
 * Fill a world that holds what kmm_build_common made, and nothing else.  Only
 * what case.def lists under "the world" is read.
 */
KMM_EXPORT void kmm_build_world(struct world *world, const struct kmm_case *c);

/* Then: units, arguments, locks held on entry, and the edits of a wild case. */
KMM_EXPORT void kmm_build_call(struct world *world, const struct kmm_case *c,
			       struct kmm_call *call);

/* Overwrite fields and arguments with what their types allow, legal or not. */
__attribute__((visibility("hidden")))
void kmm_build_wild(struct world *world, const struct kmm_case *c, struct kmm_call *call);

#endif
