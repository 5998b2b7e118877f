# SPDX-License-Identifier: GPL-2.0-only
"""Blocks and the buffers over them: getting, locking, writing one, reading a page."""

import pytest
from block_pictures import END_ASYNC_WRITE, END_WRITE, blocks, cache, contents, disk, flags, names

ENOMEM, EIO, ENOSPC = -12, -5, -28
INODE = "inode[0].i_state"


@pytest.mark.parametrize("block, create, mapped, result", [
    (0, 0, 0b01, 1), (1, 0, 0b01, 0),           # on disk, a hole
    (0, 1, 0b01, 1), (1, 1, 0b01, 1),           # create: there already, made
    (31, 1, 0b01, 1), (32, 1, 0b01, ENOSPC),    # 8 pages of 4 blocks, and one past them
    (32, 0, 0b01, 0), (64, 0, 0b01, 0), (64, 1, 0b01, ENOSPC), (1 << 40, 0, 0b01, 0),
])
def test_get_block(kernel, block, create, mapped, result):
    kernel.inode(0, blkbits=10, mapped=mapped)
    assert kernel.call("get_block", INODE, block, create) == result
    made = 1 << block if create and result == 1 else 0
    allocated = bool(made & ~mapped)
    assert [event for event in kernel.events() if not event[0].startswith("spin")] == [
        ("get_block", "inode[0]", block, create, int(result == 1), min(result, 0)),
        *[("__mark_inode_dirty", "inode[0]", 7)] * allocated]
    assert kernel.get("inode[0].i_mapped") == mapped | made
    assert kernel.get("inode[0].i_state") == 7 * allocated


def test_get_block_past_the_end_of_a_device(kernel):
    kernel.inode(0, "block device", blkbits=10, mapped=2**64 - 1)
    kernel.set("world.fail_in", 1)
    assert kernel.call("get_block", INODE, 31, 1) == 1
    assert kernel.call("get_block", INODE, 32, 0) == 0
    assert kernel.call("get_block", INODE, 32, 1) == -5
    assert kernel.get("world.fail_in") == 1


def test_get_block_past_the_end_of_a_disk_has_asked_for_one(kernel):
    kernel.inode(0, blkbits=10, mapped=1)
    kernel.set("world.fail_in", 2)
    assert kernel.call("get_block", INODE, 32, 1) == ENOSPC
    assert kernel.get("world.fail_in") == 1


def test_get_block_without_room_on_the_disk(kernel):
    kernel.inode(0, blkbits=10, mapped=1)
    kernel.set("world.fail_in", 1)
    assert kernel.call("get_block", INODE, 0, 1) == 1       # takes nothing
    assert kernel.call("get_block", INODE, 1, 1) == ENOSPC
    assert kernel.get("inode[0].i_mapped") == 1


@pytest.mark.parametrize("page, given, after", [
    ("", "-", "- - - -"),
    ("", "DU", "DU DU DU DU"),
    ("dirty", "-", "D D D D"),
    ("uptodate", "-", "U U U U"),
    ("uptodate dirty", "-", "DU DU DU DU"),
])
def test_create_empty_buffers_takes_over_what_the_page_says(kernel, page, given, after):
    kernel.inode(0, blkbits=10)
    cache(kernel, 0, flags=page)
    state = {"-": 0, "DU": 3}[given]
    assert kernel.call("create_empty_buffers", "page[0]", 10, state) == 1
    assert blocks(kernel, 0) == after
    assert kernel.get("page[0]._count") == 2
    assert kernel.events() == [
        ("create_empty_buffers", "page[0]", 1024, state, 1),
        ("spin_lock", "mapping[0].private_lock"),
        ("get_page", "page[0]"),
        ("SetPagePrivate", "page[0]"),
        ("spin_unlock", "mapping[0].private_lock"),
    ]


