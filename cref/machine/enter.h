/* SPDX-License-Identifier: GPL-2.0-only */
/* How a module is told which world its thread runs in. */
#ifndef KMM_MACHINE_ENTER_H
#define KMM_MACHINE_ENTER_H

#include "machine/world.h"

__attribute__((visibility("hidden"))) void kmm_enter(struct world *world);

#endif
