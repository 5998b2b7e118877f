# SPDX-License-Identifier: GPL-2.0-only
"""docs/scenarios.md is true, and leaves nothing of the language out."""

import re
from pathlib import Path

import pytest
from written_stories import HALVES, STORED, read

from pykmm.engine import core
from pykmm.errors import BadInput
from pykmm.scenario import build, calls, facts, model, operations, parse, run

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/scenarios.md").read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    return re.findall(r"^```kmm\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


BLOCKS = blocks(PAGE)
ROWS = [row.split("|")[1] for row in PAGE.splitlines()
        if row.startswith("| `") and "holds if" not in row]


@pytest.mark.parametrize("block", [*BLOCKS, *blocks((ROOT / "README.md").read_text("utf-8"))],
                         ids=lambda block: block.splitlines()[0][2:50])
def test_example_of_the_page_holds(block):
    variants = run.run(read(block), HALVES)["variants"]

    assert [(entry["line"], entry["found"]) for variant in variants
            for entry in variant["entries"] if entry["ok"] is False] == []


def statements() -> list[model.Statement]:
    return [line.statement for block in BLOCKS for line in read(block).said]


def test_page_shows_every_operation_and_its_arguments():
    acts = [said for said in statements() if isinstance(said, model.Act)]

    assert {act.operation for act in acts} == {kind for kind, _ in core.OPERATIONS[1:]}
    for name, arguments in operations.ARGUMENTS.items():
        for argument in arguments:
            if argument.name not in operations.OPERANDS[name] and argument.name != "sector":
                assert f"{argument.name}=" in PAGE, (name, argument.name)


def test_page_shows_every_statement():
    shown = {type(said).__name__ for said in statements()}

    assert shown == {kind.__name__ for kind in model.Statement.__args__} - {"Spare"}


def expectations() -> set[str]:
    """Subjects of the table's rows, each read as the grammar does."""
    found = set()
    for row in ROWS:
        for text in re.findall(r"`(.*?)`", row):
            try:
                said = parse.parse(f"expect {text.replace('...', 'WP4')}").lines[0].statement
            except BadInput:
                continue        # a word of one
            found.add(said.what.subject)
    return found


def test_page_shows_every_expectation():
    assert expectations() == set(model._WHAT)


@pytest.mark.parametrize("row", ROWS)
def test_first_expectation_of_each_row_is_one(row):
    text = re.search(r"`(.*?)`", row)[1].replace("...", "WP4")
    variants = run.run(read(f"{STORED}expect {text}\n"), HALVES)["variants"]

    assert variants[0]["entries"][-1]["kind"] == "expect"


def test_page_names_every_kind_of_file_limit_and_function():
    for word in (*build.KINDS, *build.LIMITS, *core.FUNCTIONS, *build.FILE_OPTIONS,
                 *facts.PAGE_COUNTS, *facts.PAGE_LISTS, *facts.FILE_COUNTS):
        assert word.replace("_driver", " driver").replace("_mmap", " mmap").replace(
            "block_", "block ").split()[0] in PAGE, word
    for function, takes in calls.ARGUMENTS.items():
        for name in takes:
            assert f"{name}=" in PAGE, (function, name)
