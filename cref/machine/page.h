/* SPDX-License-Identifier: GPL-2.0-only */
/* State of one page: flags, reference count, count of ptes, what it belongs to. */
#ifndef KMM_MACHINE_PAGE_H
#define KMM_MACHINE_PAGE_H

#include "machine/lock.h"

/* The i386 test-and-x operations give 0 or -1; the machine gives 0 or 1. */
static inline int kmm_test_and_set(unsigned long *word, int bit)
{
	unsigned long old = *word;

	*word = old | 1UL << bit;
	return old >> bit & 1;
}

static inline int kmm_test_and_clear(unsigned long *word, int bit)
{
	unsigned long old = *word;

	*word = old & ~(1UL << bit);
	return old >> bit & 1;
}

#define KMM_PAGE_TEST(name, bit)						\
static inline int kmm_Page##name(const struct page *page, u32 here)		\
{										\
	int old = page->flags >> bit & 1;					\
										\
	KMM_EVENT(Page##name, here, page, old);				\
	return old;								\
}

#define KMM_PAGE_SET(name, bit)							\
static inline void kmm_SetPage##name(struct page *page, u32 here)		\
{										\
	KMM_EVENT(SetPage##name, here, page);					\
	page->flags |= 1UL << bit;						\
}

#define KMM_PAGE_CLEAR(name, bit)						\
static inline void kmm_ClearPage##name(struct page *page, u32 here)		\
{										\
	KMM_EVENT(ClearPage##name, here, page);				\
	page->flags &= ~(1UL << bit);						\
}

#define KMM_PAGE_TEST_SET(name, bit)						\
static inline int kmm_TestSetPage##name(struct page *page, u32 here)		\
{										\
	int old = kmm_test_and_set(&page->flags, bit);				\
										\
	KMM_EVENT(TestSetPage##name, here, page, old);				\
	return old;								\
}

#define KMM_PAGE_TEST_CLEAR(name, bit)						\
static inline int kmm_TestClearPage##name(struct page *page, u32 here)		\
{										\
	int old = kmm_test_and_clear(&page->flags, bit);			\
										\
	KMM_EVENT(TestClearPage##name, here, page, old);			\
	return old;								\
}

KMM_PAGE_TEST(Locked, PG_locked)
KMM_PAGE_TEST(Error, PG_error)
KMM_PAGE_TEST(Referenced, PG_referenced)
KMM_PAGE_TEST(Uptodate, PG_uptodate)
KMM_PAGE_TEST(Dirty, PG_dirty)
KMM_PAGE_TEST(LRU, PG_lru)
KMM_PAGE_TEST(Active, PG_active)
KMM_PAGE_TEST(Reserved, PG_reserved)
KMM_PAGE_TEST(Private, PG_private)
KMM_PAGE_TEST(Writeback, PG_writeback)
KMM_PAGE_TEST(SwapCache, PG_swapcache)
KMM_PAGE_TEST(Reclaim, PG_reclaim)
KMM_PAGE_SET(Dirty, PG_dirty)
KMM_PAGE_CLEAR(Dirty, PG_dirty)
KMM_PAGE_SET(Uptodate, PG_uptodate)
KMM_PAGE_SET(Private, PG_private)
KMM_PAGE_CLEAR(Private, PG_private)
KMM_PAGE_TEST_SET(Dirty, PG_dirty)
KMM_PAGE_TEST_CLEAR(Dirty, PG_dirty)

#define PageLocked(page)		kmm_PageLocked(page, KMM_HERE)
#define PageError(page)			kmm_PageError(page, KMM_HERE)
#define PageReferenced(page)		kmm_PageReferenced(page, KMM_HERE)
#define PageUptodate(page)		kmm_PageUptodate(page, KMM_HERE)
#define PageDirty(page)			kmm_PageDirty(page, KMM_HERE)
#define PageLRU(page)			kmm_PageLRU(page, KMM_HERE)
#define PageActive(page)		kmm_PageActive(page, KMM_HERE)
#define PageReserved(page)		kmm_PageReserved(page, KMM_HERE)
#define PagePrivate(page)		kmm_PagePrivate(page, KMM_HERE)
#define PageWriteback(page)		kmm_PageWriteback(page, KMM_HERE)
#define PageSwapCache(page)		kmm_PageSwapCache(page, KMM_HERE)
#define PageReclaim(page)		kmm_PageReclaim(page, KMM_HERE)
#define SetPageDirty(page)		kmm_SetPageDirty(page, KMM_HERE)
#define ClearPageDirty(page)		kmm_ClearPageDirty(page, KMM_HERE)
#define SetPageUptodate(page)		kmm_SetPageUptodate(page, KMM_HERE)
#define SetPagePrivate(page)		kmm_SetPagePrivate(page, KMM_HERE)
#define ClearPagePrivate(page)		kmm_ClearPagePrivate(page, KMM_HERE)
#define TestSetPageDirty(page)		kmm_TestSetPageDirty(page, KMM_HERE)
#define TestClearPageDirty(page)	kmm_TestClearPageDirty(page, KMM_HERE)

static inline int kmm_page_flag(const struct page *page, int bit)
{
	return page->flags >> bit & 1;
}

/* PG_locked counts among the locks that the order rules know; a try asks no rule. */
static inline void kmm_page_is_locked(void)
{
	kmm_world->pages_locked++;
	kmm_world->held_classes |= 1u << LOCK_PAGE;
}

static inline int kmm_TestSetPageLocked(struct page *page, u32 here)
{
	int old = kmm_test_and_set(&page->flags, PG_locked);

	KMM_EVENT(TestSetPageLocked, here, page, old);
	if (!old)
		kmm_page_is_locked();
	return old;
}
#define TestSetPageLocked(page)		kmm_TestSetPageLocked(page, KMM_HERE)

/* Sleeps until the lock is free; another actor who holds it lets go then. */
KMM_EXPORT void kmm_lock_page(struct page *page, u32 here);
#define lock_page(page)			kmm_lock_page(page, KMM_HERE)

static inline void kmm_unlock_page(struct page *page, u32 here)
{
	struct world *world = kmm_world;

	KMM_EVENT(unlock_page, here, page);
	if (unlikely(!kmm_test_and_clear(&page->flags, PG_locked)))
		kmm_bug();
	/* a world may begin with locked pages that nobody here has locked */
	if (world->pages_locked && !--world->pages_locked)
		world->held_classes &= ~(1u << LOCK_PAGE);
}
#define unlock_page(page)		kmm_unlock_page(page, KMM_HERE)

/* Anonymous by the low bit of page->mapping, which stays set after the last unmap. */
static inline int kmm_page_is_anon(const struct page *page)
{
	return ((unsigned long)page->mapping & PAGE_MAPPING_ANON) != 0;
}

static inline int kmm_PageAnon(const struct page *page, u32 here)
{
	int anon = kmm_page_is_anon(page);

	KMM_EVENT(PageAnon, here, page, anon);
	return anon;
}
#define PageAnon(page)			kmm_PageAnon(page, KMM_HERE)

static inline int kmm_page_mapped(const struct page *page, u32 here)
{
	int mapped = page->_mapcount.counter >= 0;

	KMM_EVENT(page_mapped, here, page, mapped);
	return mapped;
}
#define page_mapped(page)		kmm_page_mapped(page, KMM_HERE)

static inline int kmm_page_mapcount(const struct page *page, u32 here)
{
	int count = (int)((u32)page->_mapcount.counter + 1u);

	KMM_EVENT(page_mapcount, here, page, count);
	return count;
}
#define page_mapcount(page)		kmm_page_mapcount(page, KMM_HERE)

/* The swap cache wins over everything; an anonymous page outside it has no mapping. */
static inline struct address_space *kmm_mapping_of(const struct page *page)
{
	if (page->flags >> PG_swapcache & 1)
		return kmm_world->swapper_space;
	if (kmm_page_is_anon(page))
		return NULL;
	return page->mapping;
}

static inline struct address_space *kmm_page_mapping(const struct page *page, u32 here)
{
	struct address_space *mapping = kmm_mapping_of(page);

	KMM_EVENT(page_mapping, here, page, mapping);
	return mapping;
}
#define page_mapping(page)		kmm_page_mapping(page, KMM_HERE)

static inline pgoff_t kmm_index_of(const struct page *page)
{
	return page->flags >> PG_swapcache & 1 ? page->private : page->index;
}

static inline pgoff_t kmm_page_index(const struct page *page, u32 here)
{
	pgoff_t index = kmm_index_of(page);

	KMM_EVENT(page_index, here, page, index);
	return index;
}
#define page_index(page)		kmm_page_index(page, KMM_HERE)

static inline struct page *kmm_ZERO_PAGE(unsigned long address, u32 here)
{
	KMM_EVENT(ZERO_PAGE, here, address, kmm_world->zero_page);
	return kmm_world->zero_page;
}
#define ZERO_PAGE(address)		kmm_ZERO_PAGE(address, KMM_HERE)

/* A second touch of an inactive page on the LRU activates it; a first one is remembered. */
KMM_EXPORT void kmm_mark_page_accessed(struct page *page, u32 here);
#define mark_page_accessed(page)	kmm_mark_page_accessed(page, KMM_HERE)

static inline void kmm_get_page(struct page *page, u32 here)
{
	KMM_EVENT(get_page, here, page);
	kmm_count_add(&page->_count.counter, 1);
}
#define get_page(page)			kmm_get_page(page, KMM_HERE)
#define page_cache_get(page)		kmm_get_page(page, KMM_HERE)

/* Drops a reference; the last one frees the page, off the LRU first. */
KMM_EXPORT void kmm_put_page(struct page *page, u32 here);
#define put_page(page)			kmm_put_page(page, KMM_HERE)
#define page_cache_release(page)	kmm_put_page(page, KMM_HERE)

#endif
