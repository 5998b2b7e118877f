// SPDX-License-Identifier: GPL-2.0-only
#include "engine/undo.h"
#include "machine/blocks.h"
#include "machine/dirty.h"
#include "machine/pgtable.h"
#include "machine/running.h"
#include "machine/watch.h"

#define KMM_FILE KMM_FILE_MACHINE

static __thread struct {
	struct kmm_undoing *undoing;
	struct kmm_half table;
} now __attribute__((tls_model("initial-exec")));

static u64 trace_words(void)
{
	return (u64)(kmm_world->trace_at - kmm_world->trace);
}

static struct kmm_noted_call *begin(enum kmm_function function, const struct page *page)
{
	struct kmm_undoing *undoing = now.undoing;
	struct kmm_noted_call *call = NULL;

	if (undoing->nr_calls < KMM_MOST_NOTED) {
		call = &undoing->calls[undoing->nr_calls];
		call->function = function;
		call->page = (u32)(page - kmm_world->pages);
		call->from = trace_words();
		call->to = 0;
	}
	undoing->nr_calls++;
	return call;
}

/* Whatever a pte has become meanwhile, it gets the bits of a word for the same page. */
static void undo_pte(pte_t *pte, u32 word)
{
	if (pte_present(*pte) && pte_pfn(*pte) == pte_pfn(__pte(word)))
		*pte = __pte(pte_val(*pte) | word);
}

/* Pauses are not counted in what is undone: the actors of the run act where they did. */
static void undo_one(const struct kmm_undo *undo)
{
	struct world *world = kmm_world;
	u32 interfering = world->interfering;

	world->interfering = 1;
	if (undo->what == KMM_UNDO_PTE) {
		undo_pte((pte_t *)undo->address, (u32)undo->value);
	} else {
		kmm_note_asked((struct page *)undo->address);
		set_page_dirty((struct page *)undo->address);
	}
	world->interfering = interfering;
}

static int end(struct kmm_noted_call *call, int ret)
{
	struct kmm_undoing *undoing = now.undoing;
	u32 number, i;

	if (!call)
		return ret;
	call->to = trace_words();
	number = (u32)(call - undoing->calls);
	for (i = 0; i < undoing->nr_undo; i++)
		if (undoing->undo[i].call == number) {
			undo_one(&undoing->undo[i]);
			undoing->undone++;
		}
	return ret;
}

#define NOTED(function, number)							\
static int noted_##function(struct page *page)					\
{										\
	struct kmm_noted_call *call = begin(number, page);			\
										\
	return end(call, now.undoing->half->function(page));			\
}

NOTED(test_clear_page_dirty, KMM_TEST_CLEAR_PAGE_DIRTY)
NOTED(clear_page_dirty_for_io, KMM_CLEAR_PAGE_DIRTY_FOR_IO)
NOTED(try_to_free_buffers, KMM_TRY_TO_FREE_BUFFERS)

const struct kmm_half *kmm_undoing_half(struct kmm_undoing *undoing)
{
	now.undoing = undoing;
	now.table = *undoing->half;
	now.table.test_clear_page_dirty = noted_test_clear_page_dirty;
	now.table.clear_page_dirty_for_io = noted_clear_page_dirty_for_io;
	now.table.try_to_free_buffers = noted_try_to_free_buffers;
	return &now.table;
}
