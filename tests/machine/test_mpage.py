# SPDX-License-Identifier: GPL-2.0-only
"""mpage_writepages: which pages a run over a file finds, and how each gets to disk."""

import pytest
from written import cached, calm, contents, disk, named, ring, state, tags

from pykmm import paths
from pykmm.engine import core
from pykmm.report.paths import Map

NONE, ALL = 0, 1
EIO, ENOSPC = 1 << 20, 1 << 21
BIO = 0x10
MAPPING, WBC = "mapping[0]", "world.wbc[0].nr_to_write"


@pytest.fixture
def file(kernel):
    kernel.inode(0)
    kernel.set("world.nr_wbc", 1)
    return kernel


def dirty(kernel, *indices, **more):
    """Page i of the file in page[i], dirty, with contents of i1 to i4."""
    for i in indices:
        cached(kernel, i, index=i, dirty=True, contents=[10 * i + n for n in (1, 2, 3, 4)], **more)


def run(kernel, *, use_bio=0, sync=ALL, nr=100, **fields):
    kernel.set("world.wbc[0].sync_mode", sync)
    kernel.set("world.wbc[0].nr_to_write", nr)
    for field, value in fields.items():
        kernel.set(f"world.wbc[0].{field}", value)
    return kernel.call("mpage_writepages", MAPPING, WBC, use_bio)


def written(kernel):
    """Pages whose write began, in order, bio path or not."""
    return [event[1] for event in named(kernel, "block_write_full_page", "submit_bio")
            if event[0] == "block_write_full_page" or event[2] & BIO]


def left(kernel):
    return kernel.get("world.wbc[0].nr_to_write")


@pytest.mark.parametrize("use_bio", [0, 1])
def test_mpage_writepages_writes_dirty_pages_in_their_order(file, use_bio):
    dirty(file, 3, 0, 2)
    cached(file, 1, index=1)
    assert run(file, use_bio=use_bio) == 0
    assert written(file) == ["page[0]", "page[2]", "page[3]"]
    assert left(file) == 97
    assert file.get("world.page_state.nr_dirty") == 0
    assert tags(file) == {"page[0]": {"WRITEBACK"}, "page[1]": set(),
                          "page[2]": {"WRITEBACK"}, "page[3]": {"WRITEBACK"}}
    for i in (0, 2, 3):
        file.call("end_io", f"page[{i}]", 1)
        assert disk(file, 0, i) == [10 * i + n for n in (1, 2, 3, 4)]
    assert disk(file, 0, 1) == [0] * 4
    assert all(found == set() for found in tags(file).values())
    assert file.get("world.page_state.nr_writeback") == 0
    file.set("world.nr_wbc", 0)
    calm(file)


def test_mpage_writepages_of_a_clean_file(file):
    cached(file, 0)
    assert run(file) == 0
    assert written(file) == []
    assert file.get(f"{MAPPING}.writeback_index") == 0


def test_mpage_writepages_gives_the_batch_back(file):
    dirty(file, 0, 1)
    run(file, use_bio=1)
    assert [file.get(f"page[{i}]._count") for i in (0, 1)] == [1, 1]


@pytest.mark.parametrize("sync, begin, expected, index", [
    # pdflush goes on where it was
    (NONE, 0, [0, 2, 3], 4), (NONE, 1, [2, 3], 4), (NONE, 3, [3], 4),
    # found nothing: once more from the beginning
    (NONE, 4, [0, 2, 3], 4), (NONE, 2**40, [0, 2, 3], 4),
    # the whole file
    (ALL, 3, [0, 2, 3], 4),
])
def test_mpage_writepages_starts_by_sync_mode(file, sync, begin, expected, index):
    dirty(file, 0, 2, 3)
    file.set(f"{MAPPING}.writeback_index", begin)
    run(file, sync=sync)
    assert written(file) == [f"page[{i}]" for i in expected]
    assert file.get(f"{MAPPING}.writeback_index") == index


