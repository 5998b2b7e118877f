// SPDX-License-Identifier: GPL-2.0-only
/*
 * Words are put out in one walk: the kernel's globals, files, processes, and then
 * whatever was met on the way, in that order.  A reference is a name; the
 * first one to a thing makes its name and puts the thing in a queue.  So who
 * reads the words knows at each of them what it is, and unlike worlds have
 * unlike words.  A pointer is looked at before it is followed, as a half
 * may have left any.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/explore/form.h"
#include "engine/explore/hash.h"

/* The most that a world of this size can have, and some more. */
static u64 words_for(const struct world_size *size)
{
	u64 ptes = (u64)size->mms * size->pmds << size->table_shift;

	return 96 + 12ull * size->pages + 16ull * size->vmas + 40ull * size->mms + ptes +
	       8ull * size->mms * size->pmds + size->mappings * (40ull + 4 * size->slots) +
	       9ull * size->files + 8ull * size->buffers + 8ull * size->swap_slots +
	       size->anon_vmas * (4ull + size->vmas);
}

static int set_up(struct kmm_canonical *form, enum kind kind, u32 count)
{
	form->names[kind].count = count;
	return count < NOBODY;
}

struct kmm_canonical *kmm_canonical_new(const struct world_size *size, u32 flags)
{
	struct kmm_canonical *form = calloc(1, sizeof(*form));
	u64 bytes = words_for(size) * sizeof(u64);

	if (!form)
		return NULL;
	form->flags = flags;
	form->words = malloc(bytes);
	form->best = malloc(bytes);
	if (form->words && form->best && set_up(form, PAGE, size->pages) &&
	    set_up(form, VMA, size->vmas) && set_up(form, ANON_VMA, size->anon_vmas) &&
	    set_up(form, BUFFER, size->buffers) && set_up(form, OPEN_FILE, size->files) &&
	    set_up(form, SWAP_SLOT, size->swap_slots) && size->mms <= KMM_CANONICAL_MMS &&
	    size->mappings < 100 && size->table_shift <= 6)
		return form;
	kmm_canonical_free(form);
	return NULL;
}

void kmm_canonical_free(struct kmm_canonical *form)
{
	if (!form)
		return;
	free(form->words);
	free(form->best);
	free(form);
}

static u64 *put_tables(struct kmm_canonical *form, u64 *at, u32 mm)
{
	const struct world *world = form->world;
	u32 i, j, each = 1u << world->size.table_shift;

	for (i = mm * world->size.pmds; i < (mm + 1) * world->size.pmds; i++) {
		/* what stands in a table that is not there is found when it is there again */
		const pte_t *own = &world->ptes[(u64)i << world->size.table_shift];
		const pte_t *table = world->pmds[i].table;
		u64 used = 0;

		for (j = 0; j < each; j++)
			used |= (u64)!!pte_val(own[j]) << j;
		*at++ = used;
		*at++ = two(world->pmds[i].ptl.held, (table == own) | (u32)!table << 1);
		for (j = 0; used >> j; j++)
			if (pte_val(own[j]))
				*at++ = kmm_pte_word(form, own[j]);
	}
	return at;
}

/* Vmas are named before all else, as each process has them in order: how many, and a bad end. */
static u32 name_vmas(struct kmm_canonical *form, const struct mm_struct *mm)
{
	const struct vm_area_struct *vma = mm->mmap;
	u32 count = 0, before;

	while (vma && count < form->names[VMA].count) {
		before = form->names[VMA].used;
		if (VMA_NAME(form, vma) >= NOBODY || form->names[VMA].used == before)
			break;
		vma = vma->vm_next;
		count++;
	}
	return count | (u32)!!vma << 16;
}

static u64 *put_mm(struct kmm_canonical *form, u64 *at, u32 number, u32 vmas)
{
	const struct mm_struct *mm = &form->world->mms[number];
	const struct task_struct *task = &form->world->tasks[number];
	const struct vm_area_struct *vma = mm->mmap;
	u64 strange = 0;
	u32 i;

	for (i = 0; i < (vmas & 0xFFFF); i++, vma = vma->vm_next)
		strange |= (u64)(vma->vm_mm != mm) << (i & 31);
	*at++ = two(mm->mm_users, (u32)mm->map_count);
	*at++ = two(vmas, mm->anon_replaced);
	*at++ = strange;
	*at++ = two(mm->page_table_lock.held, mm->mmap_sem.held);
	*at++ = (u64)mm->file_rss;
	*at++ = (u64)mm->anon_rss;
	*at++ = mm->total_vm;
	*at++ = mm->locked_vm;
	*at++ = mm->shared_vm;
	*at++ = mm->exec_vm;
	*at++ = mm->stack_vm;
	*at++ = mm->reserved_vm;
	*at++ = mm->def_flags;
	*at++ = mm->start_brk;
	*at++ = mm->brk;
	*at++ = two(task->personality, task->capabilities);
	for (i = 0; i < RLIM_NLIMITS; i++)
		*at++ = task->own_signal.rlim[i].rlim_cur;
	*at++ = two(FILE_NAME(form, task->fd[0]) | FILE_NAME(form, task->fd[1]) << 16,
		    FILE_NAME(form, task->fd[2]) | FILE_NAME(form, task->fd[3]) << 16);
	at = put_tables(form, at, number);
	return at;
}

