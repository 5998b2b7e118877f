# SPDX-License-Identifier: GPL-2.0-only
"""Worlds stepped by hand: memory and files, what is told of a call, how a world ends."""

import threading

import pytest

from pykmm import World
from pykmm.engine import core
from pykmm.errors import BadInput

AT = 0x40000000


# Memory and files step by step.

def test_store_is_followed_to_the_disk(w, f, p):
    at = p.mmap(f, pages=2)
    assert (p.read(at + 4096), p.write(at + 1024)) == (5, 9)
    page = p.page(at)
    assert (page, p.pte(at), w["world.page_state.nr_dirty"]) == (1, "page 1 RW D A", 1)

    assert w.writeback(f) == 0
    assert (p.pte(at), w["page[1].flags.dirty"], f.disk) == ("page 1 RO A", 0, list(range(1, 9)))
    assert p.write(at + 1024) == 10
    assert w.complete() == 1
    assert (f.disk[:4], p.pte(at), w["page[1].flags.dirty"]) == ([1, 9, 3, 4], "page 1 RW D A", 1)
    assert w.properties() is None


def test_complete_with_an_error_is_told_by_fsync(w, f, p):
    p.write(p.mmap(f))
    w.writeback(f)
    assert w.complete(0, ok=False) == 0
    assert "EIO" in str(w)
    assert repr(w.fsync(f)) == "-EIO"


def test_complete_of_a_page_that_is_not_written(w):
    assert w.complete() == 0
    assert repr(w.complete(3)) == "-ENOENT"


def test_msync_with_flags_by_name_or_number(w, f):
    w.units = "none"
    p = w.process
    at = p.mmap(f)
    for flags in ("async", 1):
        p.write(at)
        assert (p.pte(at), w["page[0].flags.dirty"]) == ("page 0 RW D A", 0)
        assert p.msync(at, flags=flags) == 0
        assert (p.pte(at), w["page[0].flags.dirty"]) == ("page 0 RW A", 1)
        w.writeback(f)
        w.complete()
    p.write(at)
    assert p.msync(at, flags="sync,invalidate") == 0
    assert f.disk[0] == 11


def test_write_and_truncate_of_a_file(w, f):
    assert f.write(1, sector=2, sectors=2) == 2048
    assert w.sync() == 0
    w.complete()
    assert f.disk == [1, 2, 3, 4, 5, 6, 9, 10]
    assert f.truncate(3072) == 0
    assert (f.size, f.disk) == (3072, [1, 2, 3])
    assert f.truncate(8192) == 0
    assert f.disk == [1, 2, 3, 0, 0, 0, 0, 0]


def test_write_is_by_the_process_that_has_it_open_or_is_named(w, f, p):
    child = p.fork()
    p.open(f, "r")
    assert repr(f.write(0)) == "-EBADF"
    assert f.write(0, process=child) == 1024
    assert w.history[-1] == "1: write fd=0 index=0 sector=0 sectors=1 -> 1024"


def test_fsync_without_a_process_is_refused(w, f, p):
    p.exit()
    with pytest.raises(BadInput, match="fsync: no process is alive"):
        w.fsync(f)


def test_invalidate_release_and_drain_take_a_clean_page(w, f, p):
    f.write(0)
    w.sync()
    w.complete()
    assert w["page[0].flags.private"] == 1
    assert w.release(f, 0) == 1
    assert w["page[0].flags.private"] == 0
    assert w.drain() == 0
    assert w["page[0].flags.lru"] == 1
    assert w.invalidate(f) == 0
    assert f.cache == {}
    assert repr(w.release(f, 0)) == "-ENOENT"


def test_commit_writes_the_blocks_of_a_transaction(w):
    f = w.file("ext3", pages=1, block=1024)
    f.write(0, sector=1)
    assert "in a transaction" in str(w)
    assert w.commit(f) == 0
    w.complete()
    assert f.disk == [1, 5, 3, 4]


def test_flush_writes_buffers_behind_the_pages_back(w):
    f = w.file("block device", pages=1, block=1024)
    f.write(0, sector=1)
    assert w.flush(f, 0) == 0
    w.complete()
    assert f.disk == [1, 5, 3, 4]
    assert w["page[0].flags.dirty"] == 1


def test_reclaim_swaps_an_anonymous_page_out(w, p):
    at = p.mmap(shared=False)
    assert p.write(at) == 1
    w.drain()
    for _ in range(4):
        w.reclaim(0)
        w.complete()
    assert p.pte(at) == "swap 1"
    assert "swap 1  count 1  [1 0 0 0]" in str(w)
    assert p.read(at) == 1


