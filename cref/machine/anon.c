// SPDX-License-Identifier: GPL-2.0-only
/* anon_vmas: one for the vmas that came from each other by fork, split and merge. */
#include "machine/anon.h"

#define KMM_FILE KMM_FILE_MACHINE

void kmm_anon_vma_add(struct vm_area_struct *vma)
{
	struct anon_vma *anon_vma = vma->anon_vma;

	vma->anon_vma_next = anon_vma->head;
	anon_vma->head = vma;
}

void kmm_anon_vma_remove(struct vm_area_struct *vma)
{
	struct vm_area_struct **at = &vma->anon_vma->head;

	while (*at != vma)
		at = &(*at)->anon_vma_next;
	*at = vma->anon_vma_next;
	vma->anon_vma_next = NULL;
}

void anon_vma_link(struct vm_area_struct *vma)
{
	struct anon_vma *anon_vma = vma->anon_vma;

	KMM_EVENT(anon_vma_link, KMM_HERE, vma);
	if (!anon_vma)
		return;
	spin_lock(&anon_vma->lock);
	kmm_anon_vma_add(vma);
	spin_unlock(&anon_vma->lock);
}

/* An empty list is a free anon_vma, so nothing is left to do for the last one out. */
void anon_vma_unlink(struct vm_area_struct *vma)
{
	struct anon_vma *anon_vma = vma->anon_vma;

	KMM_EVENT(anon_vma_unlink, KMM_HERE, vma);
	if (!anon_vma)
		return;
	spin_lock(&anon_vma->lock);
	kmm_anon_vma_remove(vma);
	spin_unlock(&anon_vma->lock);
}

/*
 * Might `near`, which lies just above or below, be merged with `vma` one day,
 * once mprotect makes their permissions equal?
 */
static int mergeable(const struct vm_area_struct *near, const struct vm_area_struct *vma)
{
	const unsigned long ignored = VM_READ | VM_WRITE | VM_EXEC;

	return near->anon_vma && !((near->vm_flags ^ vma->vm_flags) & ~ignored) &&
	       near->vm_file == vma->vm_file && !(near->vm_ops && near->vm_ops->close);
}

static int follows(const struct vm_area_struct *below, const struct vm_area_struct *above)
{
	return below->vm_end == above->vm_start &&
	       below->vm_pgoff + vma_pages(below) == above->vm_pgoff;
}

static struct anon_vma *find_mergeable_anon_vma(const struct vm_area_struct *vma)
{
	const struct vm_area_struct *near = vma->vm_next;

	if (near && follows(vma, near) && mergeable(near, vma))
		return near->anon_vma;
	for (near = vma->vm_mm->mmap; near && near->vm_next != vma; near = near->vm_next)
		;
	if (near && follows(near, vma) && mergeable(near, vma))
		return near->anon_vma;
	return NULL;
}

int kmm_anon_vma_prepare(struct vm_area_struct *vma, u32 here)
{
	u64 *error = KMM_ENTER(anon_vma_prepare, here, vma);
	struct mm_struct *mm = vma->vm_mm;
	struct anon_vma *anon_vma, *shared;

	if (vma->anon_vma)
		return 0;
	anon_vma = shared = find_mergeable_anon_vma(vma);
	if (shared) {
		spin_lock(&shared->lock);
	} else {
		anon_vma = kmm_anon_vma_alloc();
		if (!anon_vma)
			return KMM_GIVE(error, -ENOMEM);
		/* taken: before we have the lock another actor may look for one too */
		anon_vma->head = vma;
	}
	spin_lock(&mm->page_table_lock);
	if (!shared)
		anon_vma->head = NULL;
	/* another thread of the process may have been here meanwhile */
	if (!vma->anon_vma) {
		vma->anon_vma = anon_vma;
		kmm_anon_vma_add(vma);
	}
	spin_unlock(&mm->page_table_lock);
	if (shared)
		spin_unlock(&shared->lock);
	return 0;
}
