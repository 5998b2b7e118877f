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
/* Behind the trace and behind the places: nobody's, and a sanitized build watches it. */
#ifdef __SANITIZE_ADDRESS__
#define KMM_TRACE_GAP		64u
#else
#define KMM_TRACE_GAP		0u
#endif
#define KMM_MAX_HELD		12
#define KMM_PFN_BASE		0x100u		/* frame number of pages[0]: frame 0 is nobody's */

/* Capacities: how many of each thing a world has room for. */
struct world_size {
	u32 pages;		/* the last one is the zero page */
	u32 vmas;
	u32 mms;
	u32 pmds;		/* page tables a process */
	u32 table_shift;	/* log2 of the ptes in a page table */
	u32 mappings;		/* and inodes; the last one is swapper_space and has no inode */
	u32 slots;		/* pages that one mapping can hold, in memory and on disk */
	u32 files;
	u32 anon_vmas;
	u32 buffers;
	u32 trace_words;
	u32 swap_slots;		/* the first one is no slot, as in the kernel */
};

/* swap_map[offset] and what the slot holds: how many ptes and the swap cache lead to it. */
struct swap_slot {
	u32 map;
	u32 reserved;
	u16 contents[KMM_SECTORS];
};

/*
 * One operation of a sequence, also as what another actor does while a function
 * sleeps: kind is of enum kmm_operation_kind (machine/operation.h), actor the
 * number of a process; what a[] means depends on the kind.
 */
struct kmm_operation {
	u8 kind;
	u8 actor;
	u8 a[6];
};

#define KMM_NR_WBC	4
#define KMM_OTHER_ACTORS 2		/* that may act at pauses of one run */

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
	struct task_struct *tasks;	/* tasks[i] is the thread of mms[i] */
	struct swap_slot *swap;
	u16 *disks;
	u32 pmd_shift;			/* address >> pmd_shift is the index of its page table */
	u32 units;

	/* one processor */
	u32 irqs_disabled;
	u32 kmaps;			/* page tables mapped and not yet unmapped */
	u32 nr_held;
	u32 jiffies;
	spinlock_t *held[KMM_MAX_HELD];	/* locks held, in the order they were taken */
	u32 held_classes;		/* of the locks held: bit 1 << class */
	u32 held_from;			/* held[] from here on is of the actor that runs now */
	u32 pages_locked;		/* how many PG_locked this actor has taken */
	u32 order_fault;		/* the first lock taken against the order: held << 8 | taken, or 0 */
	u32 sleep_fault;		/* classes held where something first slept under a spinlock, or 0 */
	u32 fail_in;			/* the how-manieth allocation from here fails; 0: none */
	struct task_struct *current_task;

	/* what a case does to the run, besides: other actors, each at pauses of its own */
	u32 pauses_left[KMM_OTHER_ACTORS];	/* acts at the how-manieth pause from here; 0: not */
	u16 pause_every[KMM_OTHER_ACTORS];	/* after the first time: at every how-manieth pause, */
	u16 pauses_more[KMM_OTHER_ACTORS];	/* so many times more */
	struct kmm_operation interference[KMM_OTHER_ACTORS];
	struct task_struct *paused_task; /* whose function pauses while another actor runs, or NULL */
	struct page *page_of_other;	/* locked by another actor, who lets go when waited for */
	u32 interfering;		/* an other actor runs now */
	u32 interfered;			/* bit 1 << i: other actor i ran, and was not refused */

	/* for properties of a run: watch.h; all but the first 0 between operations */
	u32 store_faults;		/* of KMM_FAULT_*, which were seen */
	u32 operating;			/* an operation runs; 3: and has left words in an inode */
	u32 began;			/* world->version when the operation that runs began */
	u32 paused_began;		/* and that of the operation which is paused while another one runs */

	/* global to the kernel */
	struct page_state page_state;
	spinlock_t inode_lock;
	spinlock_t lru_lock;
	spinlock_t swap_lock;
	struct pagevec lru_add;
	struct pagevec lru_add_active;
	s64 vm_committed_space;		/* pages */
	s64 commit_limit;		/* pages; beyond it modes 0 and 2 refuse */
	u32 overcommit_memory;
	u32 max_map_count;
	u32 buffer_heads_over_limit;
	u32 version;			/* of the last store: contents are numbered from 1 on */
	u32 nr_swap_used;
	u32 nr_wbc;
	u32 swap_failed;		/* 1: a write to swap has failed, for the property known_contents */
	u32 clock_stands;		/* 0: any two operations have other times; 1: all have one */
	struct writeback_control wbc[KMM_NR_WBC];	/* those in use, innermost last */
	struct vm_area_struct *pprev;	/* what a direct call of mprotect_fixup is given a pointer to */

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
#define current		(kmm_world->current_task)
#define sysctl_max_map_count	((s32)kmm_world->max_map_count)
#define sysctl_overcommit_memory (kmm_world->overcommit_memory)

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
