# SPDX-License-Identifier: GPL-2.0-only
"""protection_map, change_protection, and the system calls mprotect and mmap."""

import itertools

import pytest
from vma_pictures import (
    BASE,
    GROWSDOWN,
    RO,
    RW,
    RX,
    SHARED_RO,
    SHARED_RW,
    Vmas,
    address,
    calls,
    locks,
)

ENOMEM, EACCES, EINVAL, EBADF = -12, -13, -22, -9
NONE, READONLY, SHARED = 0x0A0, 0x025, 0x027
GROWSUP, SEQ_READ = 0x200, 0x8000
PROT_GROWSDOWN, PROT_GROWSUP = 0x01000000, 0x02000000
TASK_SIZE = 0xC0000000

# by READ 1, WRITE 2, EXEC 4, SHARED 8
ROWS = [NONE, READONLY, READONLY, READONLY, READONLY, READONLY, READONLY, READONLY,
        NONE, READONLY, SHARED, SHARED, READONLY, READONLY, SHARED, SHARED]


@pytest.mark.parametrize("row, value", list(enumerate(ROWS)))
def test_protection_map(kernel, row, value):
    assert kernel.call("protection_map_row", row) == value
    assert kernel.call("protection_map", row) == value


@pytest.mark.parametrize("flags, huge", [(RW, 0), (RW | 0x400000, 1), (0x400000, 1), (0, 0)])
def test_is_vm_hugetlb_page(kernel, flags, huge):
    kernel.vma(0, flags=flags)
    assert kernel.call("is_vm_hugetlb_page", "vma[0]") == huge
    assert kernel.events() == [("is_vm_hugetlb_page", "vma[0]", huge)]


@pytest.fixture
def vma(kernel):
    """16 pages at 0x40000000, both page tables present."""
    kernel.vma(0, start=BASE, pages=16, flags=SHARED_RW)
    for i, first in enumerate((BASE, address(8))):
        kernel.set(f"mm[0].pmd[{i}].table", f"mm[0].pte[{first:#x}]")
    return "vma[0]"


FRAME = 0x105000
# a pte, the new protection, the pte after
CHANGES = {
    "none": (0, READONLY, 0),
    "file pte": (0x0340 | 0x1E, READONLY, 0x0340 | 0x1E),
    "swap pte": (0x0200 | 2 << 1, READONLY, 0x0200 | 2 << 1),
    "swap pte to NONE": (0x0200, NONE, 0x0200),
    "RW and dirty to read-only": (FRAME | 0x067, READONLY, FRAME | 0x065),
    "RW and dirty to NONE": (FRAME | 0x067, NONE, FRAME | 0x0E0),
    "RW and clean to read-only": (FRAME | 0x027, READONLY, FRAME | 0x025),
    "PROT_NONE and dirty to RW": (FRAME | 0x0E0, SHARED, FRAME | 0x067),
    "PROT_NONE and clean to read-only": (FRAME | 0x0A0, READONLY, FRAME | 0x025),
    "PROT_NONE to NONE": (FRAME | 0x0A0, NONE, FRAME | 0x0A0),
    "read-only to RW": (FRAME | 0x025, SHARED, FRAME | 0x027),
    "old becomes young": (FRAME | 0x005, READONLY, FRAME | 0x025),
    "a driver's PCD and PWT go": (FRAME | 0x03F, SHARED, FRAME | 0x027),
    "GLOBAL and free bits go": (FRAME | 0xF25, READONLY, FRAME | 0x025),
    "a driver's protection comes": (FRAME | 0x025, 0x037, FRAME | 0x037),
}


