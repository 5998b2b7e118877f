# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm review`: the patch as a reviewer reads it."""

import click

from ..engine.guarded import Died
from ..engine.halves import BUILT_IN
from ..errors import BadInput, HarnessError
from ..report import claims as rendering
from ..review import claims as table
from ..review import evidence
from . import options, output, streams
from .answer import answer

SCHEMA = "pykmm.review/1"
WIDEST = 100        # columns of prose; more is hard to read


@click.command()
@click.option("--claims", is_flag=True,
              help="What the mail says of the patch, and whether it is so.")
@options.patch_option
@options.json_option
def review(claims, patch, json_path) -> int:
    """Show what the patch is, part by part.

    --claims: each sentence of the mail that says how the kernel behaves, the scenarios that test
    it, and the verdict, which is found again by running them. 1 if one is not as in the table, or
    if the mail says other things than v8's.
    """
    if not claims:
        raise BadInput("review: say what to show: --claims")
    output.check_json_path(json_path)
    return _review_claims(options.check_patch(patch), json_path)


def _review_claims(patch: str | None, json_path: str | None) -> int:
    out = output.Output()
    reading = table.read(patch) if patch else None
    judged = None
    if evidence.folder() is not None:
        last = answer({"do": "claims", "patch": patch, "halves": []}, json_path, out)
        if isinstance(last, Died):
            return _report_death(last, json_path, out)
        judged = last["judged"]
    report = {"schema": SCHEMA, "mail": patch, **rendering.facts(table.load(), reading, judged)}
    if json_path != "-":
        for line in rendering.lines(report, min(WIDEST, out.console.width)):
            out.line(line)
    output.write_json(json_path, report, out)
    return output.GOOD if report["agrees"] else output.FOUND


def _report_death(died: Died, json_path: str | None, out: output.Output) -> int:
    if not died.running:
        raise HarnessError(f"the engine {died.how} on the claims, and no half was running")
    half = died.running[0][0]
    streams.complain(f"half {half} {died.how} in a scenario of the claims")
    output.write_json(json_path, {"schema": SCHEMA, "failed": {"half": half, "how": died.how}}, out)
    return output.LACKING if half in BUILT_IN else output.FOUND
