/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The canonical form of a world: words that are equal for two worlds if and
 * only if no operation can tell the one from the other.  What has a number
 * only because a pool gave it one (pages, anon_vmas, buffers, open files, swap
 * slots, processes, versions of contents) is renamed in the order in which it
 * is first met; docs/explorer.md says what is left out, and why.
 */
#ifndef KMM_ENGINE_CANONICAL_H
#define KMM_ENGINE_CANONICAL_H

#include "machine/world.h"

/* Vmas keep the slots they lie in: reclaim shows which of two comes first. */
#define KMM_CANONICAL_VMA_SLOTS	1u
/* What only properties look at is in the form: unwritten stores, failures of swap. */
#define KMM_CANONICAL_UNWRITTEN	2u
/* Another actor may act at a pause: what is visited in an order is in the form in that order. */
#define KMM_CANONICAL_PAUSES	4u

/* Room for one thread.  No pool may have more things than this. */
#define KMM_CANONICAL_MOST	255
#define KMM_CANONICAL_MMS	4

struct kmm_canonical;

/* NULL when there is no memory, or a pool is too large. */
KMM_EXPORT struct kmm_canonical *kmm_canonical_new(const struct world_size *size, u32 flags);
KMM_EXPORT void kmm_canonical_free(struct kmm_canonical *form);

/*
 * 128 bits of the form.  With several processes it is that of the order of
 * theirs which has the lowest hash.
 */
KMM_EXPORT void kmm_canonical_hash(struct kmm_canonical *form, const struct world *world,
				   u64 hash[2]);

/*
 * The same with processes in the order in which they lie.  `beside`: of a world
 * that is looked at together with the one before it, in the same block: a
 * version has the name that it got there.
 */
KMM_EXPORT void kmm_canonical_hash_as_is(struct kmm_canonical *form, const struct world *world,
					 int beside, u64 hash[2]);

/* The words themselves, good until the next call; their number in *nr. */
KMM_EXPORT const u64 *kmm_canonical_words(struct kmm_canonical *form, const struct world *world,
					  u32 *nr);

#endif
