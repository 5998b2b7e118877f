# SPDX-License-Identifier: GPL-2.0-only
"""block_write_full_page, discarding buffers, and giving them up."""

import pytest
from block_pictures import blocks, cache, contents, disk, flags, names

ENOMEM, ENOSPC = -12, -28
PAGE, WBC = "page[0]", "world.wbc[0].nr_to_write"
ALL, NONE = 1, 0


def ready(kernel, picture="", *, size=4096, blkbits=10, mapped=0xF, page="uptodate", sync=ALL,
          nonblocking=0):
    """Page 0 of file 0 the way writepage gets it: locked, PG_dirty already cleared."""
    kernel.inode(0, size=size, blkbits=blkbits, mapped=mapped)
    cache(kernel, 0, picture, flags=f"locked {page}", contents=(11, 12, 13, 14))
    kernel.set("mapping[0].slot[0].index_and_tags", 1)      # index 0, DIRTY
    kernel.set("world.wbc[0].sync_mode", sync)
    kernel.set("world.wbc[0].nonblocking", nonblocking)


# before: buffers and mapped blocks; under way: buffers, sectors; after its end: buffers, disk
@pytest.mark.parametrize("before, under_way, io, after, written", [
    # without buffers all of it is dirty
    ("", "ALUMQ ALUMQ ALUMQ ALUMQ", 0b1111, "UMQ UMQ UMQ UMQ", [11, 12, 13, 14]),
    ("DUM DUM DUM DUM", "ALUMQ ALUMQ ALUMQ ALUMQ", 0b1111, "UMQ UMQ UMQ UMQ", [11, 12, 13, 14]),
    # only dirty blocks reach the disk
    ("DUM UM UM DUM", "ALUMQ UM UM ALUMQ", 0b1001, "UMQ UM UM UMQ", [11, 0, 0, 14]),
    # a hole that is dirty gets a place, a clean one does not
    ("DU U UM UM", "ALUMQ U UM UM", 0b0001, "UMQ U UM UM", [11, 0, 0, 0]),
])
def test_block_write_full_page(kernel, before, under_way, io, after, written):
    ready(kernel, before, mapped=0b1100)
    assert kernel.call("block_write_full_page", PAGE, WBC) == 0
    assert blocks(kernel, 0) == under_way
    assert kernel.get("page[0].io") == io
    assert flags(kernel, 0) == "uptodate private writeback"
    assert kernel.slots() == [(0, PAGE, {"WRITEBACK"})]
    assert disk(kernel) == [0, 0, 0, 0]
    kernel.call("end_io", PAGE, 1)
    assert blocks(kernel, 0) == after
    assert disk(kernel) == written
    assert flags(kernel, 0) == "uptodate private"
    assert kernel.slots() == [(0, PAGE, set())]
    assert kernel.get("world.wbc[0].pages_skipped") == 0


def test_block_write_full_page_in_order(kernel):
    ready(kernel, "DUM UM", blkbits=11)
    kernel.call("block_write_full_page", PAGE, WBC)
    assert kernel.events()[0] == ("block_write_full_page", PAGE, "world.wbc[0].nr_to_write", 0)
    assert names(kernel) == [
        "block_write_full_page",
        "lock_buffer", "lock_buffer", "unlock_buffer",
        "set_page_writeback", "PageDirty",
        "submit_bh", "submit_bio",
        "unlock_page",
    ]


@pytest.mark.parametrize("before, page, after", [
    ("UM UM UM UM", "uptodate", "uptodate private"),
    ("UM UM UM UM", "", "uptodate private"),            # all its blocks are Uptodate
    ("UM UM M UM", "", "private"),
    ("U U U U", "uptodate", "uptodate private"),
])
def test_block_write_full_page_of_clean_buffers_writes_nothing(kernel, before, page, after):
    ready(kernel, before, page=page)
    assert kernel.call("block_write_full_page", PAGE, WBC) == 0
    assert blocks(kernel, 0) == before
    assert flags(kernel, 0) == after
    assert kernel.get("page[0].io") == 0
    assert kernel.get("world.wbc[0].pages_skipped") == 1
    assert kernel.slots() == [(0, PAGE, set())]


