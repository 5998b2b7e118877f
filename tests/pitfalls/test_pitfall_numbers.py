# SPDX-License-Identifier: GPL-2.0-only
"""Every pitfall has a test, and its number leads there."""

import re
from pathlib import Path

HERE = Path(__file__).parent
NAME = re.compile(r"^def (test_pitfall_(\d\d)_\w+)\(", re.MULTILINE)


def pitfalls() -> dict[str, list[tuple[int, str]]]:
    """{file: [(number, name)]}, in the order in which they stand there."""
    return {file.name: [(int(number), name) for name, number in NAME.findall(file.read_text())]
            for file in sorted(HERE.glob("test_pitfalls_*.py"))}


def test_numbers_are_all_there():
    assert sorted({number for found in pitfalls().values() for number, _ in found}) == \
        list(range(1, 41))


def test_numbers_stand_in_order_and_in_the_file_that_says_so():
    for file, found in pitfalls().items():
        first, last = map(int, re.findall(r"\d\d", file))
        numbers = [number for number, _ in found]
        assert numbers == sorted(numbers), file
        assert set(numbers) == set(range(first, last + 1)), file


def test_names_are_unique_and_nothing_else_stands_there():
    found = [name for names in pitfalls().values() for _, name in names]
    assert len(found) == len(set(found))
    for file in HERE.glob("test_pitfalls_*.py"):
        every = re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)
        assert every == [name for _, name in pitfalls()[file.name]]
