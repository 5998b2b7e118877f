/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KMM_HALF_ABI: a number for the form of worlds, events and the table of halves.
 * Names, offsets, sizes and places in the order go into it, so that it changes whenever
 * one of them does.  It is a constant of the compiler: a file of it could be older than what it tells of.
 */
#ifndef KMM_HALF_ABI_H
#define KMM_HALF_ABI_H

#include "half_table.h"
#include "machine/layout.h"

/* Whoever includes this may have macros of these names. */
#pragma push_macro("STRUCT")
#pragma push_macro("FIELD")
#pragma push_macro("END")
#pragma push_macro("EVENT")
#undef STRUCT
#undef FIELD
#undef END
#undef EVENT

/* Text as numbers: a character, eight of them, the first 64; beyond its end there are zeroes. */
#define KMM_ABI_1(text, i)	((u64)(unsigned char)(text)[(i) < sizeof(text) ? (i) : 0] * \
				 ((i) < sizeof(text)))
#define KMM_ABI_4(text, i)	(KMM_ABI_1(text, i) | KMM_ABI_1(text, (i) + 1) << 8 | \
				 KMM_ABI_1(text, (i) + 2) << 16 | KMM_ABI_1(text, (i) + 3) << 24)
#define KMM_ABI_8(text, i)	(KMM_ABI_4(text, i) | KMM_ABI_4(text, (i) + 4) << 32)
#define KMM_ABI_K		0x9E3779B97F4A7C15ull
#define KMM_ABI_FOLD(sum, text, i)	(((sum) ^ KMM_ABI_8(text, i)) * KMM_ABI_K)
#define KMM_ABI_64(text, at)							\
	KMM_ABI_FOLD(KMM_ABI_FOLD(KMM_ABI_FOLD(KMM_ABI_FOLD(			\
	KMM_ABI_FOLD(KMM_ABI_FOLD(KMM_ABI_FOLD(KMM_ABI_FOLD(KMM_ABI_K,	\
		text, at), text, (at) + 8), text, (at) + 16), text, (at) + 24),	\
		text, (at) + 32), text, (at) + 40), text, (at) + 48), text, (at) + 56)
#define KMM_ABI_MOST		192	/* characters of a text, all of which are looked at */
#define KMM_ABI_TEXT(text)	(KMM_ABI_64(text, 0) + KMM_ABI_64(text, 64) * 3 + \
				 KMM_ABI_64(text, 128) * 5)

#define EVENT(name, args, result, words) \
	_Static_assert(sizeof(#name "(" args ")" result) <= 128, #name);
#include "machine/events.def"
#undef EVENT
#define HALF_FUNCTION(number, caller, result, name, arguments) \
	_Static_assert(sizeof(#result #name #arguments) <= KMM_ABI_MOST, #name);
#include "half.def"
#undef HALF_FUNCTION

#ifdef KMM_QUIET
#define KMM_ABI_QUIET	1u
#else
#define KMM_ABI_QUIET	0u
#endif

/* What is summed up is a name, times an odd number for where it is. */
#define KMM_ABI_ODD(n)	(2 * (u64)(n) + 1)

/*
 * A macro cannot include, so this is a name.  What may stand in an initializer is not the same
 * to all: gcc takes a constant variable whose value it knows, and clang an enumerator.
 */
#ifdef __clang__
enum {
	KMM_HALF_ABI = (u32)
#else
static const u32 KMM_HALF_ABI __attribute__((unused)) = (u32)
#endif
	((0
#define STRUCT(name)
#define END(name)	+ KMM_ABI_64(#name, 0) * KMM_ABI_ODD(sizeof(KIND_##name))
#define FIELD(name, field, form)						\
	+ KMM_ABI_64(#name "." #field ":" #form, 0) *				\
	  KMM_ABI_ODD(offsetof(KIND_##name, field) << 20 |			\
		      sizeof(((KIND_##name *)0)->field))
#include "machine/layout.def"
#undef STRUCT
#undef FIELD
#undef END
#define EVENT(name, args, result, words)					\
	+ (KMM_ABI_64(#name "(" args ")" result, 0) +				\
	   KMM_ABI_64(#name "(" args ")" result, 64) * 3) *			\
	  KMM_ABI_ODD(KMM_EVENT_##name << 8 | (words))
#include "machine/events.def"
#undef EVENT
#define HALF_FUNCTION(number, caller, result, name, arguments)			\
	+ KMM_ABI_TEXT(#result #name #arguments) *				\
	  KMM_ABI_ODD(offsetof(struct kmm_half, name))
#include "half.def"
#undef HALF_FUNCTION
	) * KMM_ABI_K >> 33 << 1 | KMM_ABI_QUIET)
#ifdef __clang__
};
#else
	;
#endif

#pragma pop_macro("STRUCT")
#pragma pop_macro("FIELD")
#pragma pop_macro("END")
#pragma pop_macro("EVENT")

#endif
