# SPDX-License-Identifier: GPL-2.0-only
"""What of a store need not reach the disk: each exception, and that it goes no further."""

import pytest

from pykmm import World

PTE, DIRTY = "mm[0].pte[0x40000000]", 0x40
ABOUT_STORES = ("promised_writes", "kept_writes", "written_at_rest")


def waiting(w, file=0):
    """Sectors of the file's first page whose store is not on disk."""
    return [i for i in range(4) if w[f"inode[{file}].unwritten[{i}]"]]


def world(kind="ext2", pages=1, **file):
    w = World(units="all")
    f, p = w.file(kind, pages=pages, **file), w.process
    return w, f, p, p.mmap(f, pages=pages)


def test_each_way_to_store_is_noted_until_it_is_on_disk():
    w, f, p, at = world()
    p.write(at), f.write(0, sector=1), p.poke(at + 2048)
    assert waiting(w) == [0, 1, 2]
    w.drain(), w.writeback(f)
    assert waiting(w) == [0, 1, 2]      # on its way
    p.write(at), w.complete()
    assert waiting(w) == [0]            # the second store was not in that write
    w.sync()
    assert (waiting(w), f.disk[:3]) == ([], [8, 6, 7])


@pytest.mark.parametrize("dirty, noted", [(1, [0]), (0, [])])
def test_what_a_device_stored_counts_if_who_pinned_the_page_says_so(dirty, noted):
    w, _, p, at = world()
    p.read(at)
    page = p.pin(at)
    w.unpin(page, dirty=bool(dirty))
    assert waiting(w) == noted
    assert w.broken(*ABOUT_STORES) == []


def test_a_device_that_says_nothing_takes_the_promise_of_what_it_stored_over():
    w, _, p, at = world()
    p.write(at), p.write(at + 1024)
    page = p.pin(at)
    w.unpin(page, dirty=False)
    assert waiting(w) == [1]


def test_a_store_past_the_end_of_the_file_is_not_kept():
    w, f, p, at = world()
    f.truncate(2048)
    p.write(at + 1024), p.write(at + 2048)
    assert waiting(w) == [1]


def test_what_is_truncated_is_not_kept():
    w, f, p, at = world()
    p.write(at + 1024), p.write(at + 2048)
    f.truncate(2048)
    assert waiting(w) == [1]
    assert w.broken(*ABOUT_STORES) == []


def test_a_write_that_failed_was_told_to_who_waits():
    w, f, p, at = world()
    p.write(at), p.write(at + 1024), w.drain(), w.writeback(f)
    p.write(at)
    w.complete(ok=False)
    assert waiting(w) == [0]            # that store is newer, and still to be written
    assert w.broken(*ABOUT_STORES) == []
    assert w["mapping[0].flags"]


def test_a_block_without_space_on_disk_is_given_up():
    w, f, p, at = world(block=2048, holes=[1])
    p.read(at), f.write(0)              # now it has buffers, and the second no block
    stored, lost = p.write(at), p.write(at + 2048)
    w.drain()
    w["world.fail_in"] = 1
    w.writeback(f), w.complete()
    assert (w["mapping[0].flags"], w["page[0].contents[2]"], f.disk[:3]) == (
        1 << 21, lost, [stored, 2, 0])
    assert (waiting(w), w.broken(*ABOUT_STORES)) == ([], [])


def test_an_invalidation_of_a_dirty_page_means_it():
    w, f, p, at = world()
    p.write(at), w.drain()
    w.invalidate(f)
    assert (waiting(w), f.page(0)) == ([], None)
    assert w.broken(*ABOUT_STORES) == []


def stored_at_a_pause(w, number, place=0, sector=0):
    w["world.interference"] = 12 | place << 16 | sector << 24
    w["world.pauses_left"] = number


@pytest.mark.parametrize("units", ["all", "none"])
def test_a_store_that_an_invalidation_meets_is_not_meant_in_any_kernel(units):
    lost = set()
    for pause in range(1, 30):
        w = World(units=units)
        f, p = w.file("ext2", pages=1), w.process
        at = p.mmap(f)
        p.write(at), w.drain()
        stored_at_a_pause(w, pause, sector=1)
        if (w.invalidate(f), w["world.interfered"], f.page(0)) == (0, 1, None):
            # the earlier store is forgotten, the later one is not
            lost.add((tuple(waiting(w)), tuple(w.broken("kept_writes"))))
    assert ((1,), ("kept_writes",)) in lost
    assert all(0 not in kept and bool(kept) == bool(broken) for kept, broken in lost)


