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

/* Which source an event's line is of; a file that records events defines KMM_FILE. */
enum kmm_file {
	KMM_FILE_NONE,
	KMM_FILE_MACHINE,
	KMM_FILE_MM_RMAP,
	KMM_FILE_MM_PAGE_WRITEBACK,
	KMM_FILE_MM_MEMORY,
	KMM_FILE_MM_MMAP,
	KMM_FILE_MM_MPROTECT,
	KMM_FILE_FS_BUFFER,
	KMM_FILE_MAIL,
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

#define KMM_EVENT0(name, here) do {					\
		kmm_event(KMM_EVENT_##name, 0, here);			\
		barrier();						\
	} while (0)
#define KMM_EVENT1(name, here, a) do {					\
		u64 *word_ = kmm_event(KMM_EVENT_##name, 1, here);	\
		word_[0] = KMM_WORD(a);					\
		barrier();						\
	} while (0)
#define KMM_EVENT2(name, here, a, b) do {				\
		u64 *word_ = kmm_event(KMM_EVENT_##name, 2, here);	\
		word_[0] = KMM_WORD(a);					\
		word_[1] = KMM_WORD(b);					\
		barrier();						\
	} while (0)
#define KMM_EVENT3(name, here, a, b, c) do {				\
		u64 *word_ = kmm_event(KMM_EVENT_##name, 3, here);	\
		word_[0] = KMM_WORD(a);					\
		word_[1] = KMM_WORD(b);					\
		word_[2] = KMM_WORD(c);					\
		barrier();						\
	} while (0)
#define KMM_EVENT4(name, here, a, b, c, d) do {				\
		u64 *word_ = kmm_event(KMM_EVENT_##name, 4, here);	\
		word_[0] = KMM_WORD(a);					\
		word_[1] = KMM_WORD(b);					\
		word_[2] = KMM_WORD(c);					\
		word_[3] = KMM_WORD(d);					\
		barrier();						\
	} while (0)
#define KMM_EVENT5(name, here, a, b, c, d, e) do {			\
		u64 *word_ = kmm_event(KMM_EVENT_##name, 5, here);	\
		word_[0] = KMM_WORD(a);					\
		word_[1] = KMM_WORD(b);					\
		word_[2] = KMM_WORD(c);					\
		word_[3] = KMM_WORD(d);					\
		word_[4] = KMM_WORD(e);					\
		barrier();						\
	} while (0)

/*
 * A function of the machine that is one event and calls primitives itself
 * records its head first, so that the trace reads outside in, and fills the
 * result in when it is known.
 */
#define KMM_ENTER1(name, here, a) ({					\
		u64 *word_ = kmm_event(KMM_EVENT_##name, 2, here);	\
		word_[0] = KMM_WORD(a);					\
		word_[1] = 0;						\
		barrier();						\
		word_ + 1; })

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
