// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vmas of a process, as a list sorted by address and as a tree.  The tree
 * is a treap: a vma's priority comes from its slot alone, so the shape follows
 * from the set of vmas and not from their history.
 */
#include "machine/anon.h"
#include "machine/file.h"

#define KMM_FILE KMM_FILE_MACHINE

static struct vm_area_struct *vma_of(struct rb_node *node)
{
	return (struct vm_area_struct *)((char *)node - offsetof(struct vm_area_struct, vm_rb));
}

/* Spreads slots over priorities; any fixed bijection would do. */
static u32 priority_of(struct rb_node *node)
{
	u32 word = (u32)(vma_of(node) - kmm_world->vmas) * 2654435761u;

	return word ^ word >> 15;
}

static void put_in_place_of(struct rb_node *node, struct rb_node *old, struct rb_root *root)
{
	struct rb_node *parent = old->rb_parent;

	if (!parent)
		root->rb_node = node;
	else if (parent->rb_left == old)
		parent->rb_left = node;
	else
		parent->rb_right = node;
	if (node)
		node->rb_parent = parent;
}

/* Make `node` the parent of its own parent, keeping the order. */
static void rotate_up(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *parent = node->rb_parent, *moved;

	put_in_place_of(node, parent, root);
	if (parent->rb_left == node) {
		moved = node->rb_right;
		parent->rb_left = moved;
		node->rb_right = parent;
	} else {
		moved = node->rb_left;
		parent->rb_right = moved;
		node->rb_left = parent;
	}
	if (moved)
		moved->rb_parent = parent;
	parent->rb_parent = node;
}

static void rb_insert(struct rb_node *node, struct rb_node **link, struct rb_node *parent,
		      struct rb_root *root)
{
	node->rb_parent = parent;
	node->rb_left = node->rb_right = NULL;
	*link = node;
	while (node->rb_parent && priority_of(node->rb_parent) < priority_of(node))
		rotate_up(node, root);
}

static void rb_erase(struct rb_node *node, struct rb_root *root)
{
	while (node->rb_left && node->rb_right)
		rotate_up(priority_of(node->rb_left) > priority_of(node->rb_right) ?
			  node->rb_left : node->rb_right, root);
	put_in_place_of(node->rb_left ? node->rb_left : node->rb_right, node, root);
	*node = (struct rb_node) { .rb_parent = NULL };
}

/* Where a vma at an address belongs. */
struct spot {
	struct vm_area_struct *prev;
	struct rb_node **link;
	struct rb_node *parent;
};

/* The first vma that ends above `address`; the walk goes on to the leaf to tell the spot. */
static struct vm_area_struct *find_spot(struct mm_struct *mm, unsigned long address,
					struct spot *spot)
{
	struct vm_area_struct *found = NULL;

	*spot = (struct spot) { .link = &mm->mm_rb.rb_node };
	while (*spot->link) {
		struct vm_area_struct *vma = vma_of(*spot->link);

		spot->parent = *spot->link;
		if (vma->vm_end > address) {
			found = vma;
			spot->link = &spot->parent->rb_left;
		} else {
			spot->prev = vma;
			spot->link = &spot->parent->rb_right;
		}
	}
	return found;
}

struct vm_area_struct *kmm_find_vma(struct mm_struct *mm, unsigned long address, u32 here)
{
	struct rb_node *node = mm->mm_rb.rb_node;
	struct vm_area_struct *found = NULL;

