# SPDX-License-Identifier: GPL-2.0-only
"""Lines of the edits are changed one by one, and what goes wrong is found."""

import importlib.util
import shutil
from pathlib import Path

import pytest

from pykmm import paths
from pykmm.patch import table

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def lines():
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc to build a half with")
    spec = importlib.util.spec_from_file_location("lines", ROOT / "tools/lines.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows(lines) -> list[dict]:
    return lines.tomllib.loads(lines.LINES.read_text(encoding="utf-8"))["line"]


def row_of(rows: list[dict], edit: str, new: str) -> dict:
    return next(row for row in rows if row["edit"] == edit and row["new"].strip() == new)


def test_each_row_is_once_in_its_file_and_of_an_edit(rows: list[dict]) -> None:
    edits = {edit.id for edit in table.load().edits}
    assert {row["edit"] for row in rows} <= edits
    for row in rows:
        text = (paths.cref() / row["file"]).read_text(encoding="utf-8")
        assert text.count(row["old"]) == 1 and row["old"] != row["new"], row
    texts = [(row["file"], row["old"], row["new"]) for row in rows]
    assert len(set(texts)) == len(texts)


def test_half_of_a_test_that_is_left_out_has_a_shortest_run(lines, rows: list[dict]) -> None:
    #   E25: a clean pte that may be written to stays so
    _, (differs, breaks, seen) = lines.look(row_of(rows, "E25", "pte_dirty(*pte)"))
    assert differs.startswith("differs (") and not breaks.startswith("no, in")
    assert seen.startswith(("no, in ", "synced ("))


def test_reference_that_is_not_taken_is_found(lines, rows: list[dict]) -> None:
    #   E08: dirty_page is put back without having been got: freed while it is mapped
    _, (_, breaks, _) = lines.look(row_of(rows, "E08", "dirty_page = new_page;"))
    assert breaks.endswith(" (1): mmap f0 at=0 flags=shared|locked")


def test_every_row_is_in_the_table(lines, rows: list[dict]) -> None:
    text = (ROOT / "docs/lines.md").read_text(encoding="utf-8")
    assert text.startswith(lines.HEAD)
    for row in rows:
        assert f"| {row['edit']} | {lines.change_text(row)} | " in text
    assert text.count("\n| E") == len(rows)


def test_row_that_is_not_in_its_file_is_told(lines) -> None:
    _, why = lines.look({"edit": "E25", "file": "mm/rmap.c", "old": "no such line", "new": ""})
    assert why == "E25: 'no such line' is not once in mm/rmap.c"
