// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "engine/call.h"
#include "machine/event.h"
#include "machine/pte.h"
#include "machine/running.h"

__attribute__((noinline)) s64 kmm_bare_call(const struct kmm_half *half,
					    const struct kmm_call *call)
{
	switch (call->function) {
	case KMM_IS_SHARED_WRITABLE:
		return half->is_shared_writable(call->flags);
	case KMM_TEST_CLEAR_PAGE_DIRTY:
		return half->test_clear_page_dirty(call->page);
	case KMM_CLEAR_PAGE_DIRTY_FOR_IO:
		return half->clear_page_dirty_for_io(call->page);
	case KMM_PAGE_MKCLEAN_ONE:
		return half->page_mkclean_one(call->page, call->vma, call->protect);
	case KMM_PAGE_MKCLEAN_FILE:
		return half->page_mkclean_file(call->mapping, call->page);
	case KMM_PAGE_MKCLEAN:
		return half->page_mkclean(call->page);
	case KMM_TRY_TO_FREE_BUFFERS:
		return half->try_to_free_buffers(call->page);
	case KMM_FOLLOW_PAGE:
		return (s64)KMM_WORD(half->follow_page(call->vma, call->address, call->flags));
	case KMM_DO_WP_PAGE:
		return half->do_wp_page(call->mm, call->vma, call->address, call->page_table,
					call->pmd, call->ptl, __pte(call->orig_pte));
	case KMM_DO_NO_PAGE:
		return half->do_no_page(call->mm, call->vma, call->address, call->page_table,
					call->pmd, call->write_access);
	case KMM_DO_MMAP_PGOFF:
		return (s64)half->do_mmap_pgoff(call->file, call->address, call->len, call->prot,
						call->map_flags, call->pgoff);
	case KMM_DO_BRK:
		return (s64)half->do_brk(call->address, call->len);
	case KMM_MPROTECT_FIXUP:
		/* what *pprev is on entry stands in the world, and so does what comes back */
		return half->mprotect_fixup(call->vma, &kmm_world->pprev, call->address,
					    call->end, call->newflags);
	case KMM_DO_WRITEPAGES:
		return half->do_writepages(call->mapping, call->wbc);
	case NR_KMM_FUNCTIONS:
		break;
	}
	abort();
}

struct half_call {
	const struct kmm_half *half;
	const struct kmm_call *call;
};

static s64 run_call(const void *context)
{
	const struct half_call *half_call = context;

	return kmm_bare_call(half_call->half, half_call->call);
}

void kmm_guarded_call(const struct kmm_half *half, const struct kmm_call *call,
		      struct kmm_result *result)
{
	const struct half_call half_call = { half, call };

	kmm_guarded(run_call, &half_call, result);
}
