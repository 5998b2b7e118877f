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

/* What a lock guards: for messages, and for the order rules that machine/order.h will check. */
enum lock_class {
	LOCK_NONE,
	LOCK_MMAP_SEM,
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

struct address_space;
struct buffer_head;
struct file;
struct inode;
struct mm_struct;
struct vm_area_struct;
struct address_space_operations;
struct vm_operations_struct;

struct page {
	unsigned long flags;
	atomic_t _count;
	atomic_t _mapcount;
	unsigned long private;
	struct address_space *mapping;
	pgoff_t index;
};

struct anon_vma {
	spinlock_t lock;
	struct vm_area_struct *head;
};

/*
 * A vma is in its mm's list, sorted by address, and, if it maps a file, either
 * in the file's interval tree (i_mmap_*) or on its list of nonlinear vmas.
 */
struct vm_area_struct {
	struct mm_struct *vm_mm;
	unsigned long vm_start;
	unsigned long vm_end;
	struct vm_area_struct *vm_next;
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

struct mm_struct {
	struct vm_area_struct *mmap;
	pmd_t *pgd;
	u32 nr_pmds;
	s32 map_count;
	spinlock_t page_table_lock;
	spinlock_t mmap_sem;
	s64 file_rss;
	s64 anon_rss;
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
};

/* inode->i_place: the list of its super block that it is on */
enum { INODE_ON_NO_LIST, INODE_ON_DIRTY, INODE_ON_CLEAN };
/* inode->i_is: what __mark_inode_dirty asks about it */
#define INODE_HASHED		1
#define INODE_BLOCK_DEVICE	2

struct inode {
	unsigned long i_state;
	struct address_space *i_mapping;
	loff_t_kmm i_size;
	s32 i_writecount;
	u32 i_is;
	u32 i_place;
	u32 dirtied_when;
};

struct file {
	struct address_space *f_mapping;
	u32 f_mode;
	s32 f_count;
};

struct buffer_head {
	unsigned long b_state;
	struct buffer_head *b_this_page;
	struct page *b_page;
	struct address_space *b_assoc_mapping;
	s32 b_count;
	u32 b_blocknr;
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
};

struct vm_operations_struct {
	int kind;
};

/* Local to a walk of the interval tree; never part of a world. */
struct prio_tree_iter {
	struct vm_area_struct *at;
	unsigned long begin;
	unsigned long end;
};

#endif
