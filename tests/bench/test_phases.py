# SPDX-License-Identifier: GPL-2.0-only
"""Phases out of the times of loops that go up to them; no clock is asked what it should say."""

import importlib.util
from pathlib import Path

import pytest

from pykmm.engine import core, explorer, halves, phases
from pykmm.errors import HarnessError

_TOOL = Path(__file__).resolve().parents[2] / "bench/phases.py"
_spec = importlib.util.spec_from_file_location("bench_phases", _TOOL)
assert _spec and _spec.loader
bench_phases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bench_phases)


def test_phases_of_a_case_are_the_differences_of_its_loops() -> None:
    # draw 20, build 30, put back 60, C 100, P 110, keep and compare 80
    upto = [20, 50, 110, 210, 220, 20 + 30 + 2 * 60 + 100 + 110 + 80]

    assert bench_phases.of_case(upto, False) == [20, 30, 120, 100, 110, 80]
    # a sequence is put back once, before the second half runs
    upto[-1] -= 60
    assert bench_phases.of_case(upto, True) == [20, 30, 60, 100, 110, 80]


def test_phases_of_a_transition_are_the_differences_of_its_loops() -> None:
    # walk 10, C and put back 100, P and compare 50, form 200, lookup 40; properties of a world 300, asked
    # of one world in four
    upto = [10, 110, 160, 360, 400, 10 + 300]

    assert bench_phases.of_transition(upto, 0.25) == [10, 100, 50, 200, 40, 0.25 * (300 + 100)]


def test_what_is_needed_is_what_all_else_leaves() -> None:
    assert "C and P together may take 1,700 ns; they take 3,200" in bench_phases.needed(
        3_500, 3_200, 500_000)
    assert bench_phases.needed(2_000, 1_700, 500_000) == "  more than 500,000 a second"


@pytest.fixture(scope="module")
def exploration() -> explorer.Explorer:
    return bench_phases.explored(5)[0]


def test_timed_transitions_are_those_that_were_tried(exploration: explorer.Explorer) -> None:
    before = exploration.totals()

    upto, count = exploration.time_phases(0, before["level"][1])

    assert count == before["transitions"] > 1_000
    assert len(upto) == len(bench_phases.TRANSITION_PHASES)
    assert exploration.totals() == before


def test_worlds_that_were_not_tried_are_not_timed(exploration: explorer.Explorer) -> None:
    tried = exploration.totals()["level"][1]
    for first, end in ((0, tried + 1), (3, 3), (4, 3)):
        with pytest.raises(HarnessError, match="have not all been tried"):
            exploration.time_phases(first, end)


@pytest.mark.parametrize("sequences", [False, True])
def test_each_loop_of_cases_is_timed(sequences: bool) -> None:
    runner = core.Runner(sequences=sequences)
    upto = phases.time_cases(core.Job([halves.c_half(), halves.p_half()], seed=1), runner, 100)

    assert len(upto) == len(bench_phases.CASE_PHASES)
    assert len(bench_phases.limits(runner, [(1, 0), (0, 1)])) == 2
