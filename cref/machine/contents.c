// SPDX-License-Identifier: GPL-2.0-only
#include "machine/contents.h"
#include "machine/unwritten.h"
#include "machine/watch.h"

#define KMM_FILE KMM_FILE_MACHINE

void kmm_store(struct page *page, u32 sector, u32 here)
{
	struct world *world = kmm_world;
	u32 version = ++world->version;

	KMM_EVENT(user_store, here, page, sector, version);
	page->contents[sector] = (u16)version;
	kmm_note_store(page, sector);
	kmm_note_asked(page);
}

void kmm_cow_user_page(struct page *to, struct page *from, unsigned long address, u32 here)
{
	KMM_EVENT(cow_user_page, here, to, from, address);
	if (from)
		kmm_copy_contents(to->contents, from->contents);
	else
		kmm_zero_contents(to->contents);
}

void kmm_copy_user_highpage(struct page *to, struct page *from, unsigned long address, u32 here)
{
	KMM_EVENT(copy_user_highpage, here, to, from, address);
	kmm_copy_contents(to->contents, from->contents);
}
