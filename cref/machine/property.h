/* SPDX-License-Identifier: GPL-2.0-only */
/* Properties: statements about worlds that hold between any two operations. */
#ifndef KMM_MACHINE_PROPERTY_H
#define KMM_MACHINE_PROPERTY_H

#include "machine/world.h"

enum kmm_property {
#define PROPERTY(name, statement) KMM_PROPERTY_##name,
#include "machine/property.def"
#undef PROPERTY
	NR_KMM_PROPERTIES
};

/* Its number, or NR_KMM_PROPERTIES if all hold; the world is left as it is. */
KMM_EXPORT u32 kmm_broken_property(struct world *world);
/* What vm_committed_space ought to be. */
s64 kmm_committed_pages(struct world *world);
/* What nr_dirty ought to be. */
u64 kmm_dirty_pages(struct world *world);
KMM_EXPORT const char *kmm_property_name(u32 property);
KMM_EXPORT const char *kmm_property_statement(u32 property);

#endif
