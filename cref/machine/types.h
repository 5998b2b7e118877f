/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The structures that a world is made of.
 *
 * Names are the kernel's.  A structure holds the fields that a modelled
 * function or actor reads or writes and no others; machine/layout.def lists
 * them all again for printing and proves that none has padding, so that equal
 * structures have equal bytes.
 */
#ifndef KMM_MACHINE_TYPES_H
#define KMM_MACHINE_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "machine/assumptions.h"
#include "machine/constants.h"

typedef uint8_t u8;
typedef int8_t s8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

typedef unsigned long pgoff_t;		/* in pages */
typedef s64 loff_t_kmm;			/* in bytes */

/* A pte and a protection are one 32-bit word, wrapped so that they cannot be mixed up. */
typedef struct { u32 pte_low; } pte_t;
typedef struct { u32 pgprot; } pgprot_t;
typedef struct { s32 counter; } atomic_t;
_Static_assert(sizeof(pte_t) == 4 && sizeof(pgprot_t) == 4 && sizeof(atomic_t) == 4,
	       "i386's words are 32 bits on any host");

/* Counts turn over as the processor's words do: a wild world may hold the last value. */
static inline s32 kmm_count_add(s32 *count, s32 by)
{
	return *count = (s32)((u32)*count + (u32)by);
}

static inline s64 kmm_total_add(s64 *total, s64 by)
{
	return *total = (s64)((u64)*total + (u64)by);
}

/* What a lock guards: for messages, and for the order rules that machine/order.h will check. */
enum lock_class {
	LOCK_NONE,
	LOCK_I_MUTEX,
	LOCK_MMAP_SEM,
	LOCK_PAGE,		/* PG_locked: a flag and no spinlock_t, in the rules all the same */
	LOCK_I_MMAP,
	LOCK_ANON_VMA,
	LOCK_PAGE_TABLE,
	LOCK_PTL,
	LOCK_LRU,
	LOCK_SWAP,
	LOCK_PRIVATE,
	LOCK_INODE,
	LOCK_TREE,
	NR_LOCK_CLASSES
};

typedef struct {
	u32 held;
	u32 class;
} spinlock_t;
typedef spinlock_t rwlock_t;
/* held: how many readers, or KMM_WRITER */
struct rw_semaphore {
	u32 held;
	u32 class;
};
#define KMM_WRITER	0xFFFFFFFFu

/* A page's contents: one version number for each KMM_SECTOR_SHIFT bytes; 0 is zeroes. */
#define KMM_SECTORS		4
#define KMM_SECTOR_SHIFT	(PAGE_SHIFT - 2)

struct address_space;
struct buffer_head;
struct file;
struct inode;
struct mm_struct;
struct vm_area_struct;
struct address_space_operations;
struct vm_operations_struct;
struct file_operations;
struct writeback_control;

/* page->io: the sectors whose write is under way, and how it was begun */
#define KMM_IO_SECTORS		0x0Fu
#define KMM_IO_BIO		0x10u	/* as a whole page: its completion ends the page's writeback */

/* A page whose _count is 0 is free. */
struct page {
	unsigned long flags;
	atomic_t _count;
	atomic_t _mapcount;
	unsigned long private;
	struct address_space *mapping;
	pgoff_t index;
	u16 contents[KMM_SECTORS];
	u16 in_flight[KMM_SECTORS];	/* contents as they were when their write began */
	u32 io;
	u32 pins;			/* references held by get_user_pages, for who counts holders */
};

/* The newest vma is at the head of the list; an anon_vma without vmas is free. */
struct anon_vma {
	spinlock_t lock;
	struct vm_area_struct *head;
};

struct rb_node {
	struct rb_node *rb_parent;
	struct rb_node *rb_left;
	struct rb_node *rb_right;
};

struct rb_root {
	struct rb_node *rb_node;
};

/*
 * A vma is in its mm's list and tree, sorted by address, and, if it maps a
 * file, either in the file's interval tree (i_mmap_*) or on its list of
 * nonlinear vmas.  One whose vm_mm is NULL and vm_end is 0 is free.
 */
