// SPDX-License-Identifier: GPL-2.0-only
#include "machine/dirty.h"
#include "machine/watch.h"

#define KMM_FILE KMM_FILE_MACHINE

int kmm_set_page_dirty(struct page *page, u32 here)
{
	u64 *newly = KMM_ENTER(set_page_dirty, here, page);
	struct address_space *mapping = page_mapping(page);

	if (mapping) {
		int (*spd)(struct page *) = mapping->a_ops->set_page_dirty;

		*newly = spd ? spd(page) : __set_page_dirty_buffers(page);
	} else if (!PageDirty(page))
		*newly = !TestSetPageDirty(page);
	return *newly;
}

/* Top down: dirties every block, even those of a page that was dirty before. */
int kmm_set_page_dirty_buffers(struct page *page, u32 here)
{
	u64 *newly = KMM_ENTER(__set_page_dirty_buffers, here, page);
	struct address_space *mapping = page->mapping;

	spin_lock(&mapping->private_lock);
	if (page_has_buffers(page)) {
		struct buffer_head *head = kmm_buffers_of(page), *bh = head;

		do {
			bh->b_state |= 1UL << BH_Dirty;
			bh = bh->b_this_page;
		} while (bh != head);
	}
	spin_unlock(&mapping->private_lock);

	if (TestSetPageDirty(page))
		return 0;
	kmm_note_dirtied(page);
	write_lock_irq(&mapping->tree_lock);
	if (page->mapping) {		/* not truncated meanwhile */
		if (mapping_cap_account_dirty(mapping))
			inc_page_state(nr_dirty);
		radix_tree_tag_set(&mapping->page_tree, page_index(page), PAGECACHE_TAG_DIRTY);
	}
	write_unlock_irq(&mapping->tree_lock);
	__mark_inode_dirty(mapping->host, I_DIRTY_PAGES);
	*newly = 1;
	return 1;
}

int kmm_set_page_dirty_nobuffers(struct page *page, u32 here)
{
	u64 *newly = KMM_ENTER(__set_page_dirty_nobuffers, here, page);
	struct address_space *mapping, *now;

	if (TestSetPageDirty(page))
		return 0;
	*newly = 1;
	kmm_note_dirtied(page);
	mapping = page_mapping(page);
	if (!mapping)
		return 1;
	write_lock_irq(&mapping->tree_lock);
	now = page_mapping(page);
	if (now) {
		BUG_ON(now != mapping);
		if (mapping_cap_account_dirty(mapping))
			inc_page_state(nr_dirty);
		radix_tree_tag_set(&mapping->page_tree, page_index(page), PAGECACHE_TAG_DIRTY);
	}
	write_unlock_irq(&mapping->tree_lock);
	if (mapping->host)
		__mark_inode_dirty(mapping->host, I_DIRTY_PAGES);
	return 1;
}

/* Bottom up: dirties this block alone, and the page. */
void kmm_mark_buffer_dirty(struct buffer_head *bh, u32 here)
{
	KMM_EVENT(mark_buffer_dirty, here, bh);
	if (buffer_dirty(bh))
		return;
	bh->b_state |= 1UL << BH_Dirty;
	__set_page_dirty_nobuffers(bh->b_page);
}

void kmm_mark_inode_dirty(struct inode *inode, int flags, u32 here)
{
	unsigned long was;

	KMM_EVENT(__mark_inode_dirty, here, inode, flags);
	if ((inode->i_state & flags) == (unsigned long)flags)
		return;
	spin_lock(&kmm_world->inode_lock);
	was = inode->i_state;
	inode->i_state |= flags;
	/* the list is left alone while the inode is locked, unhashed or going away */
	if (!(was & (I_LOCK | I_FREEING | I_CLEAR)) &&
	    inode->i_is & (INODE_HASHED | INODE_BLOCK_DEVICE) && !(was & I_DIRTY)) {
		inode->dirtied_when = kmm_world->jiffies;
		inode->i_place = INODE_ON_DIRTY;
	}
	spin_unlock(&kmm_world->inode_lock);
}

static void clear_tag(struct address_space *mapping, struct page *page, int tag)
{
	radix_tree_tag_clear(&mapping->page_tree, page_index(page), tag);
}

/* Takes the DIRTY tag that clear_page_dirty_for_io left, unless the page is dirty again. */
int kmm_set_page_writeback(struct page *page, u32 here)
{
	u64 *old = KMM_ENTER(set_page_writeback, here, page);
	struct address_space *mapping = page_mapping(page);
	unsigned long flags;

	if (!mapping) {
		*old = kmm_test_and_set(&page->flags, PG_writeback);
		if (!*old)
			inc_page_state(nr_writeback);
		return *old;
	}
	write_lock_irqsave(&mapping->tree_lock, flags);
	*old = kmm_test_and_set(&page->flags, PG_writeback);
	if (!*old) {
		inc_page_state(nr_writeback);
		radix_tree_tag_set(&mapping->page_tree, page_index(page),
				   PAGECACHE_TAG_WRITEBACK);
	}
	if (!PageDirty(page))
		clear_tag(mapping, page, PAGECACHE_TAG_DIRTY);
	write_unlock_irqrestore(&mapping->tree_lock, flags);
	return *old;
}

int kmm_test_clear_page_writeback(struct page *page, u32 here)
{
	u64 *old = KMM_ENTER(test_clear_page_writeback, here, page);
	struct address_space *mapping = page_mapping(page);
	unsigned long flags;

	if (!mapping) {
		*old = kmm_test_and_clear(&page->flags, PG_writeback);
		if (*old)
			dec_page_state(nr_writeback);
		return *old;
	}
	write_lock_irqsave(&mapping->tree_lock, flags);
	*old = kmm_test_and_clear(&page->flags, PG_writeback);
	if (*old) {
		dec_page_state(nr_writeback);
		clear_tag(mapping, page, PAGECACHE_TAG_WRITEBACK);
	}
	write_unlock_irqrestore(&mapping->tree_lock, flags);
	return *old;
}
