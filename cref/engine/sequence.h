/* SPDX-License-Identifier: GPL-2.0-only */
/* Sequences of operations: what they are made of, and the world that they start from. */
#ifndef KMM_ENGINE_SEQUENCE_H
#define KMM_ENGINE_SEQUENCE_H

#include "engine/case.h"
#include "machine/operation.h"

#define KMM_SEQUENCE_OPERATIONS	32
#define KMM_SEQUENCE_FILES	3
#define KMM_SEQUENCE_KINDS	128	/* rows of the table of kinds of operation */
#define KMM_SEQUENCE_OTHER_PAUSES 31	/* that a second actor may begin at: all but the first one's */

/* Bytes throughout, as struct kmm_case. */
struct kmm_sequence {
#define CHOICE(name, limit)		u8 name;
#define CHOICES(name, count, limit)	u8 name[count];
#include "engine/sequence.def"
#undef CHOICE
#undef CHOICES
};
KMM_EXPORT extern const struct kmm_choice kmm_sequence_choices[];
KMM_EXPORT extern const u32 kmm_nr_sequence_choices;

KMM_EXPORT void kmm_sequence_decode(struct kmm_sequence *s, const u8 *bytes);
KMM_EXPORT void kmm_sequence_encode(u8 *bytes, const struct kmm_sequence *s);

KMM_EXPORT extern const struct world_size kmm_sequence_world_size;

/* What all sequences start from: three files that process 0 has open. */
KMM_EXPORT struct world *kmm_sequence_common(void *block);
/* Then: the files' kinds and sizes, limits, and what fails or interferes. */
KMM_EXPORT void kmm_sequence_world(struct world *world, const struct kmm_sequence *s);

/* What another actor does, by rows of the tables. */
KMM_EXPORT void kmm_make_interference(struct kmm_operation *operation, u32 kind, u32 actor,
				      const u8 *argument);

/* Operation number i. */
KMM_EXPORT void kmm_sequence_operation(const struct kmm_sequence *s, u32 i,
				       struct kmm_operation *operation);

/* Name of a kind of operation, and of its arguments. */
KMM_EXPORT const char *kmm_operation_name(u32 kind);
KMM_EXPORT const char *kmm_operation_arguments(u32 kind);

#endif