@pytest.mark.parametrize("name", CHANGES)
def test_change_protection_of_one_pte(kernel, vma, name):
    before, prot, after = CHANGES[name]
    slot = f"mm[0].pte[{address(1):#x}]"
    kernel.set(slot, before)
    kernel.call("change_protection", vma, address(1), address(2), prot)
    assert kernel.get(slot) == after
    start, end, ptl = address(1), address(2), "mm[0].pmd[0].ptl"
    changed = [
        ("ptep_get_and_clear", "mm[0]", start, slot, before),
        ("set_pte_at", "mm[0]", start, slot, after),
        ("lazy_mmu_prot_update", after),
    ] if before & 0x81 else []
    assert kernel.events() == [
        ("change_protection", vma, start, end, prot),
        ("flush_cache_range", vma, start, end),
        ("pte_offset_map_lock", "mm[0]", "mm[0].pmd[0]", start, ptl, slot),
        *changed,
        ("pte_unmap_unlock", slot, ptl),
        ("flush_tlb_range", vma, start, end),
    ]
    assert kernel.get("world.kmaps") == 0 and kernel.held() == []


@pytest.mark.parametrize("first, end", [(0, 16), (0, 1), (7, 9), (8, 16), (3, 5), (15, 16)])
def test_change_protection_touches_its_range_only(kernel, vma, first, end):
    for page in range(16):
        kernel.set(f"mm[0].pte[{address(page):#x}]", FRAME | 0x067)
    kernel.call("change_protection", vma, address(first), address(end), READONLY)
    for page in range(16):
        expected = 0x065 if first <= page < end else 0x067
        assert kernel.get(f"mm[0].pte[{address(page):#x}]") == FRAME | expected
    halves = (first < 8) + (end > 8)
    assert len(calls(kernel, "pte_offset_map_lock")) == halves
    assert len(calls(kernel, "flush_tlb_range")) == 1


@pytest.mark.parametrize("missing", [0, 1])
def test_change_protection_skips_page_tables_that_are_not_there(kernel, vma, missing):
    kernel.set(f"mm[0].pmd[{missing}].table", 0)
    kernel.set(f"mm[0].pte[{address(8 * (1 - missing)):#x}]", FRAME | 0x067)
    kernel.call("change_protection", vma, BASE, address(16), READONLY)
    assert kernel.get(f"mm[0].pte[{address(8 * (1 - missing)):#x}]") == FRAME | 0x065
    assert [event[2] for event in calls(kernel, "pte_offset_map_lock")] == [
        f"mm[0].pmd[{1 - missing}]"]


def test_change_protection_goes_upwards_and_from_heap_to_mappings(kernel, vma):
    # the heap's table is the last of the three and the lowest in address
    kernel.set("mm[0].pmd[2].table", "mm[0].pte[0x8050000]")
    kernel.call("change_protection", vma, 0x08050000, address(16), READONLY)
    assert [event[2] for event in calls(kernel, "pte_offset_map_lock")] == [
        f"mm[0].pmd[{i}]" for i in (2, 0, 1)]


def test_change_protection_flushes_even_if_nothing_was_there(kernel, vma):
    for i in range(2):
        kernel.set(f"mm[0].pmd[{i}].table", 0)
    before = kernel.runner.image()
    kernel.call("change_protection", vma, BASE, address(16), READONLY)
    assert [event[0] for event in kernel.events()] == [
        "change_protection", "flush_cache_range", "flush_tlb_range"]
    assert kernel.changes(before) == {}


@pytest.mark.parametrize("start, end", [(1, 1), (2, 1), (0, 0)])
def test_change_protection_of_nothing_is_a_bug(kernel, vma, start, end):
    assert kernel.end("change_protection", vma, address(start), address(end), READONLY) == "BUG"


@pytest.mark.parametrize("start, length, prot, result", [
    (BASE, 0x1000, PROT_GROWSDOWN | PROT_GROWSUP, EINVAL),              # SM1
    (BASE + 1, 0, PROT_GROWSDOWN | PROT_GROWSUP, EINVAL),
    (BASE + 1, 0x1000, 1, EINVAL), (BASE + 0x800, 0, 1, EINVAL),        # SM2
    (BASE, 0, 1, 0), (TASK_SIZE, 0, 0x100, 0), (0, 0, 1, 0),            # SM3
    (BASE, 2**64 - BASE, 1, ENOMEM), (BASE, 2**64 - 1, 1, ENOMEM),      # SM4
    (BASE, 2**64 - 0x1000, 0x10, ENOMEM),
    (BASE, 0x1000, 0x10, EINVAL), (BASE, 0x1000, 0x100, EINVAL),        # SM5
    (BASE, 0x1000, 1 << 40, EINVAL), (BASE, 0x1000, PROT_GROWSDOWN | 0x10, EINVAL),
])
def test_sys_mprotect_before_its_lock(kernel, start, length, prot, result):
    Vmas(kernel).draw("aa")
    before = kernel.runner.image()
    assert kernel.call("sys_mprotect", start, length, prot) == result
    assert kernel.events() == []
    assert kernel.changes(before) == {}


