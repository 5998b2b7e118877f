# SPDX-License-Identifier: GPL-2.0-only
"""What all writeback shares: control blocks, waiting for a write, its end, tmpfs's writepage."""

import pytest
from written import ACTIVATE, cached, calm, contents, disk, named, pte, shared, tags

WBC = [f"world.wbc[{i}].nr_to_write" for i in range(4)]
FIELDS = ("nr_to_write", "pages_skipped", "start", "end", "sync_mode", "nonblocking",
          "encountered_congestion", "for_kupdate", "for_reclaim", "for_writepages")


def test_get_wbc_and_put_wbc_are_a_stack(kernel):
    before = kernel.runner.image()
    for n, wbc in enumerate(WBC):
        assert kernel.call("get_wbc") == kernel.at(wbc)
        assert kernel.get("world.nr_wbc") == n + 1
    for n, wbc in reversed(list(enumerate(WBC))):
        kernel.call("put_wbc", wbc)
        assert kernel.get("world.nr_wbc") == n
    assert kernel.changes(before) == {}


def test_get_wbc_gives_zeroes_and_put_wbc_leaves_them(kernel):
    for field in FIELDS:
        kernel.set(f"world.wbc[0].{field}", 7)
    kernel.call("get_wbc")
    assert [kernel.get(f"world.wbc[0].{field}") for field in FIELDS] == [0] * len(FIELDS)
    for field in FIELDS:
        kernel.set(f"world.wbc[0].{field}", 7)
    kernel.call("put_wbc", WBC[0])
    assert [kernel.get(f"world.wbc[0].{field}") for field in FIELDS] == [0] * len(FIELDS)


def test_get_wbc_when_all_are_in_use_is_a_bug(kernel):
    kernel.set("world.nr_wbc", 4)
    assert kernel.end("get_wbc") == "BUG"


@pytest.mark.parametrize("in_use, given", [(0, 0), (2, 0), (1, 1)])
def test_put_wbc_of_another_than_the_last_is_a_bug(kernel, in_use, given):
    kernel.set("world.nr_wbc", in_use)
    assert kernel.end("put_wbc", WBC[given]) == "BUG"


@pytest.fixture
def page(kernel):
    """page[4] is page 1 of a disk file; a write of the whole of it is under way."""
    kernel.inode(0)
    cached(kernel, 4, index=1, contents=[11, 12, 13, 14])
    kernel.call("set_page_writeback", "page[4]")
    kernel.call("begin_write", "page[4]", 0x1F)
    return kernel


def test_wait_on_page_writeback_lets_the_write_complete(page):
    page.set("page[4].contents[0]", 99)
    page.call("wait_on_page_writeback", "page[4]")
    assert page.events()[:3] == [("wait_on_page_writeback", "page[4]"), ("end_io", "page[4]", 1),
                                 ("end_page_writeback", "page[4]")]
    # what was there when it began
    assert disk(page, 0, 1) == [11, 12, 13, 14]
    assert page.get("page[4].flags.writeback") == 0
    assert page.get("page[4].io") == 0
    assert tags(page) == {"page[4]": set()}
    assert page.get("world.page_state.nr_writeback") == 0


def test_wait_on_page_writeback_of_a_page_that_nobody_writes(page):
    page.call("end_io", "page[4]", 1)
    before = page.runner.image()
    page.call("wait_on_page_writeback", "page[4]")
    assert page.events() == []
    assert page.changes(before) == {}


def test_wait_on_page_writeback_sleeps(page):
    page.call("spin_lock", "world.lru_lock")
    page.call("wait_on_page_writeback", "page[4]")
    assert page.get("world.sleep_fault") == 1 << 8


def test_wait_on_page_writeback_for_a_write_that_is_not_begun(page):
    page.set("page[4].io", 0)
    assert page.end("wait_on_page_writeback", "page[4]") == "lock taken twice"


def test_end_page_writeback(page):
    page.call("end_page_writeback", "page[4]")
    assert [event[0] for event in page.events()][:2] == [
        "end_page_writeback", "test_clear_page_writeback"]
    assert page.get("page[4].flags.writeback") == 0
    calm(page)


def test_end_page_writeback_of_a_page_not_under_writeback_is_a_bug(page):
    page.set("page[4].flags.writeback", 0)
    assert page.end("end_page_writeback", "page[4]") == "BUG"


@pytest.mark.parametrize("reclaim, flags, rotates", [
    (1, {"lru"}, True), (1, {"lru", "uptodate", "referenced", "private"}, True),
    (0, {"lru"}, False), (1, set(), False), (1, {"lru", "active"}, False),
    (1, {"lru", "dirty"}, False), (1, {"lru", "locked"}, False),
])
def test_end_page_writeback_rotates_what_reclaim_waits_for(page, reclaim, flags, rotates):
    page.set("page[4].flags.reclaim", reclaim)
    for flag in flags:
        page.set(f"page[4].flags.{flag}", 1)
    page.call("end_page_writeback", "page[4]")
    lru_lock = [e[0] for e in page.events() if "world.lru_lock" in e]
    assert lru_lock == (["spin_lock", "spin_unlock"] if rotates else [])
    assert page.get("page[4].flags.reclaim") == 0
    assert page.get("page[4].flags.writeback") == 0
    assert page.get("page[4].flags.lru") == ("lru" in flags)
    assert page.get("world.order_fault") == 0


@pytest.fixture
def tmpfs(kernel):
    kernel.inode(0, "tmpfs")
    cached(kernel, 4, contents=[1, 2, 3, 4])
    kernel.call("lock_page", "page[4]")
    return kernel


def test_writepage_of_tmpfs_hands_the_page_back_dirty_and_locked(tmpfs):
    assert tmpfs.call("writepage", "mapping[0]", "page[4]") == ACTIVATE
    assert tmpfs.events()[:2] == [("writepage", "page[4]", WBC[0], ACTIVATE),
                                  ("set_page_dirty", "page[4]", 1)]
    assert tmpfs.get("page[4].flags.dirty") == 1
    assert tmpfs.get("page[4].flags.locked") == 1
    assert tmpfs.get("page[4].flags.swapcache") == 0
    assert tmpfs.get("world.page_state.nr_dirty") == 0
    assert contents(tmpfs, 4) == [1, 2, 3, 4]


def test_writepage_of_tmpfs_for_a_mapped_page_is_a_bug(tmpfs):
    shared(tmpfs, 0)
    pte(tmpfs, 0, 4)
    assert tmpfs.end("writepage", "mapping[0]", "page[4]") == "BUG"
    assert named(tmpfs, "set_page_dirty") == []
