#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Count the instructions of each function, in C and in Cython.

    python bench/instructions.py [--record] [--breakdown] [--json PATH]

Two kinds of rows: the hot paths that `pykmm bench` times, and for every function
a few situations found among drawn cases (situations.py).  How they are counted
is said in pykmm/bench/callgrind.py.  Each count is exact: it is taken twice, and
both must be equal.

A row is within bounds if P differs from C by at most 2 % or 2 instructions, or
by what pykmm/bench/known.py says and gives the reason of.  Every number is held
against instructions.json too, which --record writes; with another compiler or
Cython the numbers are others, and only the bounds are looked at.

Exit status: 0 all is so; 1 a row is out of bounds or not as recorded; 2 the
record cannot be read, or a file not written; 3 something that this needs is
missing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = Path(__file__).with_name("instructions.json")
sys.path[:0] = [str(ROOT), str(RECORD.parent)]

try:
    from pykmm.bench import callgrind, instructions
    from pykmm.bench.known import KNOWN
    from pykmm.bench.rows import ROWS
    from pykmm.errors import BadInput, PykmmError
except ImportError as missing:
    print(f"instructions: pykmm is not built ({missing}): python setup.py build_ext --inplace",
          file=sys.stderr)
    sys.exit(3)

Counts = dict[str, dict[str, callgrind.Counted]]


def count_all() -> Counts:
    """Every row of the table by its name: function by function, hot paths before situations."""
    import situations

    tasks = situations.tasks()
    counts = instructions.count_whole(ROWS)
    counts |= {task.name: one
               for task, one in zip(tasks, callgrind.count_each(tasks), strict=True)}
    functions = [row.function for row in ROWS]
    return {name: counts[name] for name in sorted(counts, key=lambda name: functions.index(
        name.partition("/")[0]))}


def print_table(counts: Counts, with_breakdown: bool) -> None:
    out_of_bounds = set(instructions.outside(instructions.totals(counts)))
    function = ""
    print(f"{'instructions':<46}{'C':>8}{'P':>8}{'P-C':>6}{'P/C':>8}{'before':>8}")
    for name, row in counts.items():
        part, _, situation = name.partition("/")
        if part != function:
            function = part
            print(function)
        c, p, old = row["C"].total, row["P"].total, row.get(instructions.OLD)
        print(f"  {situation:<44}{c:>8}{p:>8}{p - c:>+6}{p / c:>8.3f}"
              f"{old.total if old else '':>8}"
              f"{'  OUT OF BOUNDS' if name in out_of_bounds else ''}".rstrip())
        if name not in out_of_bounds and not instructions.within(c, p):
            print(f"      known: {KNOWN[name][1]}")
        if with_breakdown or name in out_of_bounds:
            for line in instructions.breakdown(row["C"].own, row["P"].own):
                print(f"      {line}")
    print(f"{len(counts)} rows, {len(out_of_bounds)} out of bounds "
          f"({instructions.PERCENT} % or {instructions.INSTRUCTIONS} instructions)")


def differs_from_record(counts: instructions.Totals, tools: Mapping[str, str]) -> bool:
    """Say which numbers are not as recorded; False with other tools, with a line that says so."""
    recorded, recorded_by = instructions.read_record(RECORD)
    if recorded_by != tools:
        print(f"not held against {RECORD.name}: that is by {_words(recorded_by)}, this is by "
              f"{_words(tools)}")
        return False
    changed = instructions.changes(recorded, counts)
    for line in changed:
        print(line)
    print(f"numbers that are not as in {RECORD.name}: {len(changed)}"
          + ("; if that is meant, --record them and say why in the commit" if changed else ""))
    return bool(changed)


def _words(tools: Mapping[str, str]) -> str:
    return f"{tools['compiler']}, Cython {tools['cython']}"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}") from None


def run(arguments: argparse.Namespace) -> int:
    counts = count_all()
    totals, tools = instructions.totals(counts), instructions.toolchain()
    print_table(counts, arguments.breakdown)
    if arguments.json:
        _write(arguments.json, json.dumps({"rows": totals, **tools}, indent=1) + "\n")
    if arguments.record:
        _write(RECORD, instructions.record_text(totals, tools))
        print(f"recorded in {RECORD.name}, by {_words(tools)}")
        changed = False
    else:
        changed = differs_from_record(totals, tools)
    return 1 if changed or instructions.outside(totals) else 0


def main() -> None:
    parser = argparse.ArgumentParser(description="Instructions of each function, C against P.")
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name}")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the table there as well")
    parser.add_argument("--breakdown", action="store_true",
                        help="under each row, the functions whose own counts differ")
    try:
        sys.exit(run(parser.parse_args()))
    except PykmmError as error:
        print(f"instructions: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
