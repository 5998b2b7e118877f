# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm review --units`: what each unit of the patch is for, explored."""

from rich.table import Table
from rich.text import Text

from ..engine.guarded import Died
from ..errors import HarnessError
from ..report.findings import counted
from ..review.drawn import CASES
from ..review.shortest import SAYS
from . import output
from .answer import answer

SCHEMA = "pykmm.review/1"
# transitions that are not worth a word less
_THOUSAND = 1000


def review_units(patch: str | None, cases: int | None, seed: int, seconds: float | None,
                 json_path: str | None) -> int:
    """Explore and draw without each unit and each two of them; the exit code."""
    out = output.Output()
    task = {"do": "units", "patch": patch, "halves": [], "cases": cases or CASES, "seed": seed,
            "seconds": seconds}
    last = answer(task, json_path, out)
    if isinstance(last, Died):
        raise HarnessError(f"the engine {last.how} while exploring without units")
    report = {"schema": SCHEMA, "mail": patch,
              **{key: value for key, value in last.items() if key != "type"}}
    if json_path != "-":
        out.print(_table(report["units"]))
        drawn = report["units"]["U1"]["drawn"]
        out.line(f"drawn: in how many of {drawn['cases']:,} sequences (seed {drawn['seed']}) it "
                 "breaks without the unit, and holds with it")
        for line in [*_runs(report["units"]), *_whole(report), *_pairs(report["pairs"]),
                     *_equality(report)]:
            out.line(line)
    output.write_json(json_path, report, out)
    return output.GOOD if _holds(report["units"]) else output.FOUND


def _holds(units: dict) -> bool:
    """Each unit has a run, and each run is as it says, by all halves."""
    return all(unit["witness"] and unit["witness"]["ok"] and
               (not unit["seen"] or unit["seen"]["ok"]) for unit in units.values())


def _table(units: dict) -> Table:
    shown = Table(box=None, pad_edge=False)
    for column, how in (("unit", "left"), ("breaks", "left"), ("operations", "right"),
                        ("ms", "right"), ("scope", "left"), ("a user sees", "left"),
                        ("operations", "right"), ("ms", "right"), ("scope", "left"),
                        ("drawn", "right")):
        shown.add_column(column, justify=how)
    for name, unit in units.items():
        seen = unit["seen"]
        shown.add_row(Text(name, style="bold"), unit["property"] or "nothing",
                      *_cells(unit["witness"]), seen["how"] if seen else "nothing", *_cells(seen),
                      _drawn(unit))
    return shown


def _cells(found: dict | None) -> list[str]:
    if not found:
        return ["", "", ""]
    return [str(found["length"]), f"{_THOUSAND * found['seconds']:.1f}", found["scope"]]


def _drawn(one: dict) -> str:
    """In how many drawn sequences the property breaks, or another one does."""
    breaks = one["drawn"]["breaks"]
    if one["property"] in breaks or not breaks:
        return f"{breaks.get(one['property'], 0):,}"
    name, times = next(iter(breaks.items()))
    return f"{times:,} {name}"


def _runs(units: dict) -> list[str]:
    lines = []
    for name, unit in units.items():
        for found, says, far in (
                (unit["witness"], f"without {name} this breaks {unit['property']}: "
                                  f"{unit['statement']}", unit["bound"]),
                (unit["seen"], unit["seen"] and SAYS[unit["seen"]["how"]].format(units=name),
                 unit["seen_bound"])):
            if not found:
                lines += ["", f"{name}: {far}"]
                continue
            lines += ["", f"{name}: {says}", *(f"  {one}" for one in found["operations"]),
                      f"  they part first after: {found['first_difference']}",
                      *(f"  {one}" for one in found["differs"]), f"  {far}"]
    return lines


def _whole(report: dict) -> list[str]:
    """What "shortest" rests on: the record, and what of it was looked at again."""
    lines = ["", "every operation with every value (pykmm/review/shortest/whole.toml, by "
             "tools/witnesses.py):"]
    for row in report["whole"]:
        depths = [depth for of in row["within"].values() for depth in of.values()]
        lines.append(f"  {row['name']}: {row['worlds']:,} worlds, {row['transitions']:,} "
                     f"transitions, within {max(depths)} operations")
    again = report["again"]
    deepest = max(max(of.values()) for row in again for of in row["within"].values())
    lines.append(f"looked at again now: {len(again)} scopes, "
                 f"{sum(row['transitions'] for row in again):,} transitions, within at most "
                 f"{deepest} {'operation' if deepest == 1 else 'operations'}: nothing is shorter")
    if report["whole"]:
        lines.append("left out of all of them: " + "; ".join(_common(report["whole"])))
    return lines


def _common(rows: list[dict]) -> list[str]:
    """What no scope tries, in the order of the first."""
    return [text for text in rows[0]["left_out"]
            if all(text in row["left_out"] for row in rows)]


def _pairs(pairs: dict) -> list[str]:
    lines = ["", "two units off:"]
    for name, pair in pairs.items():
        said = (f"as without {pair['as']} alone" if pair["as"] else
                f"{counted(pair['witness']['length'], 'operation')} break {pair['property']}"
                if pair["witness"] else "nothing breaks")
        healed = "".join(f"; what breaks without {unit} alone holds" for unit in pair["heals"])
        lines.append(f"  {name}: {said}{healed}")
    return lines


def _equality(report: dict) -> list[str]:
    many = sum(one["transitions"] for one in report["equality"])
    halves = ", ".join(report["halves"])
    lines = ["", f"{halves} are alike on all {many:,} transitions of v8 in these scopes (by the first one "
                 "alone where it calls none of the functions)"]
    if report["mail"] is None:
        lines.append("edits without behaviour are shown to have none by half X: give the mail with "
                     "--patch or PYKMM_PATCH")
    else:
        lines.append("X is made from the mail alone, so edits without behaviour have none there")
    return lines