	while (node) {
		struct vm_area_struct *vma = vma_of(node);

		if (vma->vm_end > address) {
			found = vma;
			if (vma->vm_start <= address)
				break;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	KMM_EVENT(find_vma, here, mm, address, found);
	return found;
}

struct vm_area_struct *find_vma_prev(struct mm_struct *mm, unsigned long address,
				     struct vm_area_struct **prev)
{
	struct spot spot;
	struct vm_area_struct *vma = find_spot(mm, address, &spot);

	*prev = spot.prev;
	return vma;
}

struct vm_area_struct *kmm_find_vma_prepare(struct mm_struct *mm, unsigned long address,
					    struct vm_area_struct **pprev,
					    struct rb_node ***rb_link, struct rb_node **rb_parent,
					    u32 here)
{
	struct spot spot;
	struct vm_area_struct *vma = find_spot(mm, address, &spot);

	*pprev = spot.prev;
	*rb_link = spot.link;
	*rb_parent = spot.parent;
	KMM_EVENT(find_vma_prepare, here, mm, address, spot.prev, spot.link, spot.parent, vma);
	return vma;
}

/* Into list, tree and the list of its anon_vma. */
static void insert_at(struct mm_struct *mm, struct vm_area_struct *vma, const struct spot *spot)
{
	struct vm_area_struct **next = spot->prev ? &spot->prev->vm_next : &mm->mmap;

	vma->vm_next = *next;
	*next = vma;
	rb_insert(&vma->vm_rb, spot->link, spot->parent, &mm->mm_rb);
	if (vma->anon_vma)
		kmm_anon_vma_add(vma);
	kmm_count_add(&mm->map_count, 1);
}

void kmm_vma_insert(struct mm_struct *mm, struct vm_area_struct *vma)
{
	struct spot spot;

	find_spot(mm, vma->vm_start, &spot);
	insert_at(mm, vma, &spot);
}

void kmm_vma_link(struct mm_struct *mm, struct vm_area_struct *vma, struct vm_area_struct *prev,
		  struct rb_node **rb_link, struct rb_node *rb_parent, u32 here)
{
	const struct spot spot = { prev, rb_link, rb_parent };
	struct address_space *mapping = vma->vm_file ? vma->vm_file->f_mapping : NULL;

	KMM_EVENT(vma_link, here, mm, vma, prev);
	if (mapping) {
		spin_lock(&mapping->i_mmap_lock);
		vma->vm_truncate_count = mapping->truncate_count;
	}
	if (vma->anon_vma)
		spin_lock(&vma->anon_vma->lock);
	insert_at(mm, vma, &spot);
	if (mapping)
		kmm_vma_link_file(vma);
	if (vma->anon_vma)
		spin_unlock(&vma->anon_vma->lock);
	if (mapping)
		spin_unlock(&mapping->i_mmap_lock);
}

void kmm_vma_unlink(struct mm_struct *mm, struct vm_area_struct *vma, struct vm_area_struct *prev)
{
	if (prev)
		prev->vm_next = vma->vm_next;
	else
		mm->mmap = vma->vm_next;
	rb_erase(&vma->vm_rb, &mm->mm_rb);
}

void kmm_vma_link_file(struct vm_area_struct *vma)
{
	struct file *file = vma->vm_file;
	struct address_space *mapping = file->f_mapping;

	if (vma->vm_flags & VM_DENYWRITE)
		kmm_count_add(&file->f_dentry->d_inode->i_writecount, -1);
	if (vma->vm_flags & VM_SHARED)
		mapping->i_mmap_writable++;
	if (vma->vm_flags & VM_NONLINEAR)
		vma_nonlinear_insert(vma, mapping);
	else
		vma_prio_tree_insert(vma, &mapping->i_mmap);
}

void kmm_vma_unlink_file(struct vm_area_struct *vma)
{
	struct file *file = vma->vm_file;
	struct address_space *mapping = file->f_mapping;

	if (vma->vm_flags & VM_DENYWRITE)
		kmm_count_add(&file->f_dentry->d_inode->i_writecount, 1);
	if (vma->vm_flags & VM_SHARED)
		mapping->i_mmap_writable--;
	if (vma->vm_flags & VM_NONLINEAR)
		vma_nonlinear_remove(vma, mapping);
	else
		vma_prio_tree_remove(vma, &mapping->i_mmap);
}

void kmm_unlink_file_vma(struct vm_area_struct *vma)
{
	struct address_space *mapping;

	if (!vma->vm_file)
		return;
	mapping = vma->vm_file->f_mapping;
	spin_lock(&mapping->i_mmap_lock);
	kmm_vma_unlink_file(vma);
	spin_unlock(&mapping->i_mmap_lock);
}
