# SPDX-License-Identifier: GPL-2.0-only
"""Both halves step worlds by hand to the same bytes, whatever units are on."""

import shutil

import pytest
from cli.cli_halves import Workshop

from pykmm import World
from pykmm.engine import core


def everything(w: World):
    """One of each thing that a world can do; yields after each call."""
    f, g = w.file("ext2", pages=3, block=1024, holes=[5]), w.file("ext3", pages=2, block=2048)
    p = w.process
    at = p.mmap(f, pages=3)
    heap = p.mmap(pages=2, shared=False)
    other = p.mmap(g, pages=2, shared=False)
    child = p.fork()
    yield from (p.read(at), p.write(at), child.write(at + 4096), p.write(heap), child.read(other),
                child.write(other))
    yield from (w.writeback(f), p.write(at), w.complete(), w.fsync(f))
    yield from (p.mprotect(at, 2, "r"), p.poke(at, by=child), p.mprotect(at, 2, "rw"), p.write(at),
                p.msync(at, 3), p.remap_file_pages(at, 1, 2), p.write(at))
    yield from (g.write(1, 1, 2), w.commit(g), w.sync(), w.complete(), w.release(g, 1))
    yield from (p.pin(at), w.unpin(0), w.drain(), w.reclaim(0), w.reclaim(1), w.reclaim(2))
    yield from (f.truncate(4096), w.invalidate(f), p.brk(1), p.munmap(at, 2), child.exit())


@pytest.mark.parametrize("units", ["all", "none", *(f"U{i}" for i in range(1, 8)),
                                   *(f"-U{i}" for i in range(1, 8))])
def test_halves_step_to_equal_images(units):
    c, p = World("C", units), World("P", units)
    steps = 0
    for of_c, of_p in zip(everything(c), everything(p), strict=True):
        steps += 1
        assert of_c == of_p
        assert c.image == p.image, c.diff(p)
        assert c.history == p.history
        assert c.ended is None
        assert c.properties() is None, c.history[-1]
    assert steps > 30


def test_halves_may_take_turns_in_one_world():
    turns, c = World(), World()
    for i, _ in enumerate(zip(everything(turns), everything(c), strict=True)):
        turns.half = "CP"[i % 2]
    assert turns.image == c.image


def test_units_differ_where_they_should():
    found = {}
    for units in ("all", "none"):
        w = World(units=units)
        f, p = w.file(pages=1), w.process
        at = p.mmap(f)
        p.read(at)
        p.write(at)
        w.writeback(f)
        w.complete()
        found[units] = f.disk, p.pte(at), w["world.page_state.nr_dirty"]

    assert found == {"all": ([5, 2, 3, 4], "page 0 RO A", 0),
                     "none": ([1, 2, 3, 4], "page 0 RW D A", 0)}


@pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc to build a half with")
def test_half_without_a_function_has_c_s_called_and_says_so(tmp_path):
    name, _, path = Workshop(tmp_path).partly().partition("=")
    half = core.Half.load(path, name)
    partly, c = World(half), World("C")
    for of_half, of_c in zip(everything(partly), everything(c), strict=True):
        assert of_half == of_c
    assert partly.image == c.image and partly.ended is None
    assert "half partly with C's page_mkclean_one" in repr(partly)
