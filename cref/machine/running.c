// SPDX-License-Identifier: GPL-2.0-only
#include "machine/running.h"

__thread const struct kmm_half *kmm_running_half;

void kmm_run_half(const struct kmm_half *half, struct world *world)
{
	kmm_running_half = half;
	kmm_core_enter(world);
	half->enter(world);
}
