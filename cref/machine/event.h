/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events: every call of a primitive appends one to the trace.
 *
 *   trace   | head: id, words << 16 | word | word | ... | head | ...
 *   places  | file << 20 | line     |      |      | ... | ...
 *
 * The words are the arguments in their order and then the result.  Pointers
 * into the world stand as they are: halves run at one address.  An argument
 * through which a primitive hands something back is recorded as what came
 * back.  Where an event was recorded from is kept beside the trace and never
 * compared: it turns into a step by the anchors of the source.
 *
 * An event ends in a compiler barrier: without it, stores that precede an
 * oops may still be in registers when the oops ends the run.
 */
#ifndef KMM_MACHINE_EVENT_H
#define KMM_MACHINE_EVENT_H

#include "machine/outcome.h"
#include "machine/world.h"

enum kmm_event_id {
	KMM_EVENT_NONE,
#define EVENT(name, args, result, words) KMM_EVENT_##name,
#include "machine/events.def"
#undef EVENT
	NR_KMM_EVENTS
};

/* Which source an event's line is of. */
enum kmm_file {
#define SOURCE(number, name) number,
#include "machine/sources.def"
#undef SOURCE
	NR_KMM_FILES
};

#define KMM_PLACE_LINE_BITS	20
#define KMM_HERE		((u32)KMM_FILE << KMM_PLACE_LINE_BITS | (u32)__LINE__)

#define barrier()		__asm__ __volatile__("" ::: "memory")

/* Append the head of an event with room for `words` words, which the caller fills. */
static inline u64 *kmm_event(enum kmm_event_id id, u32 words, u32 here)
{
	struct world *world = kmm_world;
	u64 *at = world->trace_at;

	if (unlikely(at + 1 + words > world->trace_end))
		kmm_hang();
	world->trace_at = at + 1 + words;
	at[0] = (u64)id | (u64)words << 16;
	*(u64 *)((char *)at + world->place_distance) = here;
	return at + 1;
}

#define KMM_WORD(x)	((u64)(unsigned long)(x))

/* KMM_WORDS(a, b, c) is the words of up to nine arguments. */
#define KMM_WORDS_1(a)		KMM_WORD(a)
#define KMM_WORDS_2(a, ...)	KMM_WORD(a), KMM_WORDS_1(__VA_ARGS__)
#define KMM_WORDS_3(a, ...)	KMM_WORD(a), KMM_WORDS_2(__VA_ARGS__)
#define KMM_WORDS_4(a, ...)	KMM_WORD(a), KMM_WORDS_3(__VA_ARGS__)
#define KMM_WORDS_5(a, ...)	KMM_WORD(a), KMM_WORDS_4(__VA_ARGS__)
#define KMM_WORDS_6(a, ...)	KMM_WORD(a), KMM_WORDS_5(__VA_ARGS__)
#define KMM_WORDS_7(a, ...)	KMM_WORD(a), KMM_WORDS_6(__VA_ARGS__)
#define KMM_WORDS_8(a, ...)	KMM_WORD(a), KMM_WORDS_7(__VA_ARGS__)
#define KMM_WORDS_9(a, ...)	KMM_WORD(a), KMM_WORDS_8(__VA_ARGS__)
#define KMM_COUNT_OF(_1, _2, _3, _4, _5, _6, _7, _8, _9, n, ...) n
#define KMM_NR_OF(...)		KMM_COUNT_OF(__VA_ARGS__, 9, 8, 7, 6, 5, 4, 3, 2, 1)
#define KMM_PASTE_(a, b)	a##b
#define KMM_PASTE(a, b)		KMM_PASTE_(a, b)
#define KMM_WORDS(...)		KMM_PASTE(KMM_WORDS_, KMM_NR_OF(__VA_ARGS__))(__VA_ARGS__)

/*
 * Word by word and unrolled: a copy of the array as a whole would read it in
 * wider pieces than it was written in, and wait for each.
 */
static inline __attribute__((always_inline)) void kmm_words_out(u64 *at, const u64 *words,
								u32 count)
{
#define OUT(i) if (count > i) at[i] = words[i]
	OUT(0);
	OUT(1);
	OUT(2);
	OUT(3);
	OUT(4);
	OUT(5);
	OUT(6);
	OUT(7);
	OUT(8);
	OUT(9);
#undef OUT
}

#ifdef KMM_QUIET
#include "machine/quiet.h"
#else
/* An event with these words, the result last if it has one. */
#define KMM_EVENT(name, here, ...) do {					\
		const u64 words_[] = { KMM_WORDS(__VA_ARGS__) };	\
		u64 *at_ = kmm_event(KMM_EVENT_##name, KMM_NR_OF(__VA_ARGS__), here); \
		kmm_words_out(at_, words_, sizeof(words_) / sizeof(*words_)); \
		barrier();						\
	} while (0)
#define KMM_EVENT0(name, here) do {					\
		kmm_event(KMM_EVENT_##name, 0, here);			\
		barrier();						\
	} while (0)

/*
 * A function of the machine that is one event and calls primitives itself
 * records its head first, so that the trace reads outside in: KMM_ENTER gives
 * the place of its result, which KMM_GIVE fills in.
 */
#define KMM_ENTER(name, here, ...) ({					\
		const u64 words_[] = { KMM_WORDS(__VA_ARGS__), 0 };	\
		u64 *at_ = kmm_event(KMM_EVENT_##name, KMM_NR_OF(__VA_ARGS__) + 1, here); \
		kmm_words_out(at_, words_, sizeof(words_) / sizeof(*words_)); \
		barrier();						\
		at_ + KMM_NR_OF(__VA_ARGS__); })
#define KMM_GIVE(place, value) ({					\
		__typeof__(value) value_ = (value);			\
		*(place) = KMM_WORD(value_);				\
		barrier();						\
		value_; })

/* The head of an event whose words the caller fills in as they become known. */
#define KMM_BACK(name, words, here)	kmm_event(KMM_EVENT_##name, words, here)
#endif

/*
 * BUG_ON is the kernel's own way of saying that this cannot be: the run ends
 * there, and that it ended so is compared like any other result.
 */
#define BUG_ON(condition) do {						\
		if (unlikely(condition)) {				\
			KMM_EVENT0(BUG, KMM_HERE);			\
			kmm_bug();					\
		}							\
	} while (0)

#endif