@pytest.mark.parametrize("size, zeroed, after", [
    (4096, [11, 12, 13, 14], "ALUMQ ALUMQ ALUMQ ALMQ"),
    (3073, [11, 12, 13, 14], "ALUMQ ALUMQ ALUMQ ALMQ"),
    # a block past the end becomes clean and Uptodate
    (3072, [11, 12, 13, 0], "ALUMQ ALUMQ ALUMQ UM"),
    (1, [11, 0, 0, 0], "ALUMQ UM UM UM"),
])
def test_block_write_full_page_across_the_end_of_the_file(kernel, size, zeroed, after):
    ready(kernel, "DUM DUM DUM DM", size=size)
    assert kernel.call("block_write_full_page", PAGE, WBC) == 0
    assert contents(kernel, 0) == zeroed
    assert blocks(kernel, 0) == after


@pytest.mark.parametrize("size", [0, 4096])
def test_block_write_full_page_past_the_end_of_the_file(kernel, size):
    kernel.inode(0, size=size)
    cache(kernel, 0, "DUM", index=size >> 12, flags="locked uptodate")
    assert kernel.call("block_write_full_page", PAGE, WBC) == 0
    assert flags(kernel, 0) == "uptodate"       # unlocked, and its buffers are gone
    assert names(kernel)[-1] == "unlock_page"
    assert "submit_bh" not in names(kernel)


def test_block_write_full_page_waits_for_a_block_under_io(kernel):
    ready(kernel, "DUM UM", blkbits=11)
    kernel.call("ll_rw_block", kernel.buffer(0), 1)
    kernel.set("buffer[0].b_state.Dirty", 1)
    kernel.call("block_write_full_page", PAGE, WBC)
    assert names(kernel)[:4] == ["block_write_full_page", "lock_buffer", "end_io", "unlock_buffer"]
    assert blocks(kernel, 0) == "ALUMQ UM"
    assert disk(kernel) == [11, 12, 0, 0]


@pytest.mark.parametrize("sync, nonblocking, skips", [(NONE, 1, True), (NONE, 0, False),
                                                      (ALL, 1, False)])
def test_block_write_full_page_without_waiting_skips_a_locked_block(kernel, sync, nonblocking,
                                                                   skips):
    ready(kernel, "DUM DUM", blkbits=11, sync=sync, nonblocking=nonblocking)
    kernel.call("ll_rw_block", kernel.buffer(0), 1)         # locked for I/O
    kernel.set("buffer[0].b_state.Dirty", 1)
    kernel.call("block_write_full_page", PAGE, WBC)
    assert blocks(kernel, 0) == ("LDUMQ ALUMQ" if skips else "ALUMQ ALUMQ")
    assert flags(kernel, 0) == ("uptodate dirty private writeback" if skips else
                                "uptodate private writeback")
    # dirty again: the tag stays
    assert kernel.slots() == [(0, PAGE, {"DIRTY", "WRITEBACK"} if skips else {"WRITEBACK"})]
    assert kernel.get("world.wbc[0].pages_skipped") == int(skips)


@pytest.mark.parametrize("before, under_way, io", [
    # the third block has no place and gets none
    ("DUM UM DU DUM", "ALUMQ UM U ALUMQ", 0b1001),
    ("UM UM DU U", "UM UM U U", 0),
])
def test_block_write_full_page_without_room_on_the_disk(kernel, before, under_way, io):
    ready(kernel, before, mapped=0b1011)
    kernel.set("world.fail_in", 1)
    assert kernel.call("block_write_full_page", PAGE, WBC) == ENOSPC
    assert blocks(kernel, 0) == under_way
    assert kernel.get("page[0].io") == io
    assert flags(kernel, 0) == f"error uptodate private{' writeback' if io else ''}"
    assert kernel.get("world.wbc[0].pages_skipped") == (0 if io else 1)
    # here the page is unlocked before anything is submitted
    found = names(kernel)
    if io:
        assert found.index("unlock_page") < found.index("submit_bh")


