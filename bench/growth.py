#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""How functions grow with what they walk through, up to 4096 of it.

    python bench/growth.py [--unit instructions|ns] [--plots FOLDER] [--json PATH]

Each sweep (pykmm/bench/sweeps.py) is measured with half C and fitted as 1, log n, n and n log n;
the simplest that explains the numbers is its shape. Instructions are exact, nanoseconds have in
them what the caches of this machine do.

Exit status: 0 none grows faster than it may; 1 one does; 2 wrong use; 3 something that this needs
is missing.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

try:
    from pykmm.bench import growth, plots
    from pykmm.errors import BadInput, Lacking, PykmmError
except ImportError as missing:
    print(f"growth: pykmm is not built ({missing}): python setup.py build_ext --inplace",
          file=sys.stderr)
    sys.exit(3)


def write_json(path: str, found: list[growth.Growth]) -> None:
    text = json.dumps({"schema": growth.SCHEMA, "sweeps": [one.as_json() for one in found]},
                      indent=1) + "\n"
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--json {path}: {error.strerror}") from error


def draw(folder: str, found: list[growth.Growth]) -> None:
    """Without matplotlib the numbers are told all the same."""
    try:
        files = plots.draw(found, Path(folder))
    except Lacking as error:
        print(f"no plots: {error}")
    else:
        print("plots: " + ", ".join(map(str, files)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--unit", choices=growth.UNITS, default="instructions")
    parser.add_argument("--plots", metavar="FOLDER", help="draw growth.png and growth.svg there")
    parser.add_argument("--json", metavar="PATH", help="write points and fits as JSON")
    asked = parser.parse_args()
    try:
        found = growth.measure(unit=asked.unit)
        for one in found:
            print("\n".join(one.lines()))
        if asked.plots:
            draw(asked.plots, found)
        if asked.json:
            write_json(asked.json, found)
    except PykmmError as error:
        print(f"growth: {error}", file=sys.stderr)
        return error.exit_code
    return int(any(one.failed for one in found))


if __name__ == "__main__":
    sys.exit(main())
