# SPDX-License-Identifier: GPL-2.0-only
"""From an address to its page, and what looking at a page leaves behind."""

import pytest

SHARED, MAYWRITE, PFNMAP = 0x8, 0x20, 0x400
LRU, ACTIVE, REFERENCED = 1 << 5, 1 << 6, 1 << 2
BASE = 0x40000000
FIRST_FRAME = 0x100


@pytest.mark.parametrize("address, pmd", [
    (BASE, "mm[0].pmd[0]"), (BASE + 0x7FFF, "mm[0].pmd[0]"), (BASE + 0x8000, "mm[0].pmd[1]"),
    (BASE + 0x10000, None), (BASE - 1, None), (0, None),
])
def test_pmd_offset_leads_to_the_table_of_an_address(world, address, pmd):
    assert world.call("pmd_offset", "mm[0]", address) == (world.at(pmd) if pmd else 0)
    assert [event[0] for event in world.events()] == ["pmd_offset"]


def test_pmd_offset_of_a_missing_table_is_nothing(world):
    world.set("mm[0].pmd[0].table", 0)
    assert world.call("pmd_offset", "mm[0]", BASE) == 0


@pytest.mark.parametrize("flags, cow", [
    (0, 0), (SHARED, 0), (MAYWRITE, 1), (SHARED | MAYWRITE, 0), (~SHARED & 0xFFFFFFFF, 1),
])
def test_is_cow_mapping(world, flags, cow):
    assert world.call("is_cow_mapping", flags) == cow


# the first page of vma 1 stands for frame 0x103 by its pgoff, if it is a PFNMAP
@pytest.mark.parametrize("flags, frame, page", [
    (SHARED, FIRST_FRAME + 3, "page[3]"),
    (0, FIRST_FRAME + 7, "page[7]"),
    (0, FIRST_FRAME - 1, None),                             # below memory
    (0, 0xFFFFF, None),                                     # past it
    (PFNMAP | SHARED, FIRST_FRAME + 3, None),               # the driver's own
    (PFNMAP | SHARED, FIRST_FRAME + 4, None),               # not private: still the driver's
    (PFNMAP | MAYWRITE, FIRST_FRAME + 3, None),
    (PFNMAP | MAYWRITE, FIRST_FRAME + 4, "page[4]"),        # a copy in its place
    (PFNMAP | MAYWRITE, 0xFFFFF, None),
])
def test_vm_normal_page(world, flags, frame, page):
    world.set("vma[1].vm_start", BASE)
    world.set("vma[1].vm_pgoff", FIRST_FRAME + 1)
    world.set("vma[1].vm_flags", flags)
    found = world.call("vm_normal_page", "vma[1]", BASE + 0x2ABC, frame << 12 | 0x25)
    assert found == (world.at(page) if page else 0)


def test_zero_page_is_reserved_and_the_same_everywhere(world):
    assert world.call("ZERO_PAGE", BASE) == world.call("ZERO_PAGE", 0) == world.at("page[8]")


@pytest.mark.parametrize("before, after, inactive, active", [
    (0, REFERENCED, 4, 2),
    (REFERENCED, REFERENCED, 4, 2),                         # not on the LRU: nowhere to move
    (LRU, LRU | REFERENCED, 4, 2),
    (LRU | REFERENCED, LRU | ACTIVE, 3, 3),
    (LRU | ACTIVE, LRU | ACTIVE | REFERENCED, 4, 2),
    (LRU | ACTIVE | REFERENCED, LRU | ACTIVE | REFERENCED, 4, 2),
])
def test_mark_page_accessed(world, before, after, inactive, active):
    world.set("page[3].flags", before)
    world.set("world.page_state.nr_inactive", 4)
    world.set("world.page_state.nr_active", 2)
    world.call("mark_page_accessed", "page[3]")
    assert world.get("page[3].flags") == after
    assert world.get("world.page_state.nr_inactive") == inactive
    assert world.get("world.page_state.nr_active") == active
    locked = ("spin_lock", "world.lru_lock") in world.events()
    assert locked == (before == LRU | REFERENCED)
    assert world.held() == []
