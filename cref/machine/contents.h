/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What pages hold: one version number for each sector, so that a store can be
 * followed to the disk or to where it was lost.  Version 0 is zeroes.
 */
#ifndef KMM_MACHINE_CONTENTS_H
#define KMM_MACHINE_CONTENTS_H

#include "machine/alloc.h"

static inline void kmm_copy_contents(u16 *to, const u16 *from)
{
	__builtin_memcpy(to, from, sizeof(u16) * KMM_SECTORS);
}

static inline void kmm_zero_contents(u16 *contents)
{
	__builtin_memset(contents, 0, sizeof(u16) * KMM_SECTORS);
}

/* Which sector of its page a byte lies in. */
static inline u32 kmm_sector(unsigned long address)
{
	return address >> KMM_SECTOR_SHIFT & (KMM_SECTORS - 1);
}

/* The next store's version, into one sector. */
KMM_EXPORT void kmm_store(struct page *page, u32 sector, u32 here);

/* Copy on write; without a source page (a PFNMAP's frame) the copy is zeroes. */
KMM_EXPORT void kmm_cow_user_page(struct page *to, struct page *from, unsigned long address,
				  u32 here);
KMM_EXPORT void kmm_copy_user_highpage(struct page *to, struct page *from, unsigned long address,
				       u32 here);
#define cow_user_page(to, from, address)	kmm_cow_user_page(to, from, address, KMM_HERE)
#define copy_user_highpage(to, from, address)	kmm_copy_user_highpage(to, from, address, KMM_HERE)

#endif
