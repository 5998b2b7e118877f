# SPDX-License-Identifier: GPL-2.0-only
"""sys_msync: dirty bits of ptes become dirty pages, and holes become errors, or do not."""

import errno

import pytest
from mapped import AT, LOCKED, PFNMAP, PRIVATE_RW, SHARED_RO, SHARED_RW, Scene

ASYNC, INVALIDATE, SYNC = 1, 2, 4


@pytest.fixture
def scene(kernel):
    scene = Scene(kernel)
    scene.file(0)
    return scene


def msync(scene, at=0, pages=4, flags=ASYNC):
    result = scene.call("sys_msync", AT(at), pages << 12, flags)
    scene.calm()
    return result


@pytest.mark.parametrize("start, length, flags, result", [
    (AT(0), 0x1000, 8, -errno.EINVAL),
    (AT(0), 0x1000, ASYNC | 16, -errno.EINVAL),
    (AT(0) + 1, 0x1000, ASYNC, -errno.EINVAL),
    (AT(0) + 0xFFF, 0, ASYNC, -errno.EINVAL),
    (AT(0), 0x1000, ASYNC | SYNC, -errno.EINVAL),
    (AT(0), -0x1000, ASYNC, -errno.ENOMEM),         # the end is below the start
    (AT(0), 0, ASYNC, 0),
    (AT(9), 0, ASYNC, 0),
    (AT(0), -1, ASYNC, 0),                          # rounded up, the length is 0
])
def test_msync_refuses_before_it_looks(scene, start, length, flags, result):
    scene.vma(0, file=0)
    assert scene.call("sys_msync", start, length, flags) == result
    assert scene.kernel.events() == []


@pytest.mark.parametrize("flags", [0, ASYNC, INVALIDATE, ASYNC | INVALIDATE])
def test_msync_moves_the_dirty_bit_and_leaves_rw(scene, flags):
    scene.vma(0, file=0)
    scene.page(3, inode=0, index=1)
    scene.pte(1, page=3, bits="rw dirty accessed")

    assert msync(scene, flags=flags) == 0

    assert scene.shown(1) == "page 3 rw,accessed"
    assert scene.get("page[3].flags.dirty") == scene.get("world.page_state.nr_dirty") == 1
    assert scene.rss() == (1, 0) and scene.counts(3) == (2, 0)


@pytest.mark.parametrize("flags, bits, dirty", [
    (SHARED_RW, "rw dirty", 1),
    (SHARED_RW, "rw accessed", 0),
    (SHARED_RW, "dirty", 1),
    (SHARED_RW, "protnone dirty", 1),
    (SHARED_RO, "dirty", 1),                # written, then made read-only
    (PRIVATE_RW, "rw dirty", 0),
])
def test_msync_looks_at_present_ptes_of_shared_file_vmas(scene, flags, bits, dirty):
    scene.vma(0, flags=flags, file=0)
    scene.page(3, inode=0, index=1)
    scene.pte(1, page=3, bits=bits)
    before = scene.word_at(1)

    assert msync(scene) == 0

    assert scene.get("page[3].flags.dirty") == dirty
    assert scene.word_at(1) == (before & ~0x40 if dirty else before)


def test_msync_goes_past_what_is_no_page(scene):
    scene.vma(0, pages=3, flags=SHARED_RW, file=0)
    # a file pte has the bit that means dirty, and this one what could be a frame
    scene.raw(0, 0x103040)
    scene.raw(1, 2 << 8)
    scene.vma(1, at=3, pages=1, pgoff=0x300, flags=SHARED_RW | PFNMAP, file=0)
    scene.raw(3, 0x300067)

    assert msync(scene) == 0

    assert [scene.word_at(at) for at in range(4)] == [0x103040, 2 << 8, 0, 0x300067]
    assert scene.named("ptep_clear_flush_dirty", "set_page_dirty") == []