def test_mpage_writepages_wraps_once_only(file):
    cached(file, 0)
    file.set(f"{MAPPING}.writeback_index", 3)
    run(file, sync=NONE)
    assert file.get(f"{MAPPING}.writeback_index") == 0


@pytest.mark.parametrize("start, end, expected", [
    (0x1000, 0x2FFF, [1, 2]), (0x1FFF, 0x2000, [1, 2]), (0, 0xFFF, [0]), (0, 1, [0]),
    (0x2000, 0x2FFF, [2]), (0x3000, 0, []), (0x4000, 0x5000, []), (0, 0, [0, 1, 2, 3]),
])
@pytest.mark.parametrize("sync", [NONE, ALL])
def test_mpage_writepages_of_a_range_of_bytes(file, start, end, expected, sync):
    dirty(file, 0, 1, 2, 3)
    file.set(f"{MAPPING}.writeback_index", 0 if not (start or end) else 2)
    run(file, sync=sync, start=start, end=end)
    assert written(file) == [f"page[{i}]" for i in expected]
    # no more pages are looked up than the range has
    assert [event[1] for event in named(file, "lock_page")] == [f"page[{i}]" for i in expected]
    # a range leaves the place of the next run alone
    assert file.get(f"{MAPPING}.writeback_index") == (2 if start or end else 4)


def test_mpage_writepages_meets_a_page_behind_its_range(file):
    """As many are looked up as the range has pages, wherever they are."""
    dirty(file, 0, 3)
    run(file, sync=ALL, start=0x1000, end=0x1FFF)
    assert written(file) == []
    assert [event[0] for event in named(file, "lock_page", "unlock_page", "put_page")] == [
        "lock_page", "unlock_page", "put_page"]


@pytest.mark.parametrize("nr, after", [(1, -3), (2, -2), (4, 0), (5, 1), (0, -4)])
def test_mpage_writepages_ends_its_batch_when_there_is_no_more_to_write(file, nr, after):
    dirty(file, 0, 1, 2, 3)
    assert run(file, nr=nr) == 0
    assert len(written(file)) == 4
    assert left(file) == after


@pytest.fixture
def wide(kernel):
    """A world with room for a file of more than one batch."""
    wide = object.__new__(type(kernel))
    wide.runner = core.Runner(pages=21, vmas=1, mms=1, pmds=1, table_shift=3, mappings=2, slots=20,
                              files=1, anon_vmas=1, buffers=20, trace_words=8192, swap_slots=2)
    wide.runner.use(core.Half.load(paths.lib() / "c.so", "C"))
    wide.map = Map(wide.runner)
    wide._names = {}
    wide.set("world.units", 0x7F)
    wide.set("world.nr_wbc", 1)
    wide.inode(0, size=20 << 12, mapped=0xFFFFF)
    return wide


@pytest.mark.parametrize("nr, pages, place", [(1, 14, 14), (14, 14, 14), (15, 16, 16)])
@pytest.mark.parametrize("use_bio", [0, 1])
def test_mpage_writepages_batches_of_fourteen(wide, use_bio, nr, pages, place):
    dirty(wide, *range(16))
    run(wide, use_bio=use_bio, nr=nr)
    assert written(wide) == [f"page[{i}]" for i in range(pages)]
    assert left(wide) == nr - pages
    # the next run of pdflush goes on there
    assert wide.get(f"{MAPPING}.writeback_index") == place


@pytest.mark.parametrize("nonblocking, congested, pages, noted", [
    (1, 1, 0, 1), (0, 1, 2, 0), (1, 0, 2, 0),
])
def test_mpage_writepages_of_a_congested_device(file, nonblocking, congested, pages, noted):
    dirty(file, 0, 1)
    file.set("bdi[0].congested", congested)
    assert run(file, sync=NONE, nonblocking=nonblocking) == 0
    assert len(written(file)) == pages
    assert file.get("world.wbc[0].encountered_congestion") == noted


