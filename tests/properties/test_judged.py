# SPDX-License-Identifier: GPL-2.0-only
"""Properties that a kernel is judged by: worlds where each holds, and each way it breaks."""

import pytest

from pykmm import World
from pykmm.engine import core

OPERATIONS = [name for name, _ in core.OPERATIONS]
RW, DIRTY = 0x2, 0x40
PTE = "mm[0].pte[0x40000000]"


def stored(kind="ext2", units="all", **file):
    """One page of a file, mapped shared, stored to once."""
    w = World(units=units)
    f, p = w.file(kind, pages=1, **file), w.process
    at = p.mmap(f)
    p.write(at), w.drain()
    return w, f, p, at


# tracked_writes

def test_tracked_writes_a_store_makes_its_page_dirty():
    w, _, p, at = stored()
    assert (p.pte(at), w.broken()) == ("page 0 RW D A", [])
    w["page[0].flags.dirty"] = 0
    assert "tracked_writes" in w.broken()


@pytest.mark.parametrize("units, first, protection", [
    ("-U2", "write", []), ("-U3", "read", ["tracked_protection"]),
    ("none", "read", ["tracked_protection"])])
def test_tracked_writes_breaks_where_a_unit_lets_a_clean_page_be_written(units, first, protection):
    w = World(units=units)
    f, p = w.file("ext2", pages=1), w.process
    at = p.mmap(f)
    getattr(p, first)(at)
    assert w.broken() == ["tracked_writes", *protection]


def test_tracked_writes_breaks_without_the_unit_that_keeps_mprotect_tracked():
    def after_mprotect(units):
        w = World(units=units)
        f, p = w.file("ext2", pages=1), w.process
        at = p.mmap(f, prot="r")
        p.read(at), p.mprotect(at, 1, "rw")
        return w.broken()

    assert (after_mprotect("all"), after_mprotect("-U4")) == (
        [], ["tracked_writes", "tracked_protection"])


def test_tracked_writes_breaks_without_the_unit_that_cleans_before_writing():
    def after_writing(units):
        w, f, *_ = stored(units=units)
        w.writeback(f)
        return w.broken()

    assert (after_writing("all"), after_writing("-U6")) == ([], ["tracked_writes"])


def test_tracked_writes_breaks_in_a_nonlinear_mapping_which_nobody_walks():
    w = World(units="all")
    f, p = w.file("ext2", pages=2), w.process
    at = p.mmap(f, pages=2)
    p.remap_file_pages(at, pages=1, pgoff=1)
    p.write(at), w.drain()
    assert w.broken() == []
    w.sync()
    assert w.broken() == ["tracked_writes"]


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs", "PFNMAP driver"])
def test_tracked_writes_does_not_ask_files_that_are_not_tracked(kind):
    w, *_ = stored(kind)
    if kind != "PFNMAP driver":
        assert w[PTE] & RW
        w["page[0].flags.dirty"] = 0
    assert "tracked_writes" not in w.broken()


def test_tracked_writes_does_not_ask_private_copies():
    w = World(units="all")
    f, p = w.file("ext2", pages=1), w.process
    at = p.mmap(f, prot="r")
    p.poke(at), p.mprotect(at, 1, "rw"), p.write(at)
    assert w[PTE] & RW
    w["page[1].flags.dirty"] = 0
    assert w.broken() == []


# promised_writes

@pytest.mark.parametrize("lost", ["page[0].flags.dirty", "mapping[0].slot[0].index_and_tags",
                                  "buffer[0].b_state.Dirty"])
def test_promised_writes_wants_page_tag_and_block_or_a_dirty_pte(lost):
    w, *_ = stored("block device")
    w.writeback(w.files[0]), w.complete()           # now it has buffers
    w.process.write(0x40000000)
    w[lost] = 0
    assert "promised_writes" not in w.broken()      # the pte is dirty
    w[PTE] &= ~DIRTY
    assert "promised_writes" in w.broken()