/* Marks the vmas of a file's tree in their order; their number, and more if it is no tree. */
static u32 mark_tree(struct kmm_canonical *form, const struct vm_area_struct *node, u32 mark,
		     u32 found)
{
	u32 number = NUMBER(form, vmas, node, vmas);

	if (!node)
		return found;
	if (number >= form->names[VMA].count || form->mapped_by[number])
		return found + 0x100;
	form->mapped_by[number] = (u8)mark;
	found = mark_tree(form, node->i_mmap_left, mark, found);
	form->file_order[number] = (u8)found++;
	return mark_tree(form, node->i_mmap_right, mark, found);
}

static u32 mark_list(struct kmm_canonical *form, const struct vm_area_struct *vma, u32 mark)
{
	u32 found = 0, number;

	for (; vma; vma = vma->nonlinear_next) {
		number = NUMBER(form, vmas, vma, vmas);
		if (number >= form->names[VMA].count || form->mapped_by[number])
			return found + 0x100;
		form->mapped_by[number] = (u8)mark;
		form->file_order[number] = (u8)found++;
	}
	return found;
}

static u64 *put_mapping(struct kmm_canonical *form, u64 *at, u32 i)
{
	const struct world *world = form->world;
	const struct address_space *mapping = &world->mappings[i];
	const struct radix_tree_slot *slots = slots_of(world, i);
	u32 nr = mapping->page_tree.nr, j;

	*at++ = two(mark_tree(form, mapping->i_mmap.node, i + 1, 0),
		    mark_list(form, mapping->i_mmap_nonlinear, i + 129));
	*at++ = two(mapping->tree_lock.held, mapping->i_mmap_lock.held);
	*at++ = mapping->private_lock.held;
	*at++ = mapping->nrpages;
	*at++ = mapping->flags;
	*at++ = mapping->writeback_index;
	*at++ = table_word(mapping->a_ops);
	*at++ = world->bdis[i].capabilities;
	*at++ = two(world->bdis[i].congested, nr);
	*at++ = NUMBER(form, inodes, mapping->host, mappings);
	if (i + 1 == world->size.mappings)
		return at;
	for (j = 0; j < nr && j < world->size.slots; j++) {
		*at++ = slots[j].index_and_tags;
		*at++ = PAGE_NAME(form, slots[j].page);
	}
	return at;
}

static u64 *put_inode(struct kmm_canonical *form, u64 *at, u32 i)
{
	const struct world *world = form->world;
	const struct inode *inode = &world->inodes[i];
	const u16 *disk = world->disks + (u64)i * world->size.slots * KMM_SECTORS;
	u32 j;

	*at++ = inode->i_state;
	*at++ = (u64)inode->i_size;
	*at++ = inode->i_mapped;
	*at++ = two(inode->i_mutex.held, (u32)inode->i_writecount);
	*at++ = two(inode->i_is, inode->i_place);
	*at++ = two(inode->i_kind, inode->i_flags);
	*at++ = two(inode->i_blkbits, inode->i_charged);
	*at++ = inode->i_count;
	for (j = 0; j < world->size.slots; j++)
		*at++ = versions_word(form, disk + j * KMM_SECTORS, 0xF);
	disk += (u64)(world->size.mappings - 1) * world->size.slots * KMM_SECTORS;
	for (j = 0; form->flags & KMM_CANONICAL_UNWRITTEN && j < world->size.slots; j++)
		*at++ = versions_word(form, disk + j * KMM_SECTORS, 0xF);
	return at;
}

/* Draining gives pages back in this order. */
static u64 *put_pagevec(struct kmm_canonical *form, u64 *at, const struct pagevec *pagevec)
{
	u32 i;

	for (i = 0; i < pagevec->nr && i < PAGEVEC_SIZE; i++)
		*at++ = PAGE_NAME(form, pagevec->pages[i]);
	return at;
}