def test_mpage_writepages_skips_a_page_that_was_truncated_meanwhile(file):
    dirty(file, 0, 1)
    file.set("page[0].mapping", 0)
    run(file, use_bio=1)
    assert written(file) == ["page[1]"]
    assert file.get("page[0].flags.locked") == 0


def test_mpage_writepages_skips_a_page_that_is_clean_by_now(file):
    dirty(file, 0, 1)
    file.set("page[0].flags.dirty", 0)
    run(file)
    assert written(file) == ["page[1]"]
    # the tag stays for set_page_writeback to clear
    assert tags(file)["page[0]"] == {"DIRTY"}
    assert left(file) == 99


@pytest.mark.parametrize("sync, expected", [(NONE, []), (ALL, ["page[0]"])])
def test_mpage_writepages_of_a_page_under_writeback(file, sync, expected):
    dirty(file, 0)
    run(file, use_bio=1)
    file.call("set_page_dirty", "page[0]")
    run(file, sync=sync)
    # pdflush passes by, a sync waits
    assert written(file) == expected
    assert bool(named(file, "wait_on_page_writeback")) == (sync == ALL)
    assert file.get("page[0].flags.dirty") == (sync == NONE)


def test_mpage_writepages_waits_for_the_first_write_and_then_begins_its_own(file):
    dirty(file, 0)
    run(file, use_bio=1)
    file.set("page[0].contents[0]", 99)
    file.call("set_page_dirty", "page[0]")
    run(file, use_bio=1)
    assert disk(file, 0, 0) == [1, 2, 3, 4]
    file.call("end_io", "page[0]", 1)
    assert disk(file, 0, 0) == [99, 2, 3, 4]


def fails_for_want_of_a_block(kernel, *indices):
    """No room for a block of these pages: get_block fails."""
    for i in indices:
        kernel.set("inode[0].i_mapped", kernel.get("inode[0].i_mapped") & ~(1 << i))
        ring(kernel, i, i, "uptodate dirty")
    kernel.set("world.fail_in", 1)


@pytest.mark.parametrize("use_bio", [0, 1])
def test_mpage_writepages_without_room_on_disk(file, use_bio):
    dirty(file, 0)
    fails_for_want_of_a_block(file, 0)
    assert run(file, use_bio=use_bio) == -28
    assert file.get(f"{MAPPING}.flags") & (EIO | ENOSPC) == ENOSPC
    # an error is not counted as a page written
    assert left(file) == 100


def test_mpage_writepages_gives_the_last_answer_of_writepage(file):
    dirty(file, 0, 1)
    fails_for_want_of_a_block(file, 0)
    # the success hides the error, but for the flag
    assert run(file) == 0
    assert file.get(f"{MAPPING}.flags") & ENOSPC
    assert left(file) == 99


def test_mpage_writepages_keeps_an_error_past_the_pages_of_the_bio_path(file):
    dirty(file, 0, 1)
    fails_for_want_of_a_block(file, 0)
    assert run(file, use_bio=1) == -28
    assert written(file) == ["page[0]", "page[1]"]
    assert left(file) == 100


def test_mpage_writepages_of_a_page_that_writepage_hands_back(kernel):
    # tmpfs has no disk: nobody asks it, but its writepage is the one that does so
    kernel.inode(0, "tmpfs")
    kernel.set("world.nr_wbc", 1)
    cached(kernel, 0, dirty=True)
    assert run(kernel) == 0x80000
    assert kernel.get("page[0].flags.locked") == 0
    assert kernel.get("page[0].flags.dirty") == 1
    assert kernel.get(f"{MAPPING}.flags") & EIO
    kernel.set("world.nr_wbc", 0)
    calm(kernel)


def test_mpage_writepages_where_there_is_no_writepage(kernel):
    kernel.inode(0, "prot driver")
    kernel.set("world.nr_wbc", 1)
    cached(kernel, 0, dirty=True)
    assert run(kernel) == 0
    assert kernel.get("page[0].flags.dirty") == 1


FULL = "mapped uptodate dirty"