def test_msync_stays_inside_its_range(scene):
    scene.vma(0, pages=12, file=0)
    scene.page(3, inode=0)
    for at in (0, 6, 7, 8, 9, 10):
        scene.pte(at, page=3, bits="rw dirty")

    assert msync(scene, at=7, pages=3) == 0

    assert [at for at in range(12) if scene.word_at(at) & 0x40] == [0, 6, 10]


def test_msync_does_it_under_the_table_s_lock(scene):
    scene.vma(0, file=0)
    scene.page(3, inode=0, index=1)
    scene.pte(1, page=3, bits="rw dirty")
    pte, first, ptl = f"mm[0].pte[{AT(1):#x}]", f"mm[0].pte[{AT(0):#x}]", "mm[0].pmd[0].ptl"

    msync(scene)

    assert scene.named("down_read", "find_vma", "flush_cache_range", "pte_offset_map_lock",
                       "vm_normal_page", "ptep_clear_flush_dirty", "set_page_dirty",
                       "pte_unmap_unlock", "up_read") == [
        ("down_read", "mm[0].mmap_sem"),
        ("find_vma", "mm[0]", AT(0), "vma[0]"),
        ("flush_cache_range", "vma[0]", AT(0), AT(4)),
        ("pte_offset_map_lock", "mm[0]", "mm[0].pmd[0]", AT(0), ptl, first),
        ("vm_normal_page", "vma[0]", AT(1), 0x103047, "page[3]"),
        ("ptep_clear_flush_dirty", "vma[0]", AT(1), pte, 1),
        ("set_page_dirty", "page[3]", 1),
        ("pte_unmap_unlock", first, ptl),
        # it has dirtied a page, and might have to write some before it goes on
        ("up_read", "mm[0].mmap_sem"),
        ("down_read", "mm[0].mmap_sem"),
        ("find_vma", "mm[0]", AT(4), 0),
        ("up_read", "mm[0].mmap_sem"),
    ]


# who newly dirties pages of a vma, with MS_ASYNC alone, lets go of mmap_sem after it
@pytest.mark.parametrize("flags, bits, page_dirty, drops", [
    (ASYNC, "rw dirty", 0, True), (ASYNC, "rw dirty", 1, False), (ASYNC, "rw", 0, False),
    (0, "rw dirty", 0, False), (INVALIDATE, "rw dirty", 0, False),
])
def test_msync_async_lets_go_of_mmap_sem_where_it_dirtied(scene, flags, bits, page_dirty, drops):
    scene.vma(0, pages=2, file=0)
    scene.vma(1, at=2, pages=2, file=0, pgoff=2)
    scene.page(3, inode=0, index=1)
    scene.pte(1, page=3, bits=bits)
    if page_dirty:
        scene.call("set_page_dirty", "page[3]")
    assert msync(scene, flags=flags) == 0
    assert len(scene.named("up_read")) == 1 + drops
    assert [event[0] for event in scene.named("get_file", "fput")] == ["get_file", "fput"] * drops
    assert len(scene.named("flush_cache_range")) == 2
    assert scene.get("file[0].f_count") == 3


# Two vmas, at 2 to 3 and at 6 to 7, in 16 pages: what lies between is reported or not.
@pytest.mark.parametrize("at, pages, result, ranges", [
    (2, 2, 0, [(2, 4)]),
    (2, 1, 0, [(2, 3)]),
    (3, 1, 0, [(3, 4)]),
    (2, 6, -errno.ENOMEM, [(2, 4), (6, 8)]),        # the hole in the middle
    (0, 4, -errno.ENOMEM, [(2, 4)]),                # the hole before
    (0, 1, -errno.ENOMEM, []),                      # a hole, and a vma above it
    (2, 3, -errno.ENOMEM, [(2, 4)]),                # a hole at the end, and a vma above it
    (6, 4, 0, [(6, 8)]),                            # a hole at the end, and nothing above it
    (0, 16, 0, [(2, 4), (6, 8)]),                   # then earlier holes are forgotten as well
    (8, 2, -errno.ENOMEM, []),                      # nothing at all lies above the start
])
def test_msync_reports_a_hole_if_a_vma_comes_after_it(scene, at, pages, result, ranges):
    scene.vma(0, at=2, pages=2, file=0)
    scene.vma(1, at=6, pages=2, file=0)

    assert msync(scene, at, pages) == result

    assert [(event[2], event[3]) for event in scene.named("flush_cache_range")] == [
        (AT(a), AT(b)) for a, b in ranges]


