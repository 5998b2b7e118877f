# SPDX-License-Identifier: GPL-2.0-only
"""Results of benchmarks as tables on a terminal."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from ..bench.compare import SAME, Change

NOTHING = "-"


def nanoseconds(value: float | None) -> str:
    """Four digits at most: 4.83, 38.6, 1,334."""
    if value is None:
        return NOTHING
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"


def ratio(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}" if value < 10 else f"{value:.1f}"


def interval(of: list[float] | None) -> str:
    return "" if of is None else f"{ratio(of[0])}..{ratio(of[1])}"


def table(rows: list[dict[str, Any]]) -> Table:
    """One line a row: nanoseconds by column, ratios and their intervals, instructions."""
    named = list(dict.fromkeys(name for row in rows for name in row["ratios"]))
    timed = any(row["rounds"] for row in rows)
    counted = [name for name in dict.fromkeys(name for row in rows for name in row["instructions"])
               if any(row["instructions"].get(name) is not None for row in rows)]
    shown = Table(box=None, pad_edge=False)
    shown.add_column("row", no_wrap=True)
    for title in _titles(named, timed, counted):
        shown.add_column(title, justify="right", no_wrap=True)
    shown.add_column("")
    for row in rows:
        shown.add_row(row["name"], *_cells(row, named, timed, counted), _remark(row))
    return shown


def _titles(named: list[str], timed: bool, counted: list[str]) -> Iterator[str]:
    if timed:
        yield from ("C ns", "P ns", "before ns", *(f"{name} ns" for name in named))
        for title in ("P/C", "after/before", *(f"{name}/C" for name in named)):
            yield from (title, "95 %")
    if counted:
        first, *rest = counted
        yield from (f"instructions {first}", *rest)


def _cells(row: dict[str, Any], named: list[str], timed: bool,
           counted: list[str]) -> Iterator[str]:
    if timed:
        for name in ("C", "P", "before", *named):
            yield nanoseconds(row["ns"].get(name))
        within = row["intervals"]
        yield from (ratio(row["ratio_p_c"]), interval(within["ratio_p_c"]),
                    ratio(row["ratio_after_before"]), interval(within["ratio_after_before"]))
        for name in named:
            yield from (ratio(row["ratios"].get(name)), interval(within["ratios"].get(name)))
    for name in counted:
        count = row["instructions"].get(name)
        yield NOTHING if count is None else f"{count:,}"


def _remark(row: dict[str, Any]) -> str:
    names = [{"ratio_p_c": "P/C", "ratio_after_before": "after/before"}.get(name, f"{name}/C")
             for name in row["noisy"]]
    said = [f"too noisy to tell: {', '.join(names)}"] if names else []
    return "; ".join(said + [f"{name}: {why}" for name, why in row["refused"].items()])


def changes(found: list[Change]) -> Iterator[str]:
    """A line for each column that is not the same as in the earlier run."""
    for change in found:
        if change.verdict == SAME:
            continue
        told = []
        if change.ratio:
            value, low, high = change.ratio
            told.append(f"time x {value:.3f} ({low:.3f}..{high:.3f})")
        if change.instructions and change.instructions[0] != change.instructions[1]:
            told.append("instructions {:,} -> {:,}".format(*change.instructions))
        yield f"{change.row}: {change.column} {change.verdict}: {', '.join(told)}"
