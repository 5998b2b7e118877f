// SPDX-License-Identifier: GPL-2.0-only
/* The words of each thing that others lead to. */
#include "engine/explore/form.h"

static u64 *tell_file(struct kmm_canonical *form, u64 *at, const struct file *file)
{
	*at++ = NUMBER(form, mappings, file->f_mapping, mappings) |
		  (u64)NUMBER(form, inodes, file->own_dentry.d_inode, mappings) << 8 |
		  (u64)(file->f_dentry != &file->own_dentry) << 16 |
		  (u64)(file->f_vfsmnt != &file->own_mount) << 17;
	*at++ = two(file->own_mount.mnt_flags, file->own_mount.reserved);
	*at++ = two(file->f_mode, (u32)file->f_count);
	*at++ = table_word(file->f_op);
	return at;
}

/* The newest vma first: that is the order in which they are visited. */
static u64 *tell_anon_vma(struct kmm_canonical *form, u64 *at, const struct anon_vma *anon)
{
	const struct vm_area_struct *vma = anon->head;
	u64 *first = at++;
	u32 links = 0;

	while (vma && links < form->names[VMA].count) {
		u32 of = VMA_NAME(form, vma);

		*at++ = of;
		links++;
		vma = of < NOBODY ? vma->anon_vma_next : NULL;
	}
	*first = (u64)anon->lock.held << 32 | (u64)!!vma << 16 | links;
	return at;
}

/* The slot of swapper_space's tree for an entry, or NULL: its order is that of the slots. */
const struct radix_tree_slot *kmm_swap_cache_at(const struct world *world, u32 entry)
{
	u32 last = world->size.mappings - 1, i;
	const struct radix_tree_slot *slots = slots_of(world, last);

	for (i = 0; i < world->mappings[last].page_tree.nr && i < world->size.slots; i++)
		if (slots[i].index_and_tags >> NR_TAG_BITS == entry)
			return &slots[i];
	return NULL;
}

static u64 *tell_swap_slot(struct kmm_canonical *form, u64 *at, u32 entry)
{
	const struct swap_slot *slot = &form->world->swap[entry];
	const struct radix_tree_slot *cached = kmm_swap_cache_at(form->world, entry);

	*at++ = slot->map;
	/* what is in use no more is made garbage when it is given out */
	*at++ = versions_word(form, slot->contents, slot->map ? 0xF : 0);
	*at++ = two(cached ? PAGE_NAME(form, cached->page) : NOBODY,
		    cached ? cached->index_and_tags & ((1u << NR_TAG_BITS) - 1) : 0);
	return at;
}

static u64 *tell_buffer(struct kmm_canonical *form, u64 *at, const struct buffer_head *bh)
{
	*at++ = bh->b_state;
	*at++ = two((u32)bh->b_count, bh->b_blocknr);
	*at++ = two(bh->b_end_io, bh->b_in_transaction);
	*at++ = NUMBER(form, mappings, bh->b_assoc_mapping, mappings) |
		  PAGE_NAME(form, bh->b_page) << 8 | BUFFER_NAME(form, bh->b_this_page) << 16;
	/* a commit visits them by their numbers */
	if (form->flags & KMM_CANONICAL_PAUSES)
		*at++ = (u64)(bh - form->world->buffers);
	return at;
}

/* An anonymous page is told where it is when it is next mapped: until then nobody asks. */
static u64 mapping_word(struct kmm_canonical *form, const struct page *page)
{
	unsigned long word = (unsigned long)page->mapping;

	if (!(word & PAGE_MAPPING_ANON))
		return 0x100 | NUMBER(form, mappings, page->mapping, mappings);
	if (page->_mapcount.counter < 0)
		return 0x200;
	return 0x300 | ANON_NAME(form, (const struct anon_vma *)(word & ~PAGE_MAPPING_ANON));
}

static u64 private_word(struct kmm_canonical *form, const struct page *page)
{
	if (page->flags >> PG_swapcache & 1)
		return swap_name(form, page->private);
	return page->flags >> PG_private & 1 ?
	       BUFFER_NAME(form, (const struct buffer_head *)page->private) : page->private;
}

static u64 *tell_page(struct kmm_canonical *form, u64 *at, u32 number)
{
	const struct page *page = &form->world->pages[number];

	*at++ = page->flags;
	*at++ = two((u32)page->_count.counter, (u32)page->_mapcount.counter);
	*at++ = two(page->io, page->pins);
	*at++ = mapping_word(form, page) | (u64)form->waiting[number] << 16 |
		  (u64)(form->world->page_of_other == page) << 24;
	*at++ = private_word(form, page);
	*at++ = page->index;
	*at++ = versions_word(form, page->contents, 0xF);
	if (page->io & KMM_IO_SECTORS)
		*at++ = versions_word(form, page->in_flight, page->io & KMM_IO_SECTORS);
	return at;
}

u64 kmm_pte_word(struct kmm_canonical *form, pte_t pte)
{
	unsigned long pfn = pte_pfn(pte) - KMM_PFN_BASE;

	if (pte_present(pte) && pfn < form->world->size.pages)
		return 1ull << 48 | (u64)name(form, PAGE, (u32)pfn) << 32 |
		       (pte_val(pte) & ~PAGE_MASK);
	if (pte_present(pte) || pte_file(pte) ||
	    kmm_pte_to_swap(pte) >= form->world->size.swap_slots)
		return pte_val(pte);
	return 2ull << 48 | (u64)swap_name(form, kmm_pte_to_swap(pte)) << 32 |
	       (pte_val(pte) & 0xFF);
}

static u64 *tell_vma(struct kmm_canonical *form, u64 *at, u32 number)
{
	const struct vm_area_struct *vma = &form->world->vmas[number];
	u32 slots = form->flags & KMM_CANONICAL_VMA_SLOTS;

	*at++ = vma->vm_start;
	*at++ = vma->vm_end;
	*at++ = vma->vm_flags;
	*at++ = vma->vm_private_data;
	*at++ = two(pgprot_val(vma->vm_page_prot),
		    FILE_NAME(form, vma->vm_file) | ANON_NAME(form, vma->anon_vma) << 8 |
		    (u32)form->mapped_by[number] << 16);
	*at++ = vma->vm_pgoff;
	*at++ = table_word(vma->vm_ops);
	if (slots)
		*at++ = two(number, form->file_order[number]);
	return at;
}

u64 *kmm_tell_queued(struct kmm_canonical *form, u64 *at)
{
	while (form->told < form->met) {
		u32 number = form->queue[form->told].number;

		switch ((enum kind)form->queue[form->told++].kind) {
		case PAGE:
			at = tell_page(form, at, number);
			break;
		case VMA:
			at = tell_vma(form, at, number);
			break;
		case ANON_VMA:
			at = tell_anon_vma(form, at, &form->world->anon_vmas[number]);
			break;
		case BUFFER:
			at = tell_buffer(form, at, &form->world->buffers[number]);
			break;
		case OPEN_FILE:
			at = tell_file(form, at, &form->world->files[number]);
			break;
		case SWAP_SLOT:
			at = tell_swap_slot(form, at, number);
			break;
		case NR_KINDS:
			break;
		}
	}
	return at;
}
