/* SPDX-License-Identifier: GPL-2.0-only */
/* include/linux/backing-dev.h of 2.6.17, not patched: all of it is the machine's. */
#ifndef _LINUX_BACKING_DEV_H
#define _LINUX_BACKING_DEV_H

#include "machine/machine.h"

#endif
