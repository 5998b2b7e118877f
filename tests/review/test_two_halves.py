# SPDX-License-Identifier: GPL-2.0-only
"""Two halves that go on from worlds of their own: what a user sees, and searching for it."""

import pytest

from pykmm.engine import halves
from pykmm.engine.scope import Scope
from pykmm.review.scopes import NEEDS, PATCHED, scopes
from pykmm.review.two_halves import LEFT, SYNCED, Did, TwoHalves, search

SMALL = Scope(ops=("mmap", "load", "store", "writeback", "complete"))
MMAP = (("mmap", 0, (0, 0, 1, 3, 1, 0)), 0, ())
STORE = (("store", 0, (0, 0)), 0, ())
WRITE_BACK = (("writeback", 0, (0, 1, 32)), 0, ())


def two(scope: Scope = SMALL) -> TwoHalves:
    return TwoHalves([halves.c_half(), halves.p_half()], scope, ("one", "other"))


def test_search_of_equal_halves_meets_every_world_once() -> None:
    # the figures of docs/explorer.md
    result = search(two(), [], most=50, seconds=60, alive=lambda: None)
    assert (result.path, result.closed) == (None, True)
    assert (result.pairs, result.transitions) == (114, 1140)


def test_search_ends_at_its_bound() -> None:
    result = search(two(), [MMAP], most=2, seconds=60, alive=lambda: None)
    assert (result.path, result.closed, result.depth, result.transitions) == (None, False, 2, 10)


def test_lost_store_is_seen_on_the_disk() -> None:
    #   one    store, writeback   disk 5 2 3 4
    #   other  store              and the page is made clean by hand: disk 1 2 3 4
    both = two()
    stored = both.replay([MMAP, STORE])[-1]
    image = stored[1].image
    page = both.where.read(image, "page[0].flags")
    dirty = both.where.read(image, "page[0].flags.dirty")
    assert dirty == 1
    image = both.where.write(image, "page[0].flags.dirty", 0)
    assert page != both.where.read(image, "page[0].flags")
    seen = both.seen((stored[0], Did("returned", stored[1].value, image)), STORE)
    assert seen.how == f"{SYNCED}, the disk of f0 is not the same"
    assert seen.after[0][0][0] == "sync"


def test_write_under_way_is_no_difference_once_it_ends() -> None:
    both = two()
    done = both.replay([MMAP, STORE, (("writeback", 0, (0, 0, 32)), 0, ())])[-1]
    ended = both.do(1, done[1].image, (("complete", 0, (0, 1)), 0, ()))
    assert done[0].image != ended.image
    assert both.seen((done[0], Did("returned", 0, ended.image)), WRITE_BACK) is None


def test_answers_of_the_kernel_itself_are_nothing_to_users() -> None:
    both = two()
    image = both.start
    pair = Did("returned", 0, image), Did("returned", 1, image)
    assert both.seen(pair, WRITE_BACK) is None
    assert both.seen(pair, STORE).how == "store gives 0 by one, 1 by other"
    bug = Did("BUG", 0, image)
    assert both.seen((pair[0], bug), WRITE_BACK).how == "writeback gives 0 by one, BUG by other"


def test_pairs_with_versions_crossed_are_not_the_same() -> None:
    #   X [5 ..] over disk [5 ..], Y the same twice over, once with another number on Y's disk
    both = two()
    image = both.replay([MMAP, STORE, WRITE_BACK])[-1][0].image
    other = both.where.write(image, "inode[0].disk[0]", 7)
    third = both.where.write(image, "inode[0].disk[0]", 2)
    assert both.key((image, other)) != both.key((image, third))
    assert both.key((image, other)) != both.key((image, image))


def test_rest_of_a_journal_commits() -> None:
    both = two(Scope(kinds=("ext3",), ops=SMALL.ops))
    assert [action[0][0] for action in both._rests[LEFT]] == [
        *["exit"] * 3, "sync", "complete", "complete", "commit", "sync", "complete", "complete"]


@pytest.mark.parametrize("function", NEEDS)
def test_scopes_of_a_function_try_what_leads_to_it(function: str) -> None:
    found = scopes([function])
    assert {"mmap", "load", "store", *NEEDS[function]} == set(found[0].ops)
    assert all(scope.units == PATCHED and set(found[0].ops) <= set(scope.ops) for scope in found)


def test_every_mirrored_function_has_its_operations() -> None:
    from pykmm.engine import core

    assert set(NEEDS) == set(core.FUNCTIONS)
