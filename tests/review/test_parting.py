# SPDX-License-Identifier: GPL-2.0-only
"""Where two halves part: equal ones nowhere, a changed one at the shortest run, however it shows."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pykmm import paths
from pykmm.engine import core, halves
from pykmm.engine.scope import Scope
from pykmm.review.parting import KEEPS, LOCKS, USER, Kernel, Looked, Parting

SCOPE = Scope(ops=("mmap", "load", "store", "writeback", "complete", "fsync", "exit"))
JOURNAL = Scope(kinds=("ext3",), ops=("mmap", "store", "fsync", "commit", "release_page", "exit"),
                depth=6)
SECONDS = 60.0      # more than any of these takes


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str, str], core.Half]:
    """Half C with what stands once in one of its files replaced."""
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc to build a half with")

    def build(file: str, old: str, new: str) -> core.Half:
        folder, cref, lib = tmp_path_factory.mktemp("changed"), paths.cref(), paths.lib()
        text = (cref / file).read_text()
        assert text.count(old) == 1, (file, old)
        own = folder / Path(file).name
        own.write_text(text.replace(old, new))
        sources = [str(p) if p != cref / file else str(own)
                   for d in ("mm", "fs") for p in sorted((cref / d).glob("*.c"))]
        subprocess.run(["gcc", "-fPIC", "-shared", "-w", *paths.c_flags(), f"-I{cref}/include",
                        f"-I{cref}", "-o", str(folder / "y.so"), *sources, str(cref / "half.c"),
                        str(cref / "machine/enter.c"), f"-L{lib}", "-lkmm", f"-Wl,-rpath,{lib}"],
                       check=True)
        return core.Half.load(folder / "y.so", "Y")
    return build


def compared(other: core.Half, scope: Scope = SCOPE) -> tuple[Kernel, Looked, int]:
    kernel = Kernel("Y", other, locks=True)
    parting = Parting(halves.c_half(), 1, lambda what: None)
    looked, parted = parting.bits(kernel, scope, SECONDS)
    parting.beside([kernel], scope, SECONDS)
    return kernel, looked, parted


def names(run) -> list[str]:
    return [operation[0] for operation, _, _ in run.actions]


def test_equal_halves_part_nowhere_in_a_scope_that_is_closed() -> None:
    kernel, looked, parted = compared(halves.p_half())
    assert (looked.closed, parted, kernel.bits, kernel.found) == (True, 0, None, {})
    assert kernel.looked[SCOPE].closed


def test_page_left_writable_is_seen_by_fsync_and_breaks_a_property_before(changed) -> None:
    # fsync cleans and protects; the second store to a pte left writable is told to nobody
    half = changed("mm/rmap.c", "if (protect)\n", "if (0)\n")
    kernel, _, parted = compared(half)
    assert parted == 3 and names(kernel.bits) in (["mmap", "store", "writeback"],
                                                  ["mmap", "store", "fsync"])
    user = kernel.found[USER]
    assert (user.what, user.worse, user.length) == ("synced", 1, 5)
    assert names(user) == ["mmap", "store", "fsync", "store", "fsync"]
    assert (kernel.found[KEEPS].what, kernel.found[KEEPS].length) == ("tracked_writes", 3)
    assert LOCKS not in kernel.found
    # shorter ones were all looked at, and there is none
    assert kernel.looked[SCOPE].depth >= 4 or kernel.looked[SCOPE].closed


def test_which_half_is_the_worse_one_is_told_both_ways(changed) -> None:
    worse = changed("mm/rmap.c", "if (protect)\n", "if (0)\n")
    kernel = Kernel("Y", halves.c_half())
    Parting(worse, 1, lambda what: None).beside([kernel], SCOPE, SECONDS)
    assert (kernel.found[USER].what, kernel.found[USER].worse) == ("synced", 0)
    assert (kernel.found[KEEPS].what, kernel.found[KEEPS].worse) == ("tracked_writes", 0)


def test_lock_inversion_is_told_though_a_user_sees_nothing(changed) -> None:
    # page_mkclean takes i_mmap_lock, and that is not allowed under private_lock
    call = "page_mkclean(page);\n\t\t\t/* } E22 */"
    half = changed("mm/page-writeback.c", call, "{ spin_lock(&mapping->private_lock); " +
                   call.replace(";", "; spin_unlock(&mapping->private_lock); }", 1))
    # a page that is mapped again while it is thrown out is walked
    scope = Scope(depth=4, ops=("mmap", "load", "store", "invalidate", "pause"))
    kernel, _, parted = compared(half, scope)
    assert parted and USER not in kernel.found and KEEPS not in kernel.found
    assert (kernel.found[LOCKS].what, kernel.found[LOCKS].worse) == ("lock_order", 1)
    assert names(kernel.found[LOCKS]) == ["mmap", "load", "invalidate"]


def test_lock_that_is_not_taken_moves_pauses_and_is_no_difference_for_users(changed) -> None:
    # by number pause 5 is another moment then: at some moment both do the same
    text = "\tspin_lock(&mapping->i_mmap_lock);", "\tspin_unlock(&mapping->i_mmap_lock);"
    source = (paths.cref() / "mm/rmap.c").read_text()
    assert all(source.count(one) == 1 for one in text)
    begin, end = source.index(text[0]), source.index(text[1]) + len(text[1])
    whole = source[begin:end]
    half = changed("mm/rmap.c", whole, whole.replace(text[0], "").replace(text[1], ""))
    scope = Scope(depth=4, ops=("mmap", "store", "fsync", "pause"))
    kernel, _, parted = compared(half, scope)
    assert parted and USER not in kernel.found
    asked = Parting(halves.c_half(), 1, lambda what: None)
    asked._counts = lambda *_: True         # by number alone it would be one
    naive = Kernel("Y", half)
    asked.beside([naive], scope, SECONDS)
    assert naive.found[USER].what == "synced"
    assert kernel.looked[scope].depth == naive.found[USER].length - 1


def test_events_alone_do_not_end_the_search(changed) -> None:
    # the order of two functions that leave the same state, in a page that is cleaned
    text = "	lazy_mmu_prot_update(entry);\n	ret = 1;\n"
    if (paths.cref() / "mm/rmap.c").read_text().count(text) != 1:
        text = "	lazy_mmu_prot_update(entry);\n"
    half = changed("mm/rmap.c", text, text + "	lazy_mmu_prot_update(entry);\n")
    kernel, _, parted = compared(half)
    assert parted == 3 and USER not in kernel.found and KEEPS not in kernel.found
    assert kernel.looked[SCOPE].closed and kernel.looked[SCOPE].transitions > 500


def test_search_that_has_no_time_says_how_far_it_got(changed) -> None:
    half = changed("mm/rmap.c", "if (protect)\n", "if (0)\n")
    kernel = Kernel("Y", half)
    wide = Scope(processes=2)
    Parting(halves.c_half(), 1, lambda what: None).beside([kernel], wide, 0.0)
    looked = kernel.looked[wide]
    assert not looked.closed and looked.depth < 5


def test_two_searches_of_a_scope_reach_as_far_as_the_lesser_one() -> None:
    far, near, all_of_it = (Looked(9, False, 1, 2), Looked(4, False, 3, 4),
                            Looked(6, True, 5, 6))
    assert vars(far.joined(near)) == vars(Looked(4, False, 4, 6))
    assert vars(far.joined(all_of_it)) == vars(Looked(9, False, 6, 8))
    assert vars(all_of_it.joined(near)) == vars(Looked(4, False, 8, 10))
    assert all_of_it.joined(all_of_it).closed