def mprotect(kernel, stars: str, prot: int) -> int:
    first = stars.index("*")
    return kernel.call("sys_mprotect", address(first), stars.count("*") << 12, prot)


@pytest.mark.parametrize("picture, stars, prot, own, result", [
    # SM8: who is there, and in which direction it grows
    ("", "**", 1, {}, ENOMEM),
    (".aa", "**.", 1, {}, ENOMEM),
    ("aa..", "..**", 1, {}, ENOMEM),
    ("aa", "**", 1 | PROT_GROWSUP, {}, EINVAL),
    (".aa", "**.", 1 | PROT_GROWSUP, {"a": RW | GROWSUP}, ENOMEM),
    ("aa", "**", 1 | PROT_GROWSDOWN, {}, EINVAL),
    ("..aa", "**..", 1 | PROT_GROWSDOWN, {"a": RW | GROWSDOWN}, ENOMEM),
    ("aa..", "..**", 1 | PROT_GROWSDOWN, {}, ENOMEM),
    # SM9: what a mapping may never become
    ("aa", "**", 2, {"a": RO & ~0x20}, EACCES),
    ("aa", "**", 1, {"a": RO & ~0x10}, EACCES),
    ("aa", "**", 4, {"a": RO & ~0x40}, EACCES),
    ("aa", "**", 7, {"a": RW & ~0x40}, EACCES),
])
def test_sys_mprotect_refused_under_its_lock(kernel, picture, stars, prot, own, result):
    vmas = Vmas(kernel)
    vmas.draw(picture, **own)
    before = kernel.runner.image()
    assert mprotect(kernel, stars, prot) == result
    assert kernel.events() == [("down_write", "mm[0].mmap_sem"), ("up_write", "mm[0].mmap_sem")]
    assert kernel.changes(before) == {}


def flags(kernel, vmas) -> dict[str, int]:
    return {letter: kernel.get(f"{vmas.of(letter)}.vm_flags") for letter in vmas.listed()}


# picture, range, protection, flags, then the same of what comes of it; there a letter is any vma
DONE = {
    "all of it": ("aa", "**", 1, {"a": SHARED_RW}, "xx", {"x": SHARED_RO}),
    "its end": ("aaaa", "..**", 1, {"a": SHARED_RW}, "xxyy", {"x": SHARED_RW, "y": SHARED_RO}),
    "its start": ("aaaa", "**..", 1, {"a": SHARED_RW}, "xxyy", {"x": SHARED_RO, "y": SHARED_RW}),
    "its middle": ("aaaa", ".**.", 1, {"a": SHARED_RW},
                   "xyyz", {"x": SHARED_RW, "y": SHARED_RO, "z": SHARED_RW}),
    "end and start of two": ("aabb", ".**.", 1, {"a": SHARED_RW, "b": SHARED_RW | SEQ_READ},
                             "wxyz", {"w": SHARED_RW, "x": SHARED_RO,
                                      "y": SHARED_RO | SEQ_READ, "z": SHARED_RW | SEQ_READ}),
    "nothing new": ("aa", "**", 1, {"a": RO}, "xx", {"x": RO}),
    "SEM and no more is NONE": ("aa", "**", 8, {"a": SHARED_RO}, "xx", {"x": SHARED_RO & ~1}),
    "three become one": ("aabbcc", "..**..", 1, {"a": RO, "b": RX, "c": RO}, "xxxxxx", {"x": RO}),
    "one, and the next is so already": ("aabbcc", "..****", 1, {"a": RO, "b": RX, "c": RO},
                                        "xxxxxx", {"x": RO}),
    "two of three, then the last": ("aabbcc", "..****", 1, {"a": RO, "b": RX, "c": RX | SEQ_READ},
                                    "xxxxyy", {"x": RO, "y": RO | SEQ_READ}),
    "grows up to its end": ("aaaa", ".*..", 1 | PROT_GROWSUP, {"a": RX | GROWSUP},
                            "xyyy", {"x": RX | GROWSUP, "y": RO | GROWSUP}),
    "grows down to its start": ("aaaa", "..*.", 1 | PROT_GROWSDOWN, {"a": RX | GROWSDOWN},
                                "xxxy", {"x": RO | GROWSDOWN, "y": RX | GROWSDOWN}),
}


