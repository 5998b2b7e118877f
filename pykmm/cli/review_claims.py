# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm review --claims`: what the mail says of the patch, and whether it is so."""

from ..engine.guarded import Died
from ..engine.halves import BUILT_IN
from ..errors import HarnessError
from ..report import claims as rendering
from ..review import claims as table
from ..review import evidence
from . import output, streams
from .answer import answer

SCHEMA = "pykmm.review/1"
WIDEST = 100        # columns of prose; more is hard to read


def review_claims(patch: str | None, json_path: str | None) -> int:
    """Show the table, and each verdict as it is found again by running; the exit code."""
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
    if report["agrees"] and judged is None:
        streams.complain("the scenarios of the claims are not installed here, so no verdict was "
                         "found by running: run this in a checkout")
        return output.LACKING
    return output.code_of(found=not report["agrees"])


def _report_death(died: Died, json_path: str | None, out: output.Output) -> int:
    if not died.running:
        raise HarnessError(f"the engine {died.how} on the claims, and no half was running")
    half = died.running[0][0]
    streams.complain(f"half {half} {died.how} in a scenario of the claims")
    output.write_json(json_path, {"schema": SCHEMA, "failed": {"half": half, "how": died.how}}, out)
    return output.LACKING if half in BUILT_IN else output.FOUND