/* Into waiting[]; how many of its places lead to no page. */
static u32 mark_waiting(struct kmm_canonical *form, const struct pagevec *pagevec, u32 one)
{
	u32 i, number, strays = 0;

	for (i = 0; i < pagevec->nr && i < PAGEVEC_SIZE; i++) {
		number = NUMBER(form, pages, pagevec->pages[i], pages);
		if (number < form->names[PAGE].count)
			form->waiting[number] = (u8)(form->waiting[number] + one);
		else
			strays++;
	}
	return strays;
}

static u64 *put_globals(struct kmm_canonical *form, u64 *at)
{
	const struct world *world = form->world;

	*at++ = two(mark_waiting(form, &world->lru_add, 1),
		    mark_waiting(form, &world->lru_add_active, 16));
	*at++ = two(world->lru_add.nr, world->lru_add_active.nr);
	*at++ = world->page_state.nr_dirty;
	*at++ = world->page_state.nr_writeback;
	*at++ = world->page_state.nr_mapped;
	*at++ = world->page_state.nr_active;
	*at++ = world->page_state.nr_inactive;
	*at++ = (u64)world->vm_committed_space;
	*at++ = (u64)world->commit_limit;
	*at++ = two(world->overcommit_memory, world->max_map_count);
	*at++ = two(world->buffer_heads_over_limit, world->nr_swap_used);
	*at++ = two(world->units, world->irqs_disabled);
	*at++ = two(world->kmaps, world->nr_held);
	*at++ = two(world->pages_locked, world->held_classes);
	*at++ = two(world->inode_lock.held, world->lru_lock.held);
	*at++ = two(world->swap_lock.held,
		    NUMBER(form, pages, world->page_of_other, pages) < world->size.pages ? 1 :
		    world->page_of_other ? 2 : 0);
	*at++ = two(world->order_fault, world->sleep_fault);
	*at++ = two(world->fail_in, world->nr_wbc);
	*at++ = two(world->clock_stands,
		    form->flags & KMM_CANONICAL_UNWRITTEN ? world->swap_failed : 0);
	if (form->flags & KMM_CANONICAL_PAUSES) {
		at = put_pagevec(form, at, &world->lru_add);
		at = put_pagevec(form, at, &world->lru_add_active);
	}
	return at;
}

/* One that nobody uses is made afresh when it is given out, but for these flags. */
static int is_free(const struct page *page)
{
	return !page->_count.counter &&
	       !(page->flags & (1UL << PG_lru | 1UL << PG_reserved | 1UL << PG_arch_1));
}

/* A page that nothing leads to, without what has names: the order of such pages goes by it. */
static u64 look_of(const struct kmm_canonical *form, const struct page *page)
{
	u64 look = kmm_hash_fold(page->flags ^ KMM_HASH_1, page->index ^ KMM_HASH_2);
	u32 i;

	look = kmm_hash_fold(look ^ (u64)(u32)page->_count.counter << 32 ^
			     (u32)page->_mapcount.counter, KMM_HASH_3);
	look = kmm_hash_fold(look ^ (u64)page->io << 32 ^ page->pins,
			     KMM_HASH_4 ^ form->waiting[page - form->world->pages]);
	for (i = 0; i < KMM_SECTORS; i++) {
		u16 version = page->contents[i];
		u64 known = version == 0 || version == KMM_GARBAGE ? version :
			    form->version_walk[version] == form->walk ?
			    form->version_name[version] : 0x10000;

		look = kmm_hash_fold(look ^ known, KMM_HASH_1);
	}
	return look;
}

static u32 page_left(const struct kmm_canonical *form)
{
	const struct world *world = form->world;
	u32 found = world->size.pages, i;
	u64 lowest = 0, look;

	for (i = 0; i < world->size.pages; i++) {
		if (form->names[PAGE].of[i] != UNMET || is_free(&world->pages[i]))
			continue;
		look = look_of(form, &world->pages[i]);
		if (found == world->size.pages || look < lowest) {
			lowest = look;
			found = i;
		}
	}
	return found;
}

/* A thing that nothing leads to, and what leads from it. */
static u64 *put_left(struct kmm_canonical *form, u64 *at, enum kind kind, u32 i)
{
	*at++ = two(kind + 1, name(form, kind, i));
	return kmm_tell_queued(form, at);
}

#define PUT_ALL_LEFT(kind, is_used) do {						\
	for (i = 0; i < form->names[kind].count; i++)					\
		if (form->names[kind].of[i] == UNMET && (is_used))			\
			at = put_left(form, at, kind, i);				\
} while (0)

