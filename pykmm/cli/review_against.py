# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm review --against`: two versions of the patch, and the shortest run that parts them."""

import os
import shlex
from pathlib import Path

from ..engine.guarded import Child, Died
from ..errors import BadInput
from ..patch.edits import Verdict, judge
from ..patch.mail import read_mail
from ..report import against as rendering
from ..review import revisions
from . import mails, output, streams

SCHEMA = "pykmm.review/1"
SECONDS = 30.0
FOLDER = Path("findings")


def review_against(patch: str | None, other: str, *, seconds: float | None, seed: int,
                   jobs: int | None, json_path: str | None) -> int:
    """Compare the mail of --patch with another one; the exit code: 1 if they behave differently."""
    if patch is None:
        raise BadInput("--against: there is no first mail to compare with: give one with --patch "
                       "or PYKMM_PATCH")
    if other == mails.STDIN == mails.as_said(patch):
        raise BadInput("--against -: standard input is the mail of --patch already")
    paths = [patch, mails.there(other, "--against")]
    verdicts = [judge(read_mail(path)) for path in paths]
    out = output.Output()
    changed = revisions.changed(*verdicts)
    report = {"mails": [{"path": mails.as_said(path), "verdict": str(verdict)}
                        for path, verdict in zip(paths, verdicts, strict=True)],
              "changed": [one.facts for one in changed],
              "scopes": [], "cases": None, "found": None, "breaks": [], "alone": [],
              "saved": None}
    if changed:
        answer = _compare(paths, _plan(changed, seconds or SECONDS, seed, jobs), out, json_path)
        if isinstance(answer, Died):
            return _report_death(answer, report, json_path, out)
        report.update({key: answer[key]
                       for key in ("scopes", "cases", "found", "breaks", "alone")})
    _save(report)
    if json_path != "-":
        for line in rendering.lines(report):
            out.line(line)
        for line in _closing(report, verdicts, mails.to_repeat(paths[1])):
            out.line(line)
    output.write_json(json_path, {"schema": SCHEMA, "against": report}, out)
    found = report["found"] or report["breaks"] or any(
        one["user"] or one["breaks"] for one in report["alone"])
    return output.FOUND if found else output.GOOD


def _plan(changed: list[revisions.Changed], seconds: float, seed: int, jobs: int | None) -> dict:
    inert = all(one.inert for one in changed)
    # where code changed outside of functions, anything may behave differently
    anywhere = any(not one.functions and not one.inert for one in changed)
    functions = {} if anywhere else {name: None for one in changed for name in one.functions}
    running = [one.what for one in changed if not one.inert]
    return {"functions": list(functions), "before": any(one.before for one in changed),
            "inert": inert, "seconds": min(seconds, 3.0) if inert else seconds, "seed": seed,
            "jobs": jobs or os.cpu_count() or 1, "names": ["X", "Y"],
            "alone": running if len(running) > 1 else []}


def _compare(paths: list[str], plan: dict, out: output.Output,
             json_path: str | None) -> dict | Died:
    """What the child found; on a terminal it is told how far it is."""
    last: dict | Died = {}
    task = {"do": "against", "plan": plan, "patch": paths[0], "against": paths[1], "halves": []}
    with Child(task) as child:
        try:
            for last in child.messages():
                if isinstance(last, dict) and last["type"] == "progress" and json_path != "-":
                    out.status(f"comparing: {last['what']}")
        finally:
            out.status("")
    return last


def _report_death(died: Died, report: dict, json_path: str | None, out: output.Output) -> int:
    half = died.running[0][0] if died.running else "X or Y"
    streams.complain(f"half {half} {died.how} while both were compared (X is "
                     f"{report['mails'][0]['path']}, Y {report['mails'][1]['path']})")
    output.write_json(json_path, {"schema": SCHEMA, "against": {
        **report, "failed": {"half": half, "how": died.how}}}, out)
    return output.FOUND


def _save(report: dict) -> None:
    """Keep the scenario of what was found."""
    if report["found"] is None:
        return
    text = report["found"]["scenario"]
    names = [one["what"] for one in report["changed"]]
    stem = "-".join(["against", *dict.fromkeys(names[:3])])
    path, number = FOLDER / f"{stem}.kmm", 1
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        while path.exists() and path.read_text(encoding="utf-8") != text:
            number += 1
            path = FOLDER / f"{stem}-{number}.kmm"
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        streams.complain(f"cannot save a scenario to {path}: {error.strerror}")
        return
    report["saved"] = str(path)


def _closing(report: dict, verdicts: list[Verdict], other: str) -> list[str]:
    """Where the run was saved, and how to see it again."""
    if not report["saved"]:
        return []
    # X of a scenario runs text of no unit as it was before the patch
    again = verdicts[0].kind == "v8" and all(one["unit"] for one in report["changed"])
    mail = shlex.quote(other)
    return [f"  saved as {report['saved']}" +
            (f"; again with: pykmm run {report['saved']} --patch {mail}" if again else "")]
