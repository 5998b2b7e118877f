# SPDX-License-Identifier: GPL-2.0-only
"""try_to_free_buffers: steps TF1-TF7, with U7 on and off."""

import pytest
from worlds import ALL_UNITS, address

U5, U7 = 0x10, 0x40
AS_EIO = 20
CLEAN = "Uptodate Mapped"


def with_buffers(pair, states, *, flags="locked dirty", held=None, associated=None):
    #   page 2 of file 0, mapped rw and dirty at 2, with one buffer for each state
    pair.dirty_mapped(flags=flags)
    pair.buffers(0, states, held=held, associated=associated)


def test_try_to_free_buffers_clean_buffers_go_and_the_page_becomes_clean(pair):
    with_buffers(pair, [CLEAN, CLEAN])

    out = pair.run("try_to_free_buffers", page=0)

    assert (out.ended, out.ret) == ("returned", 1)
    assert out.read("page[0].flags.private") == out.read("page[0].private") == 0
    assert out.read("page[0].flags.dirty") == 0
    assert out.read("page[0]._count") == 3      # ours, the cache's, the pte's: not the buffers'
    assert out.read("world.page_state.nr_dirty") == 0
    assert out.read("buffer[0].b_state") == out.read("buffer[1].b_state") == 0
    assert out.pte(0, 2) == "page 0 clean,read-only"


@pytest.mark.parametrize("units, order", [
    (ALL_UNITS, ["spin_unlock", "page_mapping"]),
    (ALL_UNITS & ~U7, ["page_mapping", "spin_unlock"]),
], ids=["patched", "before"])
def test_try_to_free_buffers_lock_is_dropped_before_or_after_cleaning(pair, units, order):
    with_buffers(pair, [CLEAN])
    pair.units(units & ~U5)

    out = pair.run("try_to_free_buffers", page=0)

    assert [e for e in out.events if e in order] == order
    assert out.read("mapping[0].private_lock.held") == 0


def test_try_to_free_buffers_without_the_hunk_takes_the_file_s_lock_inside(pair):
    # U5 without U7: i_mmap_lock under private_lock, the inversion that the hunk prevents
    with_buffers(pair, [CLEAN])
    pair.units(ALL_UNITS & ~U7)

    out = pair.run("try_to_free_buffers", page=0)

    locks = [e for e in out.events if e in ("spin_lock", "spin_unlock")]
    assert locks == ["spin_lock", "spin_lock", "spin_unlock", "spin_unlock"]
    assert out.pte(0, 2) == "page 0 clean,read-only"


@pytest.mark.parametrize("state", ["Uptodate Dirty", "Uptodate Lock"])
@pytest.mark.parametrize("units", [ALL_UNITS, 0])
def test_try_to_free_buffers_busy_buffer_keeps_all(pair, state, units):
    with_buffers(pair, [CLEAN, state])
    pair.units(units)

    out = pair.run("try_to_free_buffers", page=0)

    assert (out.ended, out.ret) == ("returned", 0)
    assert out.read("page[0].flags.private") == 1
    assert out.read("page[0].flags.dirty") == 1
    assert out.pte(0, 2) == "page 0 rw,dirty"
    assert out.read("mapping[0].private_lock.held") == 0


def test_try_to_free_buffers_held_buffer_keeps_all(pair):
    with_buffers(pair, [CLEAN, CLEAN], held=1)

    assert pair.run("try_to_free_buffers", page=0).ret == 0


@pytest.mark.parametrize("states, eio", [
    (["Write_EIO", CLEAN], 1),
    (["Write_EIO", "Dirty"], 1),        # noted although the call fails
    (["Dirty", "Write_EIO"], 0),        # past the busy one, nothing is looked at
])
def test_try_to_free_buffers_notes_write_errors_up_to_the_busy_buffer(pair, states, eio):
    with_buffers(pair, states)

    out = pair.run("try_to_free_buffers", page=0)

    assert out.read("mapping[0].flags") >> AS_EIO & 1 == eio


def test_try_to_free_buffers_takes_buffers_off_their_list(pair):
    with_buffers(pair, [CLEAN, CLEAN], associated=1)

    out = pair.run("try_to_free_buffers", page=0)

    assert (out.ended, out.ret) == ("returned", 1)
    assert out.events.count("free_buffer_head") == 2


def test_try_to_free_buffers_page_under_writeback_is_left_alone(pair):
    with_buffers(pair, [CLEAN], flags="locked dirty writeback")

    out = pair.run("try_to_free_buffers", page=0)

    assert (out.ended, out.ret) == ("returned", 0)
    assert out.events == ["PageLocked", "PageWriteback"]


def test_try_to_free_buffers_unlocked_page_is_a_bug(pair):
    with_buffers(pair, [CLEAN], flags="dirty")

    out = pair.run("try_to_free_buffers", page=0)

    assert out.ended == "BUG"
    assert out.steps == ["TF1"]


def test_try_to_free_buffers_truncated_page_stays_dirty_and_takes_no_lock(pair):
    pair.page(0, index=2, flags="locked dirty")
    pair.buffers(0, [CLEAN])

    out = pair.run("try_to_free_buffers", page=0)

    assert (out.ended, out.ret) == ("returned", 1)
    assert out.read("page[0].flags.dirty") == 1
    assert "spin_lock" not in out.events
    assert out.steps == ["TF1", "TF2", "TF3", "TF7"]


def test_try_to_free_buffers_page_without_buffers_is_a_bug(pair):
    pair.file(0)
    pair.page(0, file=0, index=2, flags="locked")

    out = pair.run("try_to_free_buffers", page=0)

    assert out.ended == "BUG"
    assert out.read("mapping[0].private_lock.held") == 1


def test_try_to_free_buffers_clean_page_loses_its_buffers_and_no_more(pair):
    with_buffers(pair, [CLEAN], flags="locked")

    out = pair.run("try_to_free_buffers", page=0)

    assert out.ret == 1
    # the page was not dirty, so its ptes are nobody's business here
    assert out.read(f"mm[0].pte[{address(2):#x}].dirty") == 1
