# SPDX-License-Identifier: GPL-2.0-only
"""Two other actors at two pauses of one operation: what neither of them alone brings about.

The file has sixteen sectors, of which the first two are 1 and 2, and a store that is the first of a
sequence is 73 (test_interference.py).  A fault that maps a page of it has nine pauses.
"""

import pytest

SHARED = ("mmap", 0, 0, 2, 3, 1, 0)
CUT, GROWN, SAME = ("truncate", 0, 0), ("truncate", 0, 8), ("truncate", 0, 16)
SIGBUS = -1007


@pytest.fixture
def fault(start):
    """fault((pause, operation), ...): a store to a page that is not mapped, with others at its
    pauses: (result, second sector of the page then, who acted: 1, 2 or both)."""
    def fault(*others, operation=("store", 0, 0), consistent=True):
        for which, (pause, (name, *arguments)) in enumerate(others):
            fault.kernels.at_pause(pause, name, *arguments, other="[1]" * which)
        ended, ret = fault.kernels.run(*operation)
        assert ended == "returned"
        assert not (consistent and fault.kernels.broken), fault.kernels.broken
        return ret, fault.kernels.get("page[0].contents[1]"), fault.kernels.get("world.interfered")

    fault.kernels = start(SHARED)
    return fault


def test_file_that_is_cut_and_grown_during_a_fault_is_read_as_zeroes(fault):
    # the page that the fault had read is thrown out, and what is read then is a hole
    assert fault((6, CUT), (8, GROWN)) == (73, 0, 3)
    assert fault.kernels.events().count("nopage") == 2
    assert fault.kernels.events().count("interference") == 2


@pytest.mark.parametrize(("others", "gives"), [
    (((6, CUT),), (SIGBUS, -1, 1)),         # what is free has no contents
    (((8, GROWN),), (73, 2, 1)),
    (((6, GROWN), (9, CUT)), (SIGBUS, -1, 3)),
    (((6, SAME), (8, GROWN)), (73, 2, 3)),
], ids=["cut alone", "grown alone", "grown, then cut", "both leave the page as it is"])
def test_neither_alone_nor_the_other_way_round_does_that(fault, others, gives):
    assert fault(*others) == gives


@pytest.mark.parametrize("pauses", [(6, 8), (8, 6)], ids=["first first", "second first"])
def test_it_is_the_same_which_of_the_two_is_the_first(fault, pauses):
    cut, grown = min(pauses), max(pauses)
    others = [(cut, CUT), (grown, GROWN)]
    if pauses[0] > pauses[1]:
        others.reverse()

    assert fault(*others) == (73, 0, 3)


def test_second_counts_pauses_of_the_paused_one_alone(fault):
    # a truncation that throws pages out has pauses of its own
    assert fault((6, CUT), (7, GROWN)) == (73, 0, 3)
    assert fault.kernels.get("world.pauses_left[1]") == 0


def test_they_do_not_nest(fault):
    # a store that faults has nine pauses, and none of them is counted for the other
    fault((1, ("store", 0, 1)), (2, ("store", 1, 0)))

    names = fault.kernels.events()
    began = [at for at, name in enumerate(names) if name == "interference"]
    stored = [at for at, name in enumerate(names) if name == "user_store"]
    assert fault.kernels.get("world.interfered") == 3
    assert began[0] < stored[0] < began[1] < stored[1] < stored[2]


@pytest.mark.parametrize(("first", "second", "acted"), [
    ((5, CUT), (8, SAME), 2),               # the page is locked at pause 5
    ((6, SAME), (7, ("munmap", 0, 2)), 1),  # mmap_sem is held
    ((5, CUT), (7, ("munmap", 0, 2)), 0),
], ids=["first cannot", "second cannot", "neither can"])
def test_one_that_would_have_to_wait_does_not_act(fault, first, second, acted):
    assert fault(first, second) == (73, 2, acted)

    # the other one's effects stay
    assert fault.kernels.events().count("interference") == 2
    assert fault.kernels.get("world.pauses_left") == fault.kernels.get("world.pauses_left[1]") == 0


def test_at_one_pause_they_act_one_after_the_other(fault):
    assert fault((6, CUT), (6, GROWN)) == (73, 0, 3)


def test_at_one_pause_the_first_is_the_first(fault):
    assert fault((6, GROWN), (6, CUT)) == (SIGBUS, -1, 3)


def test_what_the_first_may_not_do_is_taken_back_and_the_second_still_counts(fault):
    fault((5, CUT), (6, SAME))

    assert fault.kernels.get("world.interfered") == 2


def test_each_acts_again_as_often_as_it_is_told(start):
    kernels = start(("mmap", 255, 0, 16, 3, 2, 0))
    for other, every, more in (("", 3, 2), ("[1]", 2, 1)):
        kernels.set(f"world.pause_every{other}", every)
        kernels.set(f"world.pauses_more{other}", more)
    kernels.at_pause(2, "drain")                # and at pauses 5 and 8
    kernels.at_pause(5, "sync", other="[1]")    # and at pause 7

    kernels.do("store", 0, 0)
    kernels.do("store", 1, 0)

    acted = [text for text in kernels.happened if text.startswith("interference")]
    assert kernels.get("world.pauses_left") == kernels.get("world.pauses_left[1]") == 0
    assert kernels.get("world.interfered") == 3
    assert len(acted) <= 3


def test_one_that_ends_in_a_bug_has_acted(fault):
    # nothing maps page 0 any more, and truncation takes its pte away
    fault.kernels.do("load", 0, 0)
    fault.kernels.set("page[0]._mapcount", -1)
    fault.kernels.at_pause(2, *CUT)
    fault.kernels.at_pause(1, "drain", other="[1]")

    ended, _ = fault.kernels.run("load", 1, 0)

    assert (ended, fault.kernels.get("world.interfered")) == ("BUG", 3)
    assert "interference(0: truncate) = 1" in fault.kernels.happened
