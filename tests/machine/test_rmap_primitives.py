# SPDX-License-Identifier: GPL-2.0-only
"""From a page to the ptes that map it, and the counts kept of them."""

import pytest

EFAULT = -14
ADDRESS = 0x40001000
SLOT, PTL = "mm[0].pte[0x40001000]", "mm[0].pmd[0].ptl"
LOCK_PTL = 7      # its class


@pytest.fixture
def vma(world):
    """Pages 5, 6 and 7 of a file at 0x40000000."""
    world.vma(0, start=0x40000000, pages=3, pgoff=5)
    return "vma[0]"


@pytest.mark.parametrize("index, address", [
    (5, 0x40000000), (6, 0x40001000), (7, 0x40002000),
    # 2**52 pages are 2**64 bytes: unsigned arithmetic wraps to where it began
    (2**52 + 5, 0x40000000), (2**63 + 6, 0x40001000),
])
@pytest.mark.parametrize("mapping, plus", [("mapping[0]", 0), ("anon_vma[0]", 1)])
def test_vma_address_inside(world, vma, mapping, plus, index, address):
    world.set("page[3].mapping", world.at(mapping) + plus)
    world.set("page[3].index", index)
    assert world.call("vma_address", "page[3]", vma) == address
    assert world.events() == [("vma_address", "page[3]", vma, address)]


@pytest.mark.parametrize("index", [8, 4, 0, 2**20, 2**52 + 4, 2**64 - 1])
def test_vma_address_outside(world, vma, index):
    world.set("page[3].index", index)
    # only an anonymous page is told so; it is not looked at whose it is
    world.set("page[3].mapping", world.at("anon_vma[0]") + 1)
    assert world.call("vma_address", "page[3]", vma) == EFAULT
    assert world.events() == [("vma_address", "page[3]", vma, EFAULT)]
    world.set("page[3].mapping", "mapping[0]")
    assert world.end("vma_address", "page[3]", vma) == "BUG"
    world.set("page[3].mapping", 0)
    assert world.end("vma_address", "page[3]", vma) == "BUG"


def test_vma_address_when_the_offset_of_the_vma_wraps(world):
    # the vma begins at the last page of all: index 0 is the page after it
    world.vma(0, start=0x40000000, pages=3, pgoff=2**64 - 1)
    world.set("page[3].index", 0)
    assert world.call("vma_address", "page[3]", "vma[0]") == 0x40001000


@pytest.mark.parametrize("address, index", [
    (0x40000000, 5), (0x40000FFF, 5), (0x40001000, 6), (0x40002FFF, 7),
])
def test_linear_page_index(world, vma, address, index):
    assert world.call("linear_page_index", vma, address) == index


def check_null(world, page, address):
    before = world.runner.image()
    assert world.call("page_check_address", page, "mm[0]", address) == 0
    assert world.events() == [("page_check_address", page, "mm[0]", address, 0, 0)]
    # no lock is left held and no table mapped
    assert world.changes(before) == {}
    assert world.get("world.kmaps") == 0 and world.held() == []


def test_page_check_address_without_a_directory_entry(world):
    check_null(world, "page[0]", 0x40010000)


def test_page_check_address_without_a_page_table(world):
    world.set(SLOT, 0x00100025)
    world.set("mm[0].pmd[0].table", 0)
    check_null(world, "page[0]", ADDRESS)


@pytest.mark.parametrize("word", [
    0x00000000,     # none
    0x00000042,     # file pte
    0x00000102,     # swap pte
    0x00100040,     # file pte whose upper bits look like the frame of page[0]
    0x00100F7E,     # every bit but PRESENT and PROTNONE
    0x00101025,     # another page: what is there after a copy on write
    0x00000025,     # frame 0
    0x80100025,     # the frame of page[0] and one bit more
])
def test_page_check_address_where_the_page_is_not(world, word):
    world.set(SLOT, word)
    check_null(world, "page[0]", ADDRESS)


@pytest.mark.parametrize("word", [
    0x00100025, 0x00100067, 0x00100001,
    0x001000A0,     # PROT_NONE is present to the kernel
    0x001000E0,     # and may be dirty
])
def test_page_check_address_success_leaves_the_table_locked_and_mapped(world, word):
    world.set(SLOT, word)
    before = world.runner.image()
    assert world.call("page_check_address", "page[0]", "mm[0]", ADDRESS) == world.at(SLOT)
    assert world.events() == [("page_check_address", "page[0]", "mm[0]", ADDRESS, PTL, SLOT)]
    assert world.changes(before) == {
        f"{PTL}.held": "1", "world.kmaps": "1", "world.nr_held": "1", "world.held[0]": PTL,
        "world.held_classes": f"{1 << LOCK_PTL:#x}"}


def test_page_check_address_takes_the_lock_only_for_a_present_pte(world):
    world.call("spin_lock", PTL)
    world.set(SLOT, 0x00000042)
    assert world.call("page_check_address", "page[0]", "mm[0]", ADDRESS) == 0
    # present: the lock is taken even if another page is there
    world.set(SLOT, 0x00101025)
    assert world.end("page_check_address", "page[0]", "mm[0]", ADDRESS) == "lock taken twice"


