# SPDX-License-Identifier: GPL-2.0-only
"""Results of benchmarks as one HTML file that needs nothing else."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from ..bench import compare, machine
from ..bench.compare import Change
from . import bench

SPAN = 1.25         # of the scale for P/C: from 1/SPAN to SPAN
WIDE = 8.0          # and of that for after/before


def page(document: dict[str, Any], changes: Sequence[Change]) -> str:
    """The whole page of a result, with what changed since an earlier one, if there is any."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True,
                              trim_blocks=True, lstrip_blocks=True)
    functions: dict[str, list[dict[str, Any]]] = {}
    for row in document["rows"]:
        functions.setdefault(row["function"], []).append(_shown(row))
    return environment.get_template("bench.html.j2").render(
        document=document, about=machine.line(document["machine"]), functions=functions,
        named=document["halves"][2:], changes=list(bench.changes(list(changes))),
        verdicts=compare.verdicts(changes), span=SPAN, wide=WIDE,
        counted=any(row["instructions"].get("C") is not None for row in document["rows"]))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    within = row["intervals"]
    ratios = [_ratio("P/C", row["ratio_p_c"], within["ratio_p_c"], SPAN, "ratio_p_c" in
                     row["noisy"]),
              _ratio("after/before", row["ratio_after_before"], within["ratio_after_before"], WIDE,
                     "ratio_after_before" in row["noisy"])]
    ratios += [_ratio(f"{name}/C", value, within["ratios"][name], SPAN, name in row["noisy"])
               for name, value in row["ratios"].items()]
    columns = dict.fromkeys((*row["ns"], *row["instructions"]))
    return {
        # the function stands above its rows
        "name": row["name"].partition("/")[2] or row["name"],
        "ns": {name: bench.nanoseconds(row["ns"].get(name)) for name in columns},
        "instructions": {name: "-" if row["instructions"].get(name) is None else
                         f"{row['instructions'][name]:,}" for name in columns},
        "ratios": ratios,
        "remarks": [f"{name}: {why}" for name, why in row["refused"].items()],
    }


def _ratio(title: str, value: float | None, within: Sequence[float] | None, span: float,
           noisy: bool) -> dict[str, Any]:
    """A ratio as words, and as places in percent on a scale from 1/span to span."""
    shown = {"title": title, "value": bench.ratio(value), "noisy": noisy, "places": None}
    if value is not None and within:
        low, high = (_place(edge, span) for edge in within)
        shown |= {"interval": bench.interval(list(within)),
                  "places": {"at": _place(value, span), "low": low, "width": high - low}}
    return shown


def _place(value: float, span: float) -> float:
    part = math.log(max(value, 1e-9)) / math.log(span)
    return round(50 + 50 * min(1.0, max(-1.0, part)), 2)
