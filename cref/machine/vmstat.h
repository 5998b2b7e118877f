/* SPDX-License-Identifier: GPL-2.0-only */
/* The counters of /proc/vmstat; the argument is the name of a field of page_state. */
#ifndef KMM_MACHINE_VMSTAT_H
#define KMM_MACHINE_VMSTAT_H

#include "machine/event.h"

#define KMM_COUNTER(name)	(offsetof(struct page_state, name) / sizeof(unsigned long))

static inline void kmm_move_page_state(u32 counter, int up, u32 here)
{
	unsigned long *value = (unsigned long *)&kmm_world->page_state + counter;

	if (up) {
		*value += 1;
		KMM_EVENT(inc_page_state, here, counter, *value);
	} else {
		*value -= 1;
		KMM_EVENT(dec_page_state, here, counter, *value);
	}
}

#define inc_page_state(name)	kmm_move_page_state(KMM_COUNTER(name), 1, KMM_HERE)
#define dec_page_state(name)	kmm_move_page_state(KMM_COUNTER(name), 0, KMM_HERE)

#endif
