# SPDX-License-Identifier: GPL-2.0-only
"""Pte and protection words as values: i386, two levels, no PAE."""

import pytest

NONE, READONLY, SHARED = 0x0A0, 0x025, 0x027


@pytest.mark.parametrize("op, word, expected", [
    # the whole word counts, not the bits that mean something
    ("pte_none", 0x00000000, 1), ("pte_none", 0x00000200, 0), ("pte_none", 0x80000000, 0),
    ("pte_none", 0x00000001, 0),
    # PRESENT or PROTNONE, masked and not made 0 or 1
    ("pte_present", 0x00000001, 0x001), ("pte_present", 0x00000080, 0x080),
    ("pte_present", 0x00100081, 0x081), ("pte_present", 0xFFFFFF7E, 0),
    ("pte_present", 0x001000A0, 0x080), ("pte_present", 0x00000040, 0),
    ("pte_write", 0xFFFFFFFF, 0x002), ("pte_write", 0xFFFFFFFD, 0), ("pte_write", 0x027, 0x002),
    ("pte_dirty", 0xFFFFFFFF, 0x040), ("pte_dirty", 0xFFFFFFBF, 0), ("pte_dirty", 0x067, 0x040),
    ("pte_young", 0xFFFFFFFF, 0x020), ("pte_young", 0xFFFFFFDF, 0), ("pte_young", 0x025, 0x020),
    # the same bit as DIRTY
    ("pte_file", 0xFFFFFFFF, 0x040), ("pte_file", 0xFFFFFFBF, 0), ("pte_file", 0x042, 0x040),
])
def test_pte_test_gives_the_masked_word(world, op, word, expected):
    assert world.call(op, word) == expected


@pytest.mark.parametrize("bit", range(32))
def test_pte_same_looks_at_every_bit(world, bit):
    assert world.call("pte_same", 0x5A5A5A5A, 0x5A5A5A5A) == 1
    assert world.call("pte_same", 0x5A5A5A5A, 0x5A5A5A5A ^ 1 << bit) == 0


@pytest.mark.parametrize("op, word, expected", [
    ("pte_mkclean", 0xFFFFFFFF, 0xFFFFFFBF), ("pte_mkclean", 0, 0),
    ("pte_mkdirty", 0, 0x040), ("pte_mkdirty", 0xFFFFFFFF, 0xFFFFFFFF),
    ("pte_wrprotect", 0xFFFFFFFF, 0xFFFFFFFD), ("pte_wrprotect", 0, 0),
    ("pte_mkwrite", 0, 0x002), ("pte_mkwrite", 0xFFFFFFFF, 0xFFFFFFFF),
    ("pte_mkold", 0xFFFFFFFF, 0xFFFFFFDF), ("pte_mkold", 0, 0),
    ("pte_mkyoung", 0, 0x020), ("pte_mkyoung", 0xFFFFFFFF, 0xFFFFFFFF),
])
def test_pte_mk_changes_one_bit(world, op, word, expected):
    assert world.call(op, word) == expected


@pytest.mark.parametrize("word, pfn", [
    (0x00000FFF, 0), (0x00100025, 0x100), (0x80000000, 0x80000), (0xFFFFFFFF, 0xFFFFF),
])
def test_pte_pfn_is_the_upper_20_bits(world, word, pfn):
    assert world.call("pte_pfn", word) == pfn


@pytest.mark.parametrize("pfn, prot, word", [
    (0, SHARED, 0x00000027), (0x100, READONLY, 0x00100025), (0x107, NONE, 0x001070A0),
    (0xFFFFF, 0xFFF, 0xFFFFFFFF),
])
def test_pfn_pte_joins_frame_and_protection(world, pfn, prot, word):
    assert world.call("pfn_pte", pfn, prot) == word


@pytest.mark.parametrize("page, prot, word", [
    # page[0] has frame 0x100: frame 0 is nobody's
    ("page[0]", READONLY, 0x00100025), ("page[2]", SHARED, 0x00102027),
    ("page[7]", NONE, 0x001070A0),
])
def test_mk_pte_uses_the_frame_of_the_page(world, page, prot, word):
    assert world.call("mk_pte", page, prot) == word


