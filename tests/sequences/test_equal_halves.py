# SPDX-License-Identifier: GPL-2.0-only
"""Halves leave the same bytes after every sequence, for every set of units."""

import array
import os

import pytest

from pykmm.engine import core

SEQUENCES = 1_000_000 if os.environ.get("PYKMM_DEEP") else 30_000
UNITS = {"all": 0x7F, "none": 0, "mixed": None,
         **{f"U{n + 1} off": 0x7F & ~(1 << n) for n in range(7)}}


@pytest.fixture(scope="session")
def with_x(halves):
    mail = os.environ.get("PYKMM_PATCH")
    if not mail:
        return halves
    from pykmm.patch.half_x import build_x

    return [*halves, core.Half.load(build_x(mail).path, "X")]


@pytest.mark.parametrize("units", UNITS)
def test_halves_are_equal_on_sequences(with_x, units):
    job = core.Job(with_x, seed=1366, units=UNITS[units])
    runner = core.Runner(sequences=True)
    watch, counters = bytearray(core.WATCH_BYTES), array.array("Q", [0])
    core.guard_process()
    try:
        result = job.run_shard(runner, 0, SEQUENCES, core.Stop(), watch, counters)
    finally:
        core.unguard_process()
    assert (result["done"], result["divergences"]) == (SEQUENCES, 0)
    assert result["operations"] > 10 * SEQUENCES
    # nothing that a process can do ends the kernel
    assert {k: n for k, n in result["outcomes"].items() if n} == {"returned": SEQUENCES}


def test_a_difference_in_one_operation_is_seen(halves):
    """Not blind: the same half under other units is another half."""
    runner = core.Runner(sequences=True)
    images = []
    for units in (0x7F, 0):
        job = core.Job(halves, seed=5, units=units)
        runner.build(job.case(0, 0, True))
        runner.run(halves[0])
        images.append(runner.image())
    assert images[0] != images[1]
