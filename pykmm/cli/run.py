# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm run FILE`: one saved case or scenario, by every half, event by event."""

import os
import re
from pathlib import Path

import click

from ..engine import casefile, finding
from ..engine.guarded import Died
from ..engine.halves import BUILT_IN
from ..errors import BadInput, HarnessError
from ..report import findings
from ..review import evidence, witnesses
from . import interrupt, options, output, streams
from .answer import answer
from .scenario import run_scenario


@click.command()
@click.argument("file", metavar="FILE|U3|F2")
@options.patch_option
@options.half_option
@options.json_option
def run(file, patch, named, json_path) -> int:
    """Run one saved case, or a scenario (.kmm), by all halves: events side by side.

    The first difference is marked. Of a scenario it shows what each operation changes, and which
    expectations hold; 1 if one does not. The run that needs a unit (U3), or that shows what is
    wrong with the patch (F2), is run by its name, where no file is called so.
    """
    file = _named(file)
    output.check_json_path(json_path)
    interrupt.begins(json_path, file=file, schema="pykmm.scenario/1" if file.endswith(".kmm") else
                     "pykmm.run/1")
    if file.endswith(".kmm"):
        return run_scenario(file, options.check_patch(patch), named, json_path)
    case = casefile.load(Path(file))
    patch = options.check_patch(patch)
    task = {"do": "run", "case": case.hex(), "patch": patch,
            "halves": [vars(half) for half in options.parse_halves(named, patch)]}
    out = output.Output()
    last = answer(task, json_path, out)
    if isinstance(last, Died):
        return _report_death(last, file, json_path, out)
    if json_path != "-":
        _print(last, out)
    output.write_json(json_path, {"schema": "pykmm.run/1", "file": file, **{
        key: findings.lasting(value) for key, value in last.items() if key != "type"}}, out)
    return output.FOUND if last["difference"] else output.GOOD


def _named(file: str) -> str:
    if os.path.exists(file):
        return file
    named = witnesses.file_of(file, evidence.folder())
    if not named and re.fullmatch(r"[A-Za-z]\d+", file):
        raise BadInput(f"{file}: no such file, and no run is called so: there are "
                       f"{', '.join([*witnesses.witnesses(), *witnesses.findings()])}")
    return str(named) if named else file


def _report_death(died: Died, file: str, json_path: str | None, out: output.Output) -> int:
    if not died.running:
        raise HarnessError(f"the engine {died.how} on {file}, and no half was running")
    half, case = died.running[0]
    function = finding.function_of(case)
    streams.complain(f"half {half} {died.how} in {finding.place_of(case)} on {file}")
    output.write_json(json_path, {
        "schema": "pykmm.run/1", "file": file,
        "failed": {"half": half, "how": died.how, "function": function}}, out)
    return output.LACKING if half in BUILT_IN else output.FOUND


def _print(found: dict, out: output.Output) -> None:
    out.line(findings.heading(found))
    for line in findings.operations(found):
        out.line(line)
    out.line()
    for line in findings.side_by_side(found):
        out.line(line)
    ended = {half["ended"] for half in found["halves"]}
    if len(ended) == 1:
        out.line(f"  {ended.pop()}")
    else:
        for half in found["halves"]:
            out.line(f"  {half['name']:<3} {half['ended']}")
    out.line()
    for part in (findings.changes(found), findings.world(found)):
        for line in part:
            out.line(line)
        if part:
            out.line()
    for line in findings.difference(found):
        out.line(line)
