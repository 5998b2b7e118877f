/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KMM_MACHINE_MSYNC_H
#define KMM_MACHINE_MSYNC_H

#include "machine/vma.h"

long sys_msync(unsigned long start, unsigned long len, int flags);

#endif
