# SPDX-License-Identifier: GPL-2.0-only
"""Buffer heads, and the two ways in which they and their page become dirty."""

import pytest

DIRTY, LOCK = 1 << 1, 1 << 2
# all 14 state bits but these two
OTHERS = 0x3FFF & ~(DIRTY | LOCK)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_attach_buffers_makes_a_ring_and_takes_a_reference(world, count):
    for i in range(3):
        world.set_buffer(i, "b_state", OTHERS)
    world.set("page[3]._count", 1)
    world.call("attach_buffers", "page[3]", world.buffer(0), count)
    assert world.events() == []
    for i in range(count):
        assert world.get_buffer(i, "b_this_page") == f"bh[{(i + 1) % count}]"
        assert world.get_buffer(i, "b_page") == "page[3]"
        assert world.get_buffer(i, "b_state") == OTHERS
    if count < 3:
        assert world.get_buffer(count, "b_page") == 0
    assert world.get("page[3].private") == world.buffer(0)
    assert world.get("page[3].flags") == 1 << 11
    assert world.get("page[3]._count") == 2


@pytest.mark.parametrize("state, dirty", [
    (0, 0), (DIRTY, 1), (0x3FFF, 1), (0x3FFF & ~DIRTY, 0),
])
def test_buffer_dirty(world, state, dirty):
    world.set_buffer(1, "b_state", state)
    assert world.call("buffer_dirty", world.buffer(1)) == dirty


@pytest.mark.parametrize("count, state, busy", [
    (0, 0, 0),
    # held, dirty or locked
    (1, 0, 1), (0, DIRTY, 2), (0, LOCK, 4), (0, DIRTY | LOCK, 6),
    (1, DIRTY, 3), (8, LOCK, 12), (0, 0x3FFF, 6), (-1, 0, -1),
    # mapped, up to date, being read or written: not busy
    (0, OTHERS, 0), (2, OTHERS, 2),
])
def test_buffer_busy_asks_count_dirty_and_lock_only(world, count, state, busy):
    world.set_buffer(1, "b_count", count)
    world.set_buffer(1, "b_state", state)
    assert world.call("buffer_busy", world.buffer(1)) == busy


@pytest.fixture
def buffered(world):
    """page[3] is page 7 of file 0, with three buffers of which the second is locked."""
    world.cached(3, index=7)
    for i, state in enumerate((OTHERS, LOCK, 0)):
        world.set_buffer(i, "b_state", state)
    world.call("attach_buffers", "page[3]", world.buffer(0), 3)
    return world


def states(world):
    return [world.get_buffer(i, "b_state") for i in range(3)]


@pytest.mark.parametrize("op", ["set_page_dirty", "__set_page_dirty_buffers"])
@pytest.mark.parametrize("dirty, newly", [(0, 1), (1, 0)])
def test_set_page_dirty_dirties_every_buffer(buffered, op, dirty, newly):
    # even if the page was dirty before, and says 0 then
    buffered.set("page[3].flags.dirty", dirty)
    assert buffered.call(op, "page[3]") == newly
    assert states(buffered) == [OTHERS | DIRTY, LOCK | DIRTY, DIRTY]
    assert buffered.get("page[3].flags.dirty") == 1
    assert buffered.slots() == [(7, "page[3]", {"DIRTY"} if newly else set())]
    assert buffered.get("world.page_state.nr_dirty") == newly
    assert buffered.held() == []


def test_set_page_dirty_nobuffers_leaves_buffers_alone(buffered):
    assert buffered.call("__set_page_dirty_nobuffers", "page[3]") == 1
    assert states(buffered) == [OTHERS, LOCK, 0]


def test_mark_buffer_dirty_dirties_this_buffer_and_its_page(buffered):
    buffered.call("mark_buffer_dirty", buffered.buffer(1))
    names = [e[0] for e in buffered.events()]
    assert buffered.events()[:2] == [("mark_buffer_dirty", "bh[1]"),
                                     ("__set_page_dirty_nobuffers", "page[3]", 1)]
    # bottom up: the other buffers are nobody's business, so private_lock is not taken
    assert ("spin_lock", "mapping[0].private_lock") not in buffered.events()
    assert names[-3:] == ["__mark_inode_dirty", "spin_lock", "spin_unlock"]
    assert states(buffered) == [OTHERS, LOCK | DIRTY, 0]
    assert buffered.get("page[3].flags.dirty") == 1
    assert buffered.slots() == [(7, "page[3]", {"DIRTY"})]
    assert buffered.get("world.page_state.nr_dirty") == 1
    assert buffered.get("inode[0].i_state") == 4


