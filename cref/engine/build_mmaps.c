// SPDX-License-Identifier: GPL-2.0-only
/* Calls of do_mmap_pgoff, do_brk and mprotect_fixup, by a process and within its limits. */
#include "engine/build_parts.h"

/* Which limit; a choice past these is none. */
enum {
	NEAR_AS, NEAR_MEMLOCK, NO_MEMLOCK, MAY_LOCK, NEAR_MAP_COUNT, AT_MAP_COUNT, NEAR_COMMIT,
	AT_COMMIT, ALWAYS_COMMIT, READ_IS_EXEC, LOCKS_ALL, NEVER_OVERCOMMIT,
};

/* Limits that are near; the high choices change none.  1: memory is to be locked, to meet it. */
static int build_limits(struct world *world, const struct kmm_case *c, struct mm_struct *mm)
{
	struct task_struct *task = world->current_task;
	struct rlimit *rlim = task->signal->rlim;
	u32 more = c->flags[0] & 3;

	switch (c->limit) {
	case NEAR_AS:
		rlim[RLIMIT_AS].rlim_cur = (mm->total_vm + more) << PAGE_SHIFT;
		break;
	case NEAR_MEMLOCK:
		rlim[RLIMIT_MEMLOCK].rlim_cur = (mm->locked_vm + more) << PAGE_SHIFT;
		return 1;
	case NO_MEMLOCK:
		rlim[RLIMIT_MEMLOCK].rlim_cur = 0;
		return 1;
	case MAY_LOCK:
		rlim[RLIMIT_MEMLOCK].rlim_cur = 0;
		task->capabilities = CAP_IPC_LOCK;
		return 1;
	case NEAR_MAP_COUNT:
		world->max_map_count = mm->map_count + more;
		break;
	case AT_MAP_COUNT:
		world->max_map_count = mm->map_count - (more == 3);
		break;
	case NEAR_COMMIT:
		world->commit_limit = world->vm_committed_space + more;
		break;
	case AT_COMMIT:
		world->commit_limit = world->vm_committed_space;
		world->overcommit_memory = OVERCOMMIT_NEVER;
		break;
	case ALWAYS_COMMIT:
		world->commit_limit = world->vm_committed_space;
		world->overcommit_memory = OVERCOMMIT_ALWAYS;
		break;
	case READ_IS_EXEC:
		task->personality = READ_IMPLIES_EXEC;
		break;
	case LOCKS_ALL:
		mm->def_flags = VM_LOCKED;
		break;
	case NEVER_OVERCOMMIT:
		world->overcommit_memory = OVERCOMMIT_NEVER;
		break;
	}
	return 0;
}

/* The process of the case's vma runs and changes its own memory. */
static struct mm_struct *enter_process(struct world *world, struct kmm_call *call)
{
	struct mm_struct *mm = call->vma->vm_mm;

	world->current_task = &world->tasks[mm - world->mms];
	kmm_hold_mmap_sem(mm, 1);
	call->mm = mm;
	return mm;
}

/* Of a vma, in pages: from its start, or from its end where `end` is set. */
static const struct {
	s8 pages;
	u8 end;
} place[16] = {
	{ 0, 0 }, { 0, 0 }, { 1, 0 }, { -1, 0 }, { -2, 0 }, { -3, 0 }, { 0, 1 }, { 0, 1 },
	{ 0, 1 }, { -1, 1 }, { -1, 1 }, { -2, 1 }, { 1, 1 }, { 2, 1 }, { 20, 1 }, { 0, 0 },
};

static unsigned long place_for(const struct vm_area_struct *vma, const struct kmm_case *c)
{
	return (place[c->place].end ? vma->vm_end : vma->vm_start) +
	       place[c->place].pages * (long)PAGE_SIZE;
}

static unsigned long len_for(const struct kmm_case *c)
{
	static const u8 pages[8] = { 1, 1, 1, 2, 2, 3, 4, 9 };
	static const unsigned long odd[6] = {
		0, ~0UL, TASK_SIZE + 1, TASK_SIZE, 1UL << 28, ~0UL - 0xFFF,
	};
	unsigned long len = (unsigned long)pages[c->len] << PAGE_SHIFT;

	if (c->len_odd < 6)
		return odd[c->len_odd];
	/* not whole pages: rounded up by who takes it */
	return c->len_odd < 20 ? len - c->flags[1] - 1 : len;
}

/* Which file: of no file, the vma's own, another of the world, or opened for the call. */
static struct file *file_for(struct world *world, const struct kmm_case *c,
			     const struct vm_area_struct *vma)
{
	if (c->file < 5)
		return NULL;
	if (c->file < 8)
		return vma->vm_file;
	if (c->file < 10)
		return &world->files[c->file_mode % KMM_CASE_CALL_FILE];
	kmm_open_for_call(world, c);
	return &world->files[KMM_CASE_CALL_FILE];
}

static const u8 prot[16] = {
	PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
	PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
	PROT_READ, PROT_READ, PROT_READ, PROT_WRITE, PROT_READ | PROT_EXEC, PROT_EXEC,
	PROT_READ | PROT_WRITE | PROT_EXEC, PROT_NONE, PROT_READ | PROT_WRITE | PROT_SEM,
	PROT_WRITE | PROT_EXEC,
};

#define SOMETIMES(choice, bits, flag)	(((choice) & (bits)) == (bits) ? (flag) : 0)

