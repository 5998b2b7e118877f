# SPDX-License-Identifier: GPL-2.0-only
"""Would a slowdown be seen?  P with 5 % more work in one step must show in the counts, by itself.

tools/planted.py has the steps, and does all of them; here two functions are tried,
and the others in deep runs (PYKMM_DEEP=1).
"""

import json
import os
import re
import shutil
from pathlib import Path

import planted
import pytest

from pykmm.bench import instructions, rows
from pykmm.engine import core

PYKMM = Path(__file__).resolve().parents[2] / "pykmm"
SAMPLE = ("page_mkclean_one", "clear_page_dirty_for_io")
TRIED = [plant for plant in planted.PLANTS
         if plant.function in SAMPLE or os.environ.get("PYKMM_DEEP") == "1"]
PLANT = next(plant for plant in planted.PLANTS if plant.function == "page_mkclean_one")
COUNTS = {PLANT.row_name: {"C": 200, "P": 202, "before": 150},
          "page_mkclean_one/not there": {"C": 100, "P": 101}}

needs_valgrind = pytest.mark.skipif(not shutil.which("valgrind"),
                                    reason="valgrind is not installed: no instructions are counted")


def _source(plant: planted.Plant) -> str:
    return (PYKMM / plant.file).read_text(encoding="utf-8")


def _with(**more: int) -> instructions.Totals:
    """COUNTS, and so many more by halves in the row that is planted for."""
    return {**COUNTS, PLANT.row_name: {half: count + more.get(half, 0)
                                       for half, count in COUNTS[PLANT.row_name].items()}}


def test_every_function_has_a_plant_for_one_of_its_rows():
    assert sorted(plant.function for plant in planted.PLANTS) == sorted(core.FUNCTIONS)
    assert all(rows.find(plant.row_name) for plant in planted.PLANTS)
    assert all(rows.find(plant.path) for plant in planted.PLANTS if plant.path)


@pytest.mark.parametrize("plant", planted.PLANTS, ids=lambda plant: plant.function)
def test_plant_fits_the_source_as_it_stands(plant):
    text = _source(plant)
    slower, same = plant.slower(text, 3), plant.same(text)

    assert slower.count("kmm_planted()\n") == 1
    assert slower.count(planted.LINK) == 3
    assert same.count("# nothing else") == 1
    assert same.count(f"{plant.local}_renamed") >= 2
    assert same.replace(f"{plant.local}_renamed", plant.local).count("\n") == text.count("\n") + 1


@pytest.mark.parametrize(("more", "wrong"), [
    ({"P": 10}, ""),
    ({"P": 13}, ""),
    ({}, "10 instructions more in .* were counted as 0"),
    ({"P": -10}, "10 instructions more in .* were counted as -10"),
    ({"P": 23}, "10 instructions more in .* were counted as 23"),
    ({"P": 10, "C": 1}, "more than P has changed: .*: C 201, recorded 200"),
    ({"P": 10, "before": 1}, "more than P has changed: .*: before 151, recorded 150"),
])
def test_verdict_wants_p_alone_to_be_slower(more, wrong):
    assert re.fullmatch(wrong, planted.verdict(COUNTS, _with(**more), PLANT))


def test_as_much_is_planted_as_five_percent_and_at_least_one():
    assert planted.more_of(COUNTS, PLANT) == 10
    assert planted.more_of({PLANT.row_name: {"C": 5}}, PLANT) == 1


def _row(ratio: float, width: float) -> dict:
    """A row as `pykmm bench` gives it."""
    return {"name": "f/a", "ratio_p_c": ratio,
            "intervals": {"ratio_p_c": [ratio - width, ratio + width]}}


@pytest.mark.parametrize(("ratio", "width", "said"), [
    (1.05, 0.005, "slower"),
    (0.95, 0.005, "faster"),
    (1.00, 0.005, "same"),
    (1.05, 0.09, "same"),
])
def test_time_verdict_is_by_ratio_and_interval(ratio, width, said):
    assert planted.time_verdict(_row(1.00, 0.005), _row(ratio, width)) == said


def test_additions_make_five_percent_of_a_path():
    assert planted.additions(200.0, 0.25) == 40
    assert planted.additions(1.0, 0.25) == 1


def test_unknown_function_is_refused():
    with pytest.raises(planted.BadInput, match="no function no_such: there are is_shared"):
        planted.chosen(["no_such"])


@needs_valgrind
@pytest.mark.parametrize("plant", TRIED, ids=lambda plant: plant.function)
def test_planted_slowdown_is_seen(plant, copy, tmp_path):
    before = instructions.count(rows.of([plant.function]))
    slower = plant.slower(_source(plant), planted.more_of(before, plant))
    with copy.changed(f"pykmm/{plant.file}", slower):
        counted = copy.run(["-c", planted.COUNT, plant.function], tmp_path)

    assert counted.returncode == 0, counted.stderr
    assert planted.verdict(before, json.loads(counted.stdout), plant) == ""


@needs_valgrind
def test_planted_comment_and_name_change_no_number(copy, tmp_path):
    with copy.changed(f"pykmm/{PLANT.file}", PLANT.same(_source(PLANT))):
        counted = copy.run(["-c", planted.COUNT, PLANT.function], tmp_path)

    assert counted.returncode == 0, counted.stderr
    assert json.loads(counted.stdout) == instructions.count(rows.of([PLANT.function]))
