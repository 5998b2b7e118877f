# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm run FILE`: one saved case, by every half, event by event."""

from pathlib import Path

import click

from ..engine import casefile, core
from ..engine.guarded import Child, Died
from ..engine.halves import NamedHalf
from ..errors import HarnessError
from ..report import findings
from . import options, output


@click.command()
@click.argument("file")
@options.patch_option
@options.half_option
@options.json_option
def run(file, patch, named, json_path) -> int:
    """Run one saved case by all halves: events side by side, first difference marked."""
    output.check_json_path(json_path)
    case = casefile.load(Path(file))
    halves = [NamedHalf.parse(text) for text in named]
    task = {"do": "run", "case": str(Path(file).resolve()), "patch": options.check_patch(patch),
            "halves": [vars(half) for half in halves]}
    out = output.Output()
    with Child(task) as child:
        for message in child.messages():
            last = message
            if not isinstance(message, Died) and message["type"] == "built" and \
                    message["verdict"] != "v8" and json_path != "-":
                out.line(f"the mail: {message['text']}")
    if isinstance(last, Died):
        foreign = [half.name for half in halves] or ["X"]
        who = foreign[0] if task["patch"] or halves else None
        if who is None:
            raise HarnessError(f"the engine {last.how} on {file}")
        output.complain(f"a half {last.how} in {core.FUNCTIONS[case[0]]} on {file}")
        return output.FOUND
    if json_path != "-":
        _print(last, out)
    output.write_json(json_path, {"schema": "pykmm.run/1", "file": file, **{
        key: value for key, value in last.items() if key != "type"}}, out)
    return output.FOUND if last["difference"] else output.GOOD


def _print(found: dict, out: output.Output) -> None:
    out.line(findings.heading(found))
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
    for line in findings.changes(found):
        out.line(line)
    out.line()
    for line in findings.difference(found):
        out.line(line)
