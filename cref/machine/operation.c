// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations.  Arguments are small numbers:
 *
 *   place    a page of the process: 0 to 15 from TASK_UNMAPPED_BASE, 16 to 23 its heap
 *   pages    how many; pgoff, index: a page of the file
 *   fd       0 to 3; KMM_NO_FD in mmap: MAP_ANONYMOUS
 *   inode    of the named files; page: a number of world->pages
 *   sector   of a page; sectors: a length or a size
 *   flags    of mmap: KMM_MMAP_*; of msync and remap_file_pages: the kernel's
 *   others   0 or 1, or the kernel's values (prot, f_mode, sync_mode)
 *
 * What makes no sense (a process that is not there, a free page) gives -ESRCH
 * or -ENOENT and changes nothing.
 */
#include "machine/blocks.h"
#include "machine/gup.h"
#include "machine/lru.h"
#include "machine/msync.h"
#include "machine/operation.h"
#include "machine/populate.h"
#include "machine/process.h"
#include "machine/reclaim.h"
#include "machine/running.h"
#include "machine/truncate.h"
#include "machine/unwritten.h"
#include "machine/watch.h"

#define KMM_FILE KMM_FILE_MACHINE

unsigned long kmm_place(u32 place)
{
	if (place >= KMM_HEAP_PLACE)
		return KMM_HEAP_START + ((unsigned long)(place - KMM_HEAP_PLACE) << PAGE_SHIFT);
	return TASK_UNMAPPED_BASE + ((unsigned long)place << PAGE_SHIFT);
}

static struct file *fd(u32 number)
{
	return number < KMM_NR_FDS ? current->fd[number] : NULL;
}

static struct inode *named_inode(u32 number)
{
	struct inode *inode = &kmm_world->inodes[number];

	if (number + 1 >= kmm_world->size.mappings || !inode->i_count)
		return NULL;
	return inode;
}

static struct page *used_page(u32 number)
{
	struct page *page = &kmm_world->pages[number];

	return number + 1 < kmm_world->size.pages && page->_count.counter > 0 ? page : NULL;
}

/* The page of a file in memory, with a reference, or NULL. */
static struct page *file_page(u32 inode, u32 index)
{
	struct inode *found = named_inode(inode);

	return found ? find_get_page(found->i_mapping, index) : NULL;
}

static unsigned long mmap_flags(u32 a)
{
	return (a & KMM_MMAP_TYPE) |
	       (a & KMM_MMAP_LOCKED ? MAP_LOCKED : 0) |
	       (a & KMM_MMAP_POPULATE ? MAP_POPULATE : 0) |
	       (a & KMM_MMAP_NORESERVE ? MAP_NORESERVE : 0) |
	       (a & KMM_MMAP_GROWSDOWN ? MAP_GROWSDOWN : 0) |
	       (a & KMM_MMAP_NONBLOCK ? MAP_NONBLOCK : 0) |
	       (a & KMM_MMAP_ANYWHERE ? 0 : MAP_FIXED);
}

static s64 access(unsigned long address, int write)
{
	u32 version = 0;

	switch (kmm_user_access(address, write, &version)) {
	case KMM_ACCESS_DONE:
		return version;
	case KMM_ACCESS_SIGSEGV:
		return KMM_SIGSEGV;
	case KMM_ACCESS_SIGBUS:
		return KMM_SIGBUS;
	default:
		return KMM_SIGKILL;
	}
}

static unsigned long byte_of(u32 place, u32 sector)
{
	return kmm_place(place) + ((unsigned long)sector << KMM_SECTOR_SHIFT);
}

static s64 do_open(u32 number, u32 inode, u32 mode)
{
	struct inode *found = named_inode(inode);
	struct file *opened = NULL;
	s64 error;

	if (!found || number >= KMM_NR_FDS)
		return -ENOENT;
	if (current->fd[number])
		return -EBUSY;
	error = kmm_open(found, mode, 0, &opened);
	if (error)
		return error;
	/* the number was another thread's first */
	if (current->fd[number]) {
		fput(opened);
		return -EBUSY;
	}
	current->fd[number] = opened;
	return 0;
}

static s64 do_close(u32 number)
{
	struct file *file = fd(number);

	if (!file)
		return -EBADF;
	current->fd[number] = NULL;
	fput(file);
	return 0;
}

static s64 do_mmap(const u8 *a)
{
	unsigned long flags = mmap_flags(a[4]);

	if (a[0] == KMM_NO_FD)
		flags |= MAP_ANONYMOUS;
	return sys_mmap(fd(a[0]), a[0] < KMM_NR_FDS && fd(a[0]),
			flags & MAP_FIXED ? kmm_place(a[1]) : 0,
			(unsigned long)a[2] << PAGE_SHIFT, a[3], flags, a[5]);
}

