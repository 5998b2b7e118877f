#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Would named cases see a change that both halves have alike?

    python tools/both_halves.py [--jobs N] [--list] [--every N] [--change NAME]... [FUNCTION ...]

Comparing halves tells nothing of what both do. So each condition, call, argument and order of the
functions is changed in both (tools/both/changes.py), and the named cases with expected values
are run: those of the function first, then all of tests/pitfalls and tests/scenarios, up to the first
that fails. A change of which the compiler makes the same code is none. What survives is printed;
tests/quality/equivalent.toml says of each of them why nobody could see it.

Exit status: 0 nothing survives but what is listed there; 1 something else does, or something that is
listed does not; 2 bad arguments.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from both import run  # noqa: E402
from both.changes import FUNCTIONS  # noqa: E402
from both.equivalent import proofs  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("functions", nargs="*", metavar="FUNCTION")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--change", action="append", default=[], metavar="NAME",
                        help="try this one only, by its name as --list tells it; several times")
    parser.add_argument("--every", type=int, default=1, help="try every N-th change only")
    parser.add_argument("--list", action="store_true", help="name the changes, and try none")
    given = parser.parse_args()
    unknown = set(given.functions) - FUNCTIONS
    if unknown:
        parser.error(f"no function {min(unknown)}: there are {', '.join(sorted(FUNCTIONS))}")
    changes = [one for one in run.all_changes()
               if (not given.functions or one.function in given.functions)
               and (not given.change or one.name in given.change)][::given.every]
    missing = set(given.change) - {one.name for one in changes}
    if missing:
        parser.error(f"no change {min(missing)}: --list names them")
    if given.list:
        # as other programs do when who reads them has read enough: `| head`
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        for change in changes:
            print(f"{change.function}  {change.name}")
        return 0
    known = proofs()

    def tell(change, what) -> None:
        if what == run.SURVIVED:
            print(f"{change.function}  {change.name}: survived"
                  + (f", as it may: {known[change.name]}" if change.name in known else ""),
                  flush=True)

    result = run.try_changes(changes, given.jobs, tell)
    count = {what: sum(one == what for one in result.values())
             for what in (run.SEEN, run.SURVIVED, run.SAME_CODE, run.NO_C)}
    unproved = [name for name, what in result.items() if what == run.SURVIVED
                and name not in known]
    disproved = [name for name, what in result.items() if what == run.SEEN and name in known]
    print(f"{len(result)} changes: {count[run.SEEN]} seen, {count[run.SURVIVED]} survived "
          f"({len(unproved)} without a reason), {count[run.SAME_CODE]} are the same code, "
          f"{count[run.NO_C]} are no C")
    for name in disproved:
        print(f"{name}: seen, although tests/quality/equivalent.toml says that nobody could")
    return 1 if unproved or disproved else 0


if __name__ == "__main__":
    sys.exit(main())
