# SPDX-License-Identifier: GPL-2.0-only
"""vma_merge, case by case, and vma_adjust below it.

    before   aaaabb      the stars are the range that gets new flags, or is mapped
    range    ..**..      and the letters are the vmas; `a`, `b`, `c` are vma[0] to vma[2]
    after    aabbbb
"""

import pytest
from vma_pictures import (
    ACCOUNT,
    BASE,
    DENYWRITE,
    GROWSDOWN,
    LOCKED,
    NONLINEAR,
    RO,
    RW,
    RX,
    SHARED_RW,
    Vmas,
    address,
    calls,
    locks,
)

# name: before, range, after, whom it gives, flags of a, b, c; the range always wants RW
CASES = {
    # nothing is mapped under the stars
    "1: a hole is filled": ("aa..bb", "..**..", "aaaaaa", "a", (RW, RW)),
    "2: prev grows, next is far": ("aa...b", "..**..", "aaaa.b", "a", (RW, RW)),
    "2: prev grows, next is different": ("aa..bb", "..**..", "aaaabb", "a", (RW, RO)),
    "2: prev grows, there is no next": ("aa", "..**", "aaaa", "a", (RW,)),
    "3: next grows, prev is far": ("a...bb", "..**..", "a.bbbb", "b", (RW, RW)),
    "3: next grows, prev is different": ("aa..bb", "..**..", "aabbbb", "b", (RO, RW)),
    "3: next grows, there is no prev": ("..aa", "**..", "aaaa", "a", (RW,)),
    # the stars are part of a vma
    "4: the end of a vma goes to next": ("aaaabb", "..**..", "aabbbb", "b", (RO, RW)),
    "5: the start of a vma goes to prev": ("aabbbb", "..**..", "aaaabb", "a", (RW, RO)),
    # the stars are a whole vma
    "6: prev swallows both": ("aabbcc", "..**..", "aaaaaa", "a", (RW, RO, RW)),
    "7: prev swallows it, next is different": ("aabbcc", "..**..", "aaaacc", "a", (RW, RO, RX)),
    "7: prev swallows it, there is no next": ("aabb", "..**", "aaaa", "a", (RW, RO)),
    "8: it swallows next": ("aabbcc", "..**..", "aabbbb", "b", (RX, RO, RW)),
    "8: it swallows next, there is no prev": ("aabb", "**..", "aaaa", "a", (RO, RW)),
    "8: it swallows next, prev is far": ("a..bbcc", "...**..", "a..bbbb", "b", (RW, RO, RW)),
}
# which vma_adjust each of them comes to: vma, first page, end page
ADJUSTED = {"1": "a06", "2": "a04", "3": None, "4": "a02", "5": "a04", "6": "a06", "7": "a04",
            "8": None}


def by_letter(flags: tuple) -> dict[str, int]:
    return dict(zip("abc", flags, strict=False))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("file", [False, True], ids=["anonymous", "file"])
def test_vma_merge_case(kernel, name, file):
    before, stars, after, gives, flags = CASES[name]
    vmas = Vmas(kernel, file)
    vmas.draw(before, **by_letter(flags))
    assert vmas.look() == before
    own_flags = {letter: kernel.get(f"{vmas.of(letter)}.vm_flags") for letter in vmas.listed()}
    assert vmas.merge(stars, RW) == gives
    adjusted = [event[1:4] for event in calls(kernel, "vma_adjust")]
    assert len(adjusted) == 1
    if ADJUSTED[name[0]]:
        letter, first, end = ADJUSTED[name[0]]
        assert adjusted == [(vmas.of(letter), address(int(first)), address(int(end)))]
    assert vmas.look() == after
    # flags and protection are left to the caller, whatever the range wanted
    for letter in vmas.listed():
        assert kernel.get(f"{vmas.of(letter)}.vm_flags") == own_flags[letter]
        assert kernel.get(f"{vmas.of(letter)}.vm_page_prot") == 0x25


