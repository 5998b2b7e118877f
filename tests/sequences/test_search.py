# SPDX-License-Identifier: GPL-2.0-only
"""Drawn sequences find by themselves what only another actor's timing leads to."""

import array

import pytest

from pykmm import paths
from pykmm.engine import core
from pykmm.engine.halves import c_half, p_half
from pykmm.source import counting

SEQUENCES, SEED = 120_000, 4
# kept: a counting half goes on counting into the last row that this thread gave it
ROWS = []


@pytest.fixture(scope="module", params=["C", "P"])
def counted(request):
    """{step or operand of a condition: how often (and, of an operand, how often it held)}."""
    half = c_half(counted=True) if request.param == "C" else p_half(counted=True)
    counters = counting.counters_of(paths.cref())
    job = core.Job([half], counted=[half], seed=SEED)
    runner, watch = core.Runner(sequences=True), bytearray(core.WATCH_BYTES)
    row = array.array("Q", [0]) * counters.total
    core.guard_process()
    try:
        # a first sequence tells the half where to count; from then on it counts every run,
        # and the row must not move
        job.run_shard(runner, 1, 1, core.Stop(), watch, row)
        for i in range(len(row)):
            row[i] = 0
        result = job.run_shard(runner, 1, SEQUENCES, core.Stop(), watch, row)
    finally:
        core.unguard_process()
    assert result["outcomes"]["returned"] == result["done"] == SEQUENCES
    held = {name: row[at] for name, at in counters.branches.items()}
    failed = {name: row[at + 1] for name, at in counters.branches.items()}
    ROWS.append(row)
    return {name: row[at] for name, at in counters.steps.items()}, held, failed, result


def test_truncation_under_nopage_is_found(counted):
    _, held, _, _ = counted
    assert held["NP8/2"] >= 20


def test_pte_filled_under_nopage_is_found(counted):
    steps, _, _, _ = counted
    assert steps["NP10"] >= 5


def test_pte_changed_under_a_copy_is_found(counted):
    _, _, failed, _ = counted
    assert failed["WP10/1"] >= 1


def test_page_that_somebody_else_has_locked_is_found(counted):
    _, held, failed, _ = counted
    # TestSetPageLocked: 1 where it was locked
    assert held["WP2/4"] >= 1
    assert failed["WP2/4"] >= 100


def test_failed_allocations_are_found(counted):
    steps, _, _, _ = counted
    assert min(steps[step] for step in ("WP15", "NP13", "MM24", "MM26", "MF11")) >= 1


def test_other_actors_act(counted):
    result = counted[3]
    assert result["interfered"] > SEQUENCES // 8
