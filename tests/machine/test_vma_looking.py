# SPDX-License-Identifier: GPL-2.0-only
"""Finding vmas, and linking them into list, tree and file."""

import random

import pytest
from vma_pictures import (
    BASE,
    DENYWRITE,
    NONLINEAR,
    RO,
    RW,
    SHARED_RO,
    SHARED_RW,
    Vmas,
    address,
    locks,
)

PICTURE = ".aab..ccc"
#          0123456789


@pytest.fixture
def vmas(kernel):
    return Vmas(kernel)


# page -> (the first vma that ends above it, the one before that)
FOUND = [
    (0, "a", None), (1, "a", None), (2, "a", None),
    (3, "b", "a"),
    (4, "c", "b"), (5, "c", "b"), (6, "c", "b"), (8, "c", "b"),
    (9, None, "c"), (15, None, "c"),
]


@pytest.mark.parametrize("page, found, prev", FOUND)
@pytest.mark.parametrize("byte", [0, 1, 0xFFF])
def test_find_vma_first_that_ends_above(kernel, vmas, page, found, prev, byte):
    vmas.draw(PICTURE)
    before = kernel.runner.image()
    assert vmas.letter(kernel.call("find_vma", "mm[0]", address(page) + byte)) == found
    assert kernel.events() == [("find_vma", "mm[0]", address(page) + byte,
                                vmas.of(found) if found else 0)]
    assert kernel.changes(before) == {}


@pytest.mark.parametrize("page, found, prev", FOUND)
def test_find_vma_prev_also_gives_the_one_before(kernel, vmas, page, found, prev):
    vmas.draw(PICTURE)
    kernel.set("world.pprev", 1)
    result = kernel.call("find_vma_prev", "mm[0]", address(page), "world.pprev")
    assert vmas.letter(result) == found
    assert vmas.letter(kernel.get("world.pprev")) == prev
    assert kernel.events() == []


@pytest.mark.parametrize("page, found, prev", FOUND)
def test_find_vma_prepare_gives_the_place_in_list_and_tree(kernel, vmas, page, found, prev):
    vmas.draw(PICTURE)
    before = kernel.runner.image()
    assert vmas.letter(kernel.call("find_vma_prepare", "mm[0]", address(page))) == found
    (name, mm, at, got_prev, link, parent, vma), = kernel.events()
    assert (name, mm, at) == ("find_vma_prepare", "mm[0]", address(page))
    assert got_prev == (vmas.of(prev) if prev else 0)
    assert vma == (vmas.of(found) if found else 0)
    # an empty place below the parent, next to the one before or to the one after
    assert kernel.get(link) == 0
    assert link in (parent.replace("parent", "left"), parent.replace("parent", "right"))
    assert parent.split(".")[0] in (vmas.of(prev or found), vmas.of(found or prev))
    assert kernel.changes(before) == {}


def test_find_vma_prepare_of_a_process_without_vmas(kernel):
    assert kernel.call("find_vma_prepare", "mm[0]", BASE) == 0
    assert kernel.events() == [("find_vma_prepare", "mm[0]", BASE, 0, "mm[0].mm_rb", 0, 0)]
    assert kernel.call("find_vma", "mm[0]", 0) == 0
    assert kernel.call("find_vma_prev", "mm[0]", 0, "world.pprev") == 0
    assert kernel.get("world.pprev") == 0


def test_find_vma_looks_at_one_process_only(kernel, vmas):
    vmas.draw(PICTURE)
    assert kernel.call("find_vma", "mm[1]", BASE) == 0


@pytest.mark.parametrize("seed", range(6))
def test_vma_insert_and_vma_unlink_in_any_order(kernel, vmas, seed):
    """Ten vmas of a page each come and go: list and tree agree after every step (look)."""
    chance = random.Random(seed)
    pages = list(range(10))
    chance.shuffle(pages)
    there = {}
    for i, page in enumerate(pages):
        kernel.vma(i, start=address(page), pages=1, pgoff=address(page) >> 12, flags=RW)
        kernel.call("vma_insert", "mm[0]", f"vma[{i}]")
        there[page] = chr(ord("a") + i)
        picture = "".join(there.get(page, ".") for page in range(16))
        assert vmas.look() == picture.rstrip(".")
    chance.shuffle(pages)
    for page in pages:
        letter = there.pop(page)
        prev = max((other for other in there if other < page), default=None)
        kernel.call("vma_unlink", "mm[0]", vmas.of(letter),
                    0 if prev is None else vmas.of(there[prev]))
        assert kernel.get(f"{vmas.of(letter)}.vm_rb.parent") == 0
        # unlinking does not count: its callers do
        kernel.set("mm[0].map_count", len(there))
        forget(kernel, letter, vmas)
        picture = "".join(there.get(page, ".") for page in range(16))
        assert vmas.look() == picture.rstrip(".")


