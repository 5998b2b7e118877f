// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <alloca.h>
#include <string.h>
#include <time.h>

#include "engine/timing.h"
#include "machine/interfere.h"
#include "machine/running.h"

#define PAGE	4096u
#define LINE	64u

/* The clock that nobody sets or slews. */
static u64 now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC_RAW, &at);
	return (u64)at.tv_sec * 1000000000u + (u64)at.tv_nsec;
}

static u64 do_nothing(void)
{
	return 0;
}

/* Callers of a function that takes no arguments may well pass some: they go in registers. */
static const struct kmm_half idle_half = {
	.is_shared_writable = (void *)do_nothing,
	.follow_page = (void *)do_nothing,
	.do_wp_page = (void *)do_nothing,
	.do_no_page = (void *)do_nothing,
	.do_mmap_pgoff = (void *)do_nothing,
	.do_brk = (void *)do_nothing,
	.mprotect_fixup = (void *)do_nothing,
	.do_writepages = (void *)do_nothing,
	.test_clear_page_dirty = (void *)do_nothing,
	.clear_page_dirty_for_io = (void *)do_nothing,
	.page_mkclean_one = (void *)do_nothing,
	.page_mkclean_file = (void *)do_nothing,
	.page_mkclean = (void *)do_nothing,
	.try_to_free_buffers = (void *)do_nothing,
};

void kmm_timed_start(struct kmm_timed *timed)
{
	memcpy(timed->world, timed->image, timed->state_bytes);
}

struct steps_of_half {
	const struct kmm_timed *timed;
	const struct kmm_half *half;
};

static s64 run_steps(const void *context)
{
	const struct steps_of_half *run = context;
	const struct kmm_timed *timed = run->timed;
	u32 i;

	for (i = 0; i < timed->nr_steps; i++) {
		const struct kmm_step *step = &timed->steps[i];

		timed->returns[i] = step->is_call ? kmm_bare_call(run->half, &step->call)
						  : kmm_operate(&step->operation);
	}
	return i;
}

static void enter(const struct kmm_timed *timed, const struct kmm_half *half)
{
	kmm_interfere_room(timed->room, timed->state_bytes);
	kmm_run_half(half, timed->world);
}

void kmm_timed_run(struct kmm_timed *timed, const struct kmm_half *half,
		   struct kmm_result *result)
{
	const struct steps_of_half run = { timed, half };

	kmm_timed_start(timed);
	memset(timed->returns, 0, timed->nr_steps * sizeof(*timed->returns));
	enter(timed, half);
	kmm_guarded(run_steps, &run, result);
}

u64 kmm_timed_room(u64 state_bytes, u32 nr_steps)
{
	u64 lists = nr_steps * sizeof(struct kmm_step) +
		    state_bytes / sizeof(u64) * sizeof(struct kmm_put_back);

	return (lists / PAGE + 2) * PAGE;
}

/* The lines of a page, as bits, that hold changed words; in any page of the world. */
static u64 changed_lines(const struct kmm_timed *timed)
{
	u64 lines = 0, i;

	for (i = 0; i < timed->nr_changed; i++)
		lines |= 1ull << ((unsigned long)timed->changed[i].at % PAGE / LINE);
	return lines;
}

/* The first of so many lines in a row that are free, or 0 if there are none. */
static u32 free_lines(u64 taken, u64 wanted)
{
	u64 free = 0;
	u32 line;

	for (line = 0; line < PAGE / LINE; line++) {
		free = taken >> line & 1 ? 0 : free + 1;
		if (free == wanted)
			return line + 1 - wanted;
	}
	return 0;
}

/*
 * A load from an address that agrees in its last 12 bits with that of a store
 * before it waits for the store, and at times all that followed is done again.
 */
static void lay_lists_aside(struct kmm_timed *timed)
{
	u64 steps = timed->nr_steps * sizeof(*timed->steps);
	u64 words = timed->nr_changed * sizeof(*timed->changed);
	u32 line = free_lines(changed_lines(timed), (steps + words) / LINE + 2);
	u8 *at = timed->room_for_lists + line * LINE;

	memmove(at + steps, timed->changed, words);
	memmove(at, timed->steps, steps);
	timed->steps = (struct kmm_step *)at;
	timed->changed = (struct kmm_put_back *)(at + steps);
}

void kmm_timed_learn(struct kmm_timed *timed)
{
	u64 *state = (u64 *)timed->world;
	const u64 *before = (const u64 *)timed->image;
	u64 i;

	memmove(timed->room_for_lists, timed->steps, timed->nr_steps * sizeof(*timed->steps));
	timed->steps = (struct kmm_step *)timed->room_for_lists;
	timed->changed = (struct kmm_put_back *)(timed->steps + timed->nr_steps);
	timed->nr_changed = 0;
	for (i = 0; i < timed->state_bytes / sizeof(*state); i++)
		if (state[i] != before[i])
			timed->changed[timed->nr_changed++] =
				(struct kmm_put_back) { &state[i], before[i] };
	lay_lists_aside(timed);
}

static inline void put_back(const struct kmm_timed *timed)
{
	u64 i;

	for (i = 0; i < timed->nr_changed; i++)
		*timed->changed[i].at = timed->changed[i].value;
	/* all of it in memory before anything is called */
	__asm__ __volatile__("" ::: "memory");
}

static __attribute__((noinline)) u64 time_steps(const struct kmm_timed *timed,
						const struct kmm_half *half, u64 rounds)
{
	u64 start, round;
	u32 i;

	enter(timed, half);
	start = now();
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < timed->nr_steps; i++) {
			const struct kmm_step *step = &timed->steps[i];

			if (step->is_call)
				kmm_bare_call(half, &step->call);
			else
				kmm_operate(&step->operation);
		}
		put_back(timed);
	}
	return now() - start;
}

/*
 * A processor takes a load for one of an earlier store if their addresses
 * agree in the last 12 bits.  Whether that happens to the stack is left to
 * whoever times, and not to where the stack of this process begins.
 */
u64 kmm_time_steps(const struct kmm_timed *timed, const struct kmm_half *half, u64 rounds)
{
	unsigned long frame = (unsigned long)__builtin_frame_address(0) - timed->stack_at;
	volatile u8 *moved = alloca((frame & (PAGE - 1)) + 1);

	*moved = 0;
	return time_steps(timed, half, rounds);
}

u64 kmm_time_idle(const struct kmm_timed *timed, u64 rounds)
{
	u64 start, round;
	u32 i;

	start = now();
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < timed->nr_steps; i++)
			if (timed->steps[i].is_call)
				kmm_bare_call(&idle_half, &timed->steps[i].call);
		put_back(timed);
	}
	return now() - start;
}

u64 kmm_time_yardstick(u64 rounds)
{
	u32 table[256];
	u64 start, round, x = 1;
	u32 i;

	for (i = 0; i < 256; i++)
		table[i] = i * 167 + 13;
	start = now();
	/* loads that wait for each other, some arithmetic, stores: as the functions are made of */
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < 32; i++) {
			x = x * 6364136223846793005u + table[x >> 56];
			table[i] = (u32)(x >> 32);
		}
		__asm__ __volatile__("" : : "r"(x) : "memory");
	}
	return now() - start;
}
