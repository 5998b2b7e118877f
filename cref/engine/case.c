// SPDX-License-Identifier: GPL-2.0-only
#include "engine/case.h"
#include "engine/choices.h"

#define CHOICES_STRUCT	kmm_case
#define CHOICES_FILE	"engine/case.def"
#define CHOICES_TABLE	kmm_choices
#define CHOICES_COUNT	kmm_nr_choices
#include "engine/choice_table.h"

void kmm_decode_range(struct kmm_case *c, const u8 *bytes, u32 from, u32 to)
{
	kmm_decode_bytes((u8 *)c + from, bytes + from, (const u16 *)&limits + from, to - from);
}

void kmm_decode(struct kmm_case *c, const u8 *bytes)
{
	kmm_decode_range(c, bytes, 0, sizeof(*c));
}

void kmm_encode(u8 *bytes, const struct kmm_case *c)
{
	kmm_encode_bytes(bytes, (const u8 *)c, (const u16 *)&limits, sizeof(*c));
}

const char *kmm_function_name(enum kmm_function function)
{
	static const char *const name[NR_KMM_FUNCTIONS] = {
		[KMM_IS_SHARED_WRITABLE] = "is_shared_writable",
		[KMM_TEST_CLEAR_PAGE_DIRTY] = "test_clear_page_dirty",
		[KMM_CLEAR_PAGE_DIRTY_FOR_IO] = "clear_page_dirty_for_io",
		[KMM_PAGE_MKCLEAN_ONE] = "page_mkclean_one",
		[KMM_PAGE_MKCLEAN_FILE] = "page_mkclean_file",
		[KMM_PAGE_MKCLEAN] = "page_mkclean",
		[KMM_TRY_TO_FREE_BUFFERS] = "try_to_free_buffers",
		[KMM_FOLLOW_PAGE] = "follow_page",
		[KMM_DO_WP_PAGE] = "do_wp_page",
		[KMM_DO_NO_PAGE] = "do_no_page",
		[KMM_DO_MMAP_PGOFF] = "do_mmap_pgoff",
		[KMM_DO_BRK] = "do_brk",
		[KMM_MPROTECT_FIXUP] = "mprotect_fixup",
		[KMM_DO_WRITEPAGES] = "do_writepages",
	};

	return function < NR_KMM_FUNCTIONS ? name[function] : NULL;
}