def test_block_write_full_page_without_buffers_to_be_had(kernel):
    ready(kernel)
    kernel.set("world.fail_in", 1)
    assert kernel.call("block_write_full_page", PAGE, WBC) == ENOMEM
    assert flags(kernel, 0) == "uptodate dirty"
    assert kernel.slots() == [(0, PAGE, {"DIRTY"})]
    assert kernel.get("world.wbc[0].pages_skipped") == 1


@pytest.mark.parametrize("offset, after", [
    (1, "DUMQ U"), (2048, "DUMQ U"),            # the second block begins at 2048
    (2049, "DUMQ DUMQNY"), (4095, "DUMQ DUMQNY"),
])
def test_block_invalidatepage_in_part_discards_the_blocks_from_there_on(kernel, offset, after):
    kernel.inode(0, blkbits=11)
    cache(kernel, 0, "DUMQ DUMQNY", flags="locked uptodate dirty")
    kernel.call("block_invalidatepage", PAGE, offset)
    assert blocks(kernel, 0) == after
    assert flags(kernel, 0) == "locked uptodate dirty private"


def test_block_invalidatepage_of_all_gives_the_buffers_up(kernel):
    kernel.inode(0, blkbits=11)
    cache(kernel, 0, "DUMQ DUM", flags="locked uptodate dirty")
    kernel.call("block_invalidatepage", PAGE, 0)
    assert flags(kernel, 0) == "locked uptodate"
    assert kernel.get("page[0]._count") == 1
    assert kernel.get("buffer[0].b_page") == kernel.get("buffer[1].b_page") == 0


def test_block_invalidatepage_waits_for_a_block_under_io(kernel):
    kernel.inode(0)
    cache(kernel, 0, "DUM", flags="locked uptodate", contents=(1, 2, 3, 4))
    kernel.call("ll_rw_block", kernel.buffer(0), 1)
    kernel.call("block_invalidatepage", PAGE, 0)
    assert names(kernel)[:4] == ["block_invalidatepage", "lock_buffer", "end_io", "unlock_buffer"]
    assert disk(kernel) == [1, 2, 3, 4]


def test_block_invalidatepage_without_buffers_and_unlocked(kernel):
    kernel.inode(0)
    cache(kernel, 0, flags="locked")
    kernel.call("block_invalidatepage", PAGE, 0)
    assert kernel.events() == [("block_invalidatepage", PAGE, 0)]
    kernel.set("page[0].flags.locked", 0)
    assert kernel.end("block_invalidatepage", PAGE, 0) == "BUG"


@pytest.mark.parametrize("before, page, released, after", [
    ("UM UM", "locked uptodate dirty", 1, "locked uptodate"),       # dirty pages go clean
    ("UM DUM", "locked uptodate dirty", 0, "locked uptodate dirty private"),
    ("LUM UM", "locked uptodate", 0, "locked uptodate private"),
    ("UM UM", "locked uptodate writeback", 0, "locked uptodate private writeback"),
])
def test_try_to_release_page(kernel, before, page, released, after):
    kernel.inode(0, blkbits=11)
    cache(kernel, 0, before, flags=page)
    assert kernel.call("try_to_release_page", PAGE) == released
    assert flags(kernel, 0) == after
    assert kernel.events()[0] == ("try_to_release_page", PAGE, released)


def test_try_to_release_page_wants_it_locked(kernel):
    kernel.inode(0)
    cache(kernel, 0, "UM")
    assert kernel.end("try_to_release_page", PAGE) == "BUG"


def test_try_to_release_page_of_a_truncated_page(kernel):
    kernel.inode(0)
    cache(kernel, 0, "UM", flags="locked dirty")
    kernel.set("page[0].mapping", 0)
    assert kernel.call("try_to_release_page", PAGE) == 1
    assert flags(kernel, 0) == "locked dirty"
