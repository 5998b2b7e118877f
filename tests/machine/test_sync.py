# SPDX-License-Identifier: GPL-2.0-only
"""Who asks for writeback: fsync by mapping, pdflush and sync by dirty inode."""

import pytest
from written import cached, calm, disk, named, ring, state, tags

NONE, ALL = 0, 1
EIO, ENOSPC = 1 << 20, 1 << 21
SYNC, DATASYNC, PAGES, LOCK, FREEING = 1, 2, 4, 8, 16
NO_LIST, DIRTY_LIST, CLEAN_LIST = 0, 1, 2
MAPPING = "mapping[0]"


def dirty(kernel, *indices, inode=0, first=0):
    for i in indices:
        cached(kernel, first + i, inode=inode, index=i, dirty=True,
               contents=[10 * i + n for n in (1, 2, 3, 4)])


@pytest.fixture
def file(kernel):
    """Pages 0 and 2 of a disk file are dirty."""
    kernel.inode(0)
    kernel.file(0, 0)
    dirty(kernel, 0, 2)
    return kernel


def begun(kernel):
    return [event[1] for event in named(kernel, "submit_bio")]


def test_filemap_fdatawrite_begins_writing_and_does_not_wait(file):
    file.set(f"{MAPPING}.writeback_index", 1)
    assert file.call("filemap_fdatawrite", MAPPING) == 0
    assert file.events()[0] == ("filemap_fdatawrite", MAPPING, 0)
    assert begun(file) == ["page[0]", "page[2]"]
    assert tags(file) == {"page[0]": {"WRITEBACK"}, "page[2]": {"WRITEBACK"}}
    calm(file)


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_filemap_fdatawrite_of_what_has_no_disk(kernel, kind):
    kernel.inode(0, kind)
    dirty(kernel, 0)
    assert kernel.call("filemap_fdatawrite", MAPPING) == 0
    assert kernel.events() == [("filemap_fdatawrite", MAPPING, 0),
                               ("mapping_cap_writeback_dirty", MAPPING, 0)]
    assert kernel.get("page[0].flags.dirty") == 1


def test_filemap_fdatawrite_waits_for_a_write_under_way_and_writes_again(file):
    file.call("filemap_fdatawrite", MAPPING)
    file.call("set_page_dirty", "page[0]")
    file.call("filemap_fdatawrite", MAPPING)
    assert begun(file) == ["page[0]"]
    assert named(file, "wait_on_page_writeback") == [("wait_on_page_writeback", "page[0]")]


def test_filemap_fdatawait_waits_for_all_that_is_under_way(file):
    file.call("filemap_fdatawrite", MAPPING)
    assert file.call("filemap_fdatawait", MAPPING) == 0
    assert [event[1] for event in named(file, "wait_on_page_writeback")] == ["page[0]", "page[2]"]
    assert disk(file, 0, 2) == [21, 22, 23, 24]
    assert file.get("world.page_state.nr_writeback") == 0
    assert [file.get(f"page[{i}]._count") for i in (0, 2)] == [1, 1]


def test_filemap_fdatawait_waits_for_no_page_past_the_end(file):
    file.call("filemap_fdatawrite", MAPPING)
    file.set("inode[0].i_size", 2 << 12)
    file.call("filemap_fdatawait", MAPPING)
    assert [event[1] for event in named(file, "wait_on_page_writeback")] == ["page[0]"]


def test_filemap_fdatawait_of_an_empty_file_leaves_its_errors(file):
    file.set("inode[0].i_size", 0)
    file.set(f"{MAPPING}.flags", EIO)
    assert file.call("filemap_fdatawait", MAPPING) == 0
    assert file.get(f"{MAPPING}.flags") == EIO


def test_a_batch_of_pages_is_given_back_with_the_pagevecs_drained(file):
    file.call("lru_cache_add", "page[2]")
    file.call("filemap_fdatawrite", MAPPING)
    assert file.get("world.lru_add.nr") == 0
    assert file.get("page[2].flags.lru") == 1
    assert file.get("page[2]._count") == 1


@pytest.mark.parametrize("error, flags, result", [
    (0, 0, 0), (1, 0, -5), (0, EIO, -5), (0, ENOSPC, -28), (0, EIO | ENOSPC, -5),
    (1, ENOSPC, -28), (1, EIO | ENOSPC, -5),
])
def test_filemap_fdatawait_tells_of_errors_once(file, error, flags, result):
    file.call("filemap_fdatawrite", MAPPING)
    file.set("page[2].flags.error", error)
    file.set(f"{MAPPING}.flags", flags)
    assert file.call("filemap_fdatawait", MAPPING) == result
    assert file.get(f"{MAPPING}.flags") & (EIO | ENOSPC) == 0
    # and PG_error of a page that is not waited for is not seen
    assert file.call("filemap_fdatawait", MAPPING) == 0


