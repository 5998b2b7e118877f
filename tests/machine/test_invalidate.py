# SPDX-License-Identifier: GPL-2.0-only
"""invalidate_inode_pages2: out of memory with a file, as far as its pages can be removed."""

import pytest
from written import DIRTY, RW, cached, calm, disk, named, pte, ring, shared, tags, word

MAPPING = "mapping[0]"


@pytest.fixture
def file(kernel):
    """page[4] is page 1 of a disk file, page[5] is page 3; both are clean."""
    kernel.inode(0)
    cached(kernel, 4, index=1)
    cached(kernel, 5, index=3)
    return kernel


def test_invalidate_clean_pages(file):
    assert file.call("invalidate_inode_pages2", MAPPING) == 0
    assert file.events()[0] == ("invalidate_inode_pages2", MAPPING, 0)
    assert tags(file) == {}
    assert file.get(f"{MAPPING}.nrpages") == 0
    assert file.get("page[4]._count") == file.get("page[5]._count") == 0
    calm(file)


def test_invalidate_a_file_without_pages(kernel):
    kernel.inode(0)
    assert kernel.call("invalidate_inode_pages2", MAPPING) == 0


def test_invalidate_throws_away_what_is_dirty(file):
    # without buffers nothing stops it: the caller has written the file before
    file.call("set_page_dirty", "page[4]")
    assert file.call("invalidate_inode_pages2", MAPPING) == 0
    assert file.get("world.page_state.nr_dirty") == 0
    assert disk(file, 0, 1) == [0] * 4


def test_invalidate_unmaps_first(file):
    shared(file, 0, pages=4)
    pte(file, 1, 4, RW)
    pte(file, 3, 5, RW)
    assert file.call("invalidate_inode_pages2", MAPPING) == 0
    assert word(file, 1) == word(file, 3) == 0
    assert file.get("mm[0].file_rss") == 0
    assert file.get("page[4]._count") == 0
    calm(file)


def test_invalidate_keeps_private_copies(file):
    shared(file, 0, pages=4, flags=0x73)
    file.set("page[6].mapping", file.at("anon_vma[0]") + 1)
    file.set("page[6].index", 1)
    pte(file, 1, 6, DIRTY | RW, anon=True)
    # the page itself is mapped by another process, and so has to be unmapped
    shared(file, 1, pages=4, mm=1)
    pte(file, 1, 4, mm=1)
    assert file.call("invalidate_inode_pages2", MAPPING) == 0
    assert (word(file, 1), word(file, 1, mm=1)) == (0x106047, 0)


def test_invalidate_a_page_whose_pte_is_dirty(file):
    shared(file, 0, pages=4)
    pte(file, 1, 4, DIRTY | RW)
    # the zap makes the page dirty, and the page is cleaned like any other
    assert file.call("invalidate_inode_pages2", MAPPING) == 0
    assert named(file, "set_page_dirty") == [("set_page_dirty", "page[4]", 1)]
    assert tags(file) == {}


def test_invalidate_waits_for_a_write(file):
    file.call("set_page_dirty", "page[4]")
    file.call("filemap_fdatawrite", MAPPING)
    assert file.call("invalidate_inode_pages2", MAPPING) == 0
    assert named(file, "wait_on_page_writeback") == [("wait_on_page_writeback", "page[4]")]
    assert tags(file) == {}


@pytest.mark.parametrize("state, gone", [
    ("mapped uptodate", True), ("mapped uptodate dirty", False), ("mapped lock", False),
])
def test_invalidate_a_page_with_buffers(file, state, gone):
    ring(file, 4, 0, state)
    assert file.call("invalidate_inode_pages2", MAPPING) == (0 if gone else -5)
    assert ("page[4]" in tags(file)) != gone
    # what comes after a page that stays is not looked at
    assert ("page[5]" in tags(file)) != gone
    assert file.get("page[4].flags.locked") == 0
    calm(file)


def test_invalidate_makes_a_page_that_stays_dirty_again(file):
    ring(file, 4, 0, "mapped uptodate dirty")
    file.call("set_page_dirty", "page[4]")
    assert file.call("invalidate_inode_pages2", MAPPING) == -5
    assert file.get("page[4].flags.dirty") == 1
    assert tags(file)["page[4]"] == {"DIRTY"}
    assert file.get("world.page_state.nr_dirty") == 1


def test_invalidate_does_not_dirty_a_page_that_was_clean(file):
    ring(file, 4, 0, "mapped uptodate lock")
    assert file.call("invalidate_inode_pages2", MAPPING) == -5
    assert file.get("page[4].flags.dirty") == 0


def test_invalidate_does_not_ask_who_holds_the_page(file):
    file.set("page[4]._count", 3)
    assert file.call("invalidate_inode_pages2", MAPPING) == 0
    assert [file.get(f"page[4].{field}") for field in ("mapping", "_count")] == [0, 2]
    assert file.get("page[4].flags.uptodate") == 0


def test_invalidate_passes_a_page_that_left_the_file(file):
    file.set("page[4].mapping", "mapping[1]")
    assert file.call("invalidate_inode_pages2", MAPPING) == 0
    assert "page[4]" in tags(file) and "page[5]" not in tags(file)


def test_invalidate_that_stops_has_unmapped_the_whole_rest(file):
    ring(file, 4, 0, "mapped uptodate dirty")
    shared(file, 0, pages=4)
    pte(file, 1, 4)
    pte(file, 3, 5)
    assert file.call("invalidate_inode_pages2", MAPPING) == -5
    assert (word(file, 1), word(file, 3)) == (0, 0)
    assert "page[5]" in tags(file)
    assert file.get(f"{MAPPING}.truncate_count") == 1
