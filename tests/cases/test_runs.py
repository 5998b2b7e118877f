# SPDX-License-Identifier: GPL-2.0-only
"""Shards of cases run with both halves: legal ones end well, wild ones end somehow, all alike."""

import pytest

from pykmm.engine import core

CASES = 20_000


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("wild", [False, True], ids=["legal", "wild"])
def test_c_and_p_are_equal_on_drawn_cases(halves, run_shard, seed, wild):
    job = core.Job(halves, seed=seed, wild=wild, keep_going=True)
    result, _ = run_shard(job, CASES)
    assert result["done"] == CASES and not result["stopped"]
    assert result["divergences"] == 0
    assert sum(result["outcomes"].values()) == CASES
    # functions are called in turn
    assert max(result["calls"]) - min(result["calls"]) <= 1


def test_legal_cases_return_or_are_a_bug(halves, run_shard):
    result, _ = run_shard(core.Job(halves[:1], seed=1), CASES)
    outcomes = result["outcomes"]
    assert {name for name, times in outcomes.items() if times} == {"returned", "BUG"}
    assert outcomes["returned"] > outcomes["BUG"] * 4


def test_wild_cases_stay_inside_their_world_and_end(halves, run_shard):
    # pointers of wild worlds are NULL or lead to something of their kind
    result, _ = run_shard(core.Job(halves[:1], seed=1, wild=True), CASES)
    outcomes = result["outcomes"]
    assert outcomes["stray access"] == 0
    # what the kernel would wait for in vain, or try again for ever
    assert outcomes["hang"] <= CASES // 500
    # and they do end in the ways that edits can bring about
    for name in ("returned", "BUG", "oops", "lock taken twice"):
        assert outcomes[name] >= 20, f"{name}: {outcomes}"
