// SPDX-License-Identifier: GPL-2.0-only
/* Processes and vmas of a direct world. */
#include "engine/build_parts.h"

#define SHARED_RW	(VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_MAYSHARE | \
			 VM_SHARED | VM_READ | VM_WRITE)
#define PRIVATE		(VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)
#define PRIVATE_RW	(PRIVATE | VM_READ | VM_WRITE | VM_ACCOUNT)
#define DRIVER		(VM_IO | VM_RESERVED | VM_PFNMAP)

/* What is in a vma: a file opened for writing, for reading, a driver's frames, or no file. */
enum { OF_FILE, OF_READ_ONLY_FILE, OF_FRAMES, OF_NONE };

static const struct {
	u32 flags;
	u32 of;
} vma_kind[32] = {
	[0 ... 8] = { SHARED_RW, OF_FILE },
	[9 ... 10] = { SHARED_RW & ~VM_WRITE, OF_FILE },
	[11] = { SHARED_RW & ~VM_READ, OF_FILE },
	[12] = { SHARED_RW & ~(VM_READ | VM_WRITE), OF_FILE },
	[13 ... 14] = { SHARED_RW & ~(VM_SHARED | VM_WRITE | VM_MAYWRITE), OF_READ_ONLY_FILE },
	[15 ... 17] = { PRIVATE_RW, OF_FILE },
	[18 ... 19] = { PRIVATE | VM_READ, OF_FILE },
	[20 ... 21] = { SHARED_RW | DRIVER, OF_FILE },
	[22] = { (PRIVATE_RW & ~VM_ACCOUNT) | DRIVER, OF_FRAMES },
	[23 ... 24] = { SHARED_RW | VM_NONLINEAR, OF_FILE },
	[25 ... 27] = { PRIVATE_RW, OF_NONE },
	[28] = { PRIVATE_RW & ~VM_WRITE, OF_NONE },
	[29] = { SHARED_RW | VM_LOCKED | VM_EXEC, OF_FILE },
	[30] = { PRIVATE | VM_READ | VM_EXEC | VM_DENYWRITE, OF_READ_ONLY_FILE },
	[31] = { PRIVATE_RW | VM_GROWSDOWN, OF_NONE },
};
/* The first vma can always be faulted in by its file. */
#define FIRST_KINDS	15

/* Where a vma begins relative to the page in focus: most cover it. */
static const s8 pgoff_from_page[8] = { 0, 0, -1, -1, -2, -3, 1, -8 };

/* What a vma maps: the file of the page in focus, or one of its own. */
static const s8 vma_file[8] = { -1, -1, -1, -1, -1, FILE_0, FILE_1, FILE_2 };

static const struct vm_operations_struct *const vm_ops_of[NR_KMM_FILE_KINDS] = {
	[KMM_EXT2] = &kmm_generic_vm_ops,
	[KMM_EXT3] = &kmm_generic_vm_ops,
	[KMM_BLOCK_DEVICE] = &kmm_generic_vm_ops,
	[KMM_TMPFS] = &kmm_shmem_vm_ops,
	[KMM_RAMFS] = &kmm_generic_vm_ops,
	[KMM_PROT_DRIVER] = &kmm_driver_vm_ops,
};

/* The vmas of each process so far, which come in the order of their addresses. */
struct builder {
	struct vm_area_struct **tail;
	struct vm_area_struct *last;
};

static struct vm_area_struct *vma_of(struct rb_node *node)
{
	return (struct vm_area_struct *)((char *)node - offsetof(struct vm_area_struct, vm_rb));
}

/* Of a vma in the tree of its process, by its slot: that of machine/vma.c. */
static u32 priority_of(const struct world *world, const struct vm_area_struct *vma)
{
	u32 word = (u32)(vma - world->vmas) * 2654435761u;

	return word ^ word >> 15;
}

/* Into list and tree: a new last one is never left of anything. */
static void link_last(struct world *world, struct vm_area_struct *vma, struct builder *builder)
{
	u32 priority = priority_of(world, vma);
	struct rb_node *node = builder->last ? &builder->last->vm_rb : NULL, *child = NULL;

	while (node && priority_of(world, vma_of(node)) < priority) {
		child = node;
		node = node->rb_parent;
	}
	vma->vm_rb.rb_parent = node;
	vma->vm_rb.rb_left = child;
	if (child)
		child->rb_parent = &vma->vm_rb;
	if (node)
		node->rb_right = &vma->vm_rb;
	else
		vma->vm_mm->mm_rb.rb_node = &vma->vm_rb;
	*builder->tail = vma;
	builder->tail = &vma->vm_next;
	builder->last = vma;
	vma->vm_mm->map_count++;
}