def test_vma_merge_records_what_it_was_asked_and_gave(kernel):
    vmas = Vmas(kernel, file=True)
    vmas.draw("aa..bb")
    vmas.merge("..**..", RW)
    assert kernel.events() == [
        ("vma_merge", "mm[0]", "vma[0]", address(2), address(4), RW, 0, "file[0]", 2, 0, "vma[0]"),
        ("vma_adjust", "vma[0]", BASE, address(6), 0, 0),
        ("spin_lock", "mapping[0].i_mmap_lock"),
        ("spin_unlock", "mapping[0].i_mmap_lock"),
        *calls(kernel, "fput"),
        ("kmem_cache_free", "vma[1]"),
    ]
    assert calls(kernel, "fput")[0][:2] == ("fput", "file[0]")


@pytest.mark.parametrize("bit", [0x4000, 0x40000, 0x80000, 0x400],
                         ids=["IO", "DONTEXPAND", "RESERVED", "PFNMAP"])
def test_vma_merge_never_with_a_special_flag(kernel, bit):
    vmas = Vmas(kernel)
    vmas.draw("aa..bb", RW | bit)
    check_refused(kernel, vmas, "..**..", RW | bit)


def check_refused(kernel, vmas, stars, flags, **more):
    before = kernel.runner.image()
    assert vmas.merge(stars, flags, **more) is None
    assert len(kernel.events()) == 1
    assert kernel.changes(before) == {}


OTHER_BITS = [0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x40, 0x80, GROWSDOWN, 0x200, DENYWRITE, 0x1000,
              LOCKED, 0x8000, 0x10000, 0x20000, ACCOUNT, 0x400000, NONLINEAR, 0x1000000, 0x2000000]


@pytest.mark.parametrize("bit", OTHER_BITS, ids=hex)
@pytest.mark.parametrize("before", ["aa....", "....aa"], ids=["after prev", "before next"])
def test_vma_merge_wants_all_flags_equal(kernel, before, bit):
    vmas = Vmas(kernel)
    vmas.draw(before, RW)
    check_refused(kernel, vmas, "..**..", RW ^ bit)


def test_vma_merge_ignores_the_protection(kernel):
    vmas = Vmas(kernel)
    vmas.draw("aa..bb")
    kernel.set("vma[0].vm_page_prot", 0x37)
    kernel.set("vma[1].vm_page_prot", 0x27)
    assert vmas.merge("..**..", RW) == "a"
    assert vmas.look() == "aaaaaa"
    assert kernel.get("vma[0].vm_page_prot") == 0x37


@pytest.mark.parametrize("before", ["aa....", "....aa"], ids=["after prev", "before next"])
def test_vma_merge_wants_the_same_file(kernel, before):
    vmas = Vmas(kernel, file=True)
    vmas.draw(before)
    kernel.file(1, 0)       # the same inode, opened a second time: another file
    check_refused(kernel, vmas, "..**..", RW, file="file[1]")
    check_refused(kernel, vmas, "..**..", RW, file=0)


@pytest.mark.parametrize("before, off", [
    ("aa....", 1), ("aa....", -1), ("aa....", 2), ("aa....", 1 << 52),
    ("....aa", 1), ("....aa", -1), ("....aa", 2), ("....aa", 1 << 52),
])
def test_vma_merge_wants_pages_of_the_file_in_a_row(kernel, before, off):
    vmas = Vmas(kernel, file=True)
    vmas.draw(before)
    check_refused(kernel, vmas, "..**..", RW, pgoff=2 + off)


@pytest.mark.parametrize("before", ["aa....", "....aa"], ids=["after prev", "before next"])
def test_vma_merge_never_with_a_close_operation(kernel, before):
    vmas = Vmas(kernel)
    vmas.draw(before)
    kernel.call("use_driver_vm_ops", "vma[0]")
    check_refused(kernel, vmas, "..**..", RW)


