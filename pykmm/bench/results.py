# SPDX-License-Identifier: GPL-2.0-only
"""What a run of the benchmarks gives: rows as plain data, schema pykmm.bench/1."""

from typing import Any

from . import statistics
from .measuring import Samples
from .row import Row
from .statistics import Estimate

SCHEMA = "pykmm.bench/1"
COLUMNS = ("C", "P", "before")


def row_of(row: Row, samples: Samples) -> dict[str, Any]:
    """A row of the result.

    ns : column -> nanoseconds of the steps, or None; intervals["ns"] has [low, high]
    yardsticks : column -> [value, low, high]   the same in rounds of the work that never changes
    ratio_p_c, ratio_after_before : float or None, as medians of ratios within rounds
    ratios : column -> ratio to C of a half that the user named
    around : column -> [nanoseconds, lower, upper quartile] of putting the world back, taken off
    noisy : names of ratios whose interval is too wide to tell anything from
    refused : column -> why it was not timed
    """
    columns = samples.columns
    ratios = {name: statistics.ratio(columns[name], columns["C"])
              for name in columns if name not in ("C", "before")}
    if "before" in columns:
        ratios["after_before"] = statistics.ratio(columns["C"], columns["before"])
    ns = {name: statistics.estimate(rounds) for name, rounds in columns.items()}
    p_c, change = ratios.pop("P"), ratios.pop("after_before", None)
    named = {"ratio_p_c": p_c, "ratio_after_before": change, **ratios}
    return {
        "name": row.name,
        "function": row.function,
        "size": row.size,
        "ns": {name: _value(ns.get(name)) for name in dict.fromkeys((*COLUMNS, *columns))},
        "instructions": dict.fromkeys(COLUMNS),
        "ratio_p_c": _value(p_c),
        "ratio_after_before": _value(change),
        "ratios": {name: _value(one) for name, one in ratios.items()},
        "intervals": {
            "ns": {name: _interval(one) for name, one in ns.items()},
            "ratio_p_c": _interval(p_c),
            "ratio_after_before": _interval(change),
            "ratios": {name: _interval(one) for name, one in ratios.items()},
        },
        "quartiles": {name: [_short(q) for q in statistics.quartiles(rounds)]
                      for name, rounds in columns.items()},
        "yardsticks": {name: _whole(_in_yardsticks(rounds, samples.yardstick))
                       for name, rounds in columns.items()},
        "around": {name: [_short(statistics.estimate(rounds).value),
                          *map(_short, statistics.quartiles(rounds))]
                   for name, rounds in samples.around.items()},
        "rounds": len(samples.yardstick),
        "calls": samples.calls,
        "noisy": [name for name, one in named.items() if one and one.noisy],
        "refused": samples.refused,
    }


def untimed(row: Row) -> dict[str, Any]:
    """The same of a row that was only counted."""
    nothing: dict[str, Any] = {key: {} for key in ("ratios", "quartiles", "yardsticks", "around",
                                                   "calls", "refused")}
    return {"name": row.name, "function": row.function, "size": row.size,
            "ns": dict.fromkeys(COLUMNS), "instructions": dict.fromkeys(COLUMNS),
            "ratio_p_c": None, "ratio_after_before": None, **nothing,
            "intervals": {"ns": {}, "ratio_p_c": None, "ratio_after_before": None, "ratios": {}},
            "rounds": 0, "noisy": []}


def _in_yardsticks(rounds: list[float], yardstick: list[float]) -> Estimate:
    return statistics.estimate([a / b for a, b in zip(rounds, yardstick, strict=True)])


def _short(number: float) -> float:
    """Six digits: more were never measured."""
    return float(f"{number:.6g}")


def _value(of: Estimate | None) -> float | None:
    return None if of is None else _short(of.value)


def _interval(of: Estimate | None) -> list[float] | None:
    return None if of is None else [_short(of.low), _short(of.high)]


def _whole(of: Estimate) -> list[float]:
    return [_short(of.value), _short(of.low), _short(of.high)]
