// SPDX-License-Identifier: GPL-2.0-only
#include "engine/lend.h"
#include "half.h"
#include "machine/running.h"

const u32 kmm_core_abi = KMM_HALF_ABI;
const u32 kmm_abi_quiet = 1;

static const struct {
	const char *name;
	u32 offset, by_operations;
} functions[NR_KMM_FUNCTIONS] = {
#define DIRECT		0
#define OPERATIONS	1
#define HALF_FUNCTION(number, caller, result, name, arguments) \
	[number] = { #name, offsetof(struct kmm_half, name), caller },
#include "half.def"
#undef HALF_FUNCTION
};

const char *kmm_function_name(enum kmm_function function)
{
	return function < NR_KMM_FUNCTIONS ? functions[function].name : NULL;
}

int kmm_called_by_operations(enum kmm_function function)
{
	return function < NR_KMM_FUNCTIONS && functions[function].by_operations;
}

static void (**entry_of(struct kmm_half *half, enum kmm_function function))(void)
{
	return (void (**)(void))((char *)half + functions[function].offset);
}

int kmm_half_has(const struct kmm_half *half, enum kmm_function function)
{
	return function < NR_KMM_FUNCTIONS &&
	       *entry_of((struct kmm_half *)half, function) != NULL;
}

/* kmm_run_half says which half runs before it enters it. */
static void enter_both(struct world *world)
{
	const struct kmm_whole_half *whole = (const struct kmm_whole_half *)kmm_running_half;

	whole->lender->enter(world);
	whole->own->enter(world);
}

void kmm_make_whole(struct kmm_whole_half *whole, const struct kmm_half *own,
		    const struct kmm_half *lender)
{
	u32 i;

	whole->table = *own;
	whole->own = own;
	whole->lender = lender;
	whole->table.enter = enter_both;
	for (i = 0; i < NR_KMM_FUNCTIONS; i++)
		if (!kmm_half_has(own, i))
			*entry_of(&whole->table, i) = *entry_of((struct kmm_half *)lender, i);
}
