// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wild worlds: a legal one in which up to four fields or arguments hold any
 * value of their type.  A pointer may be NULL or lead to any object of its
 * kind, and a number may be anything; what the halves make of it must still
 * be the same.
 */
#include <string.h>

#include "engine/build.h"

static u64 value_of(const struct kmm_case *c, u32 edit)
{
	u64 value;

	memcpy(&value, &c->edit_value[edit * 8], sizeof(value));
	return value;
}

/* A number near the places where counts and indices turn over, or the raw one. */
static u64 number(u32 how, u64 raw)
{
	static const u64 interesting[8] = {
		0, 1, 2, ~0ull, ~0ull - 1, 0x7FFFFFFF, 0xFFFFFFFF, 1ull << 63,
	};

	return how < 8 ? interesting[how] : how < 12 ? raw & 15 : raw;
}

/* What page->mapping can be: nothing, a mapping, or either an anon_vma or a mapping tagged as one. */
static struct address_space *any_mapping_of_page(struct world *world, u32 how)
{
	unsigned long mapping = (unsigned long)&world->mappings[how % KMM_CASE_MAPPINGS];

	if (how < 3)
		return NULL;
	if (how < 10)
		return (struct address_space *)mapping;
	if (how < 14)
		mapping = (unsigned long)&world->anon_vmas[how & 1];
	return (struct address_space *)(mapping | PAGE_MAPPING_ANON);
}

/* Any lock of the world, held or not as the edit says, with or without a record of it. */
static void any_lock(struct world *world, u32 which, u32 how)
{
	struct address_space *mapping = &world->mappings[which % KMM_CASE_MAPPINGS];
	spinlock_t *lock = which < 64 ? &mapping->i_mmap_lock :
			   which < 128 ? &mapping->tree_lock :
			   which < 192 ? &mapping->private_lock :
			   &world->pmds[which % KMM_CASE_TABLES].ptl;

	if (lock->held)
		return;
	if (how & 1)
		kmm_lock(lock);
	else
		lock->held = 1;
}

static void edit_page(struct world *world, u32 what, struct page *page, u32 how, u64 raw)
{
	switch (what) {
	case 0:
		page->flags = raw & ((1UL << NR_PAGEFLAGS) - 1);
		break;
	case 1:
		page->flags ^= 1UL << how;
		break;
	case 2:
		page->mapping = any_mapping_of_page(world, how);
		break;
	case 3:
		page->index = number(how, raw);
		break;
	case 4:
		page->_mapcount.counter = (s32)number(how, raw);
		break;
	case 5:
		page->_count.counter = (s32)number(how, raw);
		break;
	default:
		page->private = number(how, raw);
	}
}

static void edit_vma(struct world *world, u32 what, struct vm_area_struct *vma, u32 how, u64 raw)
{
	switch (what) {
	case 7:
		vma->vm_flags = how < 8 ? vma->vm_flags ^ (raw & (VM_READ | VM_WRITE | VM_SHARED | VM_PFNMAP))
					: (u32)raw;
		break;
	case 8:
		vma->vm_start = how < 8 ? vma->vm_start + (raw & 7) * PAGE_SIZE - 4 * PAGE_SIZE
					: number(how, raw);
		break;
	case 9:
		vma->vm_end = how < 8 ? vma->vm_end + (raw & 7) * PAGE_SIZE - 4 * PAGE_SIZE
				      : number(how, raw);
		break;
	case 10:
		vma->vm_pgoff = number(how, raw);
		break;
	default:
		vma->vm_mm = how < 4 ? NULL : &world->mms[how % KMM_CASE_MMS];
	}
}

static void edit_call(struct world *world, struct kmm_call *call, u32 how, u64 raw)
{
	switch (how & 3) {
	case 0:
		call->page = how < 8 ? NULL : &world->pages[raw % KMM_CASE_PAGES];
		break;
	case 1:
		call->vma = how < 8 ? NULL : &world->vmas[raw % KMM_CASE_VMAS];
		break;
	case 2:
		call->mapping = how < 8 ? NULL : &world->mappings[raw % KMM_CASE_MAPPINGS];
		break;
	default:
		call->protect = (int)raw;
		call->address = how & 4 ? raw : call->address;
		call->flags = (u32)raw;
	}
}

/*
 * With PG_private set, page->private is a pointer to a buffer and no number:
 * after the edits it leads to some buffer, which may be in no ring, or nowhere.
 */
static void keep_private_typed(struct world *world, u64 raw)
{
	const u32 nr = world->size.buffers;
	u32 i;

	for (i = 0; i < world->size.pages; i++) {
		struct page *page = &world->pages[i];
		u64 at = page->private - (unsigned long)world->buffers;

		if (!(page->flags >> PG_private & 1))
			continue;
		if (at >= nr * sizeof(struct buffer_head) || at % sizeof(struct buffer_head))
			page->private = raw & 8 ? 0 : (unsigned long)&world->buffers[raw % nr];
	}
}

void kmm_build_wild(struct world *world, const struct kmm_case *c, struct kmm_call *call)
{
	u32 i;

	for (i = 0; i < KMM_CASE_EDITS; i++) {
		u32 what = c->edit_what[i], which = c->edit_which[i], how = c->edit_how[i];
		u64 raw = value_of(c, i);
		struct page *page = which & 128 ? call->page : &world->pages[which % KMM_CASE_PAGES];
		struct address_space *mapping = &world->mappings[which % KMM_CASE_MAPPINGS];
		pmd_t *pmd = &world->pmds[which % KMM_CASE_TABLES];

		switch (what) {
		case 0 ... 6:
			edit_page(world, what, page ? page : world->pages, how, raw);
			break;
		case 7 ... 11:
			edit_vma(world, what, &world->vmas[which % KMM_CASE_VMAS], how, raw);
			break;
		case 12 ... 13:
			world->ptes[which % (KMM_CASE_TABLES << KMM_CASE_TABLE_SHIFT)] =
				__pte(what == 12 ? raw : (raw & 0xFFF) |
				      page_to_pfn(page ? page : world->pages) << PAGE_SHIFT);
			break;
		case 14:
			world->bdis[which % KMM_CASE_MAPPINGS].capabilities = number(how, raw);
			break;
		case 15:
			mapping->backing_dev_info = how < 6 ? NULL :
				&world->bdis[how % KMM_CASE_MAPPINGS];
			break;
		case 16:
			any_lock(world, which, how);
			break;
		case 17:
			pmd->table = how < 4 ? NULL :
				&world->ptes[(how % KMM_CASE_TABLES) << KMM_CASE_TABLE_SHIFT];
			pmd->index += how & 8 ? raw & 1 : 0;
			break;
		case 18:
			world->irqs_disabled = how & 1;
			world->page_state.nr_dirty = raw;
			break;
		default:
			edit_call(world, call, how, raw);
		}
	}
	keep_private_typed(world, value_of(c, 0));
	/* it takes page->mapping as it stands: a tagged pointer there would be of no type */
	if (call->function == KMM_TRY_TO_FREE_BUFFERS && call->page && kmm_page_is_anon(call->page))
		call->page->mapping = NULL;
}