@pytest.mark.parametrize("states, sectors", [
    ((FULL,), 0xF), ((FULL, FULL), 0xF), ((FULL, FULL, FULL, FULL), 0xF),
    # a hole at the end stays one
    ((FULL, "uptodate"), 0x3), ((FULL, "", "", ""), 0x1), ((FULL, FULL, FULL, "uptodate"), 0x7),
    # state that nobody asks for
    (("mapped uptodate dirty new req delay",), 0xF),
])
def test_the_bio_path_takes_a_prefix_of_dirty_blocks(file, states, sectors):
    file.set("inode[0].i_blkbits", {1: 12, 2: 11, 4: 10}[len(states)])
    dirty(file, 1)
    ring(file, 1, 0, *states)
    before = [state(file, i) for i in range(len(states))]
    assert run(file, use_bio=1) == 0
    assert named(file, "block_write_full_page", "submit_bio") == [
        ("submit_bio", "page[1]", sectors | BIO)]
    assert [state(file, i) for i in range(len(states))] == [s - {"dirty"} for s in before]
    assert file.get("page[1].flags.private") == 1
    file.call("end_io", "page[1]", 1)
    assert disk(file, 0, 1) == [11 + i if sectors >> i & 1 else 0 for i in range(4)]


@pytest.mark.parametrize("states", [
    (FULL, "dirty"),                                # a dirty hole wants a block
    ("uptodate", FULL), (FULL, "", FULL, ""),       # a block behind a hole
    ("", ""), ("uptodate",),                        # nothing but holes
    (FULL, "mapped uptodate"), ("mapped uptodate", FULL),
    (FULL, "mapped dirty"),
])
def test_the_bio_path_leaves_other_pages_to_writepage(file, states):
    file.set("inode[0].i_blkbits", {1: 12, 2: 11, 4: 10}[len(states)])
    dirty(file, 1)
    ring(file, 1, 0, *states)
    run(file, use_bio=1)
    assert named(file, "block_write_full_page") == [
        ("block_write_full_page", "page[1]", WBC, 0)]
    assert all(not event[2] & BIO for event in named(file, "submit_bio"))


def test_the_bio_path_wants_blocks_next_to_each_other(file):
    file.set("inode[0].i_blkbits", 11)
    dirty(file, 1)
    ring(file, 1, 0, FULL, FULL)
    file.set_buffer(1, "b_blocknr", 9)
    run(file, use_bio=1)
    assert written(file) == ["page[1]"]
    assert named(file, "block_write_full_page")


@pytest.mark.parametrize("blkbits, asked", [(12, [1]), (11, [2, 3]), (10, [4, 5, 6, 7])])
def test_the_bio_path_of_a_page_without_buffers(file, blkbits, asked):
    file.set("inode[0].i_blkbits", blkbits)
    dirty(file, 1)
    run(file, use_bio=1)
    assert [event[2] for event in named(file, "get_block")] == asked
    assert named(file, "submit_bio") == [("submit_bio", "page[1]", 0xF | BIO)]
    assert file.get("page[1].flags.private") == 0


def test_the_bio_path_gives_holes_a_block(file):
    file.set("inode[0].i_mapped", 0)
    dirty(file, 1)
    run(file, use_bio=1)
    assert file.get("inode[0].i_mapped") == 2
    assert named(file, "submit_bio") == [("submit_bio", "page[1]", 0xF | BIO)]


def test_the_bio_path_without_a_block_to_be_had(file):
    file.set("inode[0].i_mapped", 0)
    dirty(file, 1)
    file.set("world.fail_in", 1)
    # get_block fails once; writepage asks again and gets it
    assert run(file, use_bio=1) == 0
    assert named(file, "block_write_full_page")
    assert file.get("inode[0].i_mapped") == 2