def ends(picture: str) -> list[bool]:
    """After which pages another vma begins."""
    return [here != after for here, after in itertools.pairwise(picture)]


@pytest.mark.parametrize("name", DONE)
def test_sys_mprotect_done(kernel, name):
    before, stars, prot, own, after, wanted = DONE[name]
    vmas = Vmas(kernel)
    vmas.draw(before, **own)
    assert mprotect(kernel, stars, prot) == 0
    found, now = vmas.look(), flags(kernel, vmas)
    assert [now[letter] for letter in found] == [wanted[letter] for letter in after]
    assert ends(found) == ends(after)


def test_sys_mprotect_meets_a_hole_after_the_first_vma(kernel):
    """What was done before the hole stays done."""
    vmas = Vmas(kernel)
    vmas.draw("aa.b", SHARED_RW)
    assert mprotect(kernel, "****", 1) == ENOMEM
    assert flags(kernel, vmas) == {"a": SHARED_RO, "b": SHARED_RW}
    assert locks(kernel) == []


def test_sys_mprotect_is_refused_by_the_second_vma(kernel):
    vmas = Vmas(kernel)
    vmas.draw("aabb", a=SHARED_RO, b=SHARED_RO & ~0x20)
    assert mprotect(kernel, "****", 3) == EACCES
    assert flags(kernel, vmas) == {"a": SHARED_RW, "b": SHARED_RO & ~0x20}


@pytest.mark.parametrize("prot, result", [(1, RX), (2, RW & ~1), (0, 0x70), (3, RW | 0x4)])
def test_sys_mprotect_reading_implies_executing(kernel, prot, result):
    vmas = Vmas(kernel)
    # charged already: writing asks for no charge
    vmas.draw("aa", RX | 0x100000)
    kernel.set("task[0].personality", 0x0400000)
    assert mprotect(kernel, "**", prot) == 0
    assert flags(kernel, vmas) == {"a": result | 0x100000}


@pytest.mark.parametrize("file, has_fd", [(0, 0), (0, 1), ("file[0]", 0)])
def test_sys_mmap_without_a_file(kernel, file, has_fd):
    kernel.inode(0)
    kernel.file(0, 0)
    before = kernel.runner.image()
    assert kernel.call("sys_mmap", file, has_fd, 0, 0x1000, 3, 2, 0) == EBADF
    assert kernel.events() == []
    assert kernel.changes(before) == {}


@pytest.mark.parametrize("given", [0, "file[0]"])
def test_sys_mmap_anonymous_looks_at_no_file(kernel, given):
    vmas = Vmas(kernel)
    kernel.inode(0)
    kernel.file(0, 0)
    assert kernel.call("sys_mmap", given, 1, 0, 0x2000, 3, 0x22, 0) == BASE
    assert kernel.events()[0] == ("down_write", "mm[0].mmap_sem")
    assert kernel.events()[-1] == ("up_write", "mm[0].mmap_sem")
    assert kernel.get("vma[0].vm_file") == 0
    assert vmas.look() == "aa"


def test_sys_mmap_drops_flags_that_only_the_loader_may_use(kernel):
    kernel.inode(0)
    kernel.file(0, 0)
    assert kernel.call("sys_mmap", "file[0]", 1, 0, 0x1000, 1, 0x1802, 0) == BASE
    assert kernel.get("vma[0].vm_flags") == RO
    assert kernel.get("inode[0].i_writecount") == 0
    # the one of open, and the vma's
    assert kernel.get("file[0].f_count") == 2
