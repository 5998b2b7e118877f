/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A world: one aligned block of memory that holds everything a function can
 * read or write, by pointers into itself.
 *
 *   | struct world | pages | vmas | ... | slots || trace | places |
 *   '------------------ state: `used` bytes ----''-- the events --'
 *
 * State and trace are compared between halves; places (file and line of each
 * event) are not.  A saved image means something only at its own address.
 */
#ifndef KMM_MACHINE_WORLD_H
#define KMM_MACHINE_WORLD_H

#include "machine/types.h"

#define KMM_WORLD_ALIGN		64
#define KMM_MAX_HELD		8
#define KMM_PFN_BASE		0x100u		/* frame number of pages[0]: frame 0 is nobody's */

/* Capacities: how many of each thing a world has room for. */
struct world_size {
	u32 pages;		/* the last one is the zero page */
	u32 vmas;
	u32 mms;
	u32 pmds;		/* page tables a process */
	u32 table_shift;	/* log2 of the ptes in a page table */
	u32 mappings;		/* the last one is swapper_space */
	u32 slots;		/* pages that one mapping can hold */
	u32 files;
	u32 anon_vmas;
	u32 buffers;
	u32 trace_words;
	u32 reserved;
};

struct world {
	/* where things are */
	u64 used;			/* bytes of state, this header included */
	struct world_size size;
	struct page *pages;
	struct vm_area_struct *vmas;
	struct mm_struct *mms;
	pmd_t *pmds;
	pte_t *ptes;
	struct address_space *mappings;
	struct address_space *swapper_space;
	struct page *zero_page;		/* the last of pages: reserved, mapped by anyone, of no mapping */
	struct inode *inodes;
	struct backing_dev_info *bdis;
	struct radix_tree_slot *slots;
	struct file *files;
	struct anon_vma *anon_vmas;
	struct buffer_head *buffers;
	u32 pmd_shift;			/* address >> pmd_shift is the index of its page table */
	u32 units;

	/* one processor */
	u32 irqs_disabled;
	u32 kmaps;			/* page tables mapped and not yet unmapped */
	u32 nr_held;
	u32 jiffies;
	spinlock_t *held[KMM_MAX_HELD];	/* locks held, in the order they were taken */

	/* global to the kernel */
	struct page_state page_state;
	spinlock_t inode_lock;
	spinlock_t lru_lock;
	spinlock_t swap_lock;

	/* the trace; event.h tells its form */
	u64 *trace;
	u64 *trace_at;
	u64 *trace_end;
	u64 place_distance;		/* bytes from an event's head to its place */
};

/*
 * The world that this thread runs in.  Each module that includes the machine
 * has one of its own (machine/enter.c), because a thread-local of the module
 * itself costs no more than a global.
 */
extern __thread struct world *kmm_world
	__attribute__((visibility("hidden"), tls_model("initial-exec")));

#define unit(mask)	(kmm_world->units & (mask))

#ifndef likely
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#define KMM_EXPORT	__attribute__((visibility("default")))

/* Bytes of state and of the whole block for these capacities. */
KMM_EXPORT u64 kmm_world_state_bytes(const struct world_size *size);
KMM_EXPORT u64 kmm_world_bytes(const struct world_size *size);

/* Lay an empty world out in `block`, which holds kmm_world_bytes() and is aligned. */
KMM_EXPORT struct world *kmm_world_init(void *block, const struct world_size *size);

/* Set the core library's own thread-local world, for the actors of the machine. */
KMM_EXPORT void kmm_core_enter(struct world *world);

#endif