@pytest.mark.parametrize("fail_in", [1, 3])
def test_create_empty_buffers_without_memory_leaves_nothing(kernel, fail_in):
    kernel.inode(0, blkbits=10)
    cache(kernel, 0)
    kernel.set("world.fail_in", fail_in)
    assert kernel.call("create_empty_buffers", "page[0]", 10, 3) == 0
    assert names(kernel) == ["create_empty_buffers"] + ["free_buffer_head"] * (fail_in - 1)
    assert kernel.get("page[0]._count") == 1
    assert all(kernel.get(f"buffer[{i}].{field}") == 0 for i in range(4)
               for field in ("b_page", "b_state", "b_this_page"))


def test_create_empty_buffers_when_too_few_are_left(kernel):
    kernel.inode(0, blkbits=10)
    cache(kernel, 0)
    for i in range(13):         # 3 of 16 are free
        kernel.set(f"buffer[{i}].b_page", "page[5]")
    assert kernel.call("create_empty_buffers", "page[0]", 10, 0) == 0
    assert flags(kernel, 0) == ""


def test_lock_buffer_and_unlock_buffer(kernel):
    cache(kernel, 0, "UM")
    kernel.call("lock_buffer", kernel.buffer(0))
    assert kernel.events() == [("lock_buffer", "bh[0]")]
    assert blocks(kernel, 0) == "LUM"
    assert kernel.end("lock_buffer", kernel.buffer(0)) == "lock taken twice"
    kernel.call("unlock_buffer", kernel.buffer(0))
    assert kernel.events() == [("unlock_buffer", "bh[0]")]
    assert blocks(kernel, 0) == "UM"
    assert kernel.end("unlock_buffer", kernel.buffer(0)) == "lock not held"


@pytest.mark.parametrize("before, got", [("UM", 1), ("LUM", 0)])
def test_trylock_buffer(kernel, before, got):
    cache(kernel, 0, before)
    assert kernel.call("trylock_buffer", kernel.buffer(0)) == got
    assert kernel.events() == [("trylock_buffer", "bh[0]", 1 - got)]
    assert blocks(kernel, 0) == "LUM"


def test_lock_buffer_waits_for_the_write_of_the_buffer(kernel):
    kernel.inode(0)
    cache(kernel, 0, "DUM", contents=(1, 2, 3, 4))
    kernel.call("ll_rw_block", kernel.buffer(0), 1)
    kernel.call("lock_buffer", kernel.buffer(0))
    assert names(kernel) == ["lock_buffer", "end_io", "unlock_buffer"]
    assert blocks(kernel, 0) == "LUMQ"
    assert disk(kernel) == [1, 2, 3, 4]


@pytest.mark.parametrize("picture, io, events", [
    ("UM", 0, []), ("LUM", 15, ["end_io", "unlock_buffer"]),
])
def test_wait_on_buffer(kernel, picture, io, events):
    kernel.inode(0)
    cache(kernel, 0, picture)
    kernel.set("buffer[0].b_count", 1)
    kernel.set("buffer[0].b_end_io", END_WRITE if io else 0)
    kernel.set("page[0].io", io)
    kernel.call("wait_on_buffer", kernel.buffer(0))
    assert names(kernel) == events
    assert blocks(kernel, 0) == "UM"


@pytest.mark.parametrize("at, count, sectors", [
    (0, 1, 0b1111), (0, 2, 0b0011), (1, 2, 0b1100),
    (0, 4, 0b0001), (1, 4, 0b0010), (3, 4, 0b1000),
])
def test_submit_bh_writes_the_sectors_of_its_block(kernel, at, count, sectors):
    kernel.inode(0)
    cache(kernel, 0, " ".join("LUM" if i == at else "UM" for i in range(count)))
    kernel.call("submit_bh", kernel.buffer(at), END_ASYNC_WRITE)
    assert kernel.events() == [("submit_bh", f"bh[{at}]"), ("submit_bio", "page[0]", sectors)]
    assert blocks(kernel, 0).split()[at] == "LUMQ"
    assert kernel.get(f"buffer[{at}].b_end_io") == END_ASYNC_WRITE
    assert kernel.get("page[0].io") == sectors


@pytest.mark.parametrize("before, after", [
    ("LUM", "LUMQ"), ("LUME", "LUMQE"), ("LUMQE", "LUMQ"),
])
def test_submit_bh_clears_the_error_of_an_earlier_write_only(kernel, before, after):
    cache(kernel, 0, before)
    kernel.call("submit_bh", kernel.buffer(0), END_WRITE)
    assert blocks(kernel, 0) == after