def test_pin_stores_at_unpin(w, f, p):
    at = p.mmap(f)
    assert p.pin(at) == 0
    assert "pinned 1" in str(w)
    assert w.unpin(0) == 0
    assert p.read(at) == 9
    assert repr(w.unpin(0)) == "-ENOENT"


def test_poke_writes_what_the_process_itself_may_not(w, f, p):
    child = p.fork()
    at = p.mmap(f, prot="r", shared=False)

    assert repr(p.write(at)) == "SIGSEGV"
    assert p.poke(at, by=child) == 9
    assert p.peek(at) == p.read(at) == 9
    assert w.history[-3].startswith("1: poke process=0")


def test_strip_takes_buffers_when_they_are_many(w, f):
    f.write(0)
    w.sync()
    w.complete()
    assert (w.strip(0), w["page[0].flags.private"]) == (0, 1)
    w["world.buffer_heads_over_limit"] = 1
    w.strip(0)
    assert w["page[0].flags.private"] == 0


def test_lock_page_lasts_for_one_operation(w, f, p):
    p.read(p.mmap(f))
    assert w.lock_page(0) == 0
    assert "page 0 is locked by another task" in str(w)
    p.read(AT)
    assert "locked" not in str(w)


def test_fork_until_there_is_no_room(w, p):
    first = p.fork()
    second = first.fork()

    assert [first.number, second.number] == [1, 2]
    assert w.processes == [p, first, second]
    assert repr(p.fork()) == "-EAGAIN"
    assert first.exit() == 0
    assert repr(first) == "<process 1: has ended>"
    assert repr(first.mmap()) == "-ESRCH"
    assert w.processes == [p, second]


# What is told of a call.

def test_events_are_those_of_the_last_call(w, f, p):
    p.read(p.mmap(f))
    p.write(AT)

    assert w.events[0] == "-     operation(0: store place=0 sector=0) = 9"
    steps = [event.split()[0] for event in w.steps]
    assert steps == ["WP1", "WP2", "WP3", "WP3", "WP3", "WP3", "WP13", "WP14", "WP14"]
    assert "   cref/mm/memory.c:" in w.steps[0]
    w.half = "P"
    p.fork()
    assert not any(event.startswith("WP") for event in w.events)


def test_changed_is_what_the_last_call_changed(w, f, p):
    p.read(p.mmap(f))
    assert p.write(AT) == 9

    changed = dict((path, (before, after)) for path, before, after in w.changed)
    assert changed["mm[0].pte[0x40000000].rw"] == ("0", "1")
    assert changed["mm[0].pte[0x40000000].dirty"] == ("0", "1")
    assert changed["page[0].flags.dirty"] == ("0", "1")
    assert changed["page[0].contents[0]"] == ("1", "9")
    assert changed["world.page_state.nr_dirty"] == ("0", "1")
    assert "world.trace_at" not in changed


def test_diff_of_the_last_call_and_of_two_worlds(w, f, p):
    before = w.copy()
    p.mmap(f)
    p.read(AT)

    assert w.diff().splitlines()[:4] == [
        "- process 0  1 page mapped  rss 0 file + 0 anon",
        "+ process 0  1 page mapped  rss 1 file + 0 anon",
        "    vma 0  0x40000000-0x40001000  rw-s  file 0 at 0  prot RO",
        "-     0x40000000  none"]
    assert "+   vma 0  0x40000000-0x40001000" in before.diff(w)
    assert "-   vma 0  0x40000000-0x40001000" in w.diff(before)
    assert w.diff(w) == ""


def test_copy_goes_its_own_way(w, f, p):
    p.mmap(f)
    other = w.copy()
    assert other.image == w.image
    assert other.process.write(AT) == 9
    assert p.read(AT) == 1
    assert other.process.read(AT) == 9
    assert len(other.history) == len(w.history) + 1
    assert other.process.files == {0: other.files[0]}


def test_words_can_be_read_and_forced(w):
    assert w["page[0]._mapcount"] == -1
    w["page[0]._count"] = 1
    assert w.properties() == "refcounts"
    w["page[0].flags.dirty"] = 1
    assert w["page[0].flags"] == 0x10
    with pytest.raises(BadInput, match=r"page\[0\].mapping is a pointer"):
        w["page[0].mapping"] = 5


def test_table_of_a_notebook(w, f, p):
    p.mmap(f, at=AT)
    html = w._repr_html_()

    assert html.startswith('<table><caption style="text-align:left">World: half C, units all')
    assert html.count("<tr>") == len(str(w).splitlines())
    assert ">0x40000000-0x40001000  rw-s  file 0 at 0  prot RO</td>" in html


def test_world_can_be_stepped_in_another_thread(w, f, p):
    found = []
    thread = threading.Thread(target=lambda: found.append(p.write(p.mmap(f))))
    thread.start()
    thread.join()

    assert found == [9]
    assert p.read(AT) == 9