def test_vma_merge_with_operations_but_no_close(kernel):
    vmas = Vmas(kernel)
    vmas.draw("aa..bb")
    kernel.call("use_generic_vm_ops", "vma[0]")
    kernel.call("use_generic_vm_ops", "vma[1]")
    assert vmas.merge("..**..", RW) == "a"
    assert vmas.look() == "aaaaaa"


@pytest.mark.parametrize("stars", [".**...", "...**.", "....**"])
def test_vma_merge_wants_neighbours(kernel, stars):
    """A page lies between, or the range is inside."""
    vmas = Vmas(kernel)
    vmas.draw("a.....", RW)
    if stars == ".**...":
        assert vmas.merge(stars, RW) == "a"
    else:
        check_refused(kernel, vmas, stars, RW)


def test_vma_merge_in_the_middle_of_a_vma(kernel):
    vmas = Vmas(kernel)
    vmas.draw("bbaaaacc", a=RO)
    check_refused(kernel, vmas, "...**...", RW)


def test_vma_merge_of_an_empty_process(kernel):
    check_refused(kernel, Vmas(kernel), "..**..", RW)


# anon_vmas: that of a, of the range, of b (numbers, None: it has none) -> after
ANON = [
    ((None, None, None), "aaaaaa"),
    ((0, None, None), "aaaaaa"),
    ((None, None, 0), "aaaaaa"),
    ((None, 0, None), "aaaaaa"),
    ((0, 0, 0), "aaaaaa"),
    ((0, None, 0), "aaaaaa"),
    ((0, None, 1), "aaaabb"),       # the range could join either, but they not each other
    ((0, 0, 1), "aaaabb"),
    ((1, 0, 0), "aabbbb"),
    ((1, 0, 1), "aa..bb"),
    ((1, 0, None), "aabbbb"),
]


@pytest.mark.parametrize("of, after", ANON)
def test_vma_merge_wants_anon_vmas_that_agree(kernel, of, after):
    vmas = Vmas(kernel)
    vmas.draw("aa..bb", anon={letter: n for letter, n in (("a", of[0]), ("b", of[2]))
                              if n is not None})
    before = kernel.runner.image()
    gave = vmas.merge("..**..", RW, anon=0 if of[1] is None else f"anon_vma[{of[1]}]")
    assert gave == {"a": "a", "b": "b", ".": None}[after[2]]
    assert vmas.look() == after
    if gave is None:
        assert kernel.changes(before) == {}
    if after == "aaaaaa" and (of[0], of[2]) != (None, None):
        assert kernel.name("vma[0].anon_vma") == "anon_vma[0].lock"
        assert vmas.anon_list(0) == "a"


# vma_adjust: which vma takes pages over, and inherits the anon_vma of the one that gives them
@pytest.mark.parametrize("name, grower, giver", [
    ("1: a hole is filled", "a", "b"),
    ("4: the end of a vma goes to next", "b", "a"),
    ("5: the start of a vma goes to prev", "a", "b"),
    ("7: prev swallows it, next is different", "a", "b"),
    ("8: it swallows next", "b", "c"),
])
def test_vma_adjust_growing_vma_inherits_the_anon_vma(kernel, name, grower, giver):
    before, stars, after, gives, flags = CASES[name]
    vmas = Vmas(kernel, file=True)
    vmas.draw(before, anon={giver: 0}, **by_letter(flags))
    assert vmas.merge(stars, RW) == gives
    taken = locks(kernel)[:4]
    assert vmas.look() == after
    assert kernel.name(f"{vmas.of(grower)}.anon_vma") == "anon_vma[0].lock"
    survivors = {grower, giver} & set(after)
    assert set(vmas.anon_list(0)) == survivors
    i_mmap, anon = "mapping[0].i_mmap_lock", "anon_vma[0].lock"
    assert taken == [f"+{i_mmap}", f"+{anon}", f"-{anon}", f"-{i_mmap}"]


