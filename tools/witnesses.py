#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Explore without each unit and each two, and write what was found into pykmm/review/shortest.

    python tools/witnesses.py [--runs] [--jobs N]

First the shortest runs of small scopes, then whole alphabets (shortest/whole.toml), which show that
no run is shorter: some minutes.  --runs: the runs alone, in seconds.  A scenario that is not
found any more is removed.  The files are the same on every machine.

Exit status: 0; 1 a run of a whole alphabet is shorter than those of small scopes: it is told, and
nothing is written, as a small scope (scopes.OF_UNITS) lacks what it needs.
"""

import argparse
import multiprocessing
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pykmm.engine import halves
from pykmm.review import proof, shortest
from pykmm.review.ablation import Ablations
from pykmm.review.scopes import WHOLE
from pykmm.scenario.ablated import said


def _look(task: tuple[str, proof.Lengths]) -> tuple[proof.Row, list[str]]:
    name, lengths = task
    row, found = proof.look(name, lengths)
    return row, [f"without {unit} {one.what} after {one.length} operations of {name}: "
                 + "; ".join(str(said(action[0])) for action in one.actions)
                 for (unit, _), one in found.items()]


def look_at_all(lengths: proof.Lengths, jobs: int) -> list[proof.Row] | None:
    """Every whole alphabet; None: something is shorter, and was told."""
    rows, shorter, start = [], [], time.monotonic()
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for row, found in pool.imap(_look, [(name, lengths) for name in WHOLE]):
            rows.append(row)
            shorter += found
            print(f"{time.monotonic() - start:8.1f} s  {row.scope}: {row.worlds:,} worlds, "
                  f"{row.transitions:,} transitions", flush=True)
            for text in found:
                print(text, file=sys.stderr)
    return None if shorter else rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", action="store_true", help="no whole alphabets")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count(),
                        help="processes for whole alphabets")
    arguments = parser.parse_args()
    ablations = Ablations(halves.c_half())
    if not arguments.runs:
        rows = look_at_all(proof.lengths_of(ablations.singles()), arguments.jobs)
        if rows is None:
            return 1
        proof.RECORD.write_text(proof.text_of(rows), encoding="utf-8")
        proof.saved.cache_clear()
    files = shortest.files(shortest.facts(ablations))
    for old in shortest.FOLDER.iterdir():
        if old.name not in files and old != proof.RECORD:
            old.unlink()
    for name, text in files.items():
        (shortest.FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(files)} files in {shortest.FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
