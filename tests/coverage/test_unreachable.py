# SPDX-License-Identifier: GPL-2.0-only
"""The list of sides that nothing reaches: how it is read, and what is said of each side."""

import pytest

from pykmm import paths
from pykmm.errors import HarnessError
from pykmm.report.coverage import DISPROVED, LISTED, NEVER, Coverage
from pykmm.source import counting, reached, unreachable
from pykmm.source.listing import Line

COUNTERS = counting.counters_of(paths.cref())
ROW = '[[side]]\noperand = "{}"\nside = "{}"\nwhy = "{}"\n'


def test_each_row_of_the_list_has_a_proof():
    proofs = unreachable.proofs(COUNTERS)
    assert proofs
    for side, why in proofs.items():
        operand, _, name = side.partition(" ")
        assert operand in COUNTERS.branches and name in ("true", "false")
        assert why.count(".") >= 1 and len(why) > 80


@pytest.mark.parametrize("text", [
    ROW.format("MM99/1", "true", "why"), ROW.format("MM8/1", "maybe", "why"),
    ROW.format("MM8/1", "true", " "), "[[side]]\nside = 'true'\n",
    2 * ROW.format("MM8/1", "true", "why"),
], ids=["operand", "side", "proof", "nothing", "twice"])
def test_wrong_row_is_refused(text):
    with pytest.raises(HarnessError, match=r"unreachable\.toml"):
        unreachable.proofs(COUNTERS, text)


def coverage(**counts: list[int]) -> Coverage:
    """MF1 and its one operand; counts are of C and of Cython."""
    tally = reached.Tally({"MF1": counts.get("step", [1, 1])},
                          {"MF1/1": (counts.get("true", [1, 1]), counts.get("false", [1, 1]))})
    return Coverage({"mprotect_fixup": tally}, {"MF1/1 false": "it is so"})


@pytest.mark.parametrize(("counts", "missing", "disproved"), [
    ({"false": [0, 0]}, [], []),
    ({"false": [0, 0], "true": [3, 0]}, ["MF1/1 true"], []),
    ({"false": [0, 0], "step": [0, 2]}, ["MF1"], []),
    ({"false": [0, 1]}, [], ["MF1/1 false"]),
    ({}, [], ["MF1/1 false"]),
])
def test_a_side_is_reached_by_both_halves_or_listed_and_reached_by_none(counts, missing, disproved):
    counted = coverage(**counts)
    assert (counted.missing, counted.disproved) == (missing, disproved)


def test_marks_of_sides():
    line = Line(1, "", "MF1", [counting.Place("MF1/1", 1, "a")])

    def marks(half: int, **counts: list[int]) -> list[str]:
        operand, = coverage(**counts).sides_of("mprotect_fixup", line, half)
        return [side["mark"] for side in operand["sides"]]

    assert marks(0, false=[0, 0]) == ["", LISTED]
    assert marks(1, true=[1, 0], false=[0, 0]) == [NEVER, LISTED]
    assert marks(0, false=[1, 0]) == ["", DISPROVED]


def test_tally_is_of_the_half_that_reached_fewest():
    tally = coverage(true=[5, 0], false=[1, 2], step=[0, 1]).tallies["mprotect_fixup"]
    assert (tally.steps_hit, tally.branches_hit, tally.branches_total) == (0, 1, 2)
    assert tally.missing() == ["MF1/1 true"]
    assert reached.totals([tally, tally]) == {"steps": [0, 2], "branches": [2, 4]}
