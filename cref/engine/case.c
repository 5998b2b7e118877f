// SPDX-License-Identifier: GPL-2.0-only
#include "engine/case.h"
#include "engine/choices.h"

#define CHOICES_STRUCT	kmm_case
#define CHOICES_FILE	"engine/case.def"
#define CHOICES_TABLE	kmm_choices
#define CHOICES_COUNT	kmm_nr_choices
#include "engine/choice_table.h"

void kmm_decode_range(struct kmm_case *c, const u8 *bytes, u32 from, u32 to)
{
	kmm_decode_bytes((u8 *)c + from, bytes + from, (const u16 *)&limits + from, to - from);
}

void kmm_decode(struct kmm_case *c, const u8 *bytes)
{
	kmm_decode_range(c, bytes, 0, sizeof(*c));
}

void kmm_encode(u8 *bytes, const struct kmm_case *c)
{
	kmm_encode_bytes(bytes, (const u8 *)c, (const u16 *)&limits, sizeof(*c));
}
