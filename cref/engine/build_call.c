// SPDX-License-Identifier: GPL-2.0-only
/* The call of a direct case: arguments, what is held on entry, what will go wrong meanwhile. */
#include <string.h>

#include "engine/build_parts.h"
#include "engine/sequence.h"

/* A vma that the page can be asked of: it is anonymous, or the vma maps it. */
static int can_ask(const struct page *page, const struct vm_area_struct *vma)
{
	return kmm_page_is_anon(page) ||
	       (vma->vm_file && vma->vm_file->f_mapping == page->mapping &&
		page->index - vma->vm_pgoff < (vma->vm_end - vma->vm_start) >> PAGE_SHIFT);
}

/* Which flags is_shared_writable is asked: a vma's, with one bit changed or not, or any at all. */
static u32 flags_for(const struct world *world, const struct kmm_case *c)
{
	if (c->flags[3] & 3)
		return world->vmas[c->vma].vm_flags ^ (u32)(c->flags[1] & 1) << (c->flags[0] & 31);
	return (u32)c->flags[0] | (u32)c->flags[1] << 8 | (u32)c->flags[2] << 16 |
	       (u32)c->flags[3] << 24;
}

/* The page in focus or another; try_to_free_buffers knows no anonymous pages, and frees buffers. */
static struct page *page_for(struct world *world, const struct kmm_case *c)
{
	struct page *page = kmm_page_of_call(world, c);
	u32 first = page - world->pages, i;

	if (c->function != KMM_TRY_TO_FREE_BUFFERS)
		return page;
	if (c->page && kmm_page_flag(&world->pages[c->focus], PG_private))
		return &world->pages[c->focus];
	for (i = 0; i < KMM_CASE_PAGES; i++) {
		page = &world->pages[(first + i) % KMM_CASE_PAGES];
		if (!kmm_page_is_anon(page))
			return page;
	}
	return world->zero_page;
}

/* An address in the vma, to the byte, or in the pages around it. */
static unsigned long address_for(const struct vm_area_struct *vma, const struct kmm_case *c)
{
	static const s8 page[8] = { 0, 0, 0, 1, 1, 2, -1, 3 };

	return vma->vm_start + page[c->address] * (long)PAGE_SIZE + c->flags[1];
}

/* Who calls has locked the page, but in one of sixteen cases. */
static void lock_page_of_call(struct page *page, const struct kmm_case *c)
{
	unsigned long locked = c->page_is_locked != 0;

	page->flags = (page->flags & ~(1UL << PG_locked)) | locked << PG_locked;
	kmm_world->pages_locked = locked;
	kmm_world->held_classes |= (u32)locked << LOCK_PAGE;
}

/* Calls that are about a page. */
static void build_page_call(struct world *world, const struct kmm_case *c, struct kmm_call *call)
{
	u32 i;

	call->page = page_for(world, c);
	call->mapping = &world->mappings[c->mapping];
	call->protect = c->protect;
	call->flags = flags_for(world, c);
	lock_page_of_call(call->page, c);

	if (call->function == KMM_PAGE_MKCLEAN_ONE) {
		for (i = 1; i < KMM_CASE_VMAS && !can_ask(call->page, call->vma); i++)
			call->vma = &world->vmas[(c->vma + i) % KMM_CASE_VMAS];
		if (call->vma->vm_file)
			kmm_lock(&call->vma->vm_file->f_mapping->i_mmap_lock);
	} else if (call->function == KMM_PAGE_MKCLEAN_FILE) {
		if (call->page->mapping && !kmm_page_is_anon(call->page))
			call->mapping = call->page->mapping;
	}
}

static void build_follow_page(struct world *world, const struct kmm_case *c,
			      struct kmm_call *call)
{
	struct mm_struct *mm = call->vma->vm_mm;

	call->flags = c->flags[0] & (FOLL_WRITE | FOLL_TOUCH | FOLL_GET | FOLL_ANON);
	call->address = address_for(call->vma, c);
	/* its caller has locked none, but who else did? */
	call->page = page_for(world, c);
	call->page->flags &= ~(1UL << PG_locked);
	call->page->flags |= (unsigned long)(c->page_is_locked != 0) << PG_locked;
	kmm_hold_mmap_sem(mm, 0);
}

/*
 * Which allocation fails, if any; who acts at which pauses, if anyone.  In wild
 * worlds nobody does: an operation walks all of a world, and in those it may
 * loop for ever.
 */
static void build_trouble(struct world *world, const struct kmm_case *c)
{
	static const u8 fail_in[32] = { 1, 1, 1, 2, 2, 3, 4 };

	world->fail_in = fail_in[c->fail_in];
	if (c->wild || c->pause >= KMM_CASE_PAUSES)
		return;
	world->pauses_left[0] = c->pause + 1u;
	kmm_make_interference(&world->interference[0], c->pause_kind, c->pause_actor,
			      c->pause_argument);
	if (!c->second || c->second >= KMM_CASE_PAUSES)
		return;
	/* at another pause than the first: there are so many others */
	world->pauses_left[1] = c->second + (c->second > c->pause);
	kmm_make_interference(&world->interference[1], c->second_kind, c->second_actor,
			      c->second_argument);
}

void kmm_build_call(struct world *world, const struct kmm_case *c, struct kmm_call *call)
{
	memset(call, 0, sizeof(*call));
	world->units = c->units;
	call->function = c->function;
	call->vma = &world->vmas[c->vma];

	switch (call->function) {
	case KMM_FOLLOW_PAGE:
		build_follow_page(world, c, call);
		break;
	case KMM_DO_WP_PAGE:
		kmm_build_wp(world, c, call);
		break;
	case KMM_DO_NO_PAGE:
		kmm_build_no_page(world, c, call);
		break;
	case KMM_DO_MMAP_PGOFF:
		kmm_build_mmap(world, c, call);
		break;
	case KMM_DO_BRK:
		kmm_build_brk(world, c, call);
		break;
	case KMM_MPROTECT_FIXUP:
		kmm_build_mprotect(world, c, call);
		break;
	case KMM_DO_WRITEPAGES:
		kmm_build_writepages(world, c, call);
		break;
	default:
		build_page_call(world, c, call);
	}
	build_trouble(world, c);
	if (c->wild)
		kmm_build_wild(world, c, call);
}
