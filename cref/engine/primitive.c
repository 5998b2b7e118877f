// SPDX-License-Identifier: GPL-2.0-only
#include "engine/primitive.h"
#include "machine/blocks.h"
#include "machine/interfere.h"
#include "machine/lru.h"
#include "machine/machine.h"
#include "machine/msync.h"
#include "machine/operation.h"
#include "machine/process.h"
#include "machine/reclaim.h"
#include "machine/running.h"
#include "machine/truncate.h"
#include "machine/zap.h"

#define KMM_FILE KMM_FILE_MACHINE

#define PTE(n)		__pte(a[n])
#define SLOT(n)		((pte_t *)a[n])
#define PAGE(n)		((struct page *)a[n])
#define VMA(n)		((struct vm_area_struct *)a[n])
#define MM(n)		((struct mm_struct *)a[n])
#define MAPPING(n)	((struct address_space *)a[n])
#define TREE(n)		((struct radix_tree_root *)a[n])
#define LOCK(n)		((spinlock_t *)a[n])
#define BH(n)		((struct buffer_head *)a[n])
#define INODE(n)	((struct inode *)a[n])
#define FILE_(n)	((struct file *)a[n])
#define WBC(n)		((struct writeback_control *)a[n])
#define ANON_VMA(n)	((struct anon_vma *)a[n])
#define SEM(n)		((struct rw_semaphore *)a[n])

/* A walk of the interval tree; the events say what it visited. */
static void walk(struct address_space *mapping, unsigned long begin, unsigned long end)
{
	struct prio_tree_iter iter;
	struct vm_area_struct *vma;

	vma_prio_tree_foreach(vma, &iter, &mapping->i_mmap, begin, end)
		;
}

/* An open file without the allocator: tests say which. */
static void open_into(struct file *file, struct inode *inode, u32 mode)
{
	file->f_mapping = inode->i_mapping;
	file->own_dentry.d_inode = inode;
	file->f_op = kmm_file_kinds[inode->i_kind].f_op;
	file->f_mode = mode;
	file->f_count = 1;
	inode->i_count++;
}

/* -errno, or what came back. */
static s64 opened(struct inode *inode, u32 mode, u32 mnt_flags)
{
	struct file *file;
	long error = kmm_open(inode, mode, mnt_flags, &file);

	return error ? error : (s64)KMM_WORD(file);
}

static s64 got_block(struct inode *inode, u64 block, int create)
{
	int mapped, error = get_block(inode, block, create, &mapped);

	return error ? error : mapped;
}

static s64 got_shmem_page(struct inode *inode, pgoff_t index)
{
	struct page *page;
	int error = shmem_getpage(inode, index, &page);

	return error ? error : (s64)KMM_WORD(page);
}

static s64 read_page(struct address_space *mapping, pgoff_t index)
{
	int major, error;
	struct page *page = kmm_read_page(NULL, mapping, index, &major, &error);

	return page ? (s64)KMM_WORD(page) : error;
}

#define SCRATCH								\
	spinlock_t *ptl __attribute__((unused));			\
	struct buffer_head *buffers __attribute__((unused));		\
	unsigned long flags __attribute__((unused));			\
	int type __attribute__((unused))
#define GIVES(name, n, expression)					\
static s64 run_##name(const u64 *a __attribute__((unused)))		\
{									\
	SCRATCH;							\
	return (s64)(expression);					\
}
#define DOES(name, n, statement)					\
static s64 run_##name(const u64 *a __attribute__((unused)))		\
{									\
	statement;							\
	return 0;							\
}
#include "engine/primitives.def"
#undef GIVES
#undef DOES

const struct kmm_primitive kmm_primitives[] = {
#define GIVES(name, n, expression)	{ #name, n, 1, run_##name },
#define DOES(name, n, statement)	{ #name, n, 0, run_##name },
#include "engine/primitives.def"
};
const u32 kmm_nr_primitives = sizeof(kmm_primitives) / sizeof(kmm_primitives[0]);

struct primitive_call {
	const struct kmm_primitive *primitive;
	const u64 *arguments;
};

static s64 run_primitive(const void *context)
{
	const struct primitive_call *call = context;

	return call->primitive->run(call->arguments);
}

void kmm_guarded_primitive(struct world *world, const struct kmm_half *half, const struct kmm_primitive *primitive,
			   const u64 *arguments, struct kmm_result *result)
{
	const struct primitive_call call = { primitive, arguments };

	kmm_core_enter(world);
	if (half)
		kmm_run_half(half, world);
	kmm_guarded(run_primitive, &call, result);
}
