# SPDX-License-Identifier: GPL-2.0-only
"""How often C is said to differ from itself: against a copy of its library, at another address.

    python bench/against_itself.py [--runs 200] [--seconds 0.5] [--json PATH]

A run is a row timed in all layouts. Of 100, at most 5 may say "different"; exit code 1: more do.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# the checkout that this file is in, built in place, if pykmm is not installed
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pykmm import paths
from pykmm.bench import rows
from pykmm.bench.session import LAYOUTS, Session
from pykmm.bench.statistics import Estimate
from pykmm.engine.halves import NamedHalf

MOST = 0.05
AT_ONCE = 20        # rows timed by the same processes


def runs(number: int, seconds: float) -> Iterator[tuple[str, Estimate]]:
    """So many (name of a row, copy/C): every row in turn, never twice in the same layouts."""
    names = [row.name for row in rows.ROWS]
    random.Random(1).shuffle(names)
    wanted = [names[i % len(names)] for i in range(number)]
    with tempfile.TemporaryDirectory(prefix="pykmm-") as folder:
        copy = Path(folder) / "copy.so"
        shutil.copyfile(paths.lib() / "quiet/c.so", copy)
        for start in range(0, number, AT_ONCE):
            some = wanted[start:start + AT_ONCE]
            session = Session(some, seconds * len(some), [NamedHalf("copy", str(copy))],
                              first=LAYOUTS * start)
            for row in session.run().rows:
                if row["ratios"]["copy"] is not None:
                    yield row["name"], Estimate(row["ratios"]["copy"],
                                                *row["intervals"]["ratios"]["copy"])


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--runs", type=int, default=200)
    options.add_argument("--seconds", type=float, default=0.5, help="of each run")
    options.add_argument("--json", metavar="PATH", help="where the ratios go")
    asked = options.parse_args()
    found = list(runs(asked.runs, asked.seconds))
    different = [(name, of) for name, of in found if of.differs]
    for name, of in different:
        print(f"{name}: different: {of.value:.3f} ({of.low:.3f}..{of.high:.3f})")
    noisy = sum(of.noisy for _, of in found)
    print(f"{len(different)} of {len(found)} runs say that C differs from itself "
          f"({len(different) / len(found):.1%}, at most {MOST:.0%}); {noisy} too noisy to tell")
    if asked.json:
        Path(asked.json).write_text(json.dumps([[name, of.value, of.low, of.high]
                                                for name, of in found]), encoding="utf-8")
    return int(len(different) > MOST * len(found))


if __name__ == "__main__":
    sys.exit(main())
