# SPDX-License-Identifier: GPL-2.0-only
"""Operations on files, pages, the disk and reclaim, one by one, as in test_operations_memory.py.

Blocks are pages unless a row says otherwise; `io` 0 is a page that nothing is written of.
"""

import pytest
from test_operations_memory import ROWS as MEMORY_ROWS

from pykmm.engine import core

R, RW, SHARED, PRIVATE, NO_FD = 1, 3, 1, 2, 255
ENOENT, EIO, EBADF, EBUSY, EINVAL, ETXTBSY, EFBIG, ENOSPC = -2, -5, -9, -16, -22, -26, -27, -28
AS_EIO = 1 << 20
PTE = "mm[0].pte[0x40000000]"

MAPPED = ("mmap", 0, 0, 2, RW, SHARED, 0)
ANONYMOUS = ("mmap", NO_FD, 0, 2, RW, PRIVATE, 0)
STORED = [MAPPED, ("store", 0, 0)]
WRITING = [*STORED, ("writeback", 0, 0, 32)]
WRITTEN = ("write", 0, 0, 0, 1)
EXT3 = {"inode_kind": [5]}
DEVICE = {"inode_kind": [0, 8]}
TMPFS = {"inode_kind": [0, 9]}
DRIVER = {"inode_kind": [0, 12]}
KILOBYTE = {"inode_blocks": [2]}