static unsigned long map_flags_for(const struct kmm_case *c)
{
	static const u8 type[16] = {
		[0 ... 7] = MAP_SHARED, [8 ... 14] = MAP_PRIVATE, [15] = 3,
	};
	u32 a = c->map_bits[0], b = c->map_bits[1];

	return type[c->map_type] |
	       SOMETIMES(a, 0x01, MAP_FIXED) | SOMETIMES(a, 0x0E, MAP_LOCKED) |
	       SOMETIMES(a, 0x70, MAP_POPULATE) | SOMETIMES(a, 0x80, MAP_NONBLOCK) |
	       SOMETIMES(b, 0x07, MAP_NORESERVE) | SOMETIMES(b, 0x78, MAP_GROWSDOWN) |
	       SOMETIMES(b, 0x86, MAP_DENYWRITE) | SOMETIMES(b, 0xE0, MAP_EXECUTABLE);
}

/* As the vma was mapped, right after it or right before it, so that the two may become one. */
static void fit_to(const struct vm_area_struct *vma, int after, struct kmm_call *call)
{
	u32 flags = vma->vm_flags;
	unsigned long pages = (call->len + PAGE_SIZE - 1) >> PAGE_SHIFT;

	call->file = vma->vm_file;
	call->prot = flags & (VM_READ | VM_WRITE | VM_EXEC);
	call->map_flags = (flags & VM_MAYSHARE ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED |
			  (call->map_flags & (MAP_POPULATE | MAP_NONBLOCK)) |
			  (flags & (VM_LOCKED | VM_GROWSDOWN | VM_DENYWRITE));
	call->address = after ? vma->vm_end : vma->vm_start - (pages << PAGE_SHIFT);
	call->pgoff = after ? vma->vm_pgoff + vma_pages(vma) :
		      vma->vm_pgoff > pages ? vma->vm_pgoff - pages : 0;
}

void kmm_build_mmap(struct world *world, const struct kmm_case *c, struct kmm_call *call)
{
	static const unsigned long odd_pgoff[2] = { ~0UL, ~0UL - 1 };
	const struct vm_area_struct *vma = call->vma;
	struct mm_struct *mm = enter_process(world, call);
	u32 odd = c->len_odd >> 3;

	call->len = len_for(c);
	call->map_flags = map_flags_for(c);
	if (c->fit) {
		call->file = file_for(world, c, vma);
		call->prot = prot[c->prot];
		call->address = place_for(vma, c);
		/* anywhere, or where nothing can be */
		if (c->place == 15)
			call->address = odd ? 0 : c->protect ? TASK_SIZE - PAGE_SIZE : call->address + 1;
		call->pgoff = c->pgoff < 4 ? c->pgoff : c->pgoff < 15 ?
			      vma->vm_pgoff + c->pgoff - 4 : odd_pgoff[c->protect];
	} else {
		fit_to(vma, c->protect, call);
	}
	if (!call->file)
		call->map_flags |= MAP_ANONYMOUS;
	else	/* the system call holds the file, whoever closes it meanwhile */
		call->file->f_count++;
	if (build_limits(world, c, mm))
		call->map_flags |= MAP_LOCKED;
	/* a program that is about to run: sometimes nobody can write to it */
	if (call->file && call->map_flags & MAP_DENYWRITE && c->protect)
		call->file->f_dentry->d_inode->i_writecount = -c->write_access;
	kmm_let_pages_be_locked(world, c);
	if (!c->pagevec)
		kmm_fill_pagevec(world);
}

void kmm_build_brk(struct world *world, const struct kmm_case *c, struct kmm_call *call)
{
	struct mm_struct *mm = enter_process(world, call);

	call->address = place_for(call->vma, c);
	call->len = len_for(c);
	if (build_limits(world, c, mm))
		mm->def_flags |= VM_LOCKED;
	kmm_let_pages_be_locked(world, c);
	if (!c->pagevec)
		kmm_fill_pagevec(world);
}

static struct vm_area_struct *before(const struct vm_area_struct *vma)
{
	struct vm_area_struct *prev = NULL, *at;

	for (at = vma->vm_mm->mmap; at != vma; at = at->vm_next)
		prev = at;
	return prev;
}

/* The whole vma, its head, its tail, or its middle, as far as it is long enough. */
static const struct {
	u8 from_start, from_end;
} part[8] = { { 0, 0 }, { 0, 0 }, { 0, 0 }, { 1, 0 }, { 0, 1 }, { 0, 2 }, { 2, 0 }, { 1, 1 } };

void kmm_build_mprotect(struct world *world, const struct kmm_case *c, struct kmm_call *call)
{
	struct vm_area_struct *vma = call->vma, *prev = before(vma), *like;
	unsigned long pages = vma_pages(vma), from_start, from_end, wanted;
	struct mm_struct *mm = enter_process(world, call);

	from_start = part[c->address].from_start % pages;
	from_end = part[c->address].from_end % (pages - from_start);
	call->address = vma->vm_start + (from_start << PAGE_SHIFT);
	call->end = vma->vm_end - (from_end << PAGE_SHIFT);
	world->pprev = from_start ? vma : prev;

	/* as a neighbour's, so that the two may become one, or as drawn; what it may have at most */
	like = c->map_bits[0] & 1 ? prev : vma->vm_next;
	wanted = like && c->fit < 2 ? like->vm_flags : prot[c->prot];
	wanted &= vma->vm_flags >> 4 & (VM_READ | VM_WRITE | VM_EXEC);
	/* huge pages are only asked about: they are mapped by nothing here */
	if (c->place == 15 && c->protect)
		vma->vm_flags |= VM_HUGETLB;
	call->newflags = (vma->vm_flags & ~(unsigned long)(VM_READ | VM_WRITE | VM_EXEC)) | wanted;
	/* the same again is over at once: not so often */
	if (call->newflags == vma->vm_flags && c->len & 3)
		call->newflags ^= VM_WRITE & vma->vm_flags >> 4;
	build_limits(world, c, mm);
}