def test_page_check_address_asks_the_mm_that_it_is_given(world):
    world.set("mm[1].pte[0x40001000]", 0x00100025)
    check_null(world, "page[0]", ADDRESS)
    assert world.call("page_check_address", "page[0]", "mm[1]", ADDRESS) \
        == world.at("mm[1].pte[0x40001000]")
    assert world.held() == ["mm[1].pmd[0].ptl"]


# nr_mapped is counter 2 of page_state
UP, DOWN = ("inc_page_state", 2, 1), ("dec_page_state", 2, 0)


def test_page_add_file_rmap_counts_the_first_pte(world):
    before = world.runner.image()
    world.call("page_add_file_rmap", "page[3]")
    assert world.events() == [("page_add_file_rmap", "page[3]"), UP]
    # no reference, no mapping: those are the caller's
    assert world.changes(before) == {"page[3]._mapcount": "0", "world.page_state.nr_mapped": "1"}
    world.call("page_add_file_rmap", "page[3]")
    assert world.events() == [("page_add_file_rmap", "page[3]")]
    assert world.get("page[3]._mapcount") == 1
    assert world.get("world.page_state.nr_mapped") == 1


@pytest.fixture
def anon(world, vma):
    world.set("vma[0].anon_vma", "anon_vma[1]")
    return vma


def test_page_add_anon_rmap_first_pte_says_whose_the_page_is(world, anon):
    world.call("page_add_anon_rmap", "page[3]", anon, ADDRESS)
    assert world.events() == [("page_add_anon_rmap", "page[3]", anon, ADDRESS), UP]
    assert world.get("page[3]._mapcount") == 0
    assert world.get("page[3].mapping") == world.at("anon_vma[1]") + 1
    assert world.get("page[3].index") == 6
    assert world.get("page[3]._count") == 0


def test_page_add_anon_rmap_second_pte_only_counts(world, anon):
    world.set("page[3]._mapcount", 0)
    before = world.runner.image()
    world.call("page_add_anon_rmap", "page[3]", anon, ADDRESS)
    assert world.events() == [("page_add_anon_rmap", "page[3]", anon, ADDRESS)]
    assert world.changes(before) == {"page[3]._mapcount": "1"}


def test_page_add_new_anon_rmap_sets_the_count(world, anon):
    # whatever it was: a new page is mapped once
    world.set("page[3]._mapcount", 6)
    world.call("page_add_new_anon_rmap", "page[3]", anon, 0x40002000)
    assert world.events() == [("page_add_new_anon_rmap", "page[3]", anon, 0x40002000), UP]
    assert world.get("page[3]._mapcount") == 0
    assert world.get("page[3].mapping") == world.at("anon_vma[1]") + 1
    assert world.get("page[3].index") == 7
    assert world.get("world.page_state.nr_mapped") == 1


@pytest.mark.parametrize("op", ["page_add_anon_rmap", "page_add_new_anon_rmap"])
def test_page_add_anon_rmap_without_an_anon_vma_is_a_bug(world, vma, op):
    assert world.end(op, "page[3]", vma, ADDRESS) == "BUG"
    assert world.get("world.page_state.nr_mapped") == 0


@pytest.mark.parametrize("before, after", [(-1, 0), (0, 1), (3, 4)])
def test_page_dup_rmap_counts_and_nothing_else(world, before, after):
    world.set("page[3]._mapcount", before)
    image = world.runner.image()
    world.call("page_dup_rmap", "page[3]")
    assert world.events() == [("page_dup_rmap", "page[3]")]
    assert world.changes(image) == {"page[3]._mapcount": str(after)}


def test_page_remove_rmap_last_pte(world):
    world.set("page[3]._mapcount", 0)
    world.set("page[3]._count", 2)
    world.set("page[3].mapping", "mapping[0]")
    world.set("world.page_state.nr_mapped", 1)
    image = world.runner.image()
    world.call("page_remove_rmap", "page[3]")
    assert world.events() == [("page_remove_rmap", "page[3]"), DOWN]
    # the reference and the mapping stay, and nobody looks at a dirty bit
    assert world.changes(image) == {"page[3]._mapcount": "-1", "world.page_state.nr_mapped": "0"}


def test_page_remove_rmap_not_the_last(world):
    world.set("page[3]._mapcount", 1)
    image = world.runner.image()
    world.call("page_remove_rmap", "page[3]")
    assert world.events() == [("page_remove_rmap", "page[3]")]
    assert world.changes(image) == {"page[3]._mapcount": "0"}


def test_page_remove_rmap_of_a_page_that_is_not_mapped_is_a_bug(world):
    assert world.end("page_remove_rmap", "page[3]") == "BUG"
    assert world.events() == [("page_remove_rmap", "page[3]"), ("BUG",)]
