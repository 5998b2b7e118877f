# SPDX-License-Identifier: GPL-2.0-only
"""What a sync that returned 0 promises: each way it is kept, each way it breaks, each exception."""

import pytest

from pykmm import World
from pykmm.engine import core

OPERATIONS = [name for name, _ in core.OPERATIONS]
BOTH = ("synced_writes", "msynced_writes")
EIO, ENOSPC = -5, -28


def world(kind="ext2", units="all", pages=1, **file):
    w = World(units=units)
    f, p = w.file(kind, pages=pages, **file), w.process
    return w, f, p, p.mmap(f, pages=pages)


def at_pause(w, number, name, *arguments, by=0):
    words = bytes([OPERATIONS.index(name), by, *arguments]).ljust(8, b"\0")
    w["world.interference"] = int.from_bytes(words, "little")
    w["world.pauses_left"] = number


@pytest.mark.parametrize("kind", ["ext2", "ext3", "block device"])
def test_with_the_patch_fsync_and_msync_write_every_store(kind):
    w, f, p, at = world(kind)
    f.write(0), p.write(at + 1024)
    assert (w.fsync(f), w.broken(*BOTH)) == (0, [])
    p.write(at), p.poke(at + 2048)
    assert (p.msync(at), w.broken(*BOTH)) == (0, [])


def test_before_the_patch_fsync_knows_nothing_of_a_store_through_a_mapping():
    w, f, p, at = world(units="none")
    p.write(at)
    assert (w.fsync(f), w.broken(*BOTH)) == (0, ["synced_writes"])


def test_before_the_patch_msync_writes_what_its_caller_has_stored():
    w, f, p, at = world(units="none")
    p.write(at)
    assert (p.msync(at), f.disk[0], w.broken(*BOTH)) == (0, p.read(at), [])


def test_before_the_patch_fsync_writes_what_msync_or_munmap_has_handed_over():
    w, f, p, at = world(units="none", pages=2)
    p.write(at), p.msync(at, flags="async"), p.write(at + 4096), p.munmap(at + 4096)
    assert (w.fsync(f), w.broken(*BOTH)) == (0, [])


def test_both_break_where_a_store_has_lost_what_tells_of_it():
    w, f, p, at = world(units="none")
    p.write(at)
    p.mprotect(at, 1, "r"), p.poke(at)      # pitfall 21: the copy takes the dirty pte
    assert (p.msync(at), w.broken(*BOTH)) == (0, list(BOTH))


def test_with_the_patch_a_store_after_a_commit_is_not_synced():
    w = World(units="all")
    j, p = w.file("ext3", pages=1), w.process
    at = p.mmap(j)
    j.write(0), p.write(at), w.commit(j), w.complete(), p.write(at + 1024)
    assert (w.fsync(j), w.broken(*BOTH)) == (0, ["synced_writes"])


def test_with_the_patch_a_store_in_a_nonlinear_mapping_is_not_synced_by_fsync():
    w, f, p, at = world(pages=2)
    p.remap_file_pages(at, pages=1, pgoff=1)
    p.write(at), w.sync(), p.write(at)
    assert (w.fsync(f), w.broken(*BOTH)) == (0, ["synced_writes"])


def test_the_range_of_msync_is_what_is_mapped_in_it():
    w, f, p, at = world(units="none", pages=2)
    p.write(at), p.write(at + 4096)
    assert (p.msync(at + 4096), w.broken(*BOTH)) == (0, [])
    assert f.disk[0] == 1


def test_the_range_of_msync_is_what_is_mapped_there_by_remap_file_pages():
    w, f, p, at = world(units="none", pages=2)
    p.remap_file_pages(at, pages=1, pgoff=1)
    p.write(at)
    w["mm[0].pte[0x40000000]"] &= ~0x40
    assert (p.msync(at), w.broken(*BOTH)) == (0, list(BOTH))