@pytest.mark.parametrize("picture, end_io", [("UM", 1), ("LU", 1), ("LUM", 0)])
def test_submit_bh_wants_it_locked_mapped_and_with_an_end(kernel, picture, end_io):
    cache(kernel, 0, picture)
    assert kernel.end("submit_bh", kernel.buffer(0), end_io) == "BUG"


@pytest.mark.parametrize("before, wait, events, after, count", [
    ("DUM", 1, ["lock_buffer", "submit_bh", "submit_bio"], "LUMQ", 1),
    ("DUM", 0, ["trylock_buffer", "submit_bh", "submit_bio"], "LUMQ", 1),
    ("UM", 1, ["lock_buffer", "unlock_buffer"], "UM", 0),
    ("UM", 0, ["trylock_buffer", "unlock_buffer"], "UM", 0),
    ("LDUM", 0, ["trylock_buffer"], "LDUM", 0),
])
def test_ll_rw_block_writes_a_dirty_buffer(kernel, before, wait, events, after, count):
    kernel.inode(0)
    cache(kernel, 0, before, flags="uptodate dirty")
    kernel.call("ll_rw_block", kernel.buffer(0), wait)
    assert names(kernel) == ["ll_rw_block", *events]
    assert blocks(kernel, 0) == after
    assert kernel.get("buffer[0].b_count") == count
    assert flags(kernel, 0) == "uptodate dirty private"     # what the page says is not touched


@pytest.mark.parametrize("before, after, events", [
    ("DUM", "UMQ", ["lock_buffer", "submit_bh", "submit_bio", "end_io", "unlock_buffer"]),
    ("UM", "UM", ["lock_buffer", "unlock_buffer"]),
])
def test_sync_dirty_buffer_writes_and_waits(kernel, before, after, events):
    kernel.inode(0)
    cache(kernel, 0, before, flags="dirty uptodate", contents=(1, 2, 3, 4))
    assert kernel.call("sync_dirty_buffer", kernel.buffer(0)) == 0
    assert names(kernel) == ["sync_dirty_buffer", *events]
    assert blocks(kernel, 0) == after
    assert kernel.get("buffer[0].b_count") == 0
    assert disk(kernel) == ([1, 2, 3, 4] if before == "DUM" else [0, 0, 0, 0])
    assert flags(kernel, 0) == "uptodate dirty private"


def test_flush_buffers_by_hand_writes_dirty_blocks_and_tells_the_page_nothing(kernel):
    kernel.inode(0, blkbits=10)
    # dirty, clean, dirty without a place on disk, dirty
    cache(kernel, 0, "DUM UM DU DUM", flags="uptodate dirty", contents=(1, 2, 3, 4))
    kernel.call("flush_buffers_by_hand", "page[0]")
    assert blocks(kernel, 0) == "LUMQ UM DU LUMQ"
    assert [kernel.get(f"buffer[{i}].b_count") for i in range(4)] == [1, 0, 0, 1]
    assert flags(kernel, 0) == "uptodate dirty private"
    kernel.call("end_io", "page[0]", 1)
    assert blocks(kernel, 0) == "UMQ UM DU UMQ"
    assert disk(kernel) == [1, 0, 0, 4]
    assert [kernel.get(f"buffer[{i}].b_count") for i in range(4)] == [0, 0, 0, 0]


def test_flush_buffers_by_hand_of_a_page_without_buffers(kernel):
    cache(kernel, 0, flags="dirty")
    kernel.call("flush_buffers_by_hand", "page[0]")
    assert kernel.events() == []