static s64 do_poke(const u8 *a)
{
	struct mm_struct *mm = &kmm_world->mms[a[0] % kmm_world->size.mms];
	u32 version = 0;

	if (!mm->mm_users)
		return -ESRCH;
	return access_process_vm(mm, byte_of(a[1], a[2]), a[3], &version) ? (s64)version : -EIO;
}

static s64 do_unpin(const u8 *a)
{
	/* the zero page can be pinned too */
	struct page *page = a[0] < kmm_world->size.pages ? &kmm_world->pages[a[0]] : NULL;

	if (!page || !page->pins)
		return -ENOENT;
	/* the device has written into the page; if nobody says so, nobody can expect to find it */
	if (a[1])
		kmm_store(page, 0, KMM_HERE);
	if (a[1] && !a[2])
		kmm_forget_stores(page, 1);
	return kmm_unpin(page, a[2]);
}

static s64 do_write(const u8 *a)
{
	struct file *file = fd(a[0]);

	if (!file)
		return -EBADF;
	return kmm_write(file, ((loff_t_kmm)a[1] << PAGE_SHIFT) + ((loff_t_kmm)a[2] << KMM_SECTOR_SHIFT),
			 (unsigned long)a[3] << KMM_SECTOR_SHIFT);
}

static s64 do_invalidate(u32 number)
{
	struct inode *inode = named_inode(number);
	int error;

	if (!inode)
		return -ENOENT;
	mutex_lock(&inode->i_mutex);
	error = invalidate_inode_pages2(inode->i_mapping);
	mutex_unlock(&inode->i_mutex);
	return error;
}

static s64 do_complete(u32 number, u32 ok)
{
	struct page *page = used_page(number);

	if (!page || !page->io)
		return -ENOENT;
	kmm_end_io(page, ok != 0);
	return 0;
}

/*
 * A journal writes the data blocks of its files so, and a file system the
 * metadata on its block device; ext2 leaves data to the bio path alone, which
 * BUGs on a buffer that such a write has locked.
 */
static s64 do_flush_buffers(u32 inode, u32 index)
{
	struct page *page = file_page(inode, index);

	if (!page)
		return -ENOENT;
	if (page->mapping->host->i_kind != KMM_EXT3 &&
	    page->mapping->host->i_kind != KMM_BLOCK_DEVICE) {
		put_page(page);
		return -EINVAL;
	}
	if (kmm_page_flag(page, PG_private))
		kmm_flush_buffers_by_hand(page);
	put_page(page);
	return 0;
}

static s64 do_commit(u32 number)
{
	struct inode *inode = named_inode(number);

	if (!inode || inode->i_kind != KMM_EXT3)
		return -ENOENT;
	return kmm_journal_commit(inode);
}

static s64 do_release_page(u32 inode, u32 index)
{
	struct page *page = file_page(inode, index);
	s64 ret = -EBUSY;

	if (!page)
		return -ENOENT;
	if (!TestSetPageLocked(page)) {
		ret = 0;
		if (kmm_page_flag(page, PG_private))
			ret = try_to_release_page(page, GFP_KERNEL);
		unlock_page(page);
	}
	put_page(page);
	return ret;
}

/* At a pause a page may be there that somebody has only just allocated, and nobody else knows of. */
static int can_be_found(const struct page *page)
{
	return page->mapping || kmm_page_flag(page, PG_lru) || page->_mapcount.counter >= 0 ||
	       kmm_page_flag(page, PG_swapcache) || page->pins;
}

/* Another task locks the page, holds it and a reference, and is not seen to run. */
static s64 do_lock_page(u32 number)
{
	struct page *page = used_page(number);

	if (!page || !can_be_found(page))
		return -ENOENT;
	if (kmm_world->page_of_other || kmm_page_flag(page, PG_locked))
		return -EBUSY;
	page->flags |= 1UL << PG_locked;
	kmm_count_add(&page->_count.counter, 1);
	kmm_world->page_of_other = page;
	return 0;
}

void kmm_other_lets_go(void)
{
	struct page *page = kmm_world->page_of_other;

	if (!page)
		return;
	kmm_world->page_of_other = NULL;
	page->flags &= ~(1UL << PG_locked);
	put_page(page);
}

