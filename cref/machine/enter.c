// SPDX-License-Identifier: GPL-2.0-only
/* Linked into every module that includes the machine: the module's own current world. */
#include "machine/enter.h"

__thread struct world *kmm_world;

void kmm_enter(struct world *world)
{
	kmm_world = world;
}
