// SPDX-License-Identifier: GPL-2.0-only
#include "machine/census.h"
#include "machine/property.h"
#include "machine/watch.h"

#define PROPERTY(group, name, units, looks_at, statement) \
	int kmm_holds_##name(const struct kmm_census *census);
#include "machine/property.def"
#undef PROPERTY

static const struct {
	const char *name, *statement;
	u32 units;
	int (*holds)(const struct kmm_census *census);
} properties[NR_KMM_PROPERTIES] = {
#define PROPERTY(group, name, units, looks_at, statement) { #name, statement, units, kmm_holds_##name },
#include "machine/property.def"
#undef PROPERTY
};

int kmm_holds_sleeping(const struct kmm_census *census)
{
	return !census->world->sleep_fault;
}

int kmm_holds_lock_order(const struct kmm_census *census)
{
	return !census->world->order_fault;
}

int kmm_holds_synced_writes(const struct kmm_census *census)
{
	return !(census->world->store_faults & KMM_FAULT_SYNCED);
}

int kmm_holds_msynced_writes(const struct kmm_census *census)
{
	return !(census->world->store_faults & KMM_FAULT_MSYNCED);
}

int kmm_holds_dirtied_pages(const struct kmm_census *census)
{
	return !(census->world->store_faults & KMM_FAULT_DIRTIED);
}

int kmm_holds_anonymous_pages(const struct kmm_census *census)
{
	return !(census->world->store_faults & KMM_FAULT_ANONYMOUS);
}

u32 kmm_broken(struct world *world, u32 mask)
{
	struct kmm_census_page pages[world->size.pages];
	struct kmm_census_mm mms[world->size.mms];
	u32 swap[world->size.swap_slots + 1];
	struct kmm_census census = { .world = world, .pages = pages, .mms = mms, .swap = swap };
	u32 broken = 0, left;

	__builtin_memset(pages, 0, sizeof(pages));
	__builtin_memset(mms, 0, sizeof(mms));
	__builtin_memset(swap, 0, sizeof(swap));
	kmm_take_census(&census);
	for (left = mask & KMM_PROPERTIES_ALL; left; left &= left - 1) {
		u32 i = (u32)__builtin_ctz(left);

		if (!properties[i].holds(&census))
			broken |= 1u << i;
	}
	return broken;
}

u32 kmm_broken_property(struct world *world)
{
	u32 broken = kmm_broken(world, KMM_PROPERTIES_ALWAYS);

	return broken ? (u32)__builtin_ctz(broken) : NR_KMM_PROPERTIES;
}

const char *kmm_property_name(u32 property)
{
	return property < NR_KMM_PROPERTIES ? properties[property].name : NULL;
}

const char *kmm_property_statement(u32 property)
{
	return property < NR_KMM_PROPERTIES ? properties[property].statement : NULL;
}

u32 kmm_property_units(u32 property)
{
	return property < NR_KMM_PROPERTIES ? properties[property].units : 0;
}
