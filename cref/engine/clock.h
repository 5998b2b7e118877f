/* SPDX-License-Identifier: GPL-2.0-only */
/* For loops that are timed. */
#ifndef KMM_ENGINE_CLOCK_H
#define KMM_ENGINE_CLOCK_H

#include <time.h>

#include "machine/types.h"

/* Nanoseconds of this thread alone: what others on this processor take is not counted. */
static inline u64 kmm_thread_time(void)
{
	struct timespec at;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
	return (u64)at.tv_sec * 1000000000u + (u64)at.tv_nsec;
}

/* What nobody reads is not computed; this reads it. */
static inline void kmm_used(const void *pointer)
{
	__asm__ __volatile__("" : : "r"(pointer) : "memory");
}

#endif
