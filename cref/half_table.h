/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of a half, for who calls by it; a half itself includes half.h. */
#ifndef KMM_HALF_TABLE_H
#define KMM_HALF_TABLE_H

#include "machine/types.h"

struct world;
struct writeback_control;

struct kmm_half {
	u32 abi;			/* KMM_HALF_ABI: what the half was built against */
	u32 size;			/* of this table, in bytes */
	const char *name;
	void (*enter)(struct world *world);

	/* int (*is_shared_writable)(unsigned int flags); and so on: see half.def */
#define HALF_FUNCTION(number, caller, result, name, arguments) result (*name) arguments;
#include "half.def"
#undef HALF_FUNCTION
};

/*
 * KMM_ENTRY(f) gives a function of the kernel, static or not, the name
 * kmm_entry_f inside its half, so that half.c can put it into the table.
 */
#define KMM_ENTRY(function)						\
	extern __typeof__(function) kmm_entry_##function		\
	__attribute__((alias(#function), visibility("hidden")))

#endif
