# SPDX-License-Identifier: GPL-2.0-only
"""One page: flags, references, ptes, and what it belongs to."""

import pytest

# bit numbers of page->flags
BIT = {"locked": 0, "error": 1, "referenced": 2, "uptodate": 3, "dirty": 4, "lru": 5, "active": 6,
       "slab": 7, "reserved": 10, "private": 11, "writeback": 12, "swapcache": 15, "reclaim": 17,
       "buddy": 19}
ALL_FLAGS = 0x1FFFFF


@pytest.mark.parametrize("test, flag", [
    ("PageLocked", "locked"), ("PageError", "error"), ("PageReferenced", "referenced"),
    ("PageUptodate", "uptodate"), ("PageDirty", "dirty"), ("PageLRU", "lru"),
    ("PageActive", "active"), ("PageReserved", "reserved"), ("PagePrivate", "private"),
    ("PageWriteback", "writeback"), ("PageSwapCache", "swapcache"), ("PageReclaim", "reclaim"),
    ("page_has_buffers", "private"),
])
def test_page_flag_test(world, test, flag):
    bit = 1 << BIT[flag]
    for flags, expected in ((0, 0), (bit, 1), (ALL_FLAGS, 1), (ALL_FLAGS & ~bit, 0)):
        world.set("page[3].flags", flags)
        assert world.call(test, "page[3]") == expected
        assert world.events() == [(test, "page[3]", expected)]
        assert world.get("page[3].flags") == flags


@pytest.mark.parametrize("op, flag, value", [
    ("SetPageDirty", "dirty", 1), ("ClearPageDirty", "dirty", 0),
    ("SetPageUptodate", "uptodate", 1),
    ("SetPagePrivate", "private", 1), ("ClearPagePrivate", "private", 0),
])
def test_page_flag_set_and_clear(world, op, flag, value):
    bit = 1 << BIT[flag]
    for flags in (0, bit, ALL_FLAGS, ALL_FLAGS & ~bit):
        world.set("page[3].flags", flags)
        world.call(op, "page[3]")
        assert world.events() == [(op, "page[3]")]
        assert world.get("page[3].flags") == (flags | bit if value else flags & ~bit)


@pytest.mark.parametrize("op, flag, value", [
    ("TestSetPageLocked", "locked", 1), ("TestSetPageDirty", "dirty", 1),
    ("TestClearPageDirty", "dirty", 0),
])
def test_page_flag_test_and_change_gives_the_old_bit(world, op, flag, value):
    bit = 1 << BIT[flag]
    for flags, old in ((0, 0), (bit, 1), (ALL_FLAGS, 1), (ALL_FLAGS & ~bit, 0)):
        world.set("page[3].flags", flags)
        # 0 or 1, where i386 gives 0 or -1
        assert world.call(op, "page[3]") == old
        assert world.events() == [(op, "page[3]", old)]
        assert world.get("page[3].flags") == (flags | bit if value else flags & ~bit)


@pytest.mark.parametrize("op", ["SetPageDirty", "TestSetPageDirty", "ClearPageDirty",
                                "TestClearPageDirty"])
def test_page_dirty_bit_alone_moves_no_counter_and_no_tag(world, op):
    world.cached(3, index=7)
    world.set("page[3].flags.dirty", "Clear" in op)
    before = world.runner.image()
    world.call(op, "page[3]")
    assert world.changes(before) == {"page[3].flags.dirty": "0" if "Clear" in op else "1"}


def test_unlock_page_of_a_locked_page(world):
    world.set("page[3].flags", ALL_FLAGS)
    world.call("unlock_page", "page[3]")
    assert world.events() == [("unlock_page", "page[3]")]
    assert world.get("page[3].flags") == ALL_FLAGS & ~1


def test_unlock_page_of_an_unlocked_page_is_a_bug(world):
    world.set("page[3].flags", ALL_FLAGS & ~1)
    assert world.end("unlock_page", "page[3]") == "BUG"