# an inode with nothing but dirty pages is no business of ext3's, and none ever of a block device's
@pytest.mark.parametrize("kind, made_dirty, state, commits", [
    ("ext2", SYNC | DATASYNC, 0, 0),
    ("ext2", 0, 0, 0),
    ("ext3", SYNC | DATASYNC, 0, 1),
    ("ext3", SYNC, 0, 1),
    ("ext3", DATASYNC, 0, 1),
    ("ext3", 0, PAGES, 0),
    ("block device", SYNC | DATASYNC, SYNC | DATASYNC | PAGES, 0),
])
def test_do_fsync_puts_data_on_disk(kernel, kind, made_dirty, state, commits):
    kernel.inode(0, kind)
    kernel.file(0, 0)
    dirty(kernel, 0, 2)
    kernel.call("__mark_inode_dirty", "inode[0].i_state", made_dirty)
    assert kernel.call("do_fsync", "file[0].f_mapping") == 0
    assert disk(kernel, 0, 0) == [1, 2, 3, 4] and disk(kernel, 0, 2) == [21, 22, 23, 24]
    assert kernel.get("world.page_state.nr_dirty") == 0
    assert kernel.get("inode[0].i_state") == state
    assert kernel.get("inode[0].i_place") == (DIRTY_LIST if state else CLEAN_LIST)
    assert len(named(kernel, "journal_commit")) == commits
    calm(kernel)


def test_do_fsync_in_its_order(file):
    assert file.call("do_fsync", "file[0].f_mapping") == 0
    names = [event[0] for event in file.events()]
    assert names[0] == "do_fsync"
    # f_op->fsync waits for the pages too: the inode is written behind them
    order = ["filemap_fdatawrite", "down_write", "sync_inode", "filemap_fdatawait", "up_write"]
    assert [names.index(name) for name in order] == sorted(names.index(name) for name in order)
    assert "filemap_fdatawait" in names[names.index("up_write"):]
    assert ("down_write", "inode[0].i_mutex") in file.events()


def test_do_fsync_writes_an_inode_that_only_metadata_made_dirty(kernel):
    kernel.inode(0)
    kernel.file(0, 0)
    kernel.call("__mark_inode_dirty", "inode[0].i_state", SYNC)
    kernel.call("do_fsync", "file[0].f_mapping")
    assert kernel.get("inode[0].i_state") == 0
    assert kernel.get("inode[0].i_place") == CLEAN_LIST


@pytest.mark.parametrize("kind, result", [
    ("tmpfs", 0), ("ramfs", 0), ("hugetlbfs", 0),
    ("PFNMAP driver", -22), ("prot driver", -22), ("no mmap", -22), ("failing driver", -22),
])
def test_do_fsync_of_what_has_no_disk(kernel, kind, result):
    kernel.inode(0, kind)
    kernel.file(0, 0)
    dirty(kernel, 0)
    assert kernel.call("do_fsync", "file[0].f_mapping") == result
    assert kernel.get("page[0].flags.dirty") == 1
    calm(kernel)


@pytest.mark.parametrize("bits, commits", [(0, False), (PAGES, False), (SYNC, True), (DATASYNC, True)])
def test_do_fsync_of_ext3_writes_blocks_that_the_page_does_not_know_of(kernel, bits, commits):
    kernel.inode(0, "ext3")
    kernel.file(0, 0)
    cached(kernel, 0, contents=[1, 2, 3, 4])
    ring(kernel, 0, 0, "mapped uptodate dirty")
    kernel.call("join_transaction", kernel.buffer(0))
    kernel.call("__mark_inode_dirty", "inode[0].i_state", bits)
    assert kernel.call("do_fsync", "file[0].f_mapping") == 0
    assert disk(kernel, 0, 0) == ([1, 2, 3, 4] if commits else [0] * 4)
    assert ("dirty" in state(kernel, 0)) == (not commits)
    assert kernel.get("buffer[0].b_in_transaction") == (not commits)


# write_inode of ext3: who waits has the journal commit; who does not takes the bits off for nothing
@pytest.mark.parametrize("kind, mode, bits, commits", [
    ("ext3", ALL, SYNC, 1), ("ext3", ALL, DATASYNC, 1), ("ext3", ALL, PAGES, 0),
    ("ext3", NONE, SYNC | DATASYNC, 0), ("ext2", ALL, SYNC, 0), ("ext2", NONE, SYNC, 0),
])
def test_sync_inode_writes_the_inode_itself(kernel, kind, mode, bits, commits):
    kernel.inode(0, kind)
    kernel.call("__mark_inode_dirty", "inode[0].i_state", bits)
    assert kernel.call("sync_inode", "inode[0].i_state", mode, 100) == 0
    assert len(named(kernel, "journal_commit")) == commits
    assert kernel.get("inode[0].i_state") == 0
    calm(kernel)


@pytest.mark.parametrize("flags, result", [(EIO, -5), (ENOSPC, -28)])
def test_do_fsync_tells_of_an_earlier_error(file, flags, result):
    file.set(f"{MAPPING}.flags", flags)
    assert file.call("do_fsync", "file[0].f_mapping") == result
    assert file.call("do_fsync", "file[0].f_mapping") == 0