def forget(kernel, letter, vmas):
    for field in ("vm_mm", "vm_start", "vm_end", "vm_next", "vm_flags", "vm_pgoff"):
        kernel.set(f"{vmas.of(letter)}.{field}", 0)


def test_tree_has_the_same_shape_whatever_the_order(kernel):
    shapes = set()
    for order in ((0, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 0), (2, 5, 0, 3, 1, 4)):
        kernel.reset()
        for i in order:
            kernel.vma(i, start=address(i), pages=1, flags=RW)
            kernel.call("vma_insert", "mm[0]", f"vma[{i}]")
        shapes.add(tuple(kernel.get(f"vma[{i}].vm_rb.{side}")
                         for i in range(6) for side in ("parent", "left", "right")))
    assert len(shapes) == 1


def test_vma_link_of_anonymous_memory_takes_no_lock(kernel, vmas):
    vmas.draw("aa..bb")
    kernel.vma(2, start=address(3), pages=1, pgoff=address(3) >> 12, flags=RW)
    kernel.call("vma_link", "mm[0]", "vma[2]")
    assert kernel.events()[1:] == [("vma_link", "mm[0]", "vma[2]", "vma[0]")]
    assert vmas.look() == "aa.cbb"


def test_vma_link_of_a_file(kernel):
    vmas = Vmas(kernel, file=True)
    kernel.set("mapping[0].truncate_count", 7)
    vmas.draw("..aa", SHARED_RW)
    assert locks(kernel) == ["+mapping[0].i_mmap_lock", "-mapping[0].i_mmap_lock"]
    assert kernel.get("vma[0].vm_truncate_count") == 7
    assert vmas.look() == "..aa"
    assert vmas.in_file(0, 1) == [] and vmas.in_file(3, 3) == ["a"]


def test_vma_link_with_an_anon_vma_nests_its_lock(kernel):
    vmas = Vmas(kernel, file=True)
    vmas.draw("aa.b", RW, anon={"a": 0, "b": 0})
    i_mmap, anon = "mapping[0].i_mmap_lock", "anon_vma[0].lock"
    assert locks(kernel) == [f"+{i_mmap}", f"+{anon}", f"-{anon}", f"-{i_mmap}"]
    assert vmas.anon_list(0) == "ba"        # the newest is at the head


@pytest.mark.parametrize("flags, writable, writecount, tree, nonlinear", [
    (RW, 0, 5, True, None),
    (RO, 0, 5, True, None),
    (SHARED_RW, 1, 5, True, None),
    (SHARED_RO, 1, 5, True, None),
    (RW | DENYWRITE, 0, 4, True, None),
    (SHARED_RW | DENYWRITE, 1, 4, True, None),
    (SHARED_RW | NONLINEAR, 1, 5, False, "vma[0]"),
])
def test_vma_link_file_and_back(kernel, flags, writable, writecount, tree, nonlinear):
    kernel.inode(0)
    kernel.file(0, 0)
    kernel.set("inode[0].i_writecount", 5)
    kernel.vma(0, start=BASE, pages=2, flags=flags)
    kernel.set("vma[0].vm_file", "file[0]")
    before = kernel.runner.image()
    kernel.call("vma_link_file", "vma[0]")
    assert kernel.get("mapping[0].i_mmap_writable") == writable
    assert kernel.get("inode[0].i_writecount") == writecount
    assert kernel.name("mapping[0].i_mmap") == ("vma[0]" if tree else None)
    assert kernel.name("mapping[0].i_mmap_nonlinear") == nonlinear
    assert kernel.get("file[0].f_count") == 1 and locks(kernel) == []
    kernel.call("vma_unlink_file", "vma[0]")
    assert kernel.changes(before) == {}


def test_unlink_file_vma_locks(kernel):
    vmas = Vmas(kernel, file=True)
    vmas.draw("aabb", SHARED_RW)
    kernel.call("unlink_file_vma", "vma[1]")
    assert locks(kernel) == ["+mapping[0].i_mmap_lock", "-mapping[0].i_mmap_lock"]
    assert vmas.in_file(0, 15) == ["a"]
    assert kernel.get("mapping[0].i_mmap_writable") == 1


def test_unlink_file_vma_without_a_file_does_nothing(kernel, vmas):
    vmas.draw("aa")
    before = kernel.runner.image()
    kernel.call("unlink_file_vma", "vma[0]")
    assert kernel.changes(before) == {} and kernel.events() == []
