#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Explore without each unit and each two, and write what was found into pykmm/review/shortest.

    python tools/witnesses.py

A scenario that is not found any more is removed.  The files are the same on every machine.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pykmm.engine import halves
from pykmm.review import shortest
from pykmm.review.ablation import Ablations


def main() -> int:
    files = shortest.files(shortest.facts(Ablations(halves.c_half())))
    shortest.FOLDER.mkdir(exist_ok=True)
    for old in shortest.FOLDER.iterdir():
        if old.name not in files:
            old.unlink()
    for name, text in files.items():
        (shortest.FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(files)} files in {shortest.FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