struct vm_area_struct {
	struct mm_struct *vm_mm;
	unsigned long vm_start;
	unsigned long vm_end;
	struct vm_area_struct *vm_next;
	struct rb_node vm_rb;
	unsigned long vm_flags;
	pgprot_t vm_page_prot;
	u32 i_mmap_priority;
	struct vm_area_struct *i_mmap_left;
	struct vm_area_struct *i_mmap_right;
	struct vm_area_struct *i_mmap_parent;
	unsigned long i_mmap_last;
	struct vm_area_struct *nonlinear_next;
	struct vm_area_struct *anon_vma_next;
	struct anon_vma *anon_vma;
	const struct vm_operations_struct *vm_ops;
	unsigned long vm_pgoff;
	struct file *vm_file;
	unsigned long vm_truncate_count;
	unsigned long vm_private_data;	/* nonlinear: how far reclaim has swept it, in bytes */
};

/*
 * One page table and the directory entry that leads to it.  Directories hold
 * only the entries in use: `index` is address >> pmd_shift, and a table of
 * NULL is an entry of "none".
 */
typedef struct {
	pte_t *table;
	unsigned long index;
	spinlock_t ptl;
} pmd_t;

/* A process is there while mm_users is not 0. */
struct mm_struct {
	struct vm_area_struct *mmap;
	struct rb_root mm_rb;
	pmd_t *pgd;			/* which addresses it has entries for is fixed: world.c */
	u32 nr_pmds;
	s32 map_count;
	spinlock_t page_table_lock;
	struct rw_semaphore mmap_sem;
	s64 file_rss;
	s64 anon_rss;
	unsigned long total_vm;			/* these in pages */
	unsigned long locked_vm;
	unsigned long shared_vm;
	unsigned long exec_vm;
	unsigned long stack_vm;
	unsigned long reserved_vm;
	unsigned long def_flags;
	unsigned long start_brk;
	unsigned long brk;
	u32 mm_users;
	u32 anon_replaced;	/* anonymous pages that remap_file_pages put a file's page for: populate.c */
};

struct rlimit {
	unsigned long rlim_cur;		/* bytes */
};

struct signal_struct {
	struct rlimit rlim[RLIM_NLIMITS];
};

#define KMM_NR_FDS	4

/* The one thread of a process. */
struct task_struct {
	struct mm_struct *mm;
	struct signal_struct *signal;	/* its own, below */
	u32 personality;
	u32 capabilities;
	struct file *fd[KMM_NR_FDS];
	struct signal_struct own_signal;
};

/* The page tree: slots sorted by index, each with its two tags. */
struct radix_tree_slot {
	struct page *page;
	u64 index_and_tags;
};

struct radix_tree_root {
	struct radix_tree_slot *slots;
	u32 nr;
	u32 capacity;
};

struct prio_tree_root {
	struct vm_area_struct *node;
};

struct backing_dev_info {
	unsigned long capabilities;
	u32 congested;
	u32 reserved;
};

struct address_space {
	struct inode *host;
	struct radix_tree_root page_tree;
	rwlock_t tree_lock;
	struct prio_tree_root i_mmap;
	struct vm_area_struct *i_mmap_nonlinear;
	spinlock_t i_mmap_lock;
	u32 i_mmap_writable;
	u32 truncate_count;
	unsigned long nrpages;
	const struct address_space_operations *a_ops;
	unsigned long flags;
	struct backing_dev_info *backing_dev_info;
	spinlock_t private_lock;
	pgoff_t writeback_index;
};

/* inode->i_place: the list of its super block that it is on */
enum { INODE_ON_NO_LIST, INODE_ON_DIRTY, INODE_ON_CLEAN };
/* inode->i_is: what __mark_inode_dirty asks about it */
#define INODE_HASHED		1
#define INODE_BLOCK_DEVICE	2

/* inode->i_kind: what an address space is of; machine/file.h has their operations */
enum kmm_file_kind {
	KMM_EXT2,		/* disk file with a bio path for writeback */
	KMM_EXT3,		/* disk file with ordered data: blocks join a transaction */
	KMM_BLOCK_DEVICE,
	KMM_TMPFS,
	KMM_RAMFS,
	KMM_PFNMAP_DRIVER,	/* maps frames that have no page */
	KMM_PROT_DRIVER,	/* sets a page protection of its own, and has pages */
	KMM_HUGETLBFS,		/* a file of it can be mapped, but not touched */
	KMM_NO_MMAP,		/* a file that cannot be mapped: f_op->mmap is NULL */
	KMM_FAILING_DRIVER,	/* its mmap hook refuses */
	NR_KMM_FILE_KINDS
};

/*
 * Blocks are 1 << i_blkbits bytes.  A block is on disk where its bit of
 * i_mapped is set, else it is a hole; the last bit is for all blocks from the
 * 64th on, which only the large files of benchmarks have.
 */
