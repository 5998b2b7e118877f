/* SPDX-License-Identifier: GPL-2.0-only */
/* Properties: statements about worlds, and runs, that should hold between any two operations. */
#ifndef KMM_MACHINE_PROPERTY_H
#define KMM_MACHINE_PROPERTY_H

#include "machine/world.h"

enum kmm_property {
#define PROPERTY(group, name, units, looks_at, statement) KMM_PROPERTY_##name,
#include "machine/property.def"
#undef PROPERTY
	NR_KMM_PROPERTIES
};

/* A set of properties is a word: bit 1 << number. */
_Static_assert(NR_KMM_PROPERTIES <= 32, "a set of properties is a word");
enum kmm_property_group {
	KMM_PROPERTIES_ALWAYS = 0
#define ALWAYS(name)	| 1u << KMM_PROPERTY_##name
#define JUDGED(name)
#define PROPERTY(group, name, units, looks_at, statement) group(name)
#include "machine/property.def"
#undef ALWAYS
#undef JUDGED
	,
	KMM_PROPERTIES_JUDGED = 0
#define ALWAYS(name)
#define JUDGED(name)	| 1u << KMM_PROPERTY_##name
#include "machine/property.def"
#undef PROPERTY
#undef ALWAYS
#undef JUDGED
};
/* Those that look at stores that the disk does not hold yet. */
enum kmm_property_stores {
	KMM_PROPERTIES_OF_STORES = 0
#define STATE(name)
#define STORES(name)	| 1u << KMM_PROPERTY_##name
#define PROPERTY(group, name, units, looks_at, statement) looks_at(name)
#include "machine/property.def"
#undef PROPERTY
#undef STATE
#undef STORES
};
_Static_assert(NR_KMM_PROPERTIES <= 32, "a set of properties is a word of 32 bits");
#define KMM_PROPERTIES_ALL	((u32)KMM_PROPERTIES_ALWAYS | (u32)KMM_PROPERTIES_JUDGED)

/* Has the run that led to a world broken a rule that the world itself does not show? */
static inline int kmm_run_broke_rules(const struct world *world)
{
	return (world->order_fault | world->sleep_fault | world->store_faults) != 0;
}

/*
 * Those of `mask` that do not hold of a world between two operations; 0: all
 * hold.  Others are not looked at, and the world is left as it is.
 */
KMM_EXPORT u32 kmm_broken(struct world *world, u32 mask);
/* The number of the first that should hold always and does not, or NR_KMM_PROPERTIES. */
KMM_EXPORT u32 kmm_broken_property(struct world *world);
/* What vm_committed_space ought to be. */
s64 kmm_committed_pages(struct world *world);
/* What nr_dirty ought to be. */
u64 kmm_dirty_pages(struct world *world);
/* By its number; NULL or 0 for one that is none. */
KMM_EXPORT const char *kmm_property_name(u32 property);
KMM_EXPORT const char *kmm_property_statement(u32 property);
KMM_EXPORT u32 kmm_property_units(u32 property);

#endif
