/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations: what processes, the kernel's threads and the disk do to a world,
 * one at a time.  OPERATION(name, letters): letters say what a[] holds and are
 * explained in operation.c.
 */
#ifndef KMM_MACHINE_OPERATION_H
#define KMM_MACHINE_OPERATION_H

#include "machine/world.h"

enum kmm_operation_kind {
#define OPERATION(name, arguments) KMM_OP_##name,
#include "machine/operations.def"
#undef OPERATION
	NR_KMM_OPERATIONS
};

/* The kernel's answer, sign-extended: a result, -errno, or minus a signal and a thousand. */
KMM_EXPORT s64 kmm_operate(const struct kmm_operation *operation);

/* What an access that ends in a signal gives. */
#define KMM_SIGSEGV	(-1011)
#define KMM_SIGBUS	(-1007)
#define KMM_SIGKILL	(-1009)		/* the kernel is out of memory, and the process ends */

#endif
