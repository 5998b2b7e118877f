/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flag values, codes and limits of the kernel that is modelled: i386, two
 * levels of page table, no PAE.  errno values are the host's, which on Linux
 * are the kernel's.
 */
#ifndef KMM_MACHINE_CONSTANTS_H
#define KMM_MACHINE_CONSTANTS_H

#include <errno.h>

#define PAGE_SHIFT		12
#define PAGE_CACHE_SHIFT	PAGE_SHIFT
#define PAGE_SIZE		(1UL << PAGE_SHIFT)
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define HPAGE_SIZE		(1UL << 22)
#define HPAGE_MASK		(~(HPAGE_SIZE - 1))
#define PAGE_ALIGN(address)	(((address) + PAGE_SIZE - 1) & PAGE_MASK)
#define TASK_SIZE		0xC0000000UL
#define TASK_UNMAPPED_BASE	0x40000000UL
#define KMM_HEAP_START		0x08050000UL	/* where every process's brk begins */

/* vma->vm_flags */
#define VM_READ			0x00000001
#define VM_WRITE		0x00000002
#define VM_EXEC			0x00000004
#define VM_SHARED		0x00000008
#define VM_MAYREAD		0x00000010
#define VM_MAYWRITE		0x00000020
#define VM_MAYEXEC		0x00000040
#define VM_MAYSHARE		0x00000080
#define VM_GROWSDOWN		0x00000100
#define VM_GROWSUP		0x00000200
#define VM_PFNMAP		0x00000400
#define VM_DENYWRITE		0x00000800
#define VM_EXECUTABLE		0x00001000
#define VM_LOCKED		0x00002000
#define VM_IO			0x00004000
#define VM_SEQ_READ		0x00008000
#define VM_RAND_READ		0x00010000
#define VM_DONTCOPY		0x00020000
#define VM_DONTEXPAND		0x00040000
#define VM_RESERVED		0x00080000
#define VM_ACCOUNT		0x00100000
#define VM_HUGETLB		0x00400000
#define VM_NONLINEAR		0x00800000
#define VM_MAPPED_COPY		0x01000000
#define VM_INSERTPAGE		0x02000000

