// SPDX-License-Identifier: GPL-2.0-only
/* mm/page-writeback.c of 2.6.17.  Edits E20-E23.  Steps DW, TC, CI. */
#include <linux/mm.h>
#include <linux/backing-dev.h>
/* E20 { */
#include <linux/rmap.h>
/* } E20 */

#include "half_table.h"

#define KMM_FILE KMM_FILE_MM_PAGE_WRITEBACK

int do_writepages(struct address_space *mapping, struct writeback_control *wbc)
{
	int ret;

	if (wbc->nr_to_write <= 0)			/* DW1 */
		return 0;
	wbc->for_writepages = 1;			/* DW2 */
	if (mapping->a_ops->writepages)			/* DW3 */
		/* E21 { */
		ret = mapping->a_ops->writepages(mapping, wbc);
		/* } E21 */
	else
		ret = generic_writepages(mapping, wbc);
	wbc->for_writepages = 0;			/* DW4 */
	return ret;
}

int test_clear_page_dirty(struct page *page)
{
	struct address_space *mapping = page_mapping(page);	/* TC1 */
	unsigned long flags;

	if (mapping) {
		write_lock_irqsave(&mapping->tree_lock, flags);	/* TC2 */
		if (TestClearPageDirty(page)) {			/* TC3 */
			radix_tree_tag_clear(&mapping->page_tree,	/* TC4 */
						page_index(page),
						PAGECACHE_TAG_DIRTY);
			write_unlock_irqrestore(&mapping->tree_lock, flags);	/* TC5 */
			/* E22 { */
			/* the page's lock keeps `mapping` valid outside tree_lock */
			if (unit(KMM_U5))			/* TC6 E22 */
				page_mkclean(page);
			/* } E22 */
			if (mapping_cap_account_dirty(mapping))	/* TC7 */
				dec_page_state(nr_dirty);
			return 1;
		}
		write_unlock_irqrestore(&mapping->tree_lock, flags);	/* TC8 */
		return 0;
	}
	return TestClearPageDirty(page);			/* TC1a */
}

int clear_page_dirty_for_io(struct page *page)
{
	struct address_space *mapping = page_mapping(page);	/* CI1 */

	if (mapping) {
		if (TestClearPageDirty(page)) {			/* CI2 */
			/* E23 { */
			if (unit(KMM_U6))			/* CI3 E23 */
				page_mkclean(page);
			/* } E23 */
			if (mapping_cap_account_dirty(mapping))	/* CI4 */
				dec_page_state(nr_dirty);
			return 1;				/* CI5 */
		}
		return 0;
	}
	return TestClearPageDirty(page);			/* CI1a */
}

KMM_ENTRY(do_writepages);
KMM_ENTRY(test_clear_page_dirty);
KMM_ENTRY(clear_page_dirty_for_io);
