/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The half that runs: actors of the machine call the patched functions only
 * through its table.  HALF(do_wp_page)(mm, ...).
 */
#ifndef KMM_MACHINE_RUNNING_H
#define KMM_MACHINE_RUNNING_H

#include "half_table.h"
#include "machine/world.h"

extern __thread const struct kmm_half *kmm_running_half
	__attribute__((visibility("hidden"), tls_model("initial-exec")));

#define HALF(function)		(kmm_running_half->function)

/* Enter a half and the core library into `world`: from here on actors call this half. */
KMM_EXPORT void kmm_run_half(const struct kmm_half *half, struct world *world);

#endif
