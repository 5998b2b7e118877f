// SPDX-License-Identifier: GPL-2.0-only
/* Merging a range into its neighbours, moving the ends of vmas, splitting them. */
#include "machine/anon.h"
#include "machine/file.h"
#include "machine/rmap.h"

#define KMM_FILE KMM_FILE_MACHINE

/* What the pages of a range would be like: what a vma must equal to take them in. */
struct range {
	unsigned long flags;
	struct anon_vma *anon_vma;
	struct file *file;
	pgoff_t pgoff;			/* of its first page */
	pgoff_t pgoff_end;		/* of the page after its last */
};

static int anon_vmas_agree(const struct anon_vma *a, const struct anon_vma *b)
{
	return !a || !b || a == b;
}

/* vm_page_prot is not looked at.  Mempolicies, which would have to be equal, are not modelled. */
static int is_mergeable(const struct vm_area_struct *vma, const struct range *range)
{
	return vma->vm_flags == range->flags && vma->vm_file == range->file &&
	       !(vma->vm_ops && vma->vm_ops->close) &&
	       anon_vmas_agree(range->anon_vma, vma->anon_vma);
}

static int can_vma_merge_before(const struct vm_area_struct *vma, const struct range *range)
{
	return is_mergeable(vma, range) && vma->vm_pgoff == range->pgoff_end;
}

static int can_vma_merge_after(const struct vm_area_struct *vma, const struct range *range)
{
	return is_mergeable(vma, range) && vma->vm_pgoff + vma_pages(vma) == range->pgoff;
}

static struct vm_area_struct *merge(struct mm_struct *mm, struct vm_area_struct *prev,
				    unsigned long address, unsigned long end,
				    const struct range *range)
{
	struct vm_area_struct *area, *next;
	int with_next;

	if (range->flags & VM_SPECIAL)
		return NULL;
	next = prev ? prev->vm_next : mm->mmap;
	area = next;
	if (next && next->vm_end == end)
		next = next->vm_next;		/* cases 6, 7, 8 */
	with_next = next && next->vm_start == end && can_vma_merge_before(next, range);

	if (prev && prev->vm_end == address && can_vma_merge_after(prev, range)) {
		if (with_next && anon_vmas_agree(prev->anon_vma, next->anon_vma))
			end = next->vm_end;	/* cases 1, 6; else 2, 5, 7 */
		vma_adjust(prev, prev->vm_start, end, prev->vm_pgoff, NULL);
		return prev;
	}
	if (!with_next)
		return NULL;
	if (prev && address < prev->vm_end)	/* case 4 */
		vma_adjust(prev, prev->vm_start, address, prev->vm_pgoff, NULL);
	else					/* cases 3, 8 */
		vma_adjust(area, address, next->vm_end, range->pgoff, NULL);
	return area;
}

struct vm_area_struct *kmm_vma_merge(struct mm_struct *mm, struct vm_area_struct *prev,
				     unsigned long address, unsigned long end,
				     unsigned long flags, struct anon_vma *anon_vma,
				     struct file *file, pgoff_t pgoff, void *policy, u32 here)
{
	u64 *result = KMM_ENTER(vma_merge, here, mm, prev, address, end, flags, anon_vma, file,
				pgoff, policy);
	const struct range range = {
		.flags = flags, .anon_vma = anon_vma, .file = file,
		.pgoff = pgoff, .pgoff_end = pgoff + ((end - address) >> PAGE_SHIFT),
	};

	return KMM_GIVE(result, merge(mm, prev, address, end, &range));
}

/* New ends for a vma, and what that means for the one after it. */
struct adjustment {
	unsigned long start;
	unsigned long end;
	pgoff_t pgoff;
	struct vm_area_struct *next;	/* the one after it, if that is moved or removed */
	struct vm_area_struct *grows;	/* which of the two takes pages over from the other */
	long shift;			/* by how many pages next's start moves */
	int removes_next;
};

static void find_neighbour(struct vm_area_struct *vma, struct adjustment *to)
{
	struct vm_area_struct *next = vma->vm_next;

	if (!next)
		return;
	if (to->end >= next->vm_end) {
		to->removes_next = 1;
		to->grows = vma;
	} else if (to->end > next->vm_start) {		/* vma_merge's case 5 */
		to->shift = (long)((to->end - next->vm_start) >> PAGE_SHIFT);
		to->grows = vma;
	} else if (to->end < vma->vm_end) {		/* vma_merge's case 4 */
		to->shift = -(long)((vma->vm_end - to->end) >> PAGE_SHIFT);
		to->grows = next;
	} else {
		return;
	}
	to->next = next;
}