ROWS = [
    ("nothing", "", STORED, ("nothing",), 0, {"page[0].flags.dirty": 1}, {}),
    ("open", "again", [("close", 0)], ("open", 0, 1, 3), 0,
     {"file[0].f_count": 1, "file[0].f_mode": 3, "inode[1].i_count": 3, "inode[1].i_writecount": 2},
     {}),
    ("open", "descriptor in use", [], ("open", 0, 1, 3), EBUSY, {"inode[1].i_count": 2}, {}),
    ("open", "no such file", [("close", 0)], ("open", 0, 9, 3), ENOENT, {"file[0].f_count": 0}, {}),
    ("open", "no such descriptor", [], ("open", 4, 0, 3), ENOENT, {}, {}),
    ("close", "last", [], ("close", 1), 0,
     {"file[1].f_count": 0, "inode[1].i_count": 1, "inode[1].i_writecount": 0}, {}),
    ("close", "mapped", [MAPPED], ("close", 0), 0,
     {"file[0].f_count": 1, "inode[0].i_count": 3}, {}),
    ("close", "not open", [("close", 0)], ("close", 0), EBADF, {}, {}),
    ("write", "one sector", [], ("write", 0, 0, 1, 1), 1024,
     {"page[0].contents[1]": 73, "page[0].contents[0]": 1, "page[0].flags.dirty": 1,
      "buffer[0].b_state.Dirty": 1, "inode[0].disk[1]": 2}, {}),
    ("write", "two of four blocks", [], ("write", 0, 0, 1, 2), 2048,
     {"buffer[0].b_state.Dirty": 0, "buffer[1].b_state.Dirty": 1, "buffer[2].b_state.Dirty": 1,
      "buffer[3].b_state.Dirty": 0, "page[0].flags.uptodate": 0}, KILOBYTE),
    ("write", "to the end of the page", [], ("write", 0, 0, 3, 4), 1024, {}, {}),
    ("write", "nothing", [], ("write", 0, 0, 0, 0), 0, {"mapping[0].nrpages": 0}, {}),
    ("write", "makes the file longer", [], ("write", 0, 4, 0, 1), 1024,
     {"inode[0].i_size": 17 << 10}, {}),
    ("write", "to its end", [], ("write", 0, 0, 0, 4), 4096, {"inode[0].i_size": 20 << 10},
     {"inode_flags": [28]}),
    ("write", "not open to write", [], ("write", 2, 0, 0, 1), EBADF, {}, {}),
    ("write", "not open", [("close", 0)], WRITTEN, EBADF, {}, {}),
    ("write", "past the limit", [], ("write", 0, 2, 0, 1), EFBIG, {}, {"limits": 14}),
    ("write", "past a device's end", [], ("write", 1, 4, 0, 1), ENOSPC, {}, DEVICE),
    ("write", "driver", [], ("write", 1, 0, 0, 1), EINVAL, {}, DRIVER),
    ("write", "tmpfs", [], ("write", 1, 0, 0, 1), 1024,
     {"page[0].flags.dirty": 1, "world.page_state.nr_dirty": 0}, TMPFS),
    ("fsync", "", [WRITTEN], ("fsync", 0), 0,
     {"inode[0].disk[0]": 73, "page[0].flags.dirty": 0, "buffer[0].b_state.Dirty": 0}, {}),
    ("fsync", "not open", [("close", 0)], ("fsync", 0), EBADF, {}, {}),
    ("fsync", "driver", [], ("fsync", 1), EINVAL, {}, DRIVER),
    ("fsync", "tmpfs has no disk", [("write", 1, 0, 0, 1)], ("fsync", 1), 0,
     {"page[0].flags.dirty": 1}, TMPFS),
    ("fsync", "after a write that failed", [*WRITING, ("complete", 0, 0)], ("fsync", 0), EIO,
     {"mapping[0].flags": 0}, {}),
    ("truncate", "to nothing", STORED, ("truncate", 0, 0), 0,
     {"inode[0].i_size": 0, "mapping[0].nrpages": 0, PTE: 0, "inode[0].disk[0]": 0,
      "world.page_state.nr_dirty": 0}, {}),
    ("truncate", "within a page", STORED, ("truncate", 0, 1), 0,
     {"page[0].contents[0]": 73, "page[0].contents[1]": 0, "inode[0].disk[0]": 1,
      "inode[0].disk[1]": 2, "buffer[0].b_state.Dirty": 1, "page[0].flags.dirty": 1,
      PTE: 0x100067}, {}),
    ("truncate", "longer", [], ("truncate", 0, 20), 0, {"inode[0].i_size": 20 << 10}, {}),
    ("truncate", "longer than there is room", [], ("truncate", 0, 25), EFBIG,
     {"inode[0].i_size": 16 << 10}, {}),
    ("truncate", "swap file", [], ("truncate", 0, 0), ETXTBSY, {"inode[0].i_size": 16 << 10},
     {"inode_flags": [30]}),
    ("truncate", "device", [], ("truncate", 1, 0), EINVAL, {}, DEVICE),
    ("truncate", "no such file", [], ("truncate", 5, 0), ENOENT, {}, {}),
    ("invalidate", "dirty and mapped", STORED, ("invalidate", 0), 0,
     {"mapping[0].nrpages": 0, PTE: 0, "inode[0].disk[0]": 1, "world.page_state.nr_dirty": 0}, {}),
    ("invalidate", "dirty buffer", [WRITTEN], ("invalidate", 0), EIO,
     {"mapping[0].nrpages": 1, "page[0].flags.dirty": 1, "buffer[0].b_state.Dirty": 1}, {}),
    ("invalidate", "no such file", [], ("invalidate", 5), ENOENT, {}, {}),
    ("writeback", "nothing dirty", [], ("writeback", 0, 0, 32), 0, {}, {}),
    ("writeback", "begins", STORED, ("writeback", 0, 0, 32), 0,
     {"page[0].flags.dirty": 0, "page[0].flags.writeback": 1, "page[0].in_flight[0]": 73,
      "inode[0].disk[0]": 1, PTE: 0x100025, "world.page_state.nr_writeback": 1}, {}),
    ("writeback", "waits", STORED, ("writeback", 0, 1, 32), 0,
     {"page[0].flags.writeback": 0, "inode[0].disk[0]": 73}, {}),
    ("writeback", "one page, and what was looked up with it", [*STORED, ("store", 1, 0)],
     ("writeback", 0, 0, 1), 0,
     {"page[0].flags.writeback": 1, "page[1].flags.writeback": 1}, {}),
    ("writeback", "congested", STORED, ("writeback", 0, 0, 32), 0, {"page[0].flags.dirty": 1},
     {"congested": 0}),
    ("writeback", "no such file", [], ("writeback", 5, 0, 32), ENOENT, {}, {}),
    ("sync", "", [*STORED, ("write", 1, 0, 0, 1)], ("sync",), 0,
     {"inode[0].disk[0]": 73, "inode[1].disk[0]": 74, "world.page_state.nr_dirty": 0}, {}),
    ("complete", "well", WRITING, ("complete", 0, 1), 0,
     {"page[0].flags.writeback": 0, "inode[0].disk[0]": 73, "page[0].flags.error": 0}, {}),
    ("complete", "with an error", WRITING, ("complete", 0, 0), 0,
     {"page[0].flags.writeback": 0, "inode[0].disk[0]": 1, "page[0].flags.error": 1,
      "mapping[0].flags": AS_EIO}, {}),
    ("complete", "no write", STORED, ("complete", 0, 1), ENOENT, {}, {}),
    ("complete", "free page", [], ("complete", 7, 1), ENOENT, {}, {}),
    ("flush_buffers", "behind the page's back", [WRITTEN], ("flush_buffers", 0, 0), 0,
     {"buffer[0].b_state.Dirty": 0, "page[0].flags.dirty": 1, "page[0].io": 0xF}, EXT3),
    ("flush_buffers", "no buffers", STORED, ("flush_buffers", 0, 0), 0,
     {"page[0].flags.dirty": 1, "page[0].io": 0}, EXT3),
    ("flush_buffers", "ext2", [WRITTEN], ("flush_buffers", 0, 0), EINVAL,
     {"buffer[0].b_state.Dirty": 1}, {}),
    ("flush_buffers", "page not in memory", [], ("flush_buffers", 0, 0), ENOENT, {}, EXT3),
    ("commit", "", [WRITTEN], ("commit", 0), 0,
     {"inode[0].disk[0]": 73, "buffer[0].b_state.Dirty": 0, "buffer[0].b_in_transaction": 0,
      "page[0].flags.dirty": 1}, EXT3),
    ("commit", "no journal", [WRITTEN], ("commit", 0), ENOENT, {}, {}),
    ("release_page", "clean buffers", [WRITTEN, ("fsync", 0)], ("release_page", 0, 0), 1,
     {"page[0].flags.private": 0, "buffer[0].b_page": 0}, {}),
    ("release_page", "dirty buffer", [WRITTEN], ("release_page", 0, 0), 0,
     {"page[0].flags.private": 1}, {}),
    ("release_page", "no buffers", STORED, ("release_page", 0, 0), 0, {}, {}),
    ("release_page", "clean buffers of a dirty page", [WRITTEN, ("flush_buffers", 0, 0),
                                                       ("complete", 0, 1)],
     ("release_page", 0, 0), 1,
     {"page[0].flags.private": 0, "page[0].flags.dirty": 0, "world.page_state.nr_dirty": 0}, EXT3),
    ("release_page", "locked", [WRITTEN, ("lock_page", 0)], ("release_page", 0, 0), EBUSY,
     {"page[0].flags.private": 1, "page[0].flags.locked": 0}, {}),
    ("release_page", "not in memory", [], ("release_page", 0, 0), ENOENT, {}, {}),
    ("reclaim", "clean", [("mmap", 0, 0, 2, R, SHARED, 0), ("load", 0, 0), ("munmap", 0, 2)],
     ("reclaim", 0, 1), 1, {"page[0]._count": 0, "mapping[0].nrpages": 0}, {}),
    ("reclaim", "young", [*STORED, ("drain",)], ("reclaim", 0, 1), 0,
     {PTE: 0x100047, "page[0].flags.active": 1}, {}),
    ("reclaim", "dirty and unmapped", [*STORED, ("munmap", 0, 2)], ("reclaim", 0, 1), 0,
     {"page[0].flags.writeback": 1, "page[0].flags.reclaim": 1, "page[0].flags.dirty": 0}, {}),
    ("reclaim", "dirty, may not write", [*STORED, ("munmap", 0, 2)], ("reclaim", 0, 0), 0,
     {"page[0].flags.dirty": 1, "page[0].flags.lru": 1}, {}),
    ("reclaim", "not on the LRU yet", STORED, ("reclaim", 0, 1), 0, {PTE: 0x100067}, {}),
    ("reclaim", "free page", [], ("reclaim", 0, 1), ENOENT, {}, {}),
    ("strip", "buffers are many", [WRITTEN, ("flush_buffers", 0, 0), ("complete", 0, 1)],
     ("strip", 0), 1, {"page[0].flags.private": 0, "page[0].flags.dirty": 0},
     {**EXT3, "many_buffers": 0}),
    ("strip", "writeback took them before", [WRITTEN, ("fsync", 0)], ("strip", 0), 0,
     {"page[0].flags.private": 0}, {"many_buffers": 0}),
    ("strip", "they are not", [WRITTEN, ("fsync", 0)], ("strip", 0), 0,
     {"page[0].flags.private": 1}, {}),
    ("strip", "free page", [], ("strip", 0), ENOENT, {}, {"many_buffers": 0}),
    ("drain", "", [ANONYMOUS, ("store", 0, 0)], ("drain",), 0,
     {"page[0].flags.lru": 1, "page[0].flags.active": 1, "page[0]._count": 1,
      "world.lru_add_active.nr": 0, "world.page_state.nr_active": 1}, {}),
    ("lock_page", "", STORED, ("lock_page", 0), 0,
     {"page[0].flags.locked": 1, "page[0]._count": 4}, {}),
    ("lock_page", "a second one", [*STORED, ("lock_page", 0)], ("lock_page", 0), EBUSY,
     {"page[0].flags.locked": 1}, {}),
    ("lock_page", "free page", [], ("lock_page", 0), ENOENT, {"page[0].flags.locked": 0}, {}),
    ("nothing", "who locked a page lets go", [*STORED, ("lock_page", 0)], ("nothing",), 0,
     {"page[0].flags.locked": 0, "page[0]._count": 3}, {}),
]


