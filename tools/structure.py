#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Have both halves of every mirrored function one structure?

    python tools/structure.py [FUNCTION ...]

Reads C with tree-sitter and Cython with Cython's own parser, brings both into one form, and
compares: result, arguments, locals, steps and edits, and every statement with its step, in order.
What may be spelled differently is the table in tools/twins/spellings.py.

Prints OK for each function, or each difference with file and line of both halves.

Exit status: 0 no difference; 1 a difference; 2 bad arguments; 3 something it needs is missing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

try:
    from tools.twins.compare import ALL_TWINS, Difference, Twins, names_of
except ModuleNotFoundError as missing:
    print(f"tools/structure.py needs {missing.name}: pip install 'cython>=3.1' tree-sitter "
          "tree-sitter-c", file=sys.stderr)
    sys.exit(3)


def read(path: Path) -> str:
    """A source; ends the program if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as why:
        print(f"{path}: cannot be read: {why}", file=sys.stderr)
        sys.exit(3)


def wanted(names: list[str], known: list[str], parser: argparse.ArgumentParser) -> list[str]:
    """The functions to report on: those named, or all."""
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"no function {unknown[0]} in cref; there are {', '.join(known)}")
    return names or known


def main() -> int:
    parser = argparse.ArgumentParser(description="compare the structure of both halves")
    parser.add_argument("function", nargs="*", help="only these (all)")
    chosen = parser.parse_args().function
    known: list[str] = []
    found: list[Difference] = []
    for c, p in ALL_TWINS.items():
        twins = Twins(c, read(ROOT / "cref" / c), read(ROOT / "pykmm" / p))
        known += names_of(twins.c)
        found += twins.differences()
    names = wanted(chosen, known, parser)
    # what belongs to no function is said whatever was asked for
    found = [d for d in found if not d.function or d.function in names]
    for name in names:
        if not any(d.function == name for d in found):
            print(f"OK  {name}")
    for difference in found:
        print(difference)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
