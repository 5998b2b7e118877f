# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm review --wrong`: what goes wrong in v8 and in the kernel before it, and why."""

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
# verdicts of review.wrong, in their order
_HEADS = {
    "v8": "only v8 breaks:",
    "v8, the other not held to it": "v8 breaks, and the kernel before it was never meant to keep:",
    "before": "only the kernel before breaks:",
    "both": "both break:",
}


def review_wrong(patch: str | None, seconds: float | None, jobs: int | None,
                 json_path: str | None) -> int:
    """Explore both kernels; the exit code: 1 if something is not written up or halves differ, 130 if
    it was interrupted before."""
    out = output.Output()
    quiet = json_path == "-"
    task = {"do": "wrong", "patch": patch, "halves": [], "seconds": seconds,
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
        for line in [*_told(report), *_rest(report["rest"]), *_bounds(report)]:
            out.line(line)
    output.write_json(json_path, {"schema": SCHEMA, "mail": patch, "wrong": report}, out)
    found = [*report["causes"], *(row["found"] for row in report["rest"] if row["found"])]
    return output.code_of(
        found=not all(cause["mechanisms"] for cause in found) or bool(_differing(report)),
        interrupted=report["interrupted"])


def _differing(report: dict) -> list[str]:
    """Scopes in which halves did not do the same."""
    return [f"{', '.join(['C', *row['differing']])} differ in the scope {row['scope']}, "
            f"{row['kernel']}" for row in report["explored"] if row["differing"]]


def _explored(row: dict) -> str:
    far = "closed" if row["closed"] else f"within {counted(row['depth'], 'operation')}"
    breaks = f"  breaks {', '.join(row['breaks'])}" if row["breaks"] else ""
    return (f"{row['scope']:<30} {row['kernel']:<7} {far:<21} {row['worlds']:>10,} worlds "
            f"{row['transitions']:>12,} transitions {row['seconds']:>6.1f} s{breaks}")


def _told(report: dict) -> list[str]:
    lines = []
    scopes = {row["scope"] for row in report["explored"]}
    searched = f"in {counted(len(scopes), 'scope')}, as far as told above"
    for verdict, head in _HEADS.items():
        mine = [cause for cause in report["causes"] if cause["verdict"] == verdict]
        lines += ["", head if mine else f"{head} nothing {searched}"]
        for what, group in groupby(mine, _what):
            lines += ["", *wrap(what, WIDEST, initial_indent="  ", subsequent_indent="  ",
                                break_on_hyphens=False)]
            for cause in group:
                lines += _cause(cause)
    return lines


def _what(cause: dict) -> str:
    """The finding, or the mechanism, or that there is none."""
    said = []
    for one in cause["mechanisms"]:
        finding = witnesses.findings().get(one["name"])
        said.append(f"{finding.name}  {finding.says} {finding.document}" if finding else
                    f"{one['says']} {one['document']}")
    return " And: ".join(said) or "not written up: understand it first"


def _cause(cause: dict) -> list[str]:
    run, *others = cause["runs"]
    facts = [f"takes {' and '.join(cause['takes'])}"] if cause["takes"] else []
    if cause["verdict"] == "v8, the other not held to it":
        facts.append("the other breaks it as well" if cause["other"] else "the other keeps it")
    elif cause["verdict"] in ("v8", "before") and cause["other"]:
        facts.append("the other breaks it in another way: "
                     + ", ".join(name or "not written up" for name in cause["other"]))
    scopes = list(dict.fromkeys(other["scope"] for other in others if other["scope"] != run["scope"]))
    where = f"; also in {', '.join(scopes)}" if scopes else ""
    return [*wrap(f"{cause['property']}, after {counted(run['length'], 'operation')} in the scope "
                  f"{run['scope']}{where}{'; ' if facts else ''}{'; '.join(facts)}", WIDEST,
                  initial_indent="    ", subsequent_indent="      "),
            *(f"      {one}" for one in run["operations"])]


def _rest(rows: list[dict]) -> list[str]:
    """What properties leave out."""
    lines = ["", *wrap("what properties leave out: a device's store of which nobody says a word; when all "
                       "have gone and all is written, v8's disk beside that of the kernel before:",
                       WIDEST)]
    if not rows:
        lines.append("  not looked at")
    for row in rows:
        far = "closed" if row["closed"] else f"within {counted(row['depth'], 'operation')}"
        said = (f"after {counted(row['found']['length'], 'operation')} v8's has an older store"
                if row["found"] else f"v8's has no older store after {counted(row['runs'], 'run')}")
        lines.append(f"  {row['scope']} ({row['worlds']:,} worlds, {far}): {said}")
        if row["found"]:
            lines += [*wrap(_what(row["found"]), WIDEST, initial_indent="    ",
                            subsequent_indent="    ", break_on_hyphens=False),
                      *(f"      {one}" for one in row["found"]["operations"])]
    return lines


def _bounds(report: dict) -> list[str]:
    """How far all that was said reaches."""
    not_held = sorted({name for row in report["explored"] for name in row["not_held"]})
    unread = sum(row["unread"] for row in report["explored"])
    lines = ["", *_differing(report)]
    if not_held:
        lines.append(f"the kernel before also breaks {', '.join(not_held)}, which nobody meant it to "
                     "keep: why is not asked")
    lines += wrap(
        "These runs are the nearest of their cause that were found in each scope, by operations of the "
        "first actor; a scope tries what its name says (pykmm/review/scopes.py), and beyond it nothing "
        "is said. From a world that breaks a property nothing more is tried for that property.", WIDEST)
    if unread:
        lines.append(f"of {unread:,} runs more that break something, farther away, the cause was not "
                     "looked for")
    x = "X" in report["halves"]
    lines.append("halves C and X did the same on every transition" if x and not _differing(report)
                 else "halves C and X ran" if x else
                 "no half X: there is no patch mail (give one with --patch or PYKMM_PATCH)")
    if report["left"]:
        why = ("interrupted" if report["interrupted"] else "--seconds are over")
        lines += wrap(f"{why}: not explored, or not as far as they go: {'; '.join(report['left'])}",
                      WIDEST)
    return lines