# page->mapping as (address of, plus)
MAPPINGS = [(None, 0), ("mapping[1]", 0), ("anon_vma[1]", 1), ("mapping[1]", 1)]


def set_mapping(world, page, mapping):
    name, plus = mapping
    world.set(f"{page}.mapping", world.at(name) + plus if name else 0)


@pytest.mark.parametrize("mapping, anon", [
    (MAPPINGS[0], 0), (MAPPINGS[1], 0), (MAPPINGS[2], 1), (MAPPINGS[3], 1),
])
def test_page_anon_is_bit_0_of_the_mapping(world, mapping, anon):
    set_mapping(world, "page[3]", mapping)
    assert world.call("PageAnon", "page[3]") == anon
    assert world.events() == [("PageAnon", "page[3]", anon)]


def test_page_anon_stays_after_the_last_unmap(world):
    world.vma(0)
    world.set("vma[0].anon_vma", "anon_vma[1]")
    world.call("page_add_new_anon_rmap", "page[3]", "vma[0]", 0x40000000)
    world.call("page_remove_rmap", "page[3]")
    assert world.call("page_mapped", "page[3]") == 0
    assert world.call("PageAnon", "page[3]") == 1
    assert world.get("page[3].mapping") == world.at("anon_vma[1]") + 1


@pytest.mark.parametrize("swapcache, mapping, expected", [
    (0, (None, 0), 0),
    (0, ("mapping[1]", 0), "mapping[1]"),
    (0, ("anon_vma[1]", 1), 0),
    # the swap cache is asked first, whatever page->mapping is
    (1, ("anon_vma[1]", 1), "mapping[3]"),
    (1, ("mapping[1]", 0), "mapping[3]"),
    (1, (None, 0), "mapping[3]"),
])
def test_page_mapping(world, swapcache, mapping, expected):
    set_mapping(world, "page[3]", mapping)
    world.set("page[3].flags.swapcache", swapcache)
    given = world.call("page_mapping", "page[3]")
    assert given == (world.at(expected) if expected else 0)
    assert world.events() == [("page_mapping", "page[3]", expected)]


@pytest.mark.parametrize("swapcache, index", [(0, 0x11), (1, 0x8000022)])
def test_page_index_of_a_page_in_the_swap_cache_is_its_entry(world, swapcache, index):
    world.set("page[3].index", 0x11)
    world.set("page[3].private", 0x8000022)
    world.set("page[3].flags.swapcache", swapcache)
    assert world.call("page_index", "page[3]") == index
    assert world.events() == [("page_index", "page[3]", index)]


@pytest.mark.parametrize("mapcount, mapped, count", [
    (-1, 0, 0), (0, 1, 1), (1, 1, 2), (6, 1, 7), (-2, 0, -1),
])
def test_page_mapped_and_page_mapcount(world, mapcount, mapped, count):
    world.set("page[3]._mapcount", mapcount)
    assert world.call("page_mapped", "page[3]") == mapped
    assert world.events() == [("page_mapped", "page[3]", mapped)]
    assert world.call("page_mapcount", "page[3]") == count
    assert world.events() == [("page_mapcount", "page[3]", count)]


def test_get_page_adds_a_reference(world):
    world.set("page[3]._count", 1)
    before = world.runner.image()
    world.call("get_page", "page[3]")
    assert world.events() == [("get_page", "page[3]")]
    assert world.changes(before) == {"page[3]._count": "2"}


def test_put_page_that_is_not_the_last(world):
    # nothing is asked of the page while somebody still holds it
    world.set("page[3].flags", ALL_FLAGS)
    world.set("page[3].mapping", "mapping[0]")
    world.set("page[3]._count", 2)
    before = world.runner.image()
    world.call("put_page", "page[3]")
    assert world.events() == [("put_page", "page[3]")]
    assert world.changes(before) == {"page[3]._count": "1"}


