# SPDX-License-Identifier: GPL-2.0-only
"""What a run of the benchmarks gives: rows as plain data, schema pykmm.bench/1."""

from collections.abc import Sequence
from typing import Any

from . import statistics
from .measuring import Samples
from .row import Row
from .statistics import Estimate, Layouts

SCHEMA = "pykmm.bench/1"
COLUMNS = ("C", "P", "before")


def untimed(row: Row) -> dict[str, Any]:
    """A row of the result that was not timed; of one that was, row_of tells what is in it."""
    nothing: dict[str, Any] = {key: {} for key in ("ratios", "quartiles", "yardsticks", "around",
                                                   "calls", "refused", "lent")}
    return {"name": row.name, "function": row.function, "size": row.size,
            "ns": dict.fromkeys(COLUMNS), "instructions": dict.fromkeys(COLUMNS),
            "ratio_p_c": None, "ratio_after_before": None, **nothing,
            "intervals": {"ns": {}, "ratio_p_c": None, "ratio_after_before": None, "ratios": {}},
            "layouts": 0, "rounds": 0, "noisy": []}


def row_of(row: Row, layouts: Sequence[Samples]) -> dict[str, Any]:
    """A row of the result, of what was measured in each layout.

    ns : column -> nanoseconds of the steps, or None; intervals["ns"] has [low, high]
    yardsticks : column -> [value, low, high]   the same in rounds of the work that never changes
    ratio_p_c, ratio_after_before : float or None, as medians of ratios within rounds
    ratios : column -> ratio to C of a half that the user named
    around : column -> [nanoseconds, lower, upper quartile] of putting the world back, taken off
    noisy : names of ratios whose interval is too wide to tell anything from
    rounds : in all layouts; calls : column -> how often a round of the first one did the steps
    refused : column -> why it was not timed
    lent : column -> functions of the row that the half has not: C's would have been timed
    """
    columns = {name: [samples.columns[name] for samples in layouts]
               for name in layouts[0].columns}
    ns = {name: statistics.estimate(rounds) for name, rounds in columns.items()}
    ratios = _ratios(columns)
    p_c, change = ratios["ratio_p_c"], ratios["ratio_after_before"]
    named = {name: one for name, one in ratios.items() if not name.startswith("ratio_")}
    return untimed(row) | {
        "ns": {name: _value(ns.get(name)) for name in dict.fromkeys((*COLUMNS, *columns))},
        "ratio_p_c": _value(p_c),
        "ratio_after_before": _value(change),
        "ratios": {name: _value(one) for name, one in named.items()},
        "intervals": {
            "ns": {name: _interval(one) for name, one in ns.items()},
            "ratio_p_c": _interval(p_c),
            "ratio_after_before": _interval(change),
            "ratios": {name: _interval(one) for name, one in named.items()},
        },
        "quartiles": {name: _short(*statistics.quartiles(rounds))
                      for name, rounds in columns.items()},
        "yardsticks": {name: _in_yardsticks(rounds, [samples.yardstick for samples in layouts])
                       for name, rounds in columns.items()},
        "around": {name: _around([samples.around[name] for samples in layouts])
                   for name in columns},
        "layouts": len(layouts),
        "rounds": sum(len(samples.yardstick) for samples in layouts),
        "calls": layouts[0].calls,
        "noisy": [name for name, one in ratios.items() if one and one.noisy],
        "refused": layouts[0].refused,
        "lent": layouts[0].lent,
    }


def _ratios(columns: dict[str, Layouts]) -> dict[str, Estimate | None]:
    """ratio_p_c, ratio_after_before, and of the user's halves by their names."""
    c = columns["C"]
    found = {"ratio_p_c": statistics.ratio(columns["P"], c),
             "ratio_after_before": statistics.ratio(c, columns["before"])
             if "before" in columns else None}
    return found | {name: statistics.ratio(rounds, c) for name, rounds in columns.items()
                    if name not in COLUMNS}


def _in_yardsticks(column: Layouts, yardstick: Layouts) -> list[float]:
    of = statistics.estimate([[a / b for a, b in zip(*rounds, strict=True)]
                              for rounds in zip(column, yardstick, strict=True)])
    return _short(of.value, of.low, of.high)


def _around(layouts: Layouts) -> list[float]:
    return _short(statistics.median(layouts), *statistics.quartiles(layouts))


def _short(*numbers: float) -> list[float]:
    """With six digits: more were never measured."""
    return [float(f"{number:.6g}") for number in numbers]


def _value(of: Estimate | None) -> float | None:
    return None if of is None else _short(of.value)[0]


def _interval(of: Estimate | None) -> list[float] | None:
    return None if of is None else _short(of.low, of.high)
