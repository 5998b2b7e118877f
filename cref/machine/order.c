// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of locks: mm/rmap.c's and mm/filemap.c's, without the pairs that
 * contradict each other, and closed under "then also".  Taking X while holding
 * Y is a fault unless Y may be held around X.
 */
#include "machine/lock.h"

#define C(class)	(1u << LOCK_##class)

/* What may be taken inside of each class: the closure, inner side. */
#define IN_TREE		0u
#define IN_INODE	C(TREE)
#define IN_PRIVATE	C(TREE)
#define IN_SWAP		(C(INODE) | IN_INODE)
#define IN_LRU		C(TREE)
#define IN_PTL		(C(LRU) | IN_LRU | C(SWAP) | IN_SWAP | C(PRIVATE) | IN_PRIVATE | C(INODE) | IN_INODE)
#define PTLS		(C(PAGE_TABLE) | C(PTL))
#define IN_ANON_VMA	(PTLS | IN_PTL)
#define IN_I_MMAP	(C(ANON_VMA) | IN_ANON_VMA)
#define IN_PAGE		(C(I_MMAP) | IN_I_MMAP)
#define IN_MMAP_SEM	(C(PAGE) | IN_PAGE)
#define IN_I_MUTEX	(C(MMAP_SEM) | IN_MMAP_SEM)

/* Bit Y of the row of X: Y may not be held around X. */
#define MAY(holder, inner, x)	(((inner) & C(x)) ? 0u : C(holder))
#define ROW(x)								\
	(MAY(I_MUTEX, IN_I_MUTEX, x) |			\
		MAY(MMAP_SEM, IN_MMAP_SEM, x) | MAY(PAGE, IN_PAGE, x) |	\
		MAY(I_MMAP, IN_I_MMAP, x) | MAY(ANON_VMA, IN_ANON_VMA, x) | \
		MAY(PAGE_TABLE, IN_PTL, x) | MAY(PTL, IN_PTL, x) |	\
		MAY(LRU, IN_LRU, x) | MAY(SWAP, IN_SWAP, x) |		\
		MAY(PRIVATE, IN_PRIVATE, x) | MAY(INODE, IN_INODE, x) |	\
		MAY(TREE, IN_TREE, x))

/* One class inside itself: fork's two mmap_sems and two page tables, and locks of several pages. */
#define ROW_NESTS(x)	(ROW(x) & ~C(x))

const u32 kmm_forbidden[NR_LOCK_CLASSES] = {
	[LOCK_I_MUTEX] = ROW(I_MUTEX),
	[LOCK_MMAP_SEM] = ROW_NESTS(MMAP_SEM),
	[LOCK_PAGE] = ROW_NESTS(PAGE),
	[LOCK_I_MMAP] = ROW(I_MMAP),
	[LOCK_ANON_VMA] = ROW(ANON_VMA),
	[LOCK_PAGE_TABLE] = ROW(PAGE_TABLE),
	[LOCK_PTL] = ROW_NESTS(PTL),
	[LOCK_LRU] = ROW(LRU),
	[LOCK_SWAP] = ROW(SWAP),
	[LOCK_PRIVATE] = ROW(PRIVATE),
	[LOCK_INODE] = ROW(INODE),
	[LOCK_TREE] = ROW(TREE),
};
