# SPDX-License-Identifier: GPL-2.0-only
"""A page of a file gets dirty for a reason: each one.  tests/properties/planted_faults.py has none."""

import pytest

from pykmm import World
from pykmm.engine import core

OPERATIONS = [name for name, _ in core.OPERATIONS]
DIRTY, PTE = 0x40, "mm[0].pte[0x40000000]"
UNITS = ["all", "none"]


def world(kind="ext2", units="all", pages=1, **file):
    w = World(units=units)
    f, p = w.file(kind, pages=pages, **file), w.process
    return w, f, p, p.mmap(f, pages=pages)


def kept(w, page=0):
    """Is the page dirty, and the property kept?"""
    return (w[f"page[{page}].flags.dirty"], w.broken("dirtied_pages")) == (1, [])


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("kind", ["ext2", "ext3", "block device", "tmpfs", "ramfs", "prot driver"])
def test_reading_dirties_nothing(kind, units):
    w, f, p, at = world(kind, units)
    p.read(at), w.sync(), p.fork(), p.munmap(at), p.exit()
    assert (w["page[0].flags.dirty"], w.broken("dirtied_pages")) == (0, [])


@pytest.mark.parametrize("kind", ["ext2", "ext3", "block device", "tmpfs", "ramfs", "prot driver"])
def test_a_store(kind):
    w, f, p, at = world(kind)
    p.write(at)
    assert kept(w)


@pytest.mark.parametrize("kind", ["ext2", "ext3", "block device", "tmpfs", "ramfs"])
def test_a_write(kind):
    w, f, _, _ = world(kind)
    f.write(0)
    assert kept(w)


@pytest.mark.parametrize("units", UNITS)
def test_a_debugger(units):
    w, _, p, at = world(units=units)
    p.poke(at)
    assert kept(w)


@pytest.mark.parametrize("take", ["msync", "munmap", "exit", "reclaim", "remap"])
def test_a_dirty_pte_that_is_taken_out(take):
    w, _, p, at = world(units="none", pages=2)
    p.write(at), w.drain()
    w[PTE] &= ~0x20
    assert w["page[0].flags.dirty"] == 0
    {"msync": lambda: p.msync(at, flags="async"), "munmap": lambda: p.munmap(at), "exit": p.exit,
     "reclaim": lambda: (w.reclaim(0, may_write=False), w.reclaim(0, may_write=False)),
     "remap": lambda: p.remap_file_pages(at, pages=1, pgoff=1)}[take]()
    assert kept(w)


@pytest.mark.parametrize("populate", [False, True])
def test_a_locked_mapping_is_written_to_by_nobody_and_dirty(populate):
    w = World(units="all")
    f, p = w.file("ext2", pages=1), w.process
    p.mmap(f, locked=True, populate=populate)
    assert kept(w)


def test_a_pin_that_is_to_write():
    w, _, p, at = world()
    p.pin(at, write=True)
    assert kept(w)


def test_a_pin_that_finds_its_page_writable_and_clean():
    w, f, p, at = world("tmpfs")
    p.read(at)
    p.pin(at, write=True)
    assert kept(w)


def test_a_forced_write_to_a_page_that_it_then_copies():
    w = World(units="all")
    f, p = w.file("ext2", pages=1), w.process
    at = p.mmap(f, prot="r")
    p.poke(at)
    assert p.pte(at).startswith("page 1")
    assert kept(w)


def test_a_device_that_says_so():
    w, _, p, at = world()
    p.read(at)
    w.unpin(p.pin(at, write=False), dirty=True)
    assert kept(w)


def test_a_write_that_fails_and_zeroes_new_blocks():
    w, f, p, at = world(block=2048, holes=[0, 1])
    p.read(at)
    w["world.fail_in"] = 4
    assert f.write(0, sectors=4) == -28
    assert kept(w)


@pytest.mark.parametrize("kind", ["ext2", "ext3"])
@pytest.mark.parametrize("bytes_", [1024, 5120], ids=["cut", "grown"])
def test_a_file_that_ends_inside_a_block(kind, bytes_):
    w, f, *_ = world(kind)
    f.truncate(bytes_)
    assert w.broken("dirtied_pages") == []
    assert kept(w)


def test_writeback_without_memory_for_buffers():
    w, f, p, at = world("block device")
    f.write(0), w.drain(), w.release(f, 0)
    p.write(at)
    for index in range(16):
        if not w[f"buffer[{index}].b_page"]:
            w["world.fail_in"] = 1
    w.writeback(f)
    assert w.broken("dirtied_pages") == []


def test_tmpfs_with_a_full_swap():
    w, f, p, at = world("tmpfs")
    f.write(0), w.drain(), w.reclaim(0), w.reclaim(0)
    assert kept(w)


def test_an_invalidation_that_fails():
    w = World(units="all")
    f = w.file("ext2", pages=1, block=2048)
    f.write(0)
    assert w.invalidate(f) == -5
    assert kept(w)


def test_a_store_that_another_thread_keeps_from_happening():
    met = set()
    for pause in range(1, 40):
        w, _, p, at = world()
        w["world.interference"] = OPERATIONS.index("munmap") | 1 << 24
        w["world.pauses_left"] = pause
        p.write(at)
        assert w.broken("dirtied_pages") == []
        met.add((str(p.pte(at)), w["world.interfered"]))
    assert len(met) > 1
