/* SPDX-License-Identifier: GPL-2.0-only */
/* All of the machine that a half can call. */
#ifndef KMM_MACHINE_MACHINE_H
#define KMM_MACHINE_MACHINE_H

#include "machine/account.h"
#include "machine/alloc.h"
#include "machine/anon.h"
#include "machine/buffer.h"
#include "machine/contents.h"
#include "machine/dirty.h"
#include "machine/event.h"
#include "machine/fault.h"
#include "machine/file.h"
#include "machine/gup.h"
#include "machine/imap.h"
#include "machine/lock.h"
#include "machine/lru.h"
#include "machine/munmap.h"
#include "machine/page.h"
#include "machine/pagetree.h"
#include "machine/pgtable.h"
#include "machine/populate.h"
#include "machine/pte.h"
#include "machine/rmap.h"
#include "machine/swap.h"
#include "machine/vma.h"
#include "machine/vmstat.h"
#include "machine/world.h"
#include "machine/writeback.h"

#endif
