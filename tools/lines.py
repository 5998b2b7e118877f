#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What is each line of the patch for: change it, and explore until something goes wrong.

    python tools/lines.py [--only E25] [--write docs/lines.md]

Each row of pykmm/review/lines.toml is built into a C half of its own and explored beside the C
half, in the scopes of `pykmm review --units` and a few more, for three things, each shortest:

  differs    state or trace are not the same
  breaks     a property that v8 keeps there, or how a run ends
  seen       what a user sees: an answer, the disk after fsync, the disk at rest

Exit status: 0; 1 a row that is not once in its file, or does not build.
"""

from __future__ import annotations

import argparse
import multiprocessing
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pykmm import paths
from pykmm.engine import core, halves
from pykmm.patch.table import tomllib
from pykmm.review.ablation import Ablations, Found, Looked
from pykmm.review.scopes import BESIDE, OF_LINES
from pykmm.scenario.ablated import said

LINES = paths.package() / "review/lines.toml"
SECONDS = 120


def build(row: dict, folder: Path) -> Path:
    """The C half with this row's change; raises ValueError if it cannot be."""
    tree = folder / "cref"
    for name in ("mm", "fs", "include"):
        for path in (paths.cref() / name).rglob("*.[ch]"):
            text = path.read_text(encoding="utf-8")
            if path == paths.cref() / row["file"]:
                if text.count(row["old"]) != 1:
                    raise ValueError(f"{row['edit']}: {row['old']!r} is not once in {row['file']}")
                text = text.replace(row["old"], row["new"])
            copy = tree / path.relative_to(paths.cref())
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text, encoding="utf-8")
    library = folder / "changed.so"
    sources = [path for name in ("mm", "fs") for path in sorted((tree / name).glob("*.c"))]
    command = ["gcc", "-fPIC", "-w", "-shared", "-o", library, *paths.c_flags(),
               f"-I{tree}/include", f"-I{paths.cref()}", *sources, paths.cref() / "half.c",
               paths.cref() / "machine/enter.c", f"-L{paths.lib()}", "-lkmm",
               f"-Wl,-rpath,{paths.lib()}"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{row['edit']}: {row['new']!r} does not build: {done.stderr}")
    return library


def told(found: Found | None, looked: list[Looked]) -> str:
    """What it is and after which operations, or how far was looked."""
    if found is None:
        worlds = sum(one.worlds for one in looked)
        return f"no, in {worlds:,} worlds"
    runs = [str(said(action[0])).removeprefix("p0: ") +
            "".join(f" (pause {number}: {said(other)})" for number, other in action[2])
            for action in found.actions]
    return f"{found.what} ({found.length}): {'; '.join(runs)}"


def look(row: dict) -> tuple[dict, list[str] | str]:
    """The row, and what its three explorations say; or why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            other = core.Half.load(build(row, Path(folder)), "changed")
        except ValueError as error:
            return row, str(error)
        whole = Ablations(halves.c_half(), OF_LINES, other)
        differs = whole.difference()
        if differs[0] is None:
            return row, [told(*differs), "", ""]
        beside = Ablations(halves.c_half(), BESIDE, other)
        return row, [told(*differs), told(*whole.broken(0x7F)), told(*beside.seen(0x7F))]


def change_text(row: dict) -> str:
    """What the row does to its line, in one."""
    old, new = (" ".join(row[key].split()).replace("|", "\\|") for key in ("old", "new"))
    return f"`{old}` → `{new}`"


HEAD = """# Lines

What goes wrong when one line of an edit is changed. Written by `tools/lines.py`, which builds
each change into a half of its own and explores it beside C; all units are on. *Differs*: the
shortest run after which state or trace are not C's. *Breaks*: a property that v8 keeps in that
scope, or how a run ends. *Seen*: by a user. In brackets: how many operations; "no" says how many
worlds (or pairs) were looked at, in the scopes of `pykmm review --units` and those of
`tools/lines.py`: a bound, and no proof.

| edit | change | differs | breaks | seen |
|---|---|---|---|---|
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="rows of one edit")
    parser.add_argument("--write", type=Path, help="the table, as a file")
    arguments = parser.parse_args()
    rows = [row for row in tomllib.loads(LINES.read_text(encoding="utf-8"))["line"]
            if arguments.only in (None, row["edit"])]
    rows.sort(key=lambda row: row["edit"])
    text, bad = HEAD, 0
    # each in a process of its own: a half that was changed may do anything
    with multiprocessing.get_context("spawn").Pool(2, maxtasksperchild=1) as pool:
        waiting = [(row, pool.apply_async(look, (row,))) for row in rows]
        for row, result in waiting:
            try:
                _, found = result.get(SECONDS)
            except multiprocessing.TimeoutError:
                found = ["it does not come back", "", ""]
            if isinstance(found, str):
                print(found, file=sys.stderr)
                bad = 1
                continue
            line = f"| {row['edit']} | {change_text(row)} | {' | '.join(found)} |"
            print(line, flush=True)
            text += line + "\n"
    if arguments.write:
        arguments.write.write_text(text, encoding="utf-8")
    return bad


if __name__ == "__main__":
    sys.exit(main())