static s64 operate(const struct kmm_operation *operation)
{
	const u8 *a = operation->a;
	struct page *page;
	struct inode *inode;

	switch ((enum kmm_operation_kind)operation->kind) {
	case KMM_OP_open:
		return do_open(a[0], a[1], a[2]);
	case KMM_OP_close:
		return do_close(a[0]);
	case KMM_OP_mmap:
		return do_mmap(a);
	case KMM_OP_munmap:
		return sys_munmap(kmm_place(a[0]), (unsigned long)a[1] << PAGE_SHIFT);
	case KMM_OP_brk:
		return sys_brk(KMM_HEAP_START + ((unsigned long)a[0] << PAGE_SHIFT));
	case KMM_OP_mprotect:
		return sys_mprotect(kmm_place(a[0]), (unsigned long)a[1] << PAGE_SHIFT, a[2]);
	case KMM_OP_msync:
		return kmm_watched_msync(kmm_place(a[0]), (unsigned long)a[1] << PAGE_SHIFT, a[2]);
	case KMM_OP_remap_file_pages:
		return sys_remap_file_pages(kmm_place(a[0]), (unsigned long)a[1] << PAGE_SHIFT, 0,
					    a[2], a[3] ? MAP_NONBLOCK : 0);
	case KMM_OP_fork:
		return sys_fork();
	case KMM_OP_exit:
		/* a process whose other thread is in a system call does not go away under it */
		if (current == kmm_world->paused_task)
			return -EBUSY;
		sys_exit();
		return 0;
	case KMM_OP_load:
		return access(byte_of(a[0], a[1]), 0);
	case KMM_OP_store:
		return access(byte_of(a[0], a[1]), 1);
	case KMM_OP_poke:
		return do_poke(a);
	case KMM_OP_pin:
		return kmm_pin(current->mm, kmm_place(a[0]), a[1], a[2]);
	case KMM_OP_unpin:
		return do_unpin(a);
	case KMM_OP_write:
		return do_write(a);
	case KMM_OP_fsync:
		return fd(a[0]) ? kmm_watched_fsync(fd(a[0])) : -EBADF;
	case KMM_OP_truncate:
		inode = named_inode(a[0]);
		return inode ? kmm_truncate(inode, (loff_t_kmm)a[1] << KMM_SECTOR_SHIFT) : -ENOENT;
	case KMM_OP_invalidate:
		return do_invalidate(a[0]);
	case KMM_OP_writeback:
		inode = named_inode(a[0]);
		return inode ? kmm_sync_inode(inode, a[1], a[2]) : -ENOENT;
	case KMM_OP_sync:
		kmm_sync_all();
		return 0;
	case KMM_OP_complete:
		return do_complete(a[0], a[1]);
	case KMM_OP_flush_buffers:
		return do_flush_buffers(a[0], a[1]);
	case KMM_OP_commit:
		return do_commit(a[0]);
	case KMM_OP_release_page:
		return do_release_page(a[0], a[1]);
	case KMM_OP_reclaim:
		page = used_page(a[0]);
		return page ? kmm_shrink_page(page, a[1]) : -ENOENT;
	case KMM_OP_strip:
		page = used_page(a[0]);
		return page ? kmm_strip_page(page) : -ENOENT;
	case KMM_OP_drain:
		lru_add_drain();
		return 0;
	case KMM_OP_lock_page:
		return do_lock_page(a[0]);
	case KMM_OP_nothing:
	case NR_KMM_OPERATIONS:
		break;
	}
	return 0;
}

int kmm_operation_by_process(u32 kind)
{
	enum { ANYBODY, PROCESS };
	static const u8 by_process[NR_KMM_OPERATIONS] = {
#define OPERATION(name, arguments, by) by,
#include "machine/operations.def"
#undef OPERATION
	};

	return kind < NR_KMM_OPERATIONS && by_process[kind];
}

/* The first one lowest: the lowest byte comes first in memory (assumptions.h). */
static u64 arguments_word(const struct kmm_operation *operation)
{
	u64 word;

	_Static_assert(sizeof(word) == sizeof(*operation), "all of it");
	_Static_assert(offsetof(struct kmm_operation, a) == 2, "behind kind and actor");
	__builtin_memcpy(&word, operation, sizeof(word));
	return word >> 16;
}

s64 kmm_operate(const struct kmm_operation *operation)
{
	struct world *world = kmm_world;
	u64 *result = KMM_ENTER(operation, KMM_HERE, operation->kind, operation->actor,
				arguments_word(operation));
	u32 actor = operation->actor;
	struct kmm_watch_saved saved;
	s64 ret = -ESRCH;

	/* nearly always one that is there, and a division is slow */
	if (unlikely(actor >= world->size.mms))
		actor %= world->size.mms;
	world->current_task = &world->tasks[actor];
	kmm_watch_begin(&saved);
	if (!kmm_operation_by_process(operation->kind) || current->mm->mm_users)
		ret = operate(operation);
	if (operation->kind != KMM_OP_lock_page && !world->interfering)
		kmm_other_lets_go();
	kmm_watch_end(&saved);
	return KMM_GIVE(result, ret);
}