#define VM_SPECIAL		(VM_IO | VM_DONTEXPAND | VM_RESERVED | VM_PFNMAP)
#define VM_DATA_DEFAULT_FLAGS \
	((current->personality & READ_IMPLIES_EXEC ? VM_EXEC : 0) | \
	 VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

/* fault codes: 0 to 3 are an enumeration, only VM_FAULT_WRITE is a bit */
#define VM_FAULT_OOM		0x00
#define VM_FAULT_SIGBUS		0x01
#define VM_FAULT_MINOR		0x02
#define VM_FAULT_MAJOR		0x03
#define VM_FAULT_WRITE		0x10
#define NOPAGE_SIGBUS		((struct page *)NULL)
#define NOPAGE_OOM		((struct page *)-1)
#define GFP_KERNEL		0xd0
#define GFP_HIGHUSER		0x200d2

/* system calls */
#define PROT_NONE		0x0
#define PROT_READ		0x1
#define PROT_WRITE		0x2
#define PROT_EXEC		0x4
#define PROT_SEM		0x8
#define PROT_GROWSDOWN		0x01000000
#define PROT_GROWSUP		0x02000000
#define MAP_SHARED		0x01
#define MAP_PRIVATE		0x02
#define MAP_TYPE		0x0f
#define MAP_FIXED		0x10
#define MAP_ANONYMOUS		0x20
#define MAP_GROWSDOWN		0x0100
#define MAP_DENYWRITE		0x0800
#define MAP_EXECUTABLE		0x1000
#define MAP_LOCKED		0x2000
#define MAP_NORESERVE		0x4000
#define MAP_POPULATE		0x8000
#define MAP_NONBLOCK		0x10000
#define MS_ASYNC		1
#define MS_INVALIDATE		2
#define MS_SYNC			4
#define READ_IMPLIES_EXEC	0x0400000
#define MNT_NOEXEC		4
#define OVERCOMMIT_GUESS	0
#define OVERCOMMIT_ALWAYS	1
#define OVERCOMMIT_NEVER	2
#define DEFAULT_MAX_MAP_COUNT	65536
#define RLIM_INFINITY		(~0UL)
enum { RLIMIT_DATA, RLIMIT_MEMLOCK, RLIMIT_AS, RLIMIT_FSIZE, RLIM_NLIMITS };
/* task->capabilities */
#define CAP_IPC_LOCK		1

/* writeback, reclaim, swap */
#define WB_SYNC_NONE		0
#define WB_SYNC_ALL		1
#define WB_SYNC_HOLD		2
#define AOP_WRITEPAGE_ACTIVATE	0x80000
#define SWAP_SUCCESS		0
#define SWAP_AGAIN		1
#define SWAP_FAIL		2
#define SWAP_CLUSTER_MAX	32
#define SWAP_TYPE_SHIFT		27	/* a swap entry as page->private: type << 27 | offset */
#define PAGEVEC_SIZE		14

/* bits of a pte or pgprot word; two of them mean something else when PRESENT is off */
#define _PAGE_PRESENT		0x001
#define _PAGE_RW		0x002
#define _PAGE_USER		0x004
#define _PAGE_PWT		0x008
#define _PAGE_PCD		0x010
#define _PAGE_ACCESSED		0x020
#define _PAGE_DIRTY		0x040
#define _PAGE_FILE		0x040
#define _PAGE_PSE		0x080
#define _PAGE_PROTNONE		0x080
#define _PAGE_GLOBAL		0x100
#define _PAGE_CHG_MASK		0xFFFFF060u
#define PTE_FILE_MAX_BITS	29

/* rows of protection_map[] */
#define PAGE_NONE_VALUE		0x0A0
#define PAGE_READONLY_VALUE	0x025
#define PAGE_SHARED_VALUE	0x027

/* page->flags: bit numbers */
enum pageflags {
	PG_locked, PG_error, PG_referenced, PG_uptodate, PG_dirty, PG_lru,
	PG_active, PG_slab, PG_checked, PG_arch_1, PG_reserved, PG_private,
	PG_writeback, PG_nosave, PG_compound, PG_swapcache, PG_mappedtodisk,
	PG_reclaim, PG_nosave_free, PG_buddy, PG_uncached,
	NR_PAGEFLAGS
};
#define PAGE_MAPPING_ANON	1UL

/* follow_page */
#define FOLL_WRITE		1
#define FOLL_TOUCH		2
#define FOLL_GET		4
#define FOLL_ANON		8

#define PAGECACHE_TAG_DIRTY	0
#define PAGECACHE_TAG_WRITEBACK	1
#define RADIX_TREE_MAX_TAGS	2

/* bh->b_state: bit numbers */
enum bh_state_bits {
	BH_Uptodate, BH_Dirty, BH_Lock, BH_Req, BH_Uptodate_Lock, BH_Mapped,
	BH_New, BH_Async_Read, BH_Async_Write, BH_Delay, BH_Boundary,
	BH_Write_EIO, BH_Ordered, BH_Eopnotsupp,
	BH_Freed,		/* the journal's: cut off while a commit had it to write */
	NR_BH_STATE_BITS
};

/* mapping->flags: bit numbers */
#define AS_EIO			20
#define AS_ENOSPC		21

#define BDI_CAP_NO_ACCT_DIRTY	0x01
#define BDI_CAP_NO_WRITEBACK	0x02
#define BDI_CAP_MAP_COPY	0x04
#define BDI_CAP_MAP_DIRECT	0x08
#define BDI_CAP_READ_MAP	0x10
#define BDI_CAP_WRITE_MAP	0x20
#define BDI_CAP_EXEC_MAP	0x40

/* inode->i_state */
#define I_DIRTY_SYNC		1
#define I_DIRTY_DATASYNC	2
#define I_DIRTY_PAGES		4
#define I_DIRTY			(I_DIRTY_SYNC | I_DIRTY_DATASYNC | I_DIRTY_PAGES)
#define I_LOCK			8
#define I_FREEING		16
#define I_CLEAR			32
#define I_NEW			64
#define I_WILL_FREE		128

/* inode->i_flags */
#define S_APPEND		4
#define S_MANDLOCK		8	/* a mandatory lock lies on it */
#define S_HUGETLB		16	/* a file of hugetlbfs */
#define S_SWAPFILE		32
#define S_ACCOUNT		128	/* tmpfs: charged as a whole when it was made, not by page */
#define S_CHARGES		64	/* the failing driver's: its hook sets VM_ACCOUNT before it fails */

#define FMODE_READ		1
#define FMODE_WRITE		2

/*
 * Units: the smallest groups of edits that can be on or off by themselves.
 * KMM_UX is no unit of the patch: it lets the half made of the mail choose
 * between both texts of functions whose edits change no behaviour.
 */
#define KMM_U1			0x01	/* do_wp_page,            E03-E06 */
#define KMM_U2			0x02	/* do_no_page,            E07-E09 */
#define KMM_U3			0x04	/* do_mmap_pgoff,         E14 */
#define KMM_U4			0x08	/* mprotect_fixup,        E17-E19 */
#define KMM_U5			0x10	/* test_clear_page_dirty, E22 */
#define KMM_U6			0x20	/* clear_page_dirty_for_io, E23 */
#define KMM_U7			0x40	/* try_to_free_buffers,   E27, E28 */
#define KMM_ALL_UNITS		0x7F
#define KMM_UX			0x80

#endif