@pytest.mark.parametrize("count", [0, -1])
def test_put_page_without_a_reference(world, count):
    world.set("page[3]._count", count)
    assert world.end("put_page", "page[3]") == "count below zero"
    assert world.get("page[3]._count") == count


def test_put_page_last_one_clears_dirty_silently(world):
    world.set("page[3]._count", 1)
    # these three are nobody's business when a page is freed
    world.set("page[3].flags", 1 << BIT["dirty"] | 1 << BIT["referenced"] | 1 << BIT["uptodate"])
    world.set("world.page_state.nr_dirty", 5)
    world.call("put_page", "page[3]")
    assert world.events() == [("put_page", "page[3]")]
    assert world.get("page[3].flags.dirty") == 0
    assert world.get("world.page_state.nr_dirty") == 5
    assert world.get("page[3]._count") == 0


@pytest.mark.parametrize("active, moved", [(0, "nr_inactive"), (1, "nr_active")])
def test_put_page_last_one_takes_the_page_off_the_lru(world, active, moved):
    world.set("page[3]._count", 1)
    world.set("page[3].flags.lru", 1)
    world.set("page[3].flags.active", active)
    world.set("world.page_state.nr_active", 4)
    world.set("world.page_state.nr_inactive", 4)
    before = world.runner.image()
    world.call("put_page", "page[3]")
    assert world.events() == [("put_page", "page[3]"), ("spin_lock", "world.lru_lock"),
                              ("spin_unlock", "world.lru_lock")]
    changes = {"page[3]._count": "0", "page[3].flags.lru": "0",
               f"world.page_state.{moved}": "3",
               # garbage, as of any page that nobody uses
               **{f"page[3].contents[{i}]": "-1" for i in range(4)}}
    if active:
        changes["page[3].flags.active"] = "0"
    assert world.changes(before) == changes


def test_put_page_last_one_leaves_nothing_of_the_pages_use(world):
    world.set("page[3]._count", 1)
    for flag in ("error", "referenced", "uptodate", "dirty", "checked", "mappedtodisk"):
        world.set(f"page[3].flags.{flag}", 1)
    for field, value in (("private", 7), ("index", 5), ("io", 1), ("pins", 1)):
        world.set(f"page[3].{field}", value)
    for i in range(4):
        world.set(f"page[3].contents[{i}]", 10 + i)
        world.set(f"page[3].in_flight[{i}]", 20 + i)
    world.call("put_page", "page[3]")
    assert world.get("page[3].flags") == 0
    for field in ("private", "index", "io", "pins"):
        assert world.get(f"page[3].{field}") == 0
    assert [world.get(f"page[3].contents[{i}]") & 0xFFFF for i in range(4)] == [0xFFFF] * 4
    assert [world.get(f"page[3].in_flight[{i}]") for i in range(4)] == [0] * 4


def test_put_page_last_one_of_an_anonymous_page_forgets_its_anon_vma(world):
    world.set("page[3]._count", 1)
    set_mapping(world, "page[3]", ("anon_vma[0]", 1))
    world.call("put_page", "page[3]")
    assert world.get("page[3].mapping") == 0


@pytest.mark.parametrize("flag", ["private", "locked", "active", "reclaim", "slab", "swapcache",
                                  "writeback", "reserved", "buddy"])
def test_put_page_last_one_with_a_bad_flag_is_a_bug(world, flag):
    world.set("page[3]._count", 1)
    world.set(f"page[3].flags.{flag}", 1)
    assert world.end("put_page", "page[3]") == "BUG"


@pytest.mark.parametrize("field, value", [
    ("_mapcount", 0), ("_mapcount", -2), ("mapping", "mapping[0]"),
])
def test_put_page_last_one_still_in_use_is_a_bug(world, field, value):
    world.set("page[3]._count", 1)
    world.set(f"page[3].{field}", value)
    assert world.end("put_page", "page[3]") == "BUG"