/* As mmap counts it. */
static void count_vma(struct world *world, const struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long pages = vma_pages(vma), flags = vma->vm_flags;
	unsigned long of_file = vma->vm_file ? pages : 0;

	mm->total_vm += pages;
	mm->locked_vm += flags & VM_LOCKED ? pages : 0;
	mm->shared_vm += of_file;
	mm->exec_vm += (flags & (VM_EXEC | VM_WRITE)) == VM_EXEC ? of_file : 0;
	mm->stack_vm += flags & VM_GROWSDOWN ? pages - of_file : 0;
	mm->reserved_vm += flags & (VM_RESERVED | VM_IO) ? pages : 0;
	world->vm_committed_space += flags & VM_ACCOUNT ? pages : 0;
}

static void map_file(struct world *world, struct vm_area_struct *vma, u32 number, u32 of, u32 more)
{
	struct file *file = &world->files[number + (of == OF_READ_ONLY_FILE ? KMM_CASE_READ_ONLY : 0)];
	struct address_space *mapping = file->f_mapping;
	u32 kind = world->inodes[number].i_kind;

	vma->vm_file = file;
	file->f_count++;
	if (!(vma->vm_flags & VM_PFNMAP))
		vma->vm_ops = vm_ops_of[kind];
	/* remap_file_pages refuses what cannot be populated, so that is never nonlinear */
	if (!vma->vm_ops || !vma->vm_ops->populate)
		vma->vm_flags &= ~VM_NONLINEAR;
	if (kind == KMM_PROT_DRIVER)
		vma->vm_page_prot.pgprot |= _PAGE_PCD | _PAGE_PWT;
	vma->vm_truncate_count = mapping->truncate_count - (more & 1);
	mapping->i_mmap_writable += (vma->vm_flags & VM_SHARED) != 0;
	world->inodes[number].i_writecount -= (vma->vm_flags & VM_DENYWRITE) != 0;
	if (unlikely(vma->vm_flags & VM_NONLINEAR))
		vma_nonlinear_insert(vma, mapping);
	else
		vma_prio_tree_insert(vma, &mapping->i_mmap);
}

/* What the vma before left for one that continues it. */
struct run {
	u32 kind;
	u32 in;
	u32 number;			/* of the file */
	unsigned long end;		/* first page after it, in the process */
	unsigned long pgoff;		/* and in the file */
};

static void build_vma(struct world *world, const struct kmm_case *c, const struct plan *plan,
		      u32 i, struct builder builders[], struct run *run)
{
	struct vm_area_struct *vma = &world->vmas[i];
	u32 joins = (c->vma_joins[i] < 2) & (i != 0), more = c->vma_more[i];
	u32 kind = joins ? run->kind : c->vma_kind[i] & (i ? 31 : FIRST_KINDS);
	u32 in = joins ? run->in : c->vma_mm[i], of = vma_kind[kind].of;
	s32 chosen = vma_file[c->vma_file[i]];
	u32 number = joins ? run->number : chosen < 0 ? plan->focus_file : (u32)chosen;
	/* at most 3 pages from every third on: no overlap, and one crosses a page table's end */
	unsigned long first = joins ? run->end :
			      (TASK_UNMAPPED_BASE >> PAGE_SHIFT) + i * KMM_CASE_VMA_PAGES;
	u64 from_base = plan->focus + pgoff_from_page[c->vma_pgoff[i]];
	unsigned long pgoff = plan->base + (from_base < 2 * KMM_CASE_PAGES ? from_base : 0);

	pgoff = of == OF_NONE ? first : of == OF_FRAMES ? KMM_CASE_FRAMES + i * 16 : pgoff;
	vma->vm_mm = &world->mms[in];
	vma->vm_start = first << PAGE_SHIFT;
	vma->vm_end = (first + c->vma_pages[i] + 1) << PAGE_SHIFT;
	/* a part of a mapping whose protection was changed, or could not be merged with the rest */
	vma->vm_flags = vma_kind[kind].flags ^
			(joins & more ? vma_kind[kind].flags >> 4 & VM_WRITE : 0);
	vma->vm_page_prot = __pgprot(pgprot_val(kmm_protection(vma->vm_flags)) & ~(more & _PAGE_RW));
	vma->vm_pgoff = joins ? run->pgoff : pgoff;

	run->kind = kind;
	run->in = in;
	run->number = number;
	run->end = vma->vm_end >> PAGE_SHIFT;
	run->pgoff = vma->vm_pgoff + vma_pages(vma);

	link_last(world, vma, &builders[in]);
	if (likely(of != OF_NONE))
		map_file(world, vma, number, of, more);
	count_vma(world, vma);
	kmm_build_ptes(world, c, plan, i, first);
}

void kmm_build_processes(struct world *world, const struct kmm_case *c, const struct plan *plan)
{
	struct builder builders[KMM_CASE_MMS];
	struct run run = { 0 };
	u32 i;

	for (i = 0; i < KMM_CASE_MMS; i++)
		builders[i] = (struct builder) { &world->mms[i].mmap, NULL };
	for (i = 0; i < KMM_CASE_TABLES; i++)
		world->pmds[i].table = c->table[i] ? world->pmds[i].table : NULL;
	for (i = 0; i < KMM_CASE_VMAS; i++)
		build_vma(world, c, plan, i, builders, &run);
}
