/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations: what processes, the kernel's threads and the disk do to a world,
 * one at a time.  What a[] holds is explained in operation.c.
 */
#ifndef KMM_MACHINE_OPERATION_H
#define KMM_MACHINE_OPERATION_H

#include "machine/world.h"

enum kmm_operation_kind {
#define OPERATION(name, arguments, by) KMM_OP_##name,
#include "machine/operations.def"
#undef OPERATION
	NR_KMM_OPERATIONS
};

#define KMM_HEAP_PLACE		16
#define KMM_NO_FD		255

/* flags of the operation mmap; the lowest two bits are MAP_SHARED or MAP_PRIVATE */
#define KMM_MMAP_TYPE		0x03
#define KMM_MMAP_ANYWHERE	0x04	/* without MAP_FIXED: `place` is not looked at */
#define KMM_MMAP_LOCKED		0x08
#define KMM_MMAP_POPULATE	0x10
#define KMM_MMAP_NORESERVE	0x20
#define KMM_MMAP_GROWSDOWN	0x40
#define KMM_MMAP_NONBLOCK	0x80

/* Where a place lies in a process. */
KMM_EXPORT unsigned long kmm_place(u32 place);

/* Is its actor a process, which has to be there?  0: it needs none. */
KMM_EXPORT int kmm_operation_by_process(u32 kind);

/* The actor of the operation lock_page, if there is one, unlocks its page. */
void kmm_other_lets_go(void);

/* The kernel's answer, sign-extended: a result, -errno, or minus a signal and a thousand. */
KMM_EXPORT s64 kmm_operate(const struct kmm_operation *operation);

/* What an access that ends in a signal gives. */
#define KMM_SIGSEGV	(-1011)
#define KMM_SIGBUS	(-1007)
#define KMM_SIGKILL	(-1009)		/* the kernel is out of memory, and the process ends */

#endif