def test_a_store_of_the_paused_process_at_the_same_place_is_later():
    w, f, p, at = world(units="none")
    p.write(at), p.msync(at)
    at_pause(w, 1, "store", 0, 1)
    assert (p.msync(at), w["world.interfered"], w.broken(*BOTH)) == (0, 1, [])


# exceptions

def test_exception_an_error_promises_nothing():
    w, f, p, at = world(block=2048, holes=[1])
    p.read(at), f.write(0), p.write(at + 2048), w.drain()
    w["world.fail_in"] = 1
    assert (w.fsync(f), w.broken(*BOTH)) == (ENOSPC, [])


def test_exception_a_write_that_failed_before_was_told():
    w, f, p, at = world()
    p.write(at), w.drain(), w.writeback(f), w.complete(ok=False)
    assert (w.fsync(f), w.fsync(f), w.broken(*BOTH)) == (EIO, 0, [])


def test_a_write_that_fails_meanwhile_and_is_not_told_breaks_it():
    w, f, p, at = world("block device")
    f.write(0), w.flush(f, 0)
    for pause in range(1, 10):
        other = w.copy()
        at_pause(other, pause, "complete", 0, 0)
        if (other.fsync(other.files[0]), other["world.interfered"]) == (0, 1):
            assert other.broken(*BOTH) == ["synced_writes"]
            return
    raise AssertionError("no pause at which the write fails")


def test_a_write_that_fails_meanwhile_and_is_told_does_not():
    w, f, p, at = world("ext2")
    p.write(at), w.drain(), w.writeback(f)
    at_pause(w, 1, "complete", 0, 0)
    assert (w.fsync(f), w["world.interfered"], w.broken(*BOTH)) == (EIO, 1, [])


def test_exception_a_later_store_is_in_its_place():
    w, f, p, at = world(units="none")
    p.write(at)
    at_pause(w, 1, "store", 0, 0)
    assert (w.fsync(f), w["world.interfered"], w.broken(*BOTH)) == (0, 1, [])


def test_exception_what_a_device_has_not_told_of():
    w, f, p, at = world()
    p.write(at), w.fsync(f)
    w.unpin(p.pin(at), dirty=False)
    assert (w.fsync(f), w.broken(*BOTH)) == (0, [])


def test_what_a_device_has_told_of_is_synced():
    w, f, p, at = world()
    page = p.pin(at)
    w.fsync(f), w.unpin(page, dirty=True)
    assert (w.fsync(f), f.disk[0], w.broken(*BOTH)) == (0, w["page[0].contents[0]"], [])


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_exception_files_without_a_disk(kind):
    w, f, p, at = world(kind)
    p.write(at)
    assert (w.fsync(f), p.msync(at), w.broken(*BOTH)) == (0, 0, [])


def test_exception_a_store_past_the_end():
    w, f, p, at = world(units="none")
    f.truncate(2048), p.write(at + 2048)
    assert (w.fsync(f), w.broken(*BOTH)) == (0, [])


def test_exception_of_msync_alone_a_dirty_pte_of_another_mapping():
    w, f, p, at = world(units="none")
    child = p.fork()
    child.write(at)
    assert (p.msync(at), w.broken(*BOTH)) == (0, ["synced_writes"])


def test_exception_a_store_of_the_operation_that_the_sync_comes_into():
    for pause in range(1, 40):
        w, f, p, at = world()
        p.write(at), w.fsync(f)
        at_pause(w, pause, "fsync", 0)
        f.write(0)
        assert w.broken(*BOTH) == []


def test_exception_of_msync_alone_a_pte_that_a_paused_operation_has_taken_out():
    met = set()
    for pause in range(1, 40):
        w, f, p, at = world(units="none")
        child = p.fork()
        p.write(at)
        at_pause(w, pause, "msync", 0, 1, 4, by=1)
        p.munmap(at)
        assert child.number == 1
        met.add(tuple(w.broken(*BOTH)))
    assert met == {(), ("synced_writes",)}
