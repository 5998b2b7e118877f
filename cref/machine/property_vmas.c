// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a vma must be found: in its process, from its file, from its anonymous
 * pages; and what its ptes may do.
 */
#include "machine/census.h"
#include "machine/property.h"
#include "machine/vma.h"

static u32 in_tree(const struct rb_node *node)
{
	return node ? 1 + in_tree(node->rb_left) + in_tree(node->rb_right) : 0;
}

int kmm_holds_vma_lists(const struct kmm_census *census)
{
	struct world *world = census->world;

	for EACH_MM(world, mm) {
		unsigned long end = 0, total = 0, locked = 0;
		s32 count = 0;

		for EACH_VMA(mm, vma) {
			if (vma->vm_mm != mm || vma->vm_start < end || vma->vm_end <= vma->vm_start)
				return 0;
			end = vma->vm_end;
			total += vma_pages(vma);
			if (vma->vm_flags & VM_LOCKED)
				locked += vma_pages(vma);
			count++;
		}
		if (count != mm->map_count || in_tree(mm->mm_rb.rb_node) != (u32)count ||
		    total != mm->total_vm || locked != mm->locked_vm)
			return 0;
		if (!mm->mm_users && count)
			return 0;
	}
	return 1;
}

static u32 in_imap(const struct vm_area_struct *node, const struct vm_area_struct *vma)
{
	return node ? (node == vma) + in_imap(node->i_mmap_left, vma) +
		      in_imap(node->i_mmap_right, vma) : 0;
}

static u32 nonlinear(const struct address_space *mapping, const struct vm_area_struct *vma)
{
	u32 found = 0;

	for (const struct vm_area_struct *at = mapping->i_mmap_nonlinear; at; at = at->nonlinear_next)
		found += at == vma;
	return found;
}

static u32 size_of_imap(const struct vm_area_struct *node)
{
	return node ? 1 + size_of_imap(node->i_mmap_left) + size_of_imap(node->i_mmap_right) : 0;
}

int kmm_holds_file_vmas(const struct kmm_census *census)
{
	struct world *world = census->world;
	u32 mapped = 0, found = 0;

	for EACH_MM(world, mm)
		for EACH_VMA(mm, vma) {
			struct address_space *mapping;
			int is_nonlinear = (vma->vm_flags & VM_NONLINEAR) != 0;

			if (!vma->vm_file)
				continue;
			mapping = vma->vm_file->f_mapping;
			if (in_imap(mapping->i_mmap.node, vma) != !is_nonlinear ||
			    nonlinear(mapping, vma) != (u32)is_nonlinear)
				return 0;
			mapped += !is_nonlinear;
		}
	for (u32 i = 0; i < world->size.mappings; i++)
		found += size_of_imap(world->mappings[i].i_mmap.node);
	return mapped == found;
}

int kmm_holds_anon_vmas(const struct kmm_census *census)
{
	struct world *world = census->world;
	u32 linked = 0, listed = 0;

	for EACH_MM(world, mm)
		for EACH_VMA(mm, vma) {
			u32 found = 0;

			if (!vma->anon_vma)
				continue;
			for (struct vm_area_struct *at = vma->anon_vma->head; at; at = at->anon_vma_next)
				found += at == vma;
			if (found != 1)
				return 0;
			linked++;
		}
	for (u32 i = 0; i < world->size.anon_vmas; i++)
		for (struct vm_area_struct *at = world->anon_vmas[i].head; at; at = at->anon_vma_next)
			listed++;
	return linked == listed;
}

int kmm_holds_write_permission(const struct kmm_census *census)
{
	return !census->forbidden;
}

int kmm_holds_tracked_protection(const struct kmm_census *census)
{
	for EACH_MM(census->world, mm)
		for EACH_VMA(mm, vma)
			if (kmm_vma_is_tracked(vma) && pgprot_val(vma->vm_page_prot) & _PAGE_RW)
				return 0;
	return 1;
}

int kmm_holds_driver_bits(const struct kmm_census *census)
{
	for EACH_MM(census->world, mm)
		for EACH_VMA(mm, vma)
			if (kmm_bits_of_driver(vma) & ~pgprot_val(vma->vm_page_prot))
				return 0;
	return !census->lost_bits;
}
