# SPDX-License-Identifier: GPL-2.0-only
"""Where the time of fuzzing and of exploring goes: a table of phases for each.

    python bench/phases.py [ROUNDS]

Each loop is timed up to a phase; a phase is the difference of two loops, and the median of
ROUNDS such differences (default 15) is shown with its quartiles.  Times are of the processor for
one thread, on halves C and P.  Sequences have 16 operations; transitions are those of the default
scope from worlds at one depth.

`at least` is what a phase would take if it did nothing but copy and compare images, as fast as
this processor does that with images that it has just used.  docs/performance.md says what it
means.
"""

import statistics
import sys
from collections.abc import Sequence

from pykmm.engine import core, explorer, halves, phases, properties
from pykmm.engine.scope import Scope

CASES = {False: 40_000, True: 8_000}
# what the project wants of each kind, in cases a second on one core
WANTED = {False: 2_000_000, True: 500_000}
# of the default scope; the worlds that are timed are the last ones that were tried
DEPTH, WORLDS = 15, 1_000
IMAGES = 20_000

# a phase, and how many images it copies and compares, in a direct call and in a sequence
CASE_PHASES = (
    ("draw, decode", (0, 0), (0, 0)),
    ("build", (0, 0), (2, 0)),
    ("restore, call", (2, 0), (1, 0)),
    ("run C", (0, 0), (0, 0)),
    ("run P", (0, 0), (0, 0)),
    ("keep, compare", (1, 1), (1, 1)),
)
TRANSITION_PHASES = (
    ("walk", (0, 0)),
    ("act by C", (0, 1)),
    ("act by P, compare", (0, 1)),
    ("canonical form", (0, 0)),
    ("lookup", (0, 0)),
    ("properties", (0, 0)),
)


def of_case(upto: Sequence[float], sequences: bool) -> list[float]:
    """What each of CASE_PHASES took, from what the loops up to a phase took."""
    draw, build, restore, first, second, whole = upto
    once = restore - build
    # the first run of a sequence starts from the world as it was built; that of a direct call is
    # put back while it is compared, which is told here as if it were done before
    restores = once if sequences else 2 * once
    run_c, run_p = first - restore, second - restore
    return [draw, build - draw, restores, run_c, run_p, whole - build - restores - run_c - run_p]


def of_transition(upto: Sequence[float], new: float) -> list[float]:
    """The same of TRANSITION_PHASES; `new`: worlds seen for the first time, in a transition."""
    walk, first, both, form, find, asked = upto
    # a new world is made once more for its properties
    return [walk, first - walk, both - first, form - both, find - form,
            new * (asked - walk + first - walk)]


def limits(runner: core.Runner, images: Sequence[tuple[int, int]]) -> list[float]:
    """The least nanoseconds of phases that copy and compare so many images of the runner."""
    measured = [phases.time_images(runner, IMAGES) for _ in range(5)]
    copy, compare = (min(times) / IMAGES for times in zip(*measured, strict=True))
    return [copied * copy + compared * compare for copied, compared in images]


def show(title: str, names: Sequence[str], rows: list[list[float]], least: list[float]) -> float:
    """Print a table of medians; their total in nanoseconds."""
    totals = [sum(row) for row in rows]
    total = statistics.median(totals)
    print(title)
    print(f"  {'phase':<16}{'ns':>8}{'share':>8}{'at least':>10}   quartiles")
    for name, values, limit in zip(names, zip(*rows, strict=True), least, strict=True):
        low, middle, high = statistics.quantiles(values, n=4)
        print(f"  {name:<16}{middle:>8,.0f}{middle / total:>8.0%}"
              f"{f'{limit:,.0f}' if limit else '-':>10}   {low:,.0f} to {high:,.0f}")
    print(f"  {'all':<16}{total:>8,.0f}{'':>8}{sum(least):>10,.0f}   "
          f"{1e9 / total:,.0f} a second on one core")
    return total


def needed(total: float, runs: float, wanted: int) -> str:
    """What the runs of both halves may take for so many cases a second."""
    room = 1e9 / wanted - (total - runs)
    if total <= 1e9 / wanted:
        return f"  more than {wanted:,} a second"
    return (f"  for {wanted:,} a second with all else as it is, C and P together may take "
            f"{room:,.0f} ns; they take {runs:,.0f}")


def cases(sequences: bool, rounds: int) -> None:
    compared, count = [halves.c_half(), halves.p_half()], CASES[sequences]
    runner, rows = core.Runner(sequences=sequences), []
    for seed in range(rounds):
        upto = phases.time_cases(core.Job(compared, seed=seed), runner, count)
        rows.append(of_case([ns / count for ns in upto], sequences))
    names = [name for name, *_ in CASE_PHASES]
    least = limits(runner, [images[sequences] for _, *images in CASE_PHASES])
    total = show("sequences of 16 operations" if sequences else "direct calls", names, rows, least)
    runs = statistics.median(row[3] + row[4] for row in rows)
    print(needed(total, runs, WANTED[sequences]))


def explored(depth: int) -> tuple[explorer.Explorer, Scope]:
    """The default scope to a depth, by C and P."""
    scope = Scope()
    exploration = explorer.Explorer(
        [halves.c_half(), halves.p_half()], size=scope.size(), files=scope.files(),
        first=scope.first(), actions=scope.actions(), units=scope.units, vmas=scope.vmas,
        processes=scope.processes, properties=properties.ALL, vma_slots=scope.vma_slots,
        depth=depth)
    core.guard_process()
    try:
        while exploration.begin() == "batch":
            exploration.work(0)
            exploration.merge()
    finally:
        core.unguard_process()
    return exploration, scope


def transitions(rounds: int) -> None:
    exploration, scope = explored(DEPTH)
    totals, rows = exploration.totals(), []
    new = totals["worlds"] / totals["transitions"]
    for i in range(rounds):
        first = totals["level"][1] - (i + 2) * WORLDS
        upto, count = exploration.time_phases(first, first + WORLDS)
        rows.append(of_transition([ns / count for ns in upto], new))
    least = limits(core.Runner(**scope.size()), [images for _, images in TRANSITION_PHASES])
    show("transitions of the explorer", [name for name, _ in TRANSITION_PHASES], rows, least)


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    for sequences in (False, True):
        cases(sequences, rounds)
    transitions(rounds)
