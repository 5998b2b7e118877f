# SPDX-License-Identifier: GPL-2.0-only
"""The rows of a function under pytest-benchmark: what the files bench_<function>.py are made of.

    test_rows = by_rows.of("page_mkclean")

What is timed is a batch of calls, the same number for all columns of a row, with events and with
what puts the world back: columns of a row compare with each other and with nothing else. `pykmm
bench` has the nanoseconds of one call.
"""

from collections.abc import Callable

import pytest

from pykmm.bench import check, rows
from pykmm.bench.row import AFTER, BEFORE, Row
from pykmm.engine import halves, timing

BATCH_NS = 200_000
ROUNDS = 20
COLUMNS = {"C": (halves.c_half, AFTER), "P": (halves.p_half, AFTER),
           "before": (halves.c_half, BEFORE)}


def of(function: str) -> Callable:
    """A test for each row of a function and each column that it has."""
    own = rows.of([function])

    @pytest.mark.parametrize("row,column", [(row, column) for row in own for column in COLUMNS
                                            if row.has_before or column != "before"],
                             ids=lambda value: getattr(value, "name", value))
    def test_rows(benchmark, row: Row, column: str) -> None:
        half, units = COLUMNS[column][0](), COLUMNS[column][1]
        start = row.make(units)
        assert check.unequal(start, [halves.c_half(), half]) is None
        timed = timing.Timed(start)
        timed.run(half)
        timed.learn()
        timed.start()
        calls = _calls(row)
        benchmark.group = row.name
        benchmark.extra_info.update(calls=calls, column=column)

        benchmark.pedantic(timed.steps, args=(half, calls), rounds=ROUNDS, warmup_rounds=1)

        assert timed.is_back()

    return test_rows


_fitted: dict[str, int] = {}


def _calls(row: Row) -> int:
    """How often C does the steps of a row in BATCH_NS: for all of its columns."""
    if row.name not in _fitted:
        timed, c, calls = timing.Timed(row.make(AFTER)), halves.c_half(), 1
        timed.run(c)
        timed.learn()
        timed.start()
        while timed.steps(c, calls) < BATCH_NS / 2:
            calls *= 2
        _fitted[row.name] = calls
    return _fitted[row.name]
