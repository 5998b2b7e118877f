// SPDX-License-Identifier: GPL-2.0-only
/* A half that hands each call on to another one, and remembers which functions were called. */
#include "engine/case.h"
#include "engine/explore/beside.h"
#include "half.h"

static __thread const struct kmm_half *real;
static __thread u32 called;

#define CALL(number, function, ...) \
	(called |= 1u << (number), real->function(__VA_ARGS__))

static void enter(struct world *world)
{
	real->enter(world);
}

static int is_shared_writable(unsigned int flags)
{
	return CALL(KMM_IS_SHARED_WRITABLE, is_shared_writable, flags);
}

static struct page *follow_page(struct vm_area_struct *vma, unsigned long address,
				unsigned int flags)
{
	return CALL(KMM_FOLLOW_PAGE, follow_page, vma, address, flags);
}

static int do_wp_page(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long address,
		      pte_t *page_table, pmd_t *pmd, spinlock_t *ptl, pte_t orig_pte)
{
	return CALL(KMM_DO_WP_PAGE, do_wp_page, mm, vma, address, page_table, pmd, ptl, orig_pte);
}

static int do_no_page(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long address,
		      pte_t *page_table, pmd_t *pmd, int write_access)
{
	return CALL(KMM_DO_NO_PAGE, do_no_page, mm, vma, address, page_table, pmd, write_access);
}

static unsigned long do_mmap_pgoff(struct file *file, unsigned long addr, unsigned long len,
				   unsigned long prot, unsigned long flags, unsigned long pgoff)
{
	return CALL(KMM_DO_MMAP_PGOFF, do_mmap_pgoff, file, addr, len, prot, flags, pgoff);
}

static unsigned long do_brk(unsigned long addr, unsigned long len)
{
	return CALL(KMM_DO_BRK, do_brk, addr, len);
}

static int mprotect_fixup(struct vm_area_struct *vma, struct vm_area_struct **pprev,
			  unsigned long start, unsigned long end, unsigned long newflags)
{
	return CALL(KMM_MPROTECT_FIXUP, mprotect_fixup, vma, pprev, start, end, newflags);
}

static int do_writepages(struct address_space *mapping, struct writeback_control *wbc)
{
	return CALL(KMM_DO_WRITEPAGES, do_writepages, mapping, wbc);
}

static int test_clear_page_dirty(struct page *page)
{
	return CALL(KMM_TEST_CLEAR_PAGE_DIRTY, test_clear_page_dirty, page);
}

static int clear_page_dirty_for_io(struct page *page)
{
	return CALL(KMM_CLEAR_PAGE_DIRTY_FOR_IO, clear_page_dirty_for_io, page);
}

static int page_mkclean_one(struct page *page, struct vm_area_struct *vma, int protect)
{
	return CALL(KMM_PAGE_MKCLEAN_ONE, page_mkclean_one, page, vma, protect);
}

static int page_mkclean_file(struct address_space *mapping, struct page *page)
{
	return CALL(KMM_PAGE_MKCLEAN_FILE, page_mkclean_file, mapping, page);
}

static int page_mkclean(struct page *page)
{
	return CALL(KMM_PAGE_MKCLEAN, page_mkclean, page);
}

static int try_to_free_buffers(struct page *page)
{
	return CALL(KMM_TRY_TO_FREE_BUFFERS, try_to_free_buffers, page);
}

static const struct kmm_half watched = {
	.abi = KMM_HALF_ABI, .size = sizeof(struct kmm_half), .name = "watched", .enter = enter,
	.is_shared_writable = is_shared_writable, .follow_page = follow_page,
	.do_wp_page = do_wp_page, .do_no_page = do_no_page, .do_mmap_pgoff = do_mmap_pgoff,
	.do_brk = do_brk, .mprotect_fixup = mprotect_fixup, .do_writepages = do_writepages,
	.test_clear_page_dirty = test_clear_page_dirty,
	.clear_page_dirty_for_io = clear_page_dirty_for_io,
	.page_mkclean_one = page_mkclean_one, .page_mkclean_file = page_mkclean_file,
	.page_mkclean = page_mkclean, .try_to_free_buffers = try_to_free_buffers,
};

const struct kmm_half *kmm_called_half(void)
{
	return &watched;
}

void kmm_called_begin(const struct kmm_half *half)
{
	real = half;
	called = 0;
}

#define BIT(function)	(1u << KMM_##function)
/* a fault, and what it asks */
#define FAULT		(BIT(DO_NO_PAGE) | BIT(DO_WP_PAGE) | BIT(IS_SHARED_WRITABLE))
#define USER_PAGES	(FAULT | BIT(FOLLOW_PAGE))
#define ANY		((1u << NR_KMM_FUNCTIONS) - 1)

/* tests/explore/test_beside.py finds what can be called in the sources, and holds this to it. */
u32 kmm_may_call(u32 kind)
{
	switch ((enum kmm_operation_kind)kind) {
	case KMM_OP_open:
	case KMM_OP_close:
	case KMM_OP_munmap:
	case KMM_OP_remap_file_pages:
	case KMM_OP_fork:
	case KMM_OP_exit:
	case KMM_OP_unpin:
	case KMM_OP_complete:
	case KMM_OP_flush_buffers:
	case KMM_OP_drain:
	case KMM_OP_lock_page:
		return 0;
	case KMM_OP_mmap:
		return USER_PAGES | BIT(DO_MMAP_PGOFF);
	case KMM_OP_brk:
		return USER_PAGES | BIT(DO_BRK);
	case KMM_OP_mprotect:
		return BIT(MPROTECT_FIXUP);
	case KMM_OP_load:
	case KMM_OP_store:
		return FAULT;
	case KMM_OP_poke:
	case KMM_OP_pin:
		return USER_PAGES;
	default:
		return ANY;
	}
}

u32 kmm_called(void)
{
	return called;
}