@pytest.mark.parametrize("before, operation, result, after, choices",
                         [pytest.param(*row[2:], id=f"{row[0]} {row[1]}".strip()) for row in ROWS])
def test_operation_gives_this_and_leaves_that(start, before, operation, result, after, choices):
    kernels = start(*before, **choices)

    assert kernels.do(*operation) == result

    assert {path: kernels.get(path) for path in after} == after


def test_rows_are_of_the_operation_that_they_name():
    assert all(name == operation[0] for name, _, _, operation, *_ in ROWS)


def test_every_operation_has_a_row():
    named = {row[0] for row in (*ROWS, *MEMORY_ROWS)}

    assert named == {name for name, _ in core.OPERATIONS}


# the kernel's threads, the disk, and what outlives the process that asked for it
ANYBODY = {"truncate", "invalidate", "writeback", "sync", "complete", "flush_buffers", "commit",
           "release_page", "reclaim", "strip", "drain", "lock_page", "unpin"}


def test_operations_that_need_their_process():
    assert set(core.BY_PROCESS) == {name for name, _ in core.OPERATIONS} - ANYBODY


@pytest.mark.parametrize("name", [name for name in core.BY_PROCESS if name != "nothing"])
def test_operation_of_a_process_that_is_not_there_changes_nothing(kernels, name):
    before = kernels.runner.image()

    assert kernels.do(name, *(0 for _ in dict(core.OPERATIONS)[name]), by=2) == -3

    changed = [path for path, *_ in kernels.map.differences(before, kernels.runner.image())]
    assert set(changed) <= {"world.trace_at", "world.current_task"}