/* What nothing leads to: mostly pages that wait in a pagevec or belong to the swap cache. */
static u64 *put_rest(struct kmm_canonical *form, u64 *at)
{
	const struct world *world = form->world;
	u32 i;

	while ((i = page_left(form)) < world->size.pages)
		at = put_left(form, at, PAGE, i);
	PUT_ALL_LEFT(VMA, world->vmas[i].vm_end || world->vmas[i].vm_mm);
	PUT_ALL_LEFT(ANON_VMA, world->anon_vmas[i].head);
	PUT_ALL_LEFT(BUFFER, world->buffers[i].b_page);
	PUT_ALL_LEFT(OPEN_FILE, world->files[i].f_count);
	PUT_ALL_LEFT(SWAP_SLOT, world->swap[i].map || kmm_swap_cache_at(world, i));
	return at;
}

static void begin(struct kmm_canonical *form)
{
	u32 kind;

	for (kind = 0; kind < NR_KINDS; kind++) {
		memset(form->names[kind].of, UNMET, form->names[kind].count);
		form->names[kind].used = 0;
	}
	memset(form->waiting, 0, form->names[PAGE].count);
	memset(form->mapped_by, 0, form->names[VMA].count);
	memset(form->file_order, 0, form->names[VMA].count);
	form->met = form->told = 0;
	if (form->beside)
		return;
	form->versions = 0;
	form->walk++;
}

static void walk(struct kmm_canonical *form, const u8 *order, u32 alive)
{
	const struct world *world = form->world;
	u32 vmas[KMM_CANONICAL_MMS], i;
	u64 *at = form->words;

	begin(form);
	*at++ = alive;
	for (i = 0; i < alive; i++)
		vmas[i] = name_vmas(form, &world->mms[order[i]]);
	/* it is like no other page, wherever it lies */
	name(form, PAGE, world->size.pages - 1);
	at = put_globals(form, at);
	for (i = 0; i < world->size.mappings; i++)
		at = put_mapping(form, at, i);
	for (i = 0; i + 1 < world->size.mappings; i++)
		at = put_inode(form, at, i);
	for (i = 0; i < alive; i++)
		at = put_mm(form, at, order[i], vmas[i]);
	at = kmm_tell_queued(form, at);
	at = put_rest(form, at);
	if ((at - form->words) & 1)
		*at++ = 0;
	form->nr = (u32)(at - form->words);
}

static void swap_places(u8 *a, u8 *b)
{
	u8 kept = *a;

	*a = *b;
	*b = kept;
}

/* The next order of the same numbers; 0 after the last one. */
static int next_order(u8 *order, u32 count)
{
	u32 tail = count ? count - 1 : 0, i, j;

	while (tail && order[tail - 1] > order[tail])
		tail--;
	if (!tail)
		return 0;
	for (j = count - 1; order[j] < order[tail - 1]; j--)
		;
	swap_places(&order[tail - 1], &order[j]);
	for (i = tail, j = count - 1; i < j; i++, j--)
		swap_places(&order[i], &order[j]);
	return 1;
}

static void keep_best(struct kmm_canonical *form)
{
	u64 *words = form->best;

	form->best = form->words;
	form->best_nr = form->nr;
	form->words = words;
}

void kmm_canonical_hash(struct kmm_canonical *form, const struct world *world, u64 hash[2])
{
	u8 order[KMM_CANONICAL_MMS];
	u32 alive = 0, i;
	u64 other[2];
	int first = 1;

	form->world = world;
	for (i = 0; i < world->size.mms; i++)
		if (world->mms[i].mm_users || world->mms[i].mmap)
			order[alive++] = (u8)i;
	do {
		walk(form, order, alive);
		kmm_hash_words(form->words, form->nr, other);
		if (first || other[0] < hash[0] || (other[0] == hash[0] && other[1] < hash[1])) {
			hash[0] = other[0];
			hash[1] = other[1];
			keep_best(form);
			first = 0;
		}
	} while (next_order(order, alive));
}

void kmm_canonical_hash_as_is(struct kmm_canonical *form, const struct world *world, int beside,
			      u64 hash[2])
{
	u8 order[KMM_CANONICAL_MMS];
	u32 alive = 0, i;

	form->world = world;
	for (i = 0; i < world->size.mms; i++)
		if (world->mms[i].mm_users || world->mms[i].mmap)
			order[alive++] = (u8)i;
	form->beside = (u32)beside;
	walk(form, order, alive);
	form->beside = 0;
	kmm_hash_words(form->words, form->nr, hash);
}

const u64 *kmm_canonical_words(struct kmm_canonical *form, const struct world *world, u32 *nr)
{
	u64 hash[2];

	kmm_canonical_hash(form, world, hash);
	*nr = form->best_nr;
	return form->best;
}
