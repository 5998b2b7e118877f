# SPDX-License-Identifier: GPL-2.0-only
"""Medians, intervals and verdicts on planted numbers."""

import random

import pytest

from pykmm.bench import statistics
from pykmm.bench.statistics import Estimate, estimate, ratio

LAYOUTS, ROUNDS = 5, 60


def disturbed(draw: random.Random, times: float = 1.0, *,
              layout_error: float = 0.0) -> tuple[list[list[float]], list[list[float]]]:
    """(C, another `times` as long): rounds of 100 ns on a machine that is not at rest.

    Noise of 1 % of each; in one round of ten something else runs for all of it, and the clock rate
    drifts by 30 %.
    """
    c, other = [], []
    for _ in range(LAYOUTS):
        place = times * (1 + draw.uniform(-layout_error, layout_error))
        busy = [(1 + 0.3 * i / ROUNDS) * (1.8 if draw.random() < 0.1 else 1.0)
                for i in range(ROUNDS)]
        c.append([100 * at * draw.gauss(1, 0.01) for at in busy])
        other.append([100 * place * at * draw.gauss(1, 0.01) for at in busy])
    return c, other


def differing(times: float, seeds: int, **how: float) -> int:
    """In how many of so many measurements the verdict is "different"."""
    found = 0
    for seed in range(seeds):
        c, other = disturbed(random.Random(seed), times, **how)
        found += ratio(other, c).differs
    return found


def test_five_percent_are_found_on_a_disturbed_machine():
    assert differing(1.05, 40) == 40
    assert differing(0.95, 40) == 40


def test_five_percent_are_found_though_addresses_cost_one():
    assert differing(1.05, 40, layout_error=0.01) == 40


def test_nothing_is_found_where_nothing_is():
    assert differing(1.0, 100) == 0
    assert differing(1.0, 100, layout_error=0.03) <= 5


def test_interval_holds_the_truth():
    held = 0
    for seed in range(100):
        c, other = disturbed(random.Random(seed), 1.02, layout_error=0.03)
        of = ratio(other, c)
        held += of.low <= 1.02 <= of.high
    assert held >= 85       # of five layouts only; 95 is for many


def test_what_disturbs_both_is_not_in_their_ratio():
    c, other = disturbed(random.Random(7), 1.05)
    assert ratio(other, c).value == pytest.approx(1.05, abs=0.006)
    assert not ratio(other, c).noisy
    # the other one's rounds, as if they had not been taken with C's
    apart = [random.Random(8).sample(rounds, ROUNDS) for rounds in other]
    assert ratio(apart, c).noisy


def test_layouts_that_disagree_make_it_noisy():
    even = [[1.0, 1.0, 1.001, 0.999] * 10] * 5
    assert not estimate(even).noisy
    uneven = [*even[:3], [1.2] * 40, [1.2] * 40]
    of = estimate(uneven)
    assert of.noisy and not of.differs and of.value == 1.0


def test_rounds_disturbed_one_after_the_other_make_it_noisy():
    """The same values as of independent rounds would give an interval a tenth as wide."""
    steady = [1.0 + 0.001 * (i % 3) for i in range(40)]
    assert not estimate([steady + steady]).noisy
    assert estimate([steady + [1.1 * x for x in steady]]).noisy


def test_same_rounds_give_the_same_interval():
    c, other = disturbed(random.Random(3), 1.01)
    assert ratio(other, c) == ratio(other, c)


@pytest.mark.parametrize(("low", "high", "differs"), [
    (1.005, 1.009, False), (1.011, 1.02, True), (0.98, 0.989, True), (0.98, 0.995, False),
    (0.9, 1.1, False)])
def test_differs_beyond_what_is_called_so(low: float, high: float, differs: bool):
    assert Estimate((low + high) / 2, low, high).differs is differs


def test_too_short_has_no_ratio():
    short = [[0.1] * 8]
    assert ratio(short, [[5.0] * 8]) is None
    assert ratio([[5.0] * 8], short) is None
    # less than nothing: what was taken off was more
    assert ratio([[-1.0] * 8], [[5.0] * 8]) is None


def test_rounds_that_took_less_than_nothing_are_left_out_of_ratios():
    assert ratio([[2.0] * 9], [[1.0] * 8 + [-1.0]]).value == 2.0


def test_nothing_has_no_median():
    for layouts in ([], [[]], [[1.0], []]):
        with pytest.raises(ValueError, match="no rounds"):
            estimate(layouts)


def test_one_round_is_all_there_is():
    assert estimate([[4.0]]) == Estimate(4.0, 4.0, 4.0)
    assert statistics.quartiles([[4.0]]) == (4.0, 4.0)


def test_quartiles_are_of_all_rounds():
    assert statistics.quartiles([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]) == (2.0, 6.0)