@pytest.mark.parametrize("blkbits, size, sectors, rest", [
    (12, 0x1400, 0xF, [11, 0, 0, 0]), (12, 0x1401, 0xF, [11, 12, 0, 0]),
    (11, 0x1400, 0x3, [11, 0, 0, 0]), (10, 0x1C00, 0x7, [11, 12, 13, 0]),
    (10, 0x2000, 0xF, [11, 12, 13, 14]),
])
def test_the_bio_path_at_the_end_of_the_file(file, blkbits, size, sectors, rest):
    file.set("inode[0].i_blkbits", blkbits)
    dirty(file, 1)
    file.set("inode[0].i_size", size)
    run(file, use_bio=1)
    # no block past the end is asked for, and what is past it is zeroes
    assert named(file, "submit_bio") == [("submit_bio", "page[1]", sectors | BIO)]
    assert contents(file, 1) == rest


@pytest.mark.parametrize("size", [0x1000, 0x800, 0])
def test_the_bio_path_beyond_the_end_of_the_file(file, size):
    dirty(file, 1)
    file.set("inode[0].i_size", size)
    assert run(file, use_bio=1) == 0
    # writepage finds nothing of it in the file
    assert named(file, "block_write_full_page", "submit_bio") == [
        ("block_write_full_page", "page[1]", WBC, 0)]
    assert file.get("page[1].flags.locked") == 0


@pytest.mark.parametrize("over, uptodate, kept", [(0, 1, 1), (1, 1, 0), (1, 0, 1)])
def test_the_bio_path_drops_buffers_when_there_are_too_many(file, over, uptodate, kept):
    file.set("world.buffer_heads_over_limit", over)
    dirty(file, 1)
    ring(file, 1, 0, FULL)
    file.set("page[1].flags.uptodate", uptodate)
    run(file, use_bio=1)
    assert file.get("page[1].flags.private") == kept
    assert file.get("page[1]._count") == 1 + kept
    assert named(file, "submit_bio") == [("submit_bio", "page[1]", 0xF | BIO)]


def test_the_bio_path_ends_in_a_bug_on_a_locked_buffer(file):
    dirty(file, 1)
    ring(file, 1, 0, FULL + " lock")
    file.set("world.wbc[0].nr_to_write", 1)
    assert file.end("mpage_writepages", MAPPING, WBC, 1) == "BUG"


def test_the_bio_path_ends_in_a_bug_on_a_page_that_is_not_uptodate(file):
    dirty(file, 1)
    file.set("page[1].flags.uptodate", 0)
    assert file.end("mpage_writepages", MAPPING, WBC, 1) == "BUG"


def test_the_bio_path_with_an_io_error(file):
    dirty(file, 1)
    run(file, use_bio=1)
    file.call("end_io", "page[1]", 0)
    assert file.get("page[1].flags.error") == 1
    assert file.get("page[1].flags.writeback") == 0
    assert file.get(f"{MAPPING}.flags") & EIO
    assert disk(file, 0, 1) == [0] * 4


@pytest.mark.parametrize("kind, bio, events", [
    ("ext2", True, ["writepages"]), ("block device", False, ["writepages", "generic_writepages"]),
])
def test_writepages_of_kinds(kernel, kind, bio, events):
    kernel.inode(0, kind)
    kernel.set("world.nr_wbc", 1)
    dirty(kernel, 1)
    kernel.set("world.wbc[0].nr_to_write", 10)
    assert kernel.call("writepages", MAPPING, WBC) == 0
    assert [event[0] for event in named(kernel, "writepages", "generic_writepages")] == events
    assert bool([e for e in named(kernel, "submit_bio") if e[2] & BIO]) == bio
    assert bool(named(kernel, "block_write_full_page")) == (not bio)


def test_generic_writepages_goes_by_writepage(file):
    dirty(file, 1)
    file.set("world.wbc[0].nr_to_write", 10)
    assert file.call("generic_writepages", MAPPING, WBC) == 0
    assert file.events()[0] == ("generic_writepages", MAPPING, WBC, 0, 0)
    assert named(file, "block_write_full_page") == [
        ("block_write_full_page", "page[1]", WBC, 0)]
