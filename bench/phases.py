# SPDX-License-Identifier: GPL-2.0-only
"""Where the time of fuzzing goes: a table of phases, for direct calls and for sequences.

    python bench/phases.py [ROUNDS]

Each loop is timed up to a phase; a phase is the difference of two loops, and the median of
ROUNDS such differences (default 15) is shown with its quartiles.  Sequences have 16 operations.
"""

import statistics
import sys

from pykmm import half, paths
from pykmm.engine import core

PHASES = ("draw, decode", "build", "restore", "run C", "run P", "compare")
CASES = {False: 40_000, True: 8_000}


def spent(upto: list[int], sequences: bool) -> list[int]:
    """Nanoseconds of each phase, from those of the loops up to it."""
    draw, build, restore, first, second, whole = upto
    once = restore - build
    # the first run of a sequence starts from the world as it was built
    restores = once if sequences else 2 * once
    return [draw, build - draw, restores, first - restore, second - restore,
            whole - build - restores - (first - restore) - (second - restore)]


def measure(sequences: bool, rounds: int) -> None:
    halves = [core.Half.load(paths.lib() / "c.so", "C"), core.Half.at(half.ADDRESS, "P")]
    runner = core.Runner(sequences=sequences)
    cases = CASES[sequences]
    rows, totals = [], []
    for seed in range(rounds):
        upto = core.time_phases(core.Job(halves, seed=seed), runner, cases)
        rows.append([ns / cases for ns in spent(upto, sequences)])
        totals.append(upto[-1] / cases)
    print("sequences of 16 operations" if sequences else "direct calls")
    print(f"  {'phase':<14}{'ns a case':>12}{'share':>8}   quartiles")
    total = statistics.median(totals)
    for name, values in zip(PHASES, zip(*rows, strict=True), strict=True):
        low, middle, high = statistics.quantiles(values, n=4)
        print(f"  {name:<14}{middle:>12,.0f}{middle / total:>8.0%}   {low:,.0f} to {high:,.0f}")
    print(f"  {'all':<14}{total:>12,.0f}          {1e9 / total:,.0f} cases/s on one core")


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    for sequences in (False, True):
        measure(sequences, rounds)
