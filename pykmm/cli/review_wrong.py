# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm review --wrong`: what only one of both kernels breaks."""

import os
from itertools import groupby
from textwrap import wrap

from ..engine.guarded import Child, Died
from ..errors import HarnessError
from ..report.findings import counted
from ..review import witnesses
from . import interrupt, output

SCHEMA = "pykmm.review/1"
WIDEST = 100        # columns of prose; more is hard to read
_HEADS = {
    "v8": "v8 breaks, and the kernel before it keeps:",
    "before": "the kernel before breaks, and v8 keeps:",
    "both": "both break:",
}


def review_wrong(seconds: float | None, jobs: int | None, json_path: str | None) -> int:
    """Explore both kernels; the exit code: 1 if a cause is in no table."""
    out = output.Output()
    quiet = json_path == "-"
    task = {"do": "wrong", "patch": None, "halves": [], "seconds": seconds,
            "jobs": jobs or os.cpu_count() or 1}
    last: dict | Died = {}
    with Child(task) as child, interrupt.instead(child.stop):
        for last in child.messages():
            if isinstance(last, dict) and last["type"] == "explored" and not quiet:
                out.line(_explored(last))
    if isinstance(last, Died):
        raise HarnessError(f"the engine {last.how} while exploring both kernels")
    report = {key: value for key, value in last.items() if key != "type"}
    if not quiet:
        for line in _told(report["causes"]):
            out.line(line)
        if report["interrupted"]:
            out.line("stopped early: not every scope was explored")
    output.write_json(json_path, {"schema": SCHEMA, "wrong": report}, out)
    return output.code_of(found=not all(_is_known(cause) for cause in report["causes"]),
                          interrupted=report["interrupted"])


def _is_known(cause: dict) -> bool:
    return "finding" in cause or "is" in cause


def _explored(row: dict) -> str:
    far = "closed" if row["closed"] else f"within {counted(row['depth'], 'operation')}"
    breaks = f"  breaks {', '.join(row['breaks'])}" if row["breaks"] else ""
    return (f"{row['scope']:<28} {row['kernel']:<7} {far:<21} {row['worlds']:>10,} worlds "
            f"{row['transitions']:>12,} transitions {row['seconds']:>6.1f} s{breaks}")


def _told(causes: list[dict]) -> list[str]:
    lines = []
    for kernel, head in _HEADS.items():
        mine = [cause for cause in causes if cause["kernel"] == kernel]
        lines += ["", head if mine else f"{head} nothing"]
        mine.sort(key=_what)
        for what, group in groupby(mine, _what):
            lines += ["", *wrap(what, WIDEST, initial_indent="  ", subsequent_indent="  ",
                                break_on_hyphens=False)]
            for cause in group:
                lines += _cause(cause)
    return [*lines, "", "this is a bound, and no proof of anything beyond these scopes",
            "tracked_writes is not asked of the kernel before, which tracks none"]


def _what(cause: dict) -> str:
    if "finding" in cause:
        finding = witnesses.findings()[cause["finding"]]
        return f"{finding.name}  {finding.says} {finding.document}"
    return cause.get("is", "not written up: understand it first")


def _cause(cause: dict) -> list[str]:
    run, *others = cause["runs"]
    takes = f", takes {cause['takes']}" if cause["kernel"] == "v8" else ""
    where = f"; also in {', '.join(other['scope'] for other in others)}" if others else ""
    return [f"    {cause['property']}, after {counted(run['length'], 'operation')} "
            f"({run['scope']}{where}){takes}",
            *(f"      {one}" for one in run["operations"])]
