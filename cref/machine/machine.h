/* SPDX-License-Identifier: GPL-2.0-only */
/* All of the machine that a half can call. */
#ifndef KMM_MACHINE_MACHINE_H
#define KMM_MACHINE_MACHINE_H

#include "machine/buffer.h"
#include "machine/dirty.h"
#include "machine/event.h"
#include "machine/imap.h"
#include "machine/lock.h"
#include "machine/page.h"
#include "machine/pagetree.h"
#include "machine/pgtable.h"
#include "machine/pte.h"
#include "machine/rmap.h"
#include "machine/vmstat.h"
#include "machine/world.h"

#endif
