// SPDX-License-Identifier: GPL-2.0-only
/* The table of a half that is written in C. */
#include "half.h"
#include "linux/mm.h"
#include "machine/enter.h"

#ifndef KMM_HALF_NAME
#define KMM_HALF_NAME "C"
#endif

/* The entries that the kernel's files define with KMM_ENTRY, typed by the table. */
#define FROM_KERNEL_FILE(function)						\
	extern __typeof__(*((struct kmm_half *)0)->function) kmm_entry_##function	\
	__attribute__((visibility("hidden")))

FROM_KERNEL_FILE(test_clear_page_dirty);
FROM_KERNEL_FILE(clear_page_dirty_for_io);
FROM_KERNEL_FILE(page_mkclean_one);
FROM_KERNEL_FILE(page_mkclean_file);
FROM_KERNEL_FILE(page_mkclean);
FROM_KERNEL_FILE(try_to_free_buffers);
FROM_KERNEL_FILE(follow_page);
FROM_KERNEL_FILE(do_wp_page);
FROM_KERNEL_FILE(do_no_page);
FROM_KERNEL_FILE(do_mmap_pgoff);
FROM_KERNEL_FILE(do_brk);
FROM_KERNEL_FILE(mprotect_fixup);
FROM_KERNEL_FILE(do_writepages);

__attribute__((visibility("default"))) const struct kmm_half kmm_half = {
	.abi = KMM_HALF_ABI,
	.size = sizeof(struct kmm_half),
	.name = KMM_HALF_NAME,
	.enter = kmm_enter,
	.is_shared_writable = is_shared_writable,
	.test_clear_page_dirty = kmm_entry_test_clear_page_dirty,
	.clear_page_dirty_for_io = kmm_entry_clear_page_dirty_for_io,
	.page_mkclean_one = kmm_entry_page_mkclean_one,
	.page_mkclean_file = kmm_entry_page_mkclean_file,
	.page_mkclean = kmm_entry_page_mkclean,
	.follow_page = kmm_entry_follow_page,
	.do_wp_page = kmm_entry_do_wp_page,
	.do_no_page = kmm_entry_do_no_page,
	.do_mmap_pgoff = kmm_entry_do_mmap_pgoff,
	.do_brk = kmm_entry_do_brk,
	.mprotect_fixup = kmm_entry_mprotect_fixup,
	.do_writepages = kmm_entry_do_writepages,
	.try_to_free_buffers = kmm_entry_try_to_free_buffers,
};