@pytest.mark.parametrize("flags, locked, result", [
    (INVALIDATE, LOCKED, -errno.EBUSY), (ASYNC | INVALIDATE, LOCKED, -errno.EBUSY),
    (ASYNC, LOCKED, 0), (INVALIDATE, 0, 0),
])
def test_msync_invalidate_of_locked_memory(scene, flags, locked, result):
    scene.vma(0, at=0, pages=2, file=0)
    scene.vma(1, at=2, pages=2, flags=SHARED_RW | locked, file=0)
    assert msync(scene, flags=flags) == result
    # the first one was synced all the same
    assert len(scene.named("flush_cache_range")) == (1 if result else 2)


def test_msync_invalidate_asks_private_memory_too(scene):
    scene.vma(0, flags=PRIVATE_RW | LOCKED)
    assert msync(scene, flags=INVALIDATE) == -errno.EBUSY


def test_msync_sync_writes_the_file_without_mmap_sem(scene):
    scene.vma(0, file=0)
    scene.page(3, inode=0, index=1)
    scene.pte(1, page=3, bits="rw dirty")

    assert msync(scene, flags=SYNC) == 0

    assert [event[:2] for event in scene.named("down_read", "up_read", "get_file", "fput",
                                               "do_fsync")] == [
        ("down_read", "mm[0].mmap_sem"),
        ("get_file", "file[0]"),
        ("up_read", "mm[0].mmap_sem"),
        ("do_fsync", "file[0]"),
        ("fput", "file[0]"),
        ("down_read", "mm[0].mmap_sem"),
        ("up_read", "mm[0].mmap_sem"),
    ]
    assert scene.named("do_fsync") == [("do_fsync", "file[0]", 0)]
    assert scene.get("file[0].f_count") == 2
    assert scene.get("page[3].flags.dirty") == 0


def test_msync_sync_writes_the_file_of_each_shared_vma(scene):
    scene.file(1)
    scene.vma(0, at=0, pages=1, file=0)
    scene.vma(1, at=1, pages=1, flags=PRIVATE_RW, file=1)
    scene.vma(2, at=2, pages=1)
    scene.vma(3, at=3, pages=1, file=1)
    assert msync(scene, flags=SYNC) == 0
    assert [event[1] for event in scene.named("do_fsync")] == ["file[0]", "file[1]"]


def test_msync_sync_of_a_file_last_hides_the_hole(scene):
    scene.vma(0, at=2, pages=2, file=0)
    assert msync(scene, 0, 4, flags=SYNC) == 0
    assert msync(scene, 0, 4, flags=ASYNC) == -errno.ENOMEM


def test_msync_sync_writes_the_file_of_a_vma_that_is_only_beyond_the_hole(scene):
    scene.vma(0, at=2, pages=2, file=0)
    assert msync(scene, 0, 1, flags=SYNC) == 0
    assert len(scene.named("do_fsync")) == 1 and scene.named("flush_cache_range") == []


def test_msync_sync_stops_at_an_error_of_the_file(scene):
    scene.file(1)
    scene.vma(0, at=0, pages=2, file=0)
    scene.vma(1, at=2, pages=2, file=1)
    scene.set("mapping[0].flags", 1 << 20)          # AS_EIO
    assert msync(scene, flags=SYNC) == -errno.EIO
    assert [event[1] for event in scene.named("do_fsync")] == ["file[0]"]