def test_promised_writes_without_buffers_asks_for_no_block():
    w, *_ = stored()
    w[PTE] &= ~DIRTY
    assert (w["page[0].flags.private"], w.broken()) == (0, [])


def test_promised_writes_asks_for_the_block_of_the_store_alone():
    w, f, p, at = stored("block device", block=1024)
    w.writeback(f), w.complete()
    p.write(at + 1024)
    w[PTE] &= ~DIRTY
    w["buffer[0].b_state.Dirty"] = 0
    assert w.broken() == []
    w["buffer[1].b_state.Dirty"] = 0
    assert w.broken() == ["promised_writes"]


def test_promised_writes_is_kept_by_a_write_of_the_new_contents_alone():
    w, f, p, at = stored()
    w.writeback(f)
    assert (w["page[0].io"] != 0, w["page[0].flags.dirty"], w.broken()) == (True, 0, [])
    p.write(at)
    w["page[0].flags.dirty"], w[PTE] = 0, w[PTE] & ~DIRTY
    assert "promised_writes" in w.broken()          # what is under way is the first store


def test_promised_writes_before_the_patch_is_kept_by_the_pte():
    w, *_ = stored(units="none")
    assert (w["page[0].flags.dirty"], "promised_writes" in w.broken()) == (0, False)


def test_promised_writes_breaks_where_a_store_after_a_commit_is_thrown_away():
    def store_after_commit(units):
        w = World(units=units)
        j, p = w.file("ext3", pages=1), w.process
        at = p.mmap(j)
        j.write(0), p.write(at), w.commit(j), w.complete(), p.write(at + 1024)
        assert "promised_writes" not in w.broken()
        w.sync()
        return w, p

    w, p = store_after_commit("all")
    assert w.broken() == ["promised_writes"]
    p.exit()
    assert w.broken() == ["promised_writes", "written_at_rest"]
    w, _ = store_after_commit("none")
    assert w.broken("promised_writes") == []


def test_promised_writes_before_the_patch_breaks_where_a_copy_takes_the_dirty_pte():
    def copied(units):      # pitfall 21
        w, _, p, at = stored(units=units)
        p.mprotect(at, 1, "r"), p.poke(at)
        return w.broken("promised_writes")

    assert (copied("none"), copied("all")) == (["promised_writes"], [])


# kept_writes

def test_kept_writes_a_store_is_in_memory_until_it_is_on_disk():
    w, _, p, at = stored()
    assert w["inode[0].unwritten[0]"] == p.read(at)
    w["page[0].contents[0]"] = 77
    assert w.broken() == ["kept_writes"]
    w["page[0].contents[0]"] = w["inode[0].unwritten[0]"]
    w.sync()
    assert (w["inode[0].unwritten[0]"], w.broken()) == (0, [])


def test_kept_writes_breaks_where_a_shared_page_is_copied():
    w = World(units="-U1")
    f, p = w.file("ext2", pages=1), w.process
    at = p.mmap(f)
    p.read(at), p.write(at)
    assert w.broken() == ["kept_writes"]


# written_at_rest

def test_written_at_rest_waits_for_the_file_to_be_at_rest():
    w, f, p, _ = stored()
    assert w.broken() == []
    p.exit()
    assert (w["page[0].flags.dirty"], w.broken()) == (1, [])
    w.writeback(f)
    assert (f.disk[0], w.broken()) == (1, [])       # on its way
    w.complete()
    assert (f.disk[0], w.broken()) == (5, [])


def test_written_at_rest_breaks_where_the_disk_has_less():
    w, _, p, _ = stored()
    p.exit(), w.sync()
    w["inode[0].unwritten[1]"] = 9
    assert "written_at_rest" in w.broken()


@pytest.mark.parametrize("busy", ["page[0].flags.dirty", "page[0].io", "page[0].pins"])
def test_written_at_rest_does_not_ask_while_a_page_is_in_use(busy):
    w, _, p, _ = stored()
    p.exit(), w.sync()
    w["inode[0].unwritten[1]"] = 9
    w[busy] = 1
    assert "written_at_rest" not in w.broken()


# private_contents

