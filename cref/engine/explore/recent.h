/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Canonical hashes of worlds that were met lately, by the worlds as they lie in memory: half of all
 * transitions lead to one whose bytes were there shortly before, and need no walk through it.
 */
#ifndef KMM_ENGINE_RECENT_H
#define KMM_ENGINE_RECENT_H

#include "machine/world.h"

struct kmm_recent;

/*
 * For worlds of so many bytes; NULL without memory.  Lines from `first` to `last` are known late: the place of a
 * world does not depend on them.
 */
struct kmm_recent *kmm_recent_new(u64 bytes, u32 first, u32 last)
	__attribute__((visibility("hidden")));
void kmm_recent_free(struct kmm_recent *recent) __attribute__((visibility("hidden")));

/* As if nothing had been met. */
void kmm_recent_forget(struct kmm_recent *recent) __attribute__((visibility("hidden")));

/* Keys are made from this image's from now on. */
void kmm_recent_from(struct kmm_recent *recent, const u8 *image)
	__attribute__((visibility("hidden")));

/*
 * A world is met that is as that image but in these lines, and in some of those that are known late.  Its place
 * is fetched, so that it is better asked for a while later.
 */
void kmm_recent_meet(struct kmm_recent *recent, const void *world, const u16 *lines, u32 nr)
	__attribute__((visibility("hidden")));

/*
 * Where the hash of the world that was met stands, which is not as the image in these lines either, of those
 * that are known late.  *known: it is there; if not, who asks puts it there before the next question.
 */
u64 *kmm_recent_hash(struct kmm_recent *recent, const void *world, const u16 *lines, u32 nr,
		     int *known) __attribute__((visibility("hidden")));

#endif
