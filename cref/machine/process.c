// SPDX-License-Identifier: GPL-2.0-only
/*
 * fork and exit.  A child that is not finished has no users yet; that its
 * mmap_sem is held says that its slot is taken, as it does for one that ends.
 */
#include "machine/anon.h"
#include "machine/fault.h"
#include "machine/file.h"
#include "machine/process.h"
#include "machine/swap.h"
#include "machine/zap.h"

#define KMM_FILE KMM_FILE_MACHINE

/* One pte that is not none.  Both tables are locked. */
static void copy_one_pte(struct mm_struct *dst_mm, struct mm_struct *src_mm, pte_t *dst_pte,
			 pte_t *src_pte, struct vm_area_struct *vma, unsigned long address)
{
	pte_t pte = *src_pte;
	struct page *page;

	if (!pte_present(pte)) {
		if (!pte_file(pte))
			swap_duplicate(kmm_pte_to_swap(pte));
		set_pte_at(dst_mm, address, dst_pte, pte);
		return;
	}
	if (is_cow_mapping(vma->vm_flags)) {
		ptep_set_wrprotect(src_mm, address, src_pte);
		pte = *src_pte;
	}
	/* the parent's pte keeps the dirty bit; RW stays in both */
	if (vma->vm_flags & VM_SHARED)
		pte = pte_mkclean(pte);
	pte = pte_mkold(pte);
	page = vm_normal_page(vma, address, pte);
	if (page) {
		get_page(page);
		page_dup_rmap(page);
		if (kmm_page_is_anon(page))
			inc_mm_counter(dst_mm, anon_rss);
		else
			inc_mm_counter(dst_mm, file_rss);
	}
	set_pte_at(dst_mm, address, dst_pte, pte);
}

static int copy_pte_range(struct mm_struct *dst_mm, struct mm_struct *src_mm, pmd_t *src_pmd,
			  struct vm_area_struct *vma, unsigned long address, unsigned long stop)
{
	pmd_t *dst_pmd = pte_alloc(dst_mm, address);
	pte_t *dst, *src, *dst_pte, *src_pte;
	spinlock_t *dst_ptl, *src_ptl;

	if (!dst_pmd)
		return -ENOMEM;
	dst = dst_pte = pte_offset_map_lock(dst_mm, dst_pmd, address, &dst_ptl);
	src = src_pte = pte_offset_map_lock(src_mm, src_pmd, address, &src_ptl);
	for (; address < stop; address += PAGE_SIZE, dst_pte++, src_pte++)
		if (!pte_none(*src_pte))
			copy_one_pte(dst_mm, src_mm, dst_pte, src_pte, vma, address);
	pte_unmap_unlock(src, src_ptl);
	pte_unmap_unlock(dst, dst_ptl);
	return 0;
}

/* What a fault would bring back is not copied. */
static int copy_page_range(struct mm_struct *dst_mm, struct mm_struct *src_mm,
			   struct vm_area_struct *vma)
{
	u64 *result = KMM_ENTER(copy_page_range, KMM_HERE, dst_mm, src_mm, vma);
	unsigned long address = vma->vm_start, stop;
	pmd_t *pmd;

	if (!(vma->vm_flags & (VM_HUGETLB | VM_NONLINEAR | VM_PFNMAP | VM_INSERTPAGE)) &&
	    !vma->anon_vma)
		return 0;
	/* huge pages have no ptes in this model */
	if (vma->vm_flags & VM_HUGETLB)
		return 0;
	for (; (pmd = kmm_next_table(src_mm, &address, vma->vm_end, &stop)); address = stop)
		if (copy_pte_range(dst_mm, src_mm, pmd, vma, address, stop))
			return KMM_GIVE(result, -ENOMEM);
	return 0;
}

/* Into the file beside the parent's vma.  i_mmap_writable is not raised: 2.6.17 forgets it. */
static void share_file(struct vm_area_struct *vma, struct vm_area_struct *parent)
{
	struct file *file = parent->vm_file;
	struct address_space *mapping = file->f_mapping;

	get_file(file);
	vma->vm_file = file;
	if (vma->vm_flags & VM_DENYWRITE)
		kmm_count_add(&mapping->host->i_writecount, -1);
	spin_lock(&mapping->i_mmap_lock);
	vma->vm_truncate_count = parent->vm_truncate_count;
	if (vma->vm_flags & VM_NONLINEAR) {
		vma->nonlinear_next = parent->nonlinear_next;
		parent->nonlinear_next = vma;
	} else {
		vma_prio_tree_insert(vma, &mapping->i_mmap);
	}
	spin_unlock(&mapping->i_mmap_lock);
}

/* The child's vma, in its list and tree, with its file and its anon_vma; NULL without memory. */
static struct vm_area_struct *copy_vma(struct mm_struct *mm, struct vm_area_struct *parent)
{
	struct vm_area_struct *vma = kmem_cache_zalloc(vm_area_cachep, GFP_KERNEL), *prev;
	struct rb_node **rb_link, *rb_parent;