def test_private_contents_breaks_where_two_may_write_one_page():
    w = World(units="all")
    p = w.process
    at = p.mmap(shared=False)
    p.write(at)
    assert w.broken() == []
    p.fork()
    assert (p.pte(at), w.broken()) == ("page 0 RO D A", [])
    w[PTE] |= RW
    assert w.broken() == ["private_contents"]


def test_private_contents_breaks_where_its_place_in_swap_is_somebody_elses_too():
    w = World(units="all")
    p = w.process
    p.write(p.mmap(pages=2, shared=False))
    w["page[0].flags.swapcache"], w["page[0].private"] = 1, 1
    assert w.broken("private_contents") == []
    w["mm[0].pte[0x40001000]"] = 1 << 8             # swap slot 1
    assert w.broken("private_contents") == ["private_contents"]


def test_private_contents_breaks_where_a_file_can_be_written_through_a_private_mapping():
    w = World(units="all")
    f, p = w.file("ext2", pages=1), w.process
    p.read(p.mmap(f, shared=False))
    assert w.broken() == []
    w[PTE] |= RW
    assert w.broken() == ["private_contents"]


def test_private_contents_does_not_ask_of_copies_in_shared_mappings():
    w = World(units="all")
    f, p = w.file("ext2", pages=1), w.process
    at = p.mmap(f, prot="r")
    p.poke(at), p.mprotect(at, 1, "rw"), p.write(at)
    child = p.fork()
    assert (p.pte(at)[:9], child.pte(at)[:9]) == ("page 1 RW", "page 1 RW")
    assert w.broken() == []


# known_contents

def test_known_contents_breaks_where_a_process_sees_garbage():
    w, *_ = stored()
    w["page[0].contents[3]"] = 0xFFFF
    assert w.broken() == ["known_contents"]
    w[PTE] = 0
    assert "known_contents" in w.broken()           # the file has it for Uptodate
    w["page[0].flags.uptodate"] = 0
    assert "known_contents" not in w.broken()


def test_known_contents_breaks_where_a_failed_invalidation_makes_unread_blocks_dirty():
    w = World(units="all")
    f, p = w.file("ext2", pages=1, block=2048), w.process
    f.write(0)                          # of block 0; block 1 was never read
    assert w["page[0].flags.uptodate"] == 0
    w.invalidate(f)                     # refused, and so the page is dirty again: all its blocks
    w.sync()
    assert f.disk[2:4] == [0xFFFF, 0xFFFF]
    p.read(p.mmap(f))
    assert w.broken() == ["known_contents"]


def test_known_contents_does_not_ask_what_swap_lost():
    w = World(units="all")
    p = w.process
    at = p.mmap(shared=False)
    p.write(at), w.drain(), w.reclaim(0), w.reclaim(0)
    assert (w["page[0].io"], w.complete(ok=False), w.reclaim(0)) == (0x1F, 1, 1)
    assert (p.read(at), w.broken()) == (0xFFFF, [])
    w["world.swap_failed"] = 0
    assert w.broken() == ["known_contents"]


# lock_order, nr_dirty

@pytest.mark.parametrize("units, broken", [("all", []), ("-U7", ["lock_order"])])
def test_lock_order_breaks_where_buffers_go_under_their_lock(units, broken):
    w = World(units=units)
    b, p = w.file("block device", pages=1), w.process
    at = p.mmap(b)
    b.write(0), p.write(at), w.flush(b, 0), w.complete(), w.release(b, 0)
    assert w.broken() == broken


@pytest.mark.parametrize("units, broken", [("all", ["page_state", "nr_dirty"]), ("none", [])])
def test_nr_dirty_breaks_where_a_page_is_truncated_while_it_is_made_dirty(units, broken):
    w = World(units=units)
    f, p = w.file("ext2", pages=1), w.process
    at = p.mmap(f)
    w["world.interference"], w["world.pauses_left"] = OPERATIONS.index("truncate"), 8
    p.write(at)
    assert w.broken("page_state", "nr_dirty") == broken
