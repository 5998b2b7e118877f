/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interference: at a pause another actor performs world->interference[0], and
 * world->pauses_more[0] times again, with pause_every[0] pauses from one to the
 * next.  A second actor does the same by the second numbers.  Both count the
 * pauses of what is interfered with and not each other's; at a pause of both
 * they act one after the other.  What would have to wait for a lock that is
 * held, or would never end, does not happen at all.
 */
#ifndef KMM_MACHINE_INTERFERE_H
#define KMM_MACHINE_INTERFERE_H

#include "machine/world.h"

/*
 * Room for the image of a world, to take an interference back; this thread's.
 * Without it (NULL) pauses_left counts down and nothing happens.
 */
KMM_EXPORT void kmm_interfere_room(void *room, u64 bytes);

#endif
