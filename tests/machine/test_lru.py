# SPDX-License-Identifier: GPL-2.0-only
"""The way onto the LRU: a pagevec of 14, which holds a reference of each page."""

import pytest

SIZE = 14
WAYS = [("lru_cache_add", "lru_add", 0), ("lru_cache_add_active", "lru_add_active", 1)]


@pytest.fixture
def pages(kernel):
    """All 16 pages with one reference each."""
    for _ in range(16):
        kernel.call("alloc_page", 0xD0)
    return kernel


def lru(kernel):
    return kernel.get("world.page_state.nr_inactive"), kernel.get("world.page_state.nr_active")


def state(kernel, page):
    return tuple(kernel.get(f"page[{page}].{field}") for field in
                 ("_count", "flags.lru", "flags.active"))


@pytest.mark.parametrize("primitive, pagevec, active", WAYS)
def test_lru_cache_add_waits_in_the_pagevec(pages, primitive, pagevec, active):
    pages.call(primitive, "page[3]")
    assert pages.events() == [(primitive, "page[3]")]
    assert pages.get(f"world.{pagevec}.nr") == 1
    assert pages.name(f"world.{pagevec}[0]") == "page[3]"
    assert state(pages, 3) == (2, 0, 0)
    assert lru(pages) == (0, 0)


@pytest.mark.parametrize("primitive, pagevec, active", WAYS)
def test_lru_cache_add_of_the_fourteenth_drains(pages, primitive, pagevec, active):
    for i in range(SIZE - 1):
        pages.call(primitive, f"page[{i}]")
    assert pages.get(f"world.{pagevec}.nr") == SIZE - 1 and lru(pages) == (0, 0)
    pages.call(primitive, "page[13]")
    assert pages.events() == [
        (primitive, "page[13]"), ("spin_lock", "world.lru_lock"), ("spin_unlock", "world.lru_lock"),
        *(("put_page", f"page[{i}]") for i in range(SIZE))]
    assert all(state(pages, i) == (1, 1, active) for i in range(SIZE))
    assert state(pages, 14) == (1, 0, 0)
    assert lru(pages) == ((0, SIZE) if active else (SIZE, 0))
    assert pages.get(f"world.{pagevec}.nr") == 0
    assert [pages.get(f"world.{pagevec}[{i}]") for i in range(SIZE)] == [0] * SIZE


def test_lru_add_drain_empties_both(pages):
    pages.call("lru_cache_add_active", "page[1]")
    pages.call("lru_cache_add_active", "page[2]")
    pages.call("lru_cache_add", "page[3]")
    pages.call("lru_add_drain")
    lock = [("spin_lock", "world.lru_lock"), ("spin_unlock", "world.lru_lock")]
    assert pages.events() == [
        ("lru_add_drain",), *lock, ("put_page", "page[3]"),
        *lock, ("put_page", "page[1]"), ("put_page", "page[2]")]
    assert [state(pages, i) for i in (1, 2, 3)] == [(1, 1, 1), (1, 1, 1), (1, 1, 0)]
    assert lru(pages) == (1, 2)


def test_lru_add_drain_of_empty_pagevecs_takes_no_lock(pages):
    pages.call("lru_add_drain")
    assert pages.events() == [("lru_add_drain",)]


def test_drain_frees_a_page_that_only_the_pagevec_held(pages):
    pages.call("lru_cache_add", "page[3]")
    pages.call("put_page", "page[3]")
    assert state(pages, 3) == (1, 0, 0)
    pages.call("lru_add_drain")
    assert state(pages, 3) == (0, 0, 0) and lru(pages) == (0, 0)


@pytest.mark.parametrize("primitive, pagevec, active", WAYS)
@pytest.mark.parametrize("flag", ["lru", "active"])
def test_drain_of_a_page_that_is_on_a_list_already(pages, primitive, pagevec, active, flag):
    pages.set(f"page[3].flags.{flag}", 1)
    pages.call(primitive, "page[3]")
    # PG_active alone is only wrong for the active list
    bug = flag == "lru" or active
    assert pages.end("lru_add_drain") == ("BUG" if bug else "returned")


@pytest.mark.parametrize("primitive, pagevec, active", WAYS)
def test_lru_cache_add_drains_under_a_page_table_lock(pages, primitive, pagevec, active):
    for i in range(SIZE - 1):
        pages.call(primitive, f"page[{i}]")
    pages.call("spin_lock", "mm[0].pmd[0].ptl")
    pages.call(primitive, "page[13]")
    assert pages.get("world.order_fault") == 0 and pages.get("world.sleep_fault") == 0