@pytest.mark.parametrize("name, keeper", [
    ("4: the end of a vma goes to next", "b"),
    ("5: the start of a vma goes to prev", "a"),
])
def test_vma_adjust_shrinking_vma_gets_no_anon_vma(kernel, name, keeper):
    before, stars, after, _, flags = CASES[name]
    vmas = Vmas(kernel)
    vmas.draw(before, anon={keeper: 0}, **by_letter(flags))
    vmas.merge(stars, RW)
    # taken for the one that has it, or for the neighbour that moves
    assert locks(kernel) == ["+anon_vma[0].lock", "-anon_vma[0].lock"]
    assert vmas.look() == after
    assert vmas.anon_list(0) == keeper


def test_vma_adjust_case_6_swallows_one_after_the_other(kernel):
    """Each under locks of its own; a had no anon_vma and gets the one of b first."""
    vmas = Vmas(kernel, file=True)
    vmas.draw("aabbcc", a=RW, b=RO, c=RW, anon={"b": 0, "c": 0})
    assert vmas.merge("..**..", RW, anon="anon_vma[0]") == "a"
    i_mmap, anon = "mapping[0].i_mmap_lock", "anon_vma[0].lock"
    assert [name for name in locks(kernel) if "mapping" in name or "anon" in name] == [
        f"+{i_mmap}", f"+{anon}", f"-{anon}", f"-{i_mmap}"] * 2
    assert [event[1] for event in calls(kernel, "kmem_cache_free")] == ["vma[1]", "vma[2]"]
    assert len(calls(kernel, "fput")) == 2
    assert vmas.anon_list(0) == "a"
    assert vmas.look() == "aaaaaa"


@pytest.mark.parametrize("name, grower, other", [
    ("1: a hole is filled", "a", "b"),
    ("4: the end of a vma goes to next", "b", "a"),
    ("5: the start of a vma goes to prev", "a", "b"),
    ("7: prev swallows it, there is no next", "a", "b"),
])
@pytest.mark.parametrize("counts, after", [((3, 3), 3), ((3, 4), 0), ((0, 4), 0)])
def test_vma_adjust_truncate_counts(kernel, name, grower, other, counts, after):
    before, stars, _, _, flags = CASES[name]
    vmas = Vmas(kernel, file=True)
    vmas.draw(before, **by_letter(flags))
    kernel.set(f"{vmas.of(grower)}.vm_truncate_count", counts[0])
    kernel.set(f"{vmas.of(other)}.vm_truncate_count", counts[1])
    assert vmas.merge(stars, RW)
    assert kernel.get(f"{vmas.of(grower)}.vm_truncate_count") == after


def test_vma_adjust_of_shared_and_denied_files_counts_the_removed_one(kernel):
    vmas = Vmas(kernel, file=True)
    vmas.draw("aa..bb", SHARED_RW | DENYWRITE)
    assert vmas.merge("..**..", SHARED_RW | DENYWRITE) == "a"
    assert vmas.look() == "aaaaaa"      # look() counts i_writecount and i_mmap_writable
    assert kernel.get("inode[0].i_writecount") == -1


def test_vma_adjust_leaves_nonlinear_vmas_on_their_list(kernel):
    vmas = Vmas(kernel, file=True)
    vmas.draw("aa..bb", SHARED_RW | NONLINEAR)
    assert vmas.merge("..**..", SHARED_RW | NONLINEAR) == "a"
    assert vmas.look() == "aaaaaa"
    assert kernel.name("mapping[0].i_mmap_nonlinear") == "vma[0]"
    assert kernel.get("vma[0].nonlinear_next") == 0


def test_vma_adjust_called_alone_only_moves_the_end(kernel):
    vmas = Vmas(kernel)
    vmas.draw("aa....b")
    kernel.call("vma_adjust", "vma[0]", BASE, address(4), BASE >> 12, 0)
    assert kernel.events() == [("vma_adjust", "vma[0]", BASE, address(4), BASE >> 12, 0)]
    assert vmas.look() == "aaaa..b"
