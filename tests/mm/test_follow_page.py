# SPDX-License-Identifier: GPL-2.0-only
"""follow_page: steps FP2-FP10."""

import pytest
from worlds import PFNMAP, PRIVATE_RW, SHARED_RW, address

WRITE, TOUCH, GET, ANON = 1, 2, 4, 8


def one_page(pair, bits, *, flags="", vma=SHARED_RW):
    pair.file(0)
    pair.page(0, file=0, index=1, flags=flags)
    pair.vma(0, at=4, pages=2, file=0, pgoff=1, flags=vma)
    pair.pte(at=4, page=0, bits=bits)


def follow(pair, flags, at=4):
    return pair.run("follow_page", vma=0, address=address(at) + 0x123, flags=flags)


def test_follow_page_finds_the_page_and_holds_nothing(pair):
    one_page(pair, "")

    out = follow(pair, 0)

    assert (out.ended, out.ret) == ("returned", pair.address("page[0]"))
    assert out.events == ["pmd_offset", "pte_offset_map_lock", "vm_normal_page", "pte_unmap_unlock"]
    assert out.read("mm[0].pmd[0].ptl.held") == out.read("world.kmaps") == 0


@pytest.mark.parametrize("bits, flags, found", [
    ("", WRITE, False),                 # read-only: v8's write-protected pages fault here
    ("rw", WRITE, True),
    ("", 0, True),
    ("PROT_NONE", 0, True),             # present, and read through here
    ("PROT_NONE", WRITE, False),
])
def test_follow_page_asks_for_a_writable_pte_only_to_write(pair, bits, flags, found):
    one_page(pair, bits)

    out = follow(pair, flags)

    assert out.ret == (pair.address("page[0]") if found else 0)
    assert out.read("mm[0].pmd[0].ptl.held") == 0


@pytest.mark.parametrize("word", [0, 0x1040, 0x102], ids=["none", "file pte", "swap pte"])
def test_follow_page_absent_pte_is_nothing(pair, word):
    pair.file(0)
    pair.vma(0, at=4, pages=2, file=0, pgoff=1)
    pair.pte(at=4, word=word)

    out = follow(pair, GET | ANON)

    assert (out.ended, out.ret) == ("returned", 0)
    assert out.steps == ["FP2", "FP3", "FP9"]


@pytest.mark.parametrize("flags, counted", [(0, 2), (GET, 3)])
def test_follow_page_get_takes_a_reference(pair, flags, counted):
    one_page(pair, "")
    before = pair.get("page[0]._count")

    out = follow(pair, flags)

    assert out.read("page[0]._count") == before + (1 if flags & GET else 0)


@pytest.mark.parametrize("bits, page_flags, flags, dirtied", [
    ("rw", "", TOUCH | WRITE, True),
    ("rw dirty", "", TOUCH | WRITE, False),     # the pte promises it already
    ("rw", "dirty", TOUCH | WRITE, False),
    ("rw", "", TOUCH, False),
    ("rw", "", WRITE, False),
])
def test_follow_page_touch_to_write_dirties_a_clean_page_under_the_lock(
        pair, bits, page_flags, flags, dirtied):
    one_page(pair, bits, flags=page_flags)

    out = follow(pair, flags)

    assert ("set_page_dirty" in out.events) == dirtied
    assert out.read("page[0].flags.dirty") == (1 if dirtied or "dirty" in page_flags else 0)
    if dirtied:
        assert out.events.index("set_page_dirty") < out.events.index("pte_unmap_unlock")
        assert out.read("world.page_state.nr_dirty") == 1
    # the pte itself is never changed
    assert out.read(f"mm[0].pte[{address(4):#x}].dirty") == (1 if "dirty" in bits else 0)


@pytest.mark.parametrize("page_flags, after", [
    ("", "referenced"),
    ("lru", "referenced lru"),
    ("referenced lru", "lru active"),       # the second touch activates
    ("referenced", "referenced"),           # not on the LRU
    ("lru active", "referenced lru active"),
])
def test_follow_page_touch_marks_the_page_accessed(pair, page_flags, after):
    one_page(pair, "", flags=page_flags)
    pair.set("world.page_state.nr_inactive", 5)

    out = follow(pair, TOUCH)

    for flag in ("referenced", "lru", "active"):
        assert out.read(f"page[0].flags.{flag}") == (1 if flag in after.split() else 0), flag
    moved = page_flags == "referenced lru"
    assert out.read("world.page_state.nr_inactive") == (4 if moved else 5)
    assert out.read("world.page_state.nr_active") == (1 if moved else 0)


def test_follow_page_driver_frame_is_no_page(pair):
    one_page(pair, "rw", vma=SHARED_RW | PFNMAP)

    assert follow(pair, 0).ret == 0


def test_follow_page_private_copy_in_a_pfn_mapping_is_a_page(pair):
    one_page(pair, "rw", vma=PRIVATE_RW | PFNMAP)

    assert follow(pair, 0).ret == pair.address("page[0]")


@pytest.mark.parametrize("flags, ended, found, count", [
    (0, "returned", False, 1),
    (GET, "returned", False, 1),
    (ANON, "returned", True, 1),
    (ANON | GET, "returned", True, 2),
    (ANON | WRITE, "BUG", False, 1),
    (ANON | GET | WRITE, "BUG", False, 2),
])
def test_follow_page_without_a_page_table_gives_the_zero_page_to_readers(
        pair, flags, ended, found, count):
    pair.file(0)
    pair.vma(0, at=4, file=0, pgoff=1)
    pair.set("mm[0].pmd[0].table", 0)

    out = follow(pair, flags)

    assert out.ended == ended
    assert out.ret == (pair.address("page[8]") if found else 0)
    assert out.read("page[8]._count") == count