/* Both are out of the file's interval tree while their ends move; nonlinear ones are in none. */
static void move_ends(struct vm_area_struct *vma, const struct adjustment *to)
{
	struct vm_area_struct *next = to->shift ? to->next : NULL;
	struct prio_tree_root *root = NULL;

	if (vma->vm_file && !(vma->vm_flags & VM_NONLINEAR))
		root = &vma->vm_file->f_mapping->i_mmap;
	if (root) {
		vma_prio_tree_remove(vma, root);
		if (next)
			vma_prio_tree_remove(next, root);
	}
	vma->vm_start = to->start;
	vma->vm_end = to->end;
	vma->vm_pgoff = to->pgoff;
	if (next) {
		next->vm_start += (unsigned long)to->shift << PAGE_SHIFT;
		next->vm_pgoff += (unsigned long)to->shift;
	}
	if (root) {
		if (next)
			vma_prio_tree_insert(next, root);
		vma_prio_tree_insert(vma, root);
	}
}

static void unlink_next(struct vm_area_struct *vma, struct vm_area_struct *next)
{
	kmm_vma_unlink(vma->vm_mm, next, vma);
	if (next->vm_file)
		kmm_vma_unlink_file(next);
	if (next->anon_vma)
		kmm_anon_vma_remove(next);
}

static void free_next(struct vm_area_struct *vma, struct vm_area_struct *next)
{
	if (next->vm_file)
		fput(next->vm_file);
	kmm_count_add(&vma->vm_mm->map_count, -1);
	kmem_cache_free(vm_area_cachep, next);
}

/* What has to happen before the ends move, with i_mmap_lock held. */
static void prepare_file(struct vm_area_struct *vma, const struct adjustment *to,
			 struct vm_area_struct *insert)
{
	/* a truncation that is half way through the one vma may not have seen the other's pages */
	if (to->grows && vma->vm_truncate_count != to->next->vm_truncate_count)
		to->grows->vm_truncate_count = 0;
	if (insert) {
		insert->vm_truncate_count = vma->vm_truncate_count;
		kmm_vma_link_file(insert);
	}
}

static void adjust(struct vm_area_struct *vma, struct adjustment *to,
		   struct vm_area_struct *insert)
{
	struct address_space *mapping = vma->vm_file ? vma->vm_file->f_mapping : NULL;
	struct anon_vma *anon_vma = vma->anon_vma;

	if (!insert)
		find_neighbour(vma, to);
	if (!anon_vma && to->next)
		anon_vma = to->next->anon_vma;

	if (mapping) {
		spin_lock(&mapping->i_mmap_lock);
		prepare_file(vma, to, insert);
	}
	if (anon_vma) {
		spin_lock(&anon_vma->lock);
		/* the pages that it takes over must stay findable */
		if (to->grows && !to->grows->anon_vma) {
			to->grows->anon_vma = anon_vma;
			kmm_anon_vma_add(to->grows);
		}
	}
	move_ends(vma, to);
	if (to->removes_next)
		unlink_next(vma, to->next);
	else if (insert)
		kmm_vma_insert(vma->vm_mm, insert);
	if (anon_vma)
		spin_unlock(&anon_vma->lock);
	if (mapping)
		spin_unlock(&mapping->i_mmap_lock);
	if (to->removes_next)
		free_next(vma, to->next);
}

void kmm_vma_adjust(struct vm_area_struct *vma, unsigned long start, unsigned long end,
		    pgoff_t pgoff, struct vm_area_struct *insert, u32 here)
{
	KMM_EVENT(vma_adjust, here, vma, start, end, pgoff, insert);
	/* vma_merge's case 6 swallows two, one after the other, each under locks of its own */
	while (!insert && vma->vm_next && end > vma->vm_next->vm_end) {
		struct adjustment first = {
			.start = start, .end = vma->vm_next->vm_end, .pgoff = pgoff,
		};

		adjust(vma, &first, NULL);
	}
	adjust(vma, &(struct adjustment) { .start = start, .end = end, .pgoff = pgoff }, insert);
}

static int split(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long address,
		 int new_below)
{
	unsigned long pgoff = linear_page_index(vma, address);
	struct vm_area_struct *new;

	if (vma->vm_flags & VM_HUGETLB && address & ~HPAGE_MASK)
		return -EINVAL;
	if (mm->map_count >= (s64)sysctl_max_map_count)
		return -ENOMEM;
	new = kmem_cache_zalloc(vm_area_cachep, GFP_KERNEL);
	if (!new)
		return -ENOMEM;
	*new = *vma;
	if (new_below) {
		new->vm_end = address;
	} else {
		new->vm_start = address;
		new->vm_pgoff = pgoff;
	}
	if (new->vm_file)
		get_file(new->vm_file);
	if (new->vm_ops && new->vm_ops->open)
		new->vm_ops->open(new);
	if (new_below)
		vma_adjust(vma, address, vma->vm_end, pgoff, new);
	else
		vma_adjust(vma, vma->vm_start, address, vma->vm_pgoff, new);
	return 0;
}

int kmm_split_vma(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long address,
		  int new_below, u32 here)
{
	u64 *error = KMM_ENTER(split_vma, here, mm, vma, address, new_below);

	return KMM_GIVE(error, split(mm, vma, address, new_below));
}