def test_sync_inode_as_pdflush(file):
    before = file.get("inode[0].i_state")
    assert (before, file.get("inode[0].i_place")) == (PAGES, DIRTY_LIST)
    assert file.call("sync_inode", "inode[0].i_state", NONE, 100) == 0
    assert file.events()[0] == ("sync_inode", "inode[0]", NONE, 0)
    assert begun(file) == ["page[0]", "page[2]"]
    assert named(file, "wait_on_page_writeback", "filemap_fdatawait") == []
    assert file.get("inode[0].i_state") == 0
    assert file.get("inode[0].i_place") == CLEAN_LIST
    calm(file)


def test_sync_inode_as_sync_waits(file):
    assert file.call("sync_inode", "inode[0].i_state", ALL, 100) == 0
    assert disk(file, 0, 2) == [21, 22, 23, 24]
    assert tags(file) == {"page[0]": set(), "page[2]": set()}


def test_sync_inode_locks_the_inode_meanwhile(file):
    assert file.call("sync_inode", "inode[0].i_state", NONE, 100) == 0
    locks = [event for event in file.events() if "world.inode_lock" in event]
    assert [event[0] for event in locks] == ["spin_lock", "spin_unlock"] * 2
    assert file.get("inode[0].i_state") & LOCK == 0


def test_sync_inode_that_wrote_nothing_leaves_it_dirty(file):
    # nr_to_write 0: do_writepages does not even begin
    assert file.call("sync_inode", "inode[0].i_state", NONE, 0) == 0
    assert begun(file) == []
    assert file.get("inode[0].i_state") == PAGES
    assert file.get("inode[0].i_place") == DIRTY_LIST


@pytest.mark.parametrize("bits, after", [(SYNC, 0), (SYNC | DATASYNC, 0), (PAGES, 0)])
def test_sync_inode_without_dirty_pages(kernel, bits, after):
    kernel.inode(0)
    kernel.call("__mark_inode_dirty", "inode[0].i_state", bits)
    assert kernel.call("sync_inode", "inode[0].i_state", ALL, 100) == 0
    assert kernel.get("inode[0].i_state") == after
    assert kernel.get("inode[0].i_place") == CLEAN_LIST


def test_sync_inode_that_is_going_away_stays_where_it_is(file):
    file.set("inode[0].i_state", PAGES | FREEING)
    file.call("sync_inode", "inode[0].i_state", NONE, 0)
    assert file.get("inode[0].i_state") == FREEING
    assert file.get("inode[0].i_place") == DIRTY_LIST


@pytest.mark.parametrize("place", [NO_LIST, CLEAN_LIST])
def test_sync_inode_finds_only_inodes_on_the_dirty_list(file, place):
    file.set("inode[0].i_place", place)
    assert file.call("sync_inode", "inode[0].i_state", ALL, 100) == 0
    assert file.events() == []


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_sync_inode_skips_what_has_no_disk(kernel, kind):
    kernel.inode(0, kind)
    dirty(kernel, 0)
    assert kernel.get("inode[0].i_place") == DIRTY_LIST
    assert kernel.call("sync_inode", "inode[0].i_state", ALL, 100) == 0
    assert kernel.events() == []
    assert kernel.get("inode[0].i_state") == PAGES


@pytest.mark.parametrize("mode, outcome", [(NONE, "returned"), (ALL, "lock taken twice")])
def test_sync_inode_that_another_writes(file, mode, outcome):
    file.set("inode[0].i_state", PAGES | LOCK)
    # pdflush comes back later; sync would wait for who waits for it
    assert file.end("sync_inode", "inode[0].i_state", mode, 100) == outcome
    assert begun(file) == []
    assert file.get("inode[0].i_state") == PAGES | LOCK
    assert file.held() == []


def test_sync_inode_gives_errors_of_writing_and_of_waiting(file):
    file.set(f"{MAPPING}.flags", EIO)
    assert file.call("sync_inode", "inode[0].i_state", NONE, 100) == 0
    file.call("set_page_dirty", "page[0]")
    assert file.call("sync_inode", "inode[0].i_state", ALL, 100) == -5


def test_sync_inode_as_pdflush_leaves_a_congested_device(file):
    file.set("bdi[0].congested", 1)
    assert file.call("sync_inode", "inode[0].i_state", NONE, 100) == 0
    assert begun(file) == []
    assert file.get("inode[0].i_place") == DIRTY_LIST
    # sync does not care
    assert file.call("sync_inode", "inode[0].i_state", ALL, 100) == 0
    assert begun(file) == ["page[0]", "page[2]"]


def test_sync_all(kernel):
    for i, kind in enumerate(("ext2", "tmpfs", "ext3")):
        kernel.inode(i, kind)
        dirty(kernel, 1, inode=i, first=4 * i)
    kernel.call("sync_all")
    assert [event[1:3] for event in named(kernel, "sync_inode")] == [
        ("inode[0]", ALL), ("inode[2]", ALL)]
    assert disk(kernel, 0, 1) == disk(kernel, 2, 1) == [11, 12, 13, 14]
    assert [kernel.get(f"inode[{i}].i_place") for i in range(3)] == [
        CLEAN_LIST, DIRTY_LIST, CLEAN_LIST]
    assert kernel.get("world.page_state.nr_dirty") == 0
    calm(kernel)
