# SPDX-License-Identifier: GPL-2.0-only
"""A run done again by two halves, each from its own world: what both give and leave, in words."""

import pytest

from pykmm.engine import halves
from pykmm.engine.scope import KINDS, Scope
from pykmm.review.scopes import NEEDS, OF_UNITS, PATCHED, scopes
from pykmm.review.two_halves import Did, TwoHalves

SMALL = Scope(ops=("mmap", "load", "store", "writeback", "complete"))
MMAP = (("mmap", 0, (0, 0, 1, 3, 1, 0)), 0, ())
STORE = (("store", 0, (0, 0)), 0, ())
FSYNC = (("fsync", 0, (0,)), 0, ())


def two(scope: Scope = SMALL) -> TwoHalves:
    return TwoHalves([halves.c_half(), halves.p_half()], scope, ("one", "other"))


def test_replay_gives_what_each_operation_gave_by_both() -> None:
    done = two().replay([MMAP, STORE, FSYNC])
    assert [[one.said(name) for one in both]
            for name, both in zip(("mmap", "store", "fsync"), done, strict=True)] == [
        ["0x40000000"] * 2, ["5"] * 2, ["0"] * 2]
    assert all(a.image == b.image for a, b in done)


def test_versions_of_stores_are_numbered_alike_by_both() -> None:
    # the other one has stored once less, and the next store is one and the same
    both = two()
    images = both.replay([MMAP, STORE])[-1][0].image, both.replay([MMAP])[-1][1].image
    done = both.both(images, STORE)
    assert [one.value for one in done] == [6, 6]


def test_sentence_says_how_a_user_sees_it() -> None:
    both = two()
    image = both.start
    assert both.how("result", (Did("returned", 0, image), Did("returned", -14, image)), STORE) == \
        "store gives 0 by one, -EFAULT by other"
    assert both.how("outcome", (Did("returned", 0, image), Did("BUG", 0, image)), FSYNC) == \
        "fsync gives 0 by one, BUG by other"
    on_disk = both.where.write(image, "inode[0].disk[0]", 9)
    done = Did("returned", 0, image), Did("returned", 0, on_disk)
    assert both.how("synced", done, FSYNC) == \
        "fsync has returned 0, and the disk of f0 is not the same"
    assert both.how("rest", done, FSYNC) == \
        "all processes have left and nothing is to be written, and the disk of f0 is not the same"


@pytest.mark.parametrize("function", NEEDS)
def test_scopes_of_a_function_try_what_leads_to_it(function: str) -> None:
    found = scopes([function])
    assert {"mmap", "load", "store", *NEEDS[function]} == set(found[0].ops)
    assert {kind for scope in found for kind in scope.kinds} == set(KINDS)
    # what shows a user a lost store is in each of them; a heap has no disk
    for scope in found:
        assert scope.units == PATCHED
        assert scope.alphabet.has("fsync") or function == "do_brk" or \
            scope.ops == OF_UNITS["mapped"].ops


def test_every_mirrored_function_has_its_operations() -> None:
    from pykmm.engine import core

    assert set(NEEDS) == set(core.FUNCTIONS)
