/* SPDX-License-Identifier: GPL-2.0-only */
/* include/linux/mman.h of 2.6.17, not patched: what the mirrored functions take from it. */
#ifndef _LINUX_MMAN_H
#define _LINUX_MMAN_H

#include "machine/machine.h"

/* The bits that are the same in mmap's arguments and in vma->vm_flags; no others pass. */
static inline unsigned long calc_vm_prot_bits(unsigned long prot)
{
	return prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
}

static inline unsigned long calc_vm_flag_bits(unsigned long flags)
{
	return flags & (MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED);
}

#endif
