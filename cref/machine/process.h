/* SPDX-License-Identifier: GPL-2.0-only */
/* fork and exit. */
#ifndef KMM_MACHINE_PROCESS_H
#define KMM_MACHINE_PROCESS_H

#include "machine/munmap.h"

/* A child of `current` in the first free slot: its number, -EAGAIN when none is free, -ENOMEM. */
long sys_fork(void);
/* `current` ends: its mappings, its open files. */
void sys_exit(void);

#endif
