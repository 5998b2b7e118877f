/* SPDX-License-Identifier: GPL-2.0-only */
/* include/linux/mm.h of 2.6.17.  Edit E01.  Steps SW. */
#ifndef _LINUX_MM_H
#define _LINUX_MM_H

#include "machine/machine.h"

/* E01 { */
static inline int is_shared_writable(unsigned int flags)
{
	return (flags & (VM_SHARED|VM_WRITE|VM_PFNMAP)) ==	/* SW1 E01 */
		(VM_SHARED|VM_WRITE);
}
/* } E01 */

#endif