@pytest.mark.parametrize("units", ["all", "none"])
def test_a_store_before_an_invalidation_is_forgotten_in_any_kernel(units):
    w = World(units=units)
    f, p = w.file("ext2", pages=1), w.process
    p.write(p.mmap(f)), w.drain()
    w.invalidate(f)
    assert (waiting(w), f.page(0), w.broken("kept_writes")) == ([], None, [])


def test_an_invalidation_of_a_clean_page_forgets_nothing():
    w, f, p, at = world()
    p.write(at), w.drain()
    w["page[0].flags.dirty"], w[PTE] = 0, w[PTE] & ~DIRTY
    w.invalidate(f)
    assert (waiting(w), w.broken("kept_writes")) == ([0], ["kept_writes"])


def test_a_write_that_finds_no_space_forgets_what_it_zeroes():
    w, f, p, at = world(block=2048, holes=[0, 1])
    p.write(at), p.write(at + 2048), w.drain()
    w["world.fail_in"] = 4              # two buffers, the first block, and this is the second one
    assert f.write(0, sector=1, sectors=2) == -28
    assert [w[f"page[0].contents[{i}]"] for i in range(3)] == [0, 0, w["inode[0].unwritten[2]"]]
    assert (waiting(w), w.broken(*ABOUT_STORES)) == ([2], [])


@pytest.mark.parametrize("units", ["all", "none"])
def test_a_store_that_meets_a_write_without_space_is_not_forgotten(units):
    met = set()
    for pause in range(1, 30):
        w = World(units=units)
        f, p = w.file("ext2", pages=1, block=2048, holes=[0, 1]), w.process
        at = p.mmap(f)
        p.write(at), p.write(at + 2048), w.drain()
        w["world.fail_in"] = 4
        stored_at_a_pause(w, pause, sector=1)
        if f.write(0, sector=0, sectors=4) != -28 or not w["world.interfered"]:
            continue
        kept = w["page[0].contents[1]"] != 0
        met.add(kept)
        assert (1 in waiting(w), w.broken("kept_writes")) == (True, [] if kept else ["kept_writes"])
        assert 0 not in waiting(w)
    assert False in met


def test_a_store_that_meets_writeback_without_space_is_not_forgotten():
    met = set()
    for pause in range(1, 40):
        w, f, p, at = world(block=2048, holes=[1])
        p.read(at), f.write(0), p.write(at + 2048), w.drain()
        w["world.fail_in"] = 1
        stored_at_a_pause(w, pause, sector=3)
        if w.fsync(f) != -28 or not w["world.interfered"]:
            continue
        met.add(tuple(w.broken("promised_writes")))
        assert 3 in waiting(w) and 2 not in waiting(w)
    assert met >= {("promised_writes",)}


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs", "prot driver"])
def test_files_without_a_disk_promise_nothing(kind):
    w, _, p, at = world(kind)
    assert p.write(at) == w["world.version"]
    assert waiting(w) == []


def test_a_private_copy_is_no_store_into_the_file():
    w = World(units="all")
    f, p = w.file("ext2", pages=1), w.process
    p.write(p.mmap(f, shared=False))
    shared = p.mmap(f, prot="r")
    p.poke(shared), p.mprotect(shared, 1, "rw"), p.write(shared)
    assert waiting(w) == []


def test_a_store_that_faults_is_meant_for_what_is_mapped_when_it_happens():
    w, _, p, at = world()
    # another thread puts private memory there while the fault waits for mmap_sem
    w["world.interference"] = 3 | 255 << 16 | 1 << 32 | 3 << 40 | 2 << 48
    w["world.pauses_left"] = 1
    p.write(at)
    assert (w["world.interfered"], waiting(w)) == (1, [])


def test_a_store_is_not_noted_for_a_page_that_is_not_mapped_there_any_more():
    w = World(units="-U1")
    f, p = w.file("ext2", pages=2), w.process
    at = p.mmap(f)
    # another thread maps page 1 there, with its pte, which is copied without U1
    w["world.interference"] = 3 | 1 << 32 | 3 << 40 | (1 | 16) << 48 | 1 << 56
    w["world.pauses_left"] = 1
    p.write(at)
    assert (w["world.interfered"], p.pte(at)) == (1, "page 1 RW D A")
    assert (waiting(w), w.broken(*ABOUT_STORES)) == ([], [])