def test_mark_buffer_dirty_of_a_dirty_buffer_does_nothing(buffered):
    # not even to a page that is clean
    buffered.set_buffer(1, "b_state", DIRTY)
    before = buffered.runner.image()
    buffered.call("mark_buffer_dirty", buffered.buffer(1))
    assert buffered.events() == [("mark_buffer_dirty", "bh[1]")]
    assert buffered.changes(before) == {}


def test_mark_buffer_dirty_of_a_dirty_page_dirties_the_buffer_only(buffered):
    buffered.set("page[3].flags.dirty", 1)
    buffered.call("mark_buffer_dirty", buffered.buffer(2))
    assert buffered.events() == [
        ("mark_buffer_dirty", "bh[2]"), ("__set_page_dirty_nobuffers", "page[3]", 0),
        ("TestSetPageDirty", "page[3]", 1)]
    assert states(buffered) == [OTHERS, LOCK, DIRTY]
    assert buffered.get("world.page_state.nr_dirty") == 0


WRITE_EIO, PRIVATE = 1 << 11, 1 << 11
AS_EIO = 1 << 20


@pytest.mark.parametrize("state, error", [(0, 0), (WRITE_EIO, 1), (0x3FFF & ~WRITE_EIO, 0)])
def test_buffer_write_io_error(world, state, error):
    world.set_buffer(1, "b_state", state)
    assert world.call("buffer_write_io_error", world.buffer(1)) == error


def ring(world, *buffers):
    """page[3] is page 7 of file 0, with a buffer for each state."""
    world.cached(3, index=7)
    for i, state in enumerate(buffers):
        world.set_buffer(i, "b_state", state)
    world.call("attach_buffers", "page[3]", world.buffer(0), len(buffers))
    return world


def test_drop_buffers_of_a_page_whose_buffers_are_free(world):
    ring(world, OTHERS & ~WRITE_EIO, 0, 0)
    before = world.get("page[3]._count")
    assert world.call("drop_buffers", "page[3]") == 1
    assert world.get("page[3].flags") & PRIVATE == 0
    assert world.get("page[3].private") == 0
    assert world.get("page[3]._count") == before - 1
    assert world.get("mapping[0].flags") == 0
    # the buffers themselves are the caller's now
    assert states(world) == [OTHERS & ~WRITE_EIO, 0, 0]


@pytest.mark.parametrize("busy", [DIRTY, LOCK])
def test_drop_buffers_with_a_busy_buffer_changes_nothing(world, busy):
    ring(world, 0, busy, 0)
    before = world.runner.image()
    assert world.call("drop_buffers", "page[3]") == 0
    assert world.changes(before) == {}


@pytest.mark.parametrize("buffers, dropped, flags", [
    ((WRITE_EIO, 0), 1, AS_EIO),
    ((WRITE_EIO | DIRTY, 0), 0, AS_EIO),
    ((DIRTY, WRITE_EIO), 0, 0),
])
def test_drop_buffers_notes_a_write_error_up_to_the_busy_one(world, buffers, dropped, flags):
    ring(world, *buffers)
    assert world.call("drop_buffers", "page[3]") == dropped
    assert world.get("mapping[0].flags") == flags


def test_drop_buffers_takes_buffers_off_their_list(world):
    ring(world, 0, 0)
    world.set_buffer(1, "b_assoc_mapping", "mapping[1]")
    assert world.call("drop_buffers", "page[3]") == 1
    assert world.get_buffer(1, "b_assoc_mapping") == 0


def test_drop_buffers_of_a_page_without_any_is_a_bug(world):
    world.cached(3, index=7)
    assert world.runner.primitive("drop_buffers", world.at("page[3]"))[0] == "BUG"


def test_free_buffer_head_empties_it(world):
    ring(world, OTHERS, 0)
    world.call("free_buffer_head", world.buffer(0))
    assert world.get_buffer(0, "b_state") == 0
    assert world.get_buffer(0, "b_page") == world.get_buffer(0, "b_this_page") == 0


def test_free_buffer_head_on_a_list_is_a_bug(world):
    world.set_buffer(0, "b_assoc_mapping", "mapping[1]")
    assert world.runner.primitive("free_buffer_head", world.buffer(0))[0] == "BUG"
