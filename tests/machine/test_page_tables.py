# SPDX-License-Identifier: GPL-2.0-only
"""Page tables in memory: the walk to a slot, its lock, and what is done to a slot."""

import pytest

ADDRESS = 0x40001000
SLOT = "mm[0].pte[0x40001000]"
# page[0] is frame 0x100
CLEAN, DIRTY_RW = 0x00100025, 0x00100067


@pytest.mark.parametrize("pfn, valid", [
    (0, 0), (0xFF, 0), (0x100, 1), (0x107, 1),
    (0x108, 1), (0x109, 0), (0xFFFFF, 0), (2**64 - 1, 0),
])
def test_pfn_valid_only_for_the_pages_of_the_world(world, pfn, valid):
    assert world.call("pfn_valid", pfn) == valid


@pytest.mark.parametrize("i", range(8))
def test_page_to_pfn_and_pfn_to_page(world, i):
    assert world.call("page_to_pfn", f"page[{i}]") == 0x100 + i
    assert world.call("pfn_to_page", 0x100 + i) == world.at(f"page[{i}]")


@pytest.mark.parametrize("address, pmd", [
    (0x40000000, "mm[0].pmd[0]"), (0x40007FFF, "mm[0].pmd[0]"),
    (0x40008000, "mm[0].pmd[1]"), (0x4000FFFF, "mm[0].pmd[1]"),
    # no entry for these
    (0x3FFFFFFF, None), (0x40010000, None), (0, None), (2**64 - 1, None),
    # the lower 32 bits are those of an address that is there
    (0x140000000, None),
])
def test_find_pmd_by_address(world, address, pmd):
    assert world.call("find_pmd", "mm[0]", address) == (world.at(pmd) if pmd else 0)


def test_find_pmd_without_the_table_finds_nothing(world):
    world.set("mm[0].pmd[0].table", 0)
    assert world.call("find_pmd", "mm[0]", 0x40000000) == 0
    assert world.call("find_pmd", "mm[0]", 0x40008000) == world.at("mm[0].pmd[1]")
    assert world.call("find_pmd", "mm[1]", 0x40000000) == world.at("mm[1].pmd[0]")


@pytest.mark.parametrize("address, pmd, slot", [
    (0x40000000, "mm[1].pmd[0]", "mm[1].pte[0x40000000]"),
    (0x40007FFF, "mm[1].pmd[0]", "mm[1].pte[0x40007000]"),
    (0x40008000, "mm[1].pmd[1]", "mm[1].pte[0x40008000]"),
])
def test_pte_offset_map_lock_maps_and_locks(world, address, pmd, slot):
    assert world.call("pte_offset_map_lock", "mm[1]", pmd, address) == world.at(slot)
    assert world.events() == [
        ("pte_offset_map_lock", "mm[1]", pmd, address, f"{pmd}.ptl", slot)]
    assert world.held() == [f"{pmd}.ptl"]
    assert world.get(f"{pmd}.ptl.held") == 1
    assert world.get("world.kmaps") == 1


def test_pte_offset_map_lock_twice_would_spin_for_ever(world):
    world.call("pte_offset_map_lock", "mm[0]", "mm[0].pmd[0]", ADDRESS)
    assert world.end("pte_offset_map_lock", "mm[0]", "mm[0].pmd[0]", 0x40002000) \
        == "lock taken twice"
    # there is one lock per table
    assert world.call("pte_offset_map_lock", "mm[0]", "mm[0].pmd[1]", 0x40008000) != 0
    assert world.call("pte_offset_map_lock", "mm[1]", "mm[1].pmd[0]", ADDRESS) != 0


def test_pte_unmap_unlock_undoes_pte_offset_map_lock(world):
    world.call("pte_offset_map_lock", "mm[0]", "mm[0].pmd[0]", ADDRESS)
    world.call("pte_unmap_unlock", SLOT, "mm[0].pmd[0].ptl")
    assert world.events() == [("pte_unmap_unlock", SLOT, "mm[0].pmd[0].ptl")]
    assert world.changes(world.empty) == {}


def test_pte_unmap_unlock_of_a_lock_that_nobody_holds(world):
    assert world.end("pte_unmap_unlock", SLOT, "mm[0].pmd[0].ptl") == "lock not held"


