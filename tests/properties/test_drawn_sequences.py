# SPDX-License-Identifier: GPL-2.0-only
"""What drawn sequences break with each unit off: each judged property that they are to meet."""

import os

import breaks
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
    (ALL, {"lock_order", "dirtied_pages", "tracked_protection"}),
    (NONE, {"nr_dirty", "lock_order", "dirtied_pages", "anonymous_pages"}),
    (without(6), {"promised_writes", "lock_order", "dirtied_pages", "tracked_protection"}),
])
def test_what_no_sequence_is_known_to_break(units, never):
    assert not broken_with(units) & never


@pytest.mark.parametrize("kernel, known", [
    ("v8", {"tracked_writes", "nr_dirty", "known_contents", "driver_bits"}),
    ("before", {"kept_writes", "promised_writes", "known_contents", "driver_bits"}),
])
def test_every_break_has_a_reason(kernel, known):
    found = breaks.count(kernel, 1, breaks.SHARD, range(SEQUENCES))
    assert found.unexplained == []
    assert set(found.breaks) >= known and found.sequences == SEQUENCES


def test_a_break_without_a_reason_is_told(monkeypatch):
    monkeypatch.delitem(breaks.REASONS, "driver_bits")
    found = breaks.count("v8", 1, breaks.SHARD, range(2000))
    ((name, times, first),) = found.unexplained
    assert (name, times, first) == ("driver_bits", found.breaks["driver_bits"], found.first[name, ""])
    assert times > 0


def test_a_reason_is_of_a_kernel(monkeypatch):
    rows = breaks.REASONS["driver_bits"]
    monkeypatch.setitem(breaks.REASONS, "driver_bits", [(("v8",), *row[1:]) for row in rows])
    found = breaks.count("before", 1, breaks.SHARD, range(2000))
    assert [name for name, *_ in found.unexplained] == ["driver_bits"]
