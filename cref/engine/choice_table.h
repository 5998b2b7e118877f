/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The choices of one kind of case as tables: their names for who asks, and the
 * limit of every byte, in the order of the bytes.  Included once by the file of
 * that kind, which says what it is about:
 *
 *   CHOICES_STRUCT   the struct that has a byte for each choice
 *   CHOICES_FILE     the list of the choices
 *   CHOICES_TABLE    what the table of names is called, and
 *   CHOICES_COUNT    how many rows it has
 */
const struct kmm_choice CHOICES_TABLE[] = {
#define CHOICE(name, limit)	{ #name, offsetof(struct CHOICES_STRUCT, name), 1, limit },
#define CHOICES(name, count, limit) \
	{ #name, offsetof(struct CHOICES_STRUCT, name), count, limit },
#include CHOICES_FILE
#undef CHOICE
#undef CHOICES
};
const u32 CHOICES_COUNT = sizeof(CHOICES_TABLE) / sizeof(CHOICES_TABLE[0]);

static const struct {
#define CHOICE(name, limit)		u16 name;
#define CHOICES(name, count, limit)	u16 name[count];
#include CHOICES_FILE
#undef CHOICE
#undef CHOICES
} limits = {
#define CHOICE(name, limit)		.name = (limit),
#define CHOICES(name, count, limit)	.name = { [0 ... (count) - 1] = (limit) },
#include CHOICES_FILE
#undef CHOICE
#undef CHOICES
};

_Static_assert(sizeof(limits) == 2 * sizeof(struct CHOICES_STRUCT), "one limit for each byte");