	if (!vma)
		return NULL;
	vma->vm_mm = mm;
	vma->vm_start = parent->vm_start;
	vma->vm_end = parent->vm_end;
	vma->vm_flags = parent->vm_flags & ~(unsigned long)VM_LOCKED;
	vma->vm_page_prot = parent->vm_page_prot;
	vma->vm_pgoff = parent->vm_pgoff;
	vma->vm_ops = parent->vm_ops;
	vma->vm_private_data = parent->vm_private_data;
	/* with neither file nor anon_vma yet, vma_link is list and tree alone */
	find_vma_prepare(mm, vma->vm_start, &prev, &rb_link, &rb_parent);
	vma_link(mm, vma, prev, rb_link, rb_parent);
	if (parent->anon_vma) {
		vma->anon_vma = parent->anon_vma;
		anon_vma_link(vma);
	}
	if (parent->vm_file)
		share_file(vma, parent);
	return vma;
}

static int dup_one(struct mm_struct *mm, struct mm_struct *oldmm, struct vm_area_struct *parent)
{
	long pages = (long)vma_pages(parent), charged = 0;
	struct vm_area_struct *vma;
	int error;

	if (parent->vm_flags & VM_DONTCOPY) {
		mm->total_vm -= pages;
		vm_stat_account(mm, parent->vm_flags, parent->vm_file, -pages);
		return 0;
	}
	if (parent->vm_flags & VM_ACCOUNT) {
		if (security_vm_enough_memory(pages))
			return -ENOMEM;
		charged = pages;
	}
	vma = copy_vma(mm, parent);
	if (!vma) {
		vm_unacct_memory(charged);
		return -ENOMEM;
	}
	error = copy_page_range(mm, oldmm, parent);
	if (vma->vm_ops && vma->vm_ops->open)
		vma->vm_ops->open(vma);
	return error;
}

/* How big it is, but for what a child does not inherit; page tables and locks are its own. */
static void copy_counts(struct mm_struct *mm, const struct mm_struct *oldmm)
{
	mm->file_rss = 0;
	mm->anon_rss = 0;
	mm->anon_replaced = 0;
	mm->total_vm = oldmm->total_vm;
	mm->shared_vm = oldmm->shared_vm;
	mm->exec_vm = oldmm->exec_vm;
	mm->stack_vm = oldmm->stack_vm;
	mm->reserved_vm = oldmm->reserved_vm;
	mm->start_brk = oldmm->start_brk;
	mm->brk = oldmm->brk;
}

/* What a process starts with that no parent gave it: world.c makes them the same. */
static void make_fresh(struct mm_struct *mm)
{
	mm->def_flags = 0;
	mm->start_brk = mm->brk = KMM_HEAP_START;
	mm->mm_users = 0;
}

/* A copy that failed: its sizes were the parent's, and counted vmas that it never had. */
static void discard(struct mm_struct *mm)
{
	exit_mmap(mm);
	mm->total_vm = 0;
	mm->shared_vm = 0;
	mm->exec_vm = 0;
	mm->stack_vm = 0;
	mm->reserved_vm = 0;
	make_fresh(mm);
}

/* The first slot without a process, its mmap_sem held; NULL where there is none. */
static struct mm_struct *take_slot(void)
{
	struct world *world = kmm_world;
	u32 i;

	for (i = 0; i < world->size.mms; i++) {
		struct mm_struct *mm = &world->mms[i];

		if (mm->mm_users || mm->mmap_sem.held)
			continue;
		down_write(&mm->mmap_sem);
		if (!mm->mm_users)
			return mm;
		/* somebody else forked while this one slept */
		up_write(&mm->mmap_sem);
	}
	return NULL;
}

static int dup_mmap(struct mm_struct *mm, struct mm_struct *oldmm)
{
	struct vm_area_struct *parent;
	int error = 0;

	copy_counts(mm, oldmm);
	for (parent = oldmm->mmap; parent && !error; parent = parent->vm_next)
		error = dup_one(mm, oldmm, parent);
	flush_tlb_mm(oldmm);
	return error;
}

static void copy_task(struct task_struct *task, const struct task_struct *parent)
{
	u32 i;

	task->personality = parent->personality;
	task->capabilities = parent->capabilities;
	task->own_signal = parent->own_signal;
	for (i = 0; i < KMM_NR_FDS; i++) {
		task->fd[i] = parent->fd[i];
		if (task->fd[i])
			get_file(task->fd[i]);
	}
}

long sys_fork(void)
{
	struct mm_struct *oldmm = current->mm, *mm;
	long result = -EAGAIN;

	down_write(&oldmm->mmap_sem);
	mm = take_slot();
	if (mm) {
		result = dup_mmap(mm, oldmm);
		if (result) {
			discard(mm);
		} else {
			result = mm - kmm_world->mms;
			copy_task(&kmm_world->tasks[result], current);
			mm->mm_users = 1;
		}
		up_write(&mm->mmap_sem);
	}
	up_write(&oldmm->mmap_sem);
	return result;
}

void sys_exit(void)
{
	struct task_struct *task = current;
	struct mm_struct *mm = task->mm;
	struct file *fd[KMM_NR_FDS];
	u32 i;

	/* nobody finds an mm that ends; here others are kept out by its lock */
	down_write(&mm->mmap_sem);
	exit_mmap(mm);
	for (i = 0; i < KMM_NR_FDS; i++) {
		fd[i] = task->fd[i];
		task->fd[i] = NULL;
	}
	task->personality = 0;
	task->capabilities = 0;
	for (i = 0; i < RLIM_NLIMITS; i++)
		task->own_signal.rlim[i].rlim_cur = RLIM_INFINITY;
	make_fresh(mm);
	up_write(&mm->mmap_sem);
	for (i = 0; i < KMM_NR_FDS; i++)
		if (fd[i])
			fput(fd[i]);
}