def test_pte_unmap_leaves_the_lock(world):
    world.call("pte_offset_map_lock", "mm[0]", "mm[0].pmd[0]", ADDRESS)
    world.call("pte_unmap", SLOT)
    assert world.events() == [("pte_unmap", SLOT)]
    assert world.get("world.kmaps") == 0
    assert world.held() == ["mm[0].pmd[0].ptl"]


@pytest.mark.parametrize("op, first, old, more, new, result", [
    ("set_pte_at", "mm[0]", 0, (DIRTY_RW,), DIRTY_RW, None),
    ("set_pte_at", "mm[0]", DIRTY_RW, (0,), 0, None),
    ("pte_clear", "mm[0]", DIRTY_RW, (), 0, None),
    ("ptep_get_and_clear", "mm[0]", DIRTY_RW, (), 0, DIRTY_RW),
    ("ptep_get_and_clear", "mm[0]", 0, (), 0, 0),
    ("ptep_get_and_clear", "mm[0]", 0xFFFFFFFF, (), 0, 0xFFFFFFFF),
    ("ptep_establish", "vma[0]", 0, (DIRTY_RW,), DIRTY_RW, None),
    ("ptep_establish", "vma[0]", DIRTY_RW, (CLEAN,), CLEAN, None),
    # without `dirty` i386 stores nothing, whatever the value
    ("ptep_set_access_flags", "vma[0]", CLEAN, (DIRTY_RW, 0), CLEAN, None),
    ("ptep_set_access_flags", "vma[0]", CLEAN, (DIRTY_RW, 1), DIRTY_RW, None),
    ("ptep_set_access_flags", "vma[0]", CLEAN, (DIRTY_RW, 2), DIRTY_RW, None),
    # D stays when RW goes
    ("ptep_set_wrprotect", "mm[0]", DIRTY_RW, (), 0x00100065, None),
    ("ptep_set_wrprotect", "mm[0]", CLEAN, (), CLEAN, None),
    ("ptep_clear_flush", "vma[0]", DIRTY_RW, (), 0, DIRTY_RW),
    ("ptep_clear_flush", "vma[0]", 0x001000A0, (), 0, 0x001000A0),
    # RW stays when D goes: a pte that is writable and clean
    ("ptep_clear_flush_dirty", "vma[0]", DIRTY_RW, (), 0x00100027, 1),
    ("ptep_clear_flush_dirty", "vma[0]", 0xFFFFFFFF, (), 0xFFFFFFBF, 1),
    ("ptep_clear_flush_dirty", "vma[0]", 0x00100027, (), 0x00100027, 0),
    ("ptep_clear_flush_young", "vma[0]", DIRTY_RW, (), 0x00100047, 1),
    ("ptep_clear_flush_young", "vma[0]", 0xFFFFFFFF, (), 0xFFFFFFDF, 1),
    ("ptep_clear_flush_young", "vma[0]", 0x00100047, (), 0x00100047, 0),
])
def test_slot_operation(world, op, first, old, more, new, result):
    world.set(SLOT, old)
    before = world.runner.image()
    given = world.call(op, first, ADDRESS, SLOT, *more)
    assert given == (result or 0)
    assert world.get(SLOT) == new
    # one event: the arguments, then what came back
    back = () if result is None else (result,)
    assert world.events() == [(op, first, ADDRESS, SLOT, *more, *back)]
    # no other slot and nothing else moved
    assert set(p.rpartition(".")[0] if p.startswith(SLOT + ".") else p
               for p in world.changes(before)) <= {SLOT}


@pytest.mark.parametrize("op, arguments", [
    ("flush_cache_page", ("vma[0]", ADDRESS, 0x107)),
    ("flush_tlb_page", ("vma[0]", ADDRESS)),
    ("update_mmu_cache", ("vma[0]", ADDRESS, DIRTY_RW)),
    ("lazy_mmu_prot_update", (0xFFFFFFFF,)),
])
def test_no_op_is_recorded_and_changes_nothing(world, op, arguments):
    world.call(op, *arguments)
    assert world.events() == [(op, *arguments)]
    assert world.changes(world.empty) == {}