struct inode {
	unsigned long i_state;
	struct address_space *i_mapping;
	loff_t_kmm i_size;		/* bytes */
	u16 *i_disk;			/* versions of its sectors on disk, KMM_SECTORS a page */
	u16 *i_unwritten;		/* their last stores that are not there yet; 0: none (unwritten.h) */
	u64 i_mapped;
	u64 i_asked;			/* these two of the operation that runs: watch.h */
	u64 i_failed;
	struct rw_semaphore i_mutex;
	s32 i_writecount;
	u32 i_is;
	u32 i_place;
	u32 dirtied_when;
	u32 i_kind;
	u32 i_flags;
	u32 i_blkbits;
	u32 i_charged;			/* pages that a tmpfs file is charged for */
	u32 i_count;			/* 0: the slot is free; open files and the name hold it */
	u32 i_committing;		/* 1: a commit of its journal is under way */
};

struct dentry {
	struct inode *d_inode;
};

struct vfsmount {
	u32 mnt_flags;
	u32 reserved;
};

/* A file whose f_count is 0 is free. */
struct file {
	struct address_space *f_mapping;
	struct dentry *f_dentry;	/* its own, below */
	struct vfsmount *f_vfsmnt;	/* its own, below */
	const struct file_operations *f_op;
	u32 f_mode;
	s32 f_count;
	struct dentry own_dentry;
	struct vfsmount own_mount;
};

/* bh->b_end_io: what its I/O, which is under way, does when it ends */
enum { KMM_END_NONE, KMM_END_ASYNC_WRITE, KMM_END_WRITE };

/*
 * bh->b_in_transaction: which list of its file's journal it is on.  While a commit
 * sleeps another actor may act, and commit another file's journal: its buffers have
 * KMM_BY_OTHER more.
 */
enum kmm_in_transaction {
	KMM_IN_NONE,
	KMM_IN_RUNNING,		/* the next commit's */
	KMM_IN_COMMITTING,	/* to be looked at by the commit that is under way */
	KMM_IN_LOCKED,		/* to be waited for by it */
};
#define KMM_BY_OTHER	2

/* A buffer head whose b_page is NULL is free. */
struct buffer_head {
	unsigned long b_state;
	struct buffer_head *b_this_page;
	struct page *b_page;
	struct address_space *b_assoc_mapping;
	s32 b_count;
	u32 b_blocknr;
	u32 b_end_io;
	u32 b_in_transaction;		/* of enum kmm_in_transaction; it holds one of b_count */
};

struct pagevec {
	u32 nr;
	u32 reserved;
	struct page *pages[PAGEVEC_SIZE];
};

struct writeback_control {
	s64 nr_to_write;		/* pages */
	s64 pages_skipped;
	loff_t_kmm start;		/* bytes; both 0: the whole file */
	loff_t_kmm end;
	u32 sync_mode;
	u32 nonblocking;
	u32 encountered_congestion;
	u32 for_kupdate;
	u32 for_reclaim;
	u32 for_writepages;
};

/* The counters that this patch is about; one processor, so one copy. */
struct page_state {
	unsigned long nr_dirty;
	unsigned long nr_writeback;
	unsigned long nr_mapped;
	unsigned long nr_active;
	unsigned long nr_inactive;
};

/*
 * Tables of operations are const objects of the core library and the only
 * things outside a world that a world points to.
 */
struct address_space_operations {
	int (*set_page_dirty)(struct page *page);
	int (*writepage)(struct page *page, struct writeback_control *wbc);
	int (*writepages)(struct address_space *mapping, struct writeback_control *wbc);
	int (*readpage)(struct file *file, struct page *page);
	int (*releasepage)(struct page *page, u32 gfp);
};

struct vm_operations_struct {
	void (*open)(struct vm_area_struct *area);
	void (*close)(struct vm_area_struct *area);
	struct page *(*nopage)(struct vm_area_struct *area, unsigned long address, int *type);
	int (*populate)(struct vm_area_struct *area, unsigned long address, unsigned long len,
			pgprot_t prot, unsigned long pgoff, int nonblock);
};

struct file_operations {
	int (*mmap)(struct file *file, struct vm_area_struct *vma);
};

/* Local to a walk of the interval tree; never part of a world. */
struct prio_tree_iter {
	struct vm_area_struct *at;
	unsigned long begin;
	unsigned long end;
};

#endif