# Reading a page: X on disk, . a hole; the file has 4 blocks in page 0 and `size` bytes.
@pytest.mark.parametrize("picture, size, buffers, read", [
    ("XXXX", 4096, "none", [1, 2, 3, 4]),
    ("XX..", 4096, "none", [1, 2, 0, 0]),
    ("....", 4096, "none", [0, 0, 0, 0]),
    ("XXXX", 2048, "none", [1, 2, 0, 0]),
    ("XXXX", 2049, "none", [1, 2, 3, 0]),
    ("XXXX", 0, "none", [0, 0, 0, 0]),
    ("XX.X", 3072, "none", [1, 2, 0, 0]),       # past the end all is a hole
    (".XXX", 4096, "U UMQ UMQ UMQ", [0, 2, 3, 4]),
    ("XX.X", 4096, "UMQ UMQ U UMQ", [1, 2, 0, 4]),
    (".X.X", 2048, "U UMQ U U", [0, 2, 0, 0]),
])
def test_readpage_attaches_buffers_only_where_a_block_follows_a_hole(kernel, picture, size,
                                                                     buffers, read):
    mapped = sum(1 << i for i, letter in enumerate(picture) if letter == "X")
    kernel.inode(0, blkbits=10, size=size, mapped=mapped, disk=(1, 2, 3, 4))
    cache(kernel, 0, flags="locked", contents=(9, 9, 9, 9))
    assert kernel.call("readpage", "page[0]") == 0
    assert contents(kernel, 0) == read
    assert blocks(kernel, 0) == buffers
    assert flags(kernel, 0) == ("uptodate" if buffers == "none" else "uptodate private")
    assert names(kernel)[0] == "readpage"
    assert names(kernel)[-2:] == ["SetPageUptodate", "unlock_page"]


def test_readpage_keeps_the_blocks_that_are_newer_than_the_disk(kernel):
    kernel.inode(0, blkbits=11, disk=(1, 2, 3, 4))
    cache(kernel, 0, "DUM -", flags="locked dirty", contents=(11, 12, 9, 9))
    assert kernel.call("readpage", "page[0]") == 0
    assert contents(kernel, 0) == [11, 12, 3, 4]
    assert blocks(kernel, 0) == "DUM UMQ"


def test_readpage_waits_for_the_write_of_a_block(kernel):
    kernel.inode(0, blkbits=11, disk=(1, 2, 3, 4))
    cache(kernel, 0, "DM -", flags="locked", contents=(11, 12, 9, 9))
    kernel.call("ll_rw_block", kernel.buffer(0), 1)
    assert kernel.call("readpage", "page[0]") == 0
    assert "end_io" in names(kernel)
    # on disk is now what was written: it is not read
    assert contents(kernel, 0) == [11, 12, 3, 4]


def test_readpage_without_buffers_to_be_had(kernel):
    kernel.inode(0, blkbits=10, mapped=0b1110)
    cache(kernel, 0, flags="locked")
    kernel.set("world.fail_in", 1)
    assert kernel.call("readpage", "page[0]") == ENOMEM
    assert flags(kernel, 0) == ""


# Writing bytes [from, to) of page 0, blocks of 1024: (mapped, buffers) before and after.
PREPARED = [
    # whole blocks are not read, whether they are there or new
    ("XXXX", "none", 0, 4096, "M M M M", [9, 9, 9, 9]),
    ("....", "none", 0, 4096, "M M M M", [9, 9, 9, 9]),
    ("XXXX", "none", 1024, 2048, "- M - -", [9, 9, 9, 9]),
    # a part of a block is read, or zeroed where it is new
    ("XXXX", "none", 100, 200, "UMQ - - -", [1, 9, 9, 9]),
    ("....", "none", 100, 200, "M - - -", [0, 9, 9, 9]),
    ("XXXX", "none", 512, 3000, "UMQ M UMQ -", [1, 9, 3, 9]),
    # but not over what is newer than the disk
    ("XXXX", "DUM - - -", 100, 200, "DUM - - -", [9, 9, 9, 9]),
]


