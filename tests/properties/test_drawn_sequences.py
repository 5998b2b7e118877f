# SPDX-License-Identifier: GPL-2.0-only
"""What drawn sequences break with each unit off: each judged property that they are to meet."""

import os

import pytest

from pykmm.engine import core, halves, properties

SEQUENCES = 300_000 if os.environ.get("PYKMM_DEEP") else 15_000
ALL, NONE = 0x7F, 0


def without(*numbers):
    return ALL & ~sum(1 << number - 1 for number in numbers)


def broken_with(units):
    """Those that a kernel is judged by and that broke in any of the sequences."""
    c = halves.c_half()
    job, runner = core.Job([c], seed=20060613, units=units), core.Runner(sequences=True)
    broken = set()
    for index in range(SEQUENCES):
        runner.build(job.case(7, index, True))
        runner.run_checked(c)
        broken.update(runner.judged)
    assert broken <= set(properties.names(properties.JUDGED))
    return broken


@pytest.mark.parametrize("units, met", [
    (without(1), {"kept_writes", "written_at_rest"}),
    *((without(number), {"tracked_writes"}) for number in (2, 3, 4, 6)),
    (NONE, {"tracked_writes"}),
])
def test_without_a_unit_what_it_is_for_breaks(units, met):
    assert broken_with(units) >= met


@pytest.mark.parametrize("units, never", [
    (ALL, {"kept_writes", "lock_order"}),
    (NONE, {"nr_dirty", "lock_order"}),
    (without(6), {"promised_writes", "kept_writes", "written_at_rest", "lock_order"}),
])
def test_what_no_sequence_is_known_to_break(units, never):
    assert not broken_with(units) & never
