/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interference: at a pause another actor performs world->interference, and
 * world->pauses_more times again, with pause_every pauses from one to the next.
 * If it would have to wait for a lock that is held, or would never end,
 * it does not happen at all.
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