@pytest.mark.parametrize("picture, before, start, to, after, read", PREPARED)
def test_prepare_write(kernel, picture, before, start, to, after, read):
    mapped = sum(1 << i for i, letter in enumerate(picture) if letter == "X")
    kernel.inode(0, blkbits=10, mapped=mapped, disk=(1, 2, 3, 4))
    cache(kernel, 0, "" if before == "none" else before, flags="locked", contents=(9, 9, 9, 9))
    assert kernel.call("__block_prepare_write", INODE, "page[0]", start, to) == 0
    assert blocks(kernel, 0) == after
    assert contents(kernel, 0) == read
    assert kernel.events()[0] == ("prepare_write", "page[0]", start, to, 0)
    made = sum(1 << i for i, word in enumerate(after.split()) if "M" in word)
    assert kernel.get("inode[0].i_mapped") == mapped | made


@pytest.mark.parametrize("start, to, after, read", [
    (512, 2048, "UMQ - ", [1, 2, 9, 9]),          # 2 blocks of 2048: half of one is written
    (512, 1024, "UMQ - ", [1, 2, 9, 9]),
    (2048, 3072, "- UMQ", [9, 9, 3, 4]),
    (0, 2048, "M - ", [9, 9, 9, 9]),
])
def test_prepare_write_reads_the_whole_of_a_block_that_is_written_in_part(kernel, start, to,
                                                                          after, read):
    kernel.inode(0, blkbits=11, disk=(1, 2, 3, 4))
    cache(kernel, 0, flags="locked", contents=(9, 9, 9, 9))
    assert kernel.call("__block_prepare_write", INODE, "page[0]", start, to) == 0
    assert blocks(kernel, 0) == after.strip()
    assert contents(kernel, 0) == read


def test_prepare_write_of_an_uptodate_page_reads_and_zeroes_nothing(kernel):
    kernel.inode(0, blkbits=10, mapped=0b0010, disk=(1, 2, 3, 4))
    cache(kernel, 0, flags="locked uptodate", contents=(9, 9, 9, 9))
    assert kernel.call("__block_prepare_write", INODE, "page[0]", 100, 1500) == 0
    assert blocks(kernel, 0) == "UM UM U U"
    assert contents(kernel, 0) == [9, 9, 9, 9]


def test_prepare_write_that_fails_leaves_new_blocks_zeroed_and_dirty(kernel):
    kernel.inode(0, blkbits=10, mapped=0)
    cache(kernel, 0, flags="locked", contents=(9, 9, 9, 9))
    kernel.set("world.fail_in", 4 + 2)          # 4 buffers, and one block on disk
    assert kernel.call("__block_prepare_write", INODE, "page[0]", 0, 4096) == ENOSPC
    assert blocks(kernel, 0) == "DUM - - -"
    assert contents(kernel, 0) == [0, 9, 9, 9]
    assert kernel.get("inode[0].i_mapped") == 1
    assert flags(kernel, 0) == "locked dirty private"


def test_prepare_write_without_buffers(kernel):
    kernel.inode(0)
    cache(kernel, 0, flags="locked")
    kernel.set("world.fail_in", 1)
    assert kernel.call("__block_prepare_write", INODE, "page[0]", 0, 4096) == ENOMEM


def test_prepare_write_wants_the_page_locked(kernel):
    kernel.inode(0)
    cache(kernel, 0)
    assert kernel.end("__block_prepare_write", INODE, "page[0]", 0, 4096) == "BUG"


@pytest.mark.parametrize("before, start, to, after, page", [
    ("M M M M", 0, 4096, "DUM DUM DUM DUM", "uptodate dirty"),
    ("- M - -", 1024, 2048, "- DUM - -", "dirty"),
    ("- M - -", 1030, 1031, "- DUM - -", "dirty"),
    ("UM UM M UM", 2048, 3072, "UM UM DUM UM", "uptodate dirty"),
    ("UM UM M M", 2048, 3072, "UM UM DUM M", "dirty"),
])
def test_commit_write_dirties_the_blocks_written(kernel, before, start, to, after, page):
    kernel.inode(0, blkbits=10)
    cache(kernel, 0, before, flags="locked")
    kernel.call("__block_commit_write", INODE, "page[0]", start, to)
    assert blocks(kernel, 0) == after
    assert flags(kernel, 0) == f"locked {page} private"
    assert kernel.slots() == [(0, "page[0]", {"DIRTY"})]
    assert kernel.events()[0] == ("commit_write", "page[0]", start, to)