# The end of a world.

@pytest.fixture
def ended(w, f, p):
    """A file page that says it has buffers and has none: what looks for them follows NULL."""
    p.read(p.mmap(f))
    w["page[0].flags.private"] = 1
    w["page[0].private"] = 0
    w.release(f, 0)
    return w


def test_world_that_ended_says_how(ended):
    how = ended.ended

    assert how and " in 0: release_page inode=0 index=0" in how
    assert how.split(" in ")[0].split(" at ")[0] in core.OUTCOMES[1:]
    assert repr(ended).endswith(f", ended: {how}>")
    assert str(ended).splitlines()[0] == f"ended: {how}"
    assert ended.history[-1].startswith("0: release_page inode=0 index=0 -> ")


def test_world_that_ended_does_nothing_more(ended):
    image = ended.image
    for call in (ended.process.fork, ended.sync, ended.complete, ended.properties,
                 lambda: ended.process.mmap(ended.files[0]), lambda: ended.files[0].write(0)):
        with pytest.raises(BadInput, match="this world has ended: .* in 0: release_page"):
            call()
    assert ended.image == image
    assert ended.events


def test_result_of_the_end_is_the_outcome(w, f, p):
    p.read(p.mmap(f))
    w["page[0].flags.private"] = 1
    w["page[0].private"] = 0
    result = w.release(f, 0)

    assert not result.ok
    assert result.name in core.OUTCOMES[1:]
    assert repr(result) == result.name


# Other actors at pauses.

def test_two_others_act_at_two_pauses_of_one_fault(w, f, p):
    at = p.mmap(f, pages=2)
    w.at_pause(6, f.truncate, 0)
    w.at_pause(8, f.truncate, size=2 * 4096)
    version = p.write(at)

    # what the fault had read is gone, and the file has grown again when it looks once more
    assert (w["world.interfered"], f.size, w.events.count("-     interference(0: truncate) = 1")) \
        == (3, 2 * 4096, 2)
    assert [w[f"page[{p.page(at)}].contents[{i}]"] for i in range(4)] == [version, 0, 0, 0]
    assert w.properties() is None


@pytest.mark.parametrize(("acts", "gives"), [
    ([(6, 0)], ("SIGBUS", 1)), ([(8, 8)], ("", 1)), ([(6, 8), (8, 0)], ("SIGBUS", 3)),
], ids=["cut alone", "grown alone", "grown, then cut"])
def test_one_of_them_or_the_other_way_round_gives_another_result(w, f, p, acts, gives):
    at = p.mmap(f, pages=2)
    for pause, sectors in acts:
        w.at_pause(pause, f.truncate, sectors * 1024)

    result = p.write(at)

    assert (result.name, w["world.interfered"]) == gives
    if result.ok:
        assert w[f"page[{p.page(at)}].contents[1]"] == 2


def test_what_is_to_happen_at_a_pause_does_not_happen_before(w, f, p):
    at = p.mmap(f, pages=2)
    image, history, events = w.image, list(w.history), w.events
    w.at_pause(3, p.write, at)

    assert (w.history, w.events) == (history, events)
    _, where = World.block()
    assert {path for path, *_ in where.differences(image, w.image)} == {
        "world.interference", "world.pauses_left", "world.pause_every"}


def test_copy_has_the_same_others_at_pauses(w, f, p):
    at = p.mmap(f, pages=2)
    w.at_pause(6, f.truncate, 0)
    assert repr(w.copy().process.write(at)) == repr(p.write(at)) == "SIGBUS"


@pytest.mark.parametrize(("pauses", "said"), [
    ([0], "the number of a pause is 0"), ([65536], "from 1 to 65535"),
    ([3, 3], "acts at pause 3 from here already"), ([3, 5, 7], "two others have not acted yet"),
])
def test_pauses_that_cannot_be_are_refused(w, f, pauses, said):
    with pytest.raises(BadInput, match=said):
        for pause in pauses:
            w.at_pause(pause, f.truncate, 0)


def test_what_is_no_single_operation_is_refused_at_a_pause(w, f, p):
    other = w.file("ext2")
    for act, arguments, said in ((p.mmap, [other], "open and mmap"), (w.complete, [], "none of"),
                                 (w.copy().sync, [], "none of this world"), (len, ["x"], "none")):
        with pytest.raises(BadInput, match=said):
            w.at_pause(3, act, *arguments)
    with pytest.raises(BadInput, match="size is 5"):
        w.at_pause(3, f.truncate, 5)
    # and nothing waits for a pause after that
    assert w["world.pauses_left"] == w["world.pauses_left[1]"] == 0
    assert p.mmap(f).ok
