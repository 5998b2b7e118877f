// SPDX-License-Identifier: GPL-2.0-only
#include "machine/imap.h"

typedef struct vm_area_struct vma_t;

/* Spreads slots over priorities; any fixed bijection would do. */
static u32 priority_of(const vma_t *vma)
{
	u32 word = (u32)(vma - kmm_world->vmas) * 2654435761u;

	return word ^ word >> 15;
}

static int comes_before(const vma_t *a, const vma_t *b)
{
	return a->vm_pgoff != b->vm_pgoff ? a->vm_pgoff < b->vm_pgoff : a < b;
}

static void update_last(vma_t *node)
{
	unsigned long last = kmm_vma_last(node);

	if (node->i_mmap_left && node->i_mmap_left->i_mmap_last > last)
		last = node->i_mmap_left->i_mmap_last;
	if (node->i_mmap_right && node->i_mmap_right->i_mmap_last > last)
		last = node->i_mmap_right->i_mmap_last;
	node->i_mmap_last = last;
}

static void put_in_place_of(vma_t *node, vma_t *old, struct prio_tree_root *root)
{
	vma_t *parent = old->i_mmap_parent;

	if (!parent)
		root->node = node;
	else if (parent->i_mmap_left == old)
		parent->i_mmap_left = node;
	else
		parent->i_mmap_right = node;
	if (node)
		node->i_mmap_parent = parent;
}

/* Make `node` the parent of its own parent, keeping the order. */
static void rotate_up(vma_t *node, struct prio_tree_root *root)
{
	vma_t *parent = node->i_mmap_parent;
	vma_t *moved;

	put_in_place_of(node, parent, root);
	if (parent->i_mmap_left == node) {
		moved = node->i_mmap_right;
		parent->i_mmap_left = moved;
		node->i_mmap_right = parent;
	} else {
		moved = node->i_mmap_left;
		parent->i_mmap_right = moved;
		node->i_mmap_left = parent;
	}
	if (moved)
		moved->i_mmap_parent = parent;
	parent->i_mmap_parent = node;
	update_last(parent);
	update_last(node);
}

void vma_prio_tree_insert(vma_t *vma, struct prio_tree_root *root)
{
	vma_t **link = &root->node, *parent = NULL;

	vma->i_mmap_left = vma->i_mmap_right = NULL;
	vma->i_mmap_priority = priority_of(vma);
	vma->i_mmap_last = kmm_vma_last(vma);
	while (*link) {
		parent = *link;
		if (parent->i_mmap_last < vma->i_mmap_last)
			parent->i_mmap_last = vma->i_mmap_last;
		link = comes_before(vma, parent) ? &parent->i_mmap_left : &parent->i_mmap_right;
	}
	*link = vma;
	vma->i_mmap_parent = parent;
	while (vma->i_mmap_parent && vma->i_mmap_parent->i_mmap_priority < vma->i_mmap_priority)
		rotate_up(vma, root);
}

void vma_prio_tree_remove(vma_t *vma, struct prio_tree_root *root)
{
	vma_t *node;

	while (vma->i_mmap_left && vma->i_mmap_right)
		rotate_up(vma->i_mmap_left->i_mmap_priority > vma->i_mmap_right->i_mmap_priority ?
			  vma->i_mmap_left : vma->i_mmap_right, root);
	put_in_place_of(vma->i_mmap_left ? vma->i_mmap_left : vma->i_mmap_right, vma, root);
	for (node = vma->i_mmap_parent; node; node = node->i_mmap_parent)
		update_last(node);
	vma->i_mmap_left = vma->i_mmap_right = vma->i_mmap_parent = NULL;
	vma->i_mmap_priority = 0;
	vma->i_mmap_last = 0;
}

void vma_nonlinear_insert(vma_t *vma, struct address_space *mapping)
{
	vma->nonlinear_next = mapping->i_mmap_nonlinear;
	mapping->i_mmap_nonlinear = vma;
}

void vma_nonlinear_remove(vma_t *vma, struct address_space *mapping)
{
	vma_t **link = &mapping->i_mmap_nonlinear;

	while (*link != vma)
		link = &(*link)->nonlinear_next;
	*link = vma->nonlinear_next;
	vma->nonlinear_next = NULL;
}

/* The first vma in order, of this subtree, that meets [begin, end]. */
static vma_t *search(vma_t *node, const struct prio_tree_iter *iter)
{
	while (node && node->i_mmap_last >= iter->begin) {
		if (node->i_mmap_left && node->i_mmap_left->i_mmap_last >= iter->begin) {
			node = node->i_mmap_left;
			continue;
		}
		if (node->vm_pgoff > iter->end)
			return NULL;
		if (kmm_vma_last(node) >= iter->begin)
			return node;
		node = node->i_mmap_right;
	}
	return NULL;
}

/* The next one after iter->at: in its right subtree, or among its ancestors. */
static vma_t *successor(const struct prio_tree_iter *iter)
{
	vma_t *node = iter->at;
	vma_t *found = search(node->i_mmap_right, iter);

	while (!found) {
		vma_t *parent = node->i_mmap_parent;

		while (parent && parent->i_mmap_right == node) {
			node = parent;
			parent = node->i_mmap_parent;
		}
		if (!parent || parent->vm_pgoff > iter->end)
			return NULL;
		if (kmm_vma_last(parent) >= iter->begin)
			return parent;
		found = search(parent->i_mmap_right, iter);
		node = parent;
	}
	return found;
}

vma_t *kmm_prio_tree_first(struct prio_tree_iter *iter, const struct prio_tree_root *root,
			   unsigned long begin, unsigned long end, u32 here)
{
	iter->begin = begin;
	iter->end = end;
	iter->at = search(root->node, iter);
	KMM_EVENT(vma_prio_tree_first, here, root, begin, end, iter->at);
	return iter->at;
}

vma_t *kmm_prio_tree_next(struct prio_tree_iter *iter, u32 here)
{
	iter->at = successor(iter);
	KMM_EVENT(vma_prio_tree_next, here, iter->begin, iter->end, iter->at);
	return iter->at;
}