def test_operation_is_one_event_with_what_it_was_and_gave(kernels):
    kernels.do("mmap", 0, 1, 2, 3, 1, 5)

    assert kernels.happened[0] == ("operation(0: mmap fd=0 place=1 pages=2 prot=READ|WRITE "
                                   "flags=SHARED pgoff=5) = 0x40001000")


def test_actor_beyond_the_last_process_is_another_one(kernels):
    kernels.do("mmap", 0, 0, 1, 3, 1, 0)

    assert kernels.do("load", 0, 0, by=3) == 1


def test_a_block_device_starts_without_holes(make_kernel):
    kernel = make_kernel(inode_kind=[0, 8, 0], inode_holes=[4, 4, 4])
    assert kernel.get("inode[0].i_mapped") == 0
    assert kernel.get("inode[1].i_kind") == 2
    assert kernel.get("inode[1].i_mapped") == 2**64 - 1


SECTORS_OF_SIZES = (16, 16, 16, 8, 8, 13, 5, 1)
MAPPED = (*[2**64 - 1] * 4, 0, 0xAAAA, 0x00F3, 0x0FFF)


@pytest.mark.parametrize("blocks", range(4))
def test_a_disk_holds_what_lies_inside_the_file_and_in_no_hole(make_kernel, blocks):
    sectors_a_block = (4, 4, 1, 2)[blocks]
    for size, sectors in enumerate(SECTORS_OF_SIZES):
        for holes, mapped in enumerate(MAPPED):
            kernel = make_kernel(inode_size=[size, 0, 0], inode_holes=[holes, 0, 0],
                                 inode_blocks=[blocks, 0, 0])

            assert [kernel.get(f"inode[0].disk[{i}]") for i in range(24)] == [
                i + 1 if i < sectors and mapped >> i // sectors_a_block & 1 else 0
                for i in range(24)]
            assert kernel.get("inode[1].disk[0]") == 25, "the next file's"