@pytest.mark.parametrize("word, prot, expected", [
    # writable and dirty to read-only: D stays, RW goes
    (0x00100067, READONLY, 0x00100065),
    # to PROT_NONE and back: D lives through both
    (0x00100067, NONE, 0x001000E0), (0x001000E0, SHARED, 0x00100067),
    # PROTNONE, PWT, PCD, GLOBAL and the three free bits all go
    (0x00100F9F, READONLY, 0x00100025),
    # every user protection holds A, so A is set even if it was not
    (0x00100001, READONLY, 0x00100025), (0x00100001, 0x000, 0x00100000),
    (0xFFFFFFFF, 0x000, 0xFFFFF060), (0x00000000, SHARED, 0x00000027),
    (0xFFFFF000, 0x001, 0xFFFFF001),
])
def test_pte_modify_keeps_frame_accessed_and_dirty(world, word, prot, expected):
    assert world.call("pte_modify", word, prot) == expected


@pytest.mark.parametrize("flags, expected", [
    (0x00000002, 0x00100027),       # VM_WRITE alone decides
    (0xFFFFFFFF, 0x00100027),
    (0x00000000, 0x00100025),
    (0x00000008, 0x00100025),       # VM_SHARED does not
    (0x00000020, 0x00100025),       # VM_MAYWRITE does not
    (0xFFFFFFFD, 0x00100025),
])
def test_maybe_mkwrite_asks_for_vm_write_only(world, flags, expected):
    world.vma(0, flags=flags)
    assert world.call("maybe_mkwrite", 0x00100025, "vma[0]") == expected


# bits 1-5: the lower 5 bits of the offset; bits 8 up: the rest; and 0x40
FILE_PTES = [
    (0x00000000, 0x00000040), (0x00000001, 0x00000042), (0x0000001F, 0x0000007E),
    (0x00000020, 0x00000140), (0x00000021, 0x00000142), (0x0000003F, 0x0000017E),
    (0x000003E0, 0x00001F40), (0x000FFFFF, 0x007FFF7E), (0x00100000, 0x00800040),
    (0x10000000, 0x80000040), (0x1FFFFFE0, 0xFFFFFF40), (0x1FFFFFFF, 0xFFFFFF7E),
]


@pytest.mark.parametrize("offset, word", FILE_PTES)
def test_pgoff_to_pte_and_back(world, offset, word):
    assert world.call("pgoff_to_pte", offset) == word
    assert world.call("pte_to_pgoff", word) == offset
    # a file pte is one: not present, and the FILE bit set
    assert word & 0x081 == 0 and world.call("pte_present", word) == 0
    assert world.call("pte_file", word) == 0x040


@pytest.mark.parametrize("bit", range(29))
def test_pgoff_to_pte_every_bit_of_the_offset_has_a_place(world, bit):
    place = bit + 1 if bit < 5 else bit + 3
    assert world.call("pgoff_to_pte", 1 << bit) == 0x40 | 1 << place
    assert world.call("pte_to_pgoff", 0x40 | 1 << place) == 1 << bit


@pytest.mark.parametrize("kind, offset, word", [
    (0, 0x000001, 0x00000100), (1, 0x000000, 0x00000002), (1, 0x00000F, 0x00000F02),
    (31, 0x000000, 0x0000003E), (31, 0xFFFFFF, 0xFFFFFF3E), (21, 0xAAAAAA, 0xAAAAAA2A),
    # a type has five bits: a sixth must not make it a file pte
    (63, 0x000000, 0x0000003E),
])
def test_swap_pte_leaves_bits_0_6_and_7_zero(world, kind, offset, word):
    assert word & 0xC1 == 0
    assert world.call("swap_pte", kind, offset) == word
    # so it is neither present nor a file pte
    assert world.call("pte_present", word) == 0
    assert world.call("pte_file", word) == 0


@pytest.mark.parametrize("row, value", [
    # -      R         W         RW        X         RX        WX        RWX
    (0, 0x0A0), (1, 0x025), (2, 0x025), (3, 0x025),
    (4, 0x025), (5, 0x025), (6, 0x025), (7, 0x025),
    # the same with VM_SHARED: only rows with W have RW
    (8, 0x0A0), (9, 0x025), (10, 0x027), (11, 0x027),
    (12, 0x025), (13, 0x025), (14, 0x027), (15, 0x027),
])
def test_protection_map_row(world, row, value):
    assert world.call("protection_map", row) == value
    # the other flags of a vma do not matter
    assert world.call("protection_map", 0x03FFFFF0 | row) == value
