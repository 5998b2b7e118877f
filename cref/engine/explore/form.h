/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside of the canonical form: names, the queue of what was met, and words put out. */
#ifndef KMM_ENGINE_EXPLORE_FORM_H
#define KMM_ENGINE_EXPLORE_FORM_H

#include "engine/explore/canonical.h"
#include "machine/file.h"
#include "machine/pgtable.h"
#include "machine/swap.h"

#define UNMET		0xFFu
#define NOWHERE		0xFEu		/* the name of what a stray pointer leads to */
#define NOBODY		0xFDu		/* and of NULL */
#define NR_VERSIONS	0x10000u
#define NR_TAG_BITS	RADIX_TREE_MAX_TAGS

enum kind { PAGE, VMA, ANON_VMA, BUFFER, OPEN_FILE, SWAP_SLOT, NR_KINDS };

/* Names of one kind of thing by their numbers. */
struct names {
	u8 of[KMM_CANONICAL_MOST + 1];
	u32 count, used;
};

struct kmm_canonical {
	const struct world *world;
	u32 flags;
	u32 beside;			/* versions keep the names that the last walk gave */
	u32 nr;
	u32 walk;			/* of which version_walk[] tells */
	u32 versions;			/* named so far */
	u32 met, told;			/* in the queue, and of those, whose words are out */
	struct names names[NR_KINDS];
	struct { u8 kind, number; } queue[NR_KINDS * (KMM_CANONICAL_MOST + 1)];
	u8 waiting[KMM_CANONICAL_MOST + 1];	/* page: how often in each pagevec, 4 bits each */
	u8 mapped_by[KMM_CANONICAL_MOST + 1];	/* vma: whose tree (1 and on) or list (129 and on) */
	u8 file_order[KMM_CANONICAL_MOST + 1];	/* vma: which one it is there */
	u32 version_walk[NR_VERSIONS];
	u16 version_name[NR_VERSIONS];
	u64 *words, *best;
	u32 best_nr;
};

static inline u64 two(u32 high, u32 low)
{
	return (u64)high << 32 | low;
}

/* The number of what a pointer into an array leads to; `count` and `count` + 1: NULL, stray. */
static inline u32 number_of(const void *pointer, const void *array, u64 stride, u32 count)
{
	u64 distance = (u64)((const char *)pointer - (const char *)array);

	if (distance < stride * count && distance % stride == 0)
		return (u32)(distance / stride);
	return pointer ? count + 1 : count;
}

#define NUMBER(form, array, pointer, many) \
	number_of(pointer, (form)->world->array, sizeof(*(form)->world->array), \
		  (form)->world->size.many)

/* The name of a thing by its number, made and queued at the first time. */
static inline u32 name(struct kmm_canonical *form, enum kind kind, u32 number)
{
	struct names *names = &form->names[kind];

	if (number >= names->count)
		return number == names->count ? NOBODY : NOWHERE;
	if (names->of[number] == UNMET) {
		names->of[number] = (u8)names->used++;
		form->queue[form->met].kind = (u8)kind;
		form->queue[form->met++].number = (u8)number;
	}
	return names->of[number];
}

#define PAGE_NAME(form, page)	name(form, PAGE, NUMBER(form, pages, page, pages))
#define VMA_NAME(form, vma)	name(form, VMA, NUMBER(form, vmas, vma, vmas))
#define ANON_NAME(form, anon)	name(form, ANON_VMA, NUMBER(form, anon_vmas, anon, anon_vmas))
#define BUFFER_NAME(form, bh)	name(form, BUFFER, NUMBER(form, buffers, bh, buffers))
#define FILE_NAME(form, file)	name(form, OPEN_FILE, NUMBER(form, files, file, files))

static inline u32 swap_name(struct kmm_canonical *form, unsigned long entry)
{
	u32 count = form->names[SWAP_SLOT].count;

	return name(form, SWAP_SLOT, entry < count ? (u32)entry : count + 1);
}

/* Tables of operations lie outside: their distance from one of them is the same in any process. */
static inline u64 table_word(const void *table)
{
	return table ? (u64)((const char *)table - (const char *)&kmm_generic_vm_ops) : 1;
}

/* 0 is zeroes, and garbage is what nobody wrote: these two are what they are. */
static inline u64 version_name(struct kmm_canonical *form, u16 version)
{
	if (version == 0 || version == KMM_GARBAGE)
		return version;
	if (form->version_walk[version] != form->walk) {
		form->version_walk[version] = form->walk;
		form->version_name[version] = (u16)++form->versions;
	}
	return form->version_name[version];
}

/* `which`: bits of the sectors that mean anything. */
static inline u64 versions_word(struct kmm_canonical *form, const u16 *versions, u32 which)
{
	u64 word = 0, all;
	u32 i;

	_Static_assert(sizeof(all) == KMM_SECTORS * sizeof(*versions), "all of a page");
	__builtin_memcpy(&all, versions, sizeof(all));
	/* most of a disk is zeroes */
	for (i = 0; all && i < KMM_SECTORS; i++)
		if (which >> i & 1)
			word |= version_name(form, versions[i]) << 16 * i;
	return word;
}

static inline const struct radix_tree_slot *slots_of(const struct world *world, u32 mapping)
{
	return world->slots + (u64)mapping * world->size.slots;
}

/* The slot of swapper_space's tree for an entry, or NULL. */
const struct radix_tree_slot *kmm_swap_cache_at(const struct world *world, u32 entry)
	__attribute__((visibility("hidden")));
/* Puts the words of what is in the queue at `at`, until it is empty; where the next ones go. */
u64 *kmm_tell_queued(struct kmm_canonical *form, u64 *at) __attribute__((visibility("hidden")));
/* The word of a pte: its frame or slot of swap by name. */
u64 kmm_pte_word(struct kmm_canonical *form, pte_t pte) __attribute__((visibility("hidden")));

#endif
