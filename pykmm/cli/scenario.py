# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm run FILE.kmm`: a scenario by every half, line by line."""

from pathlib import Path

from ..engine.guarded import Died
from ..engine.halves import BUILT_IN
from ..errors import HarnessError
from ..report import findings, scenarios
from ..scenario import meaning, parse
from . import options, output, streams
from .answer import answer


def run_scenario(file: str, patch: str | None, named: tuple[str, ...],
                 json_path: str | None) -> int:
    """Run it in a child process and show all of it; the exit code.

    raises BadInput   its text cannot be meant
    """
    text = parse.read(Path(file))
    meaning.check(parse.parse(text, file))
    task = {"do": "scenario", "text": text, "file": file, "patch": patch,
            "halves": [vars(half) for half in options.parse_halves(named, patch)]}
    out = output.Output()
    last = answer(task, json_path, out)
    if isinstance(last, Died):
        return _report_death(last, file, json_path, out)
    if json_path != "-":
        for line in scenarios.lines(last):
            out.line(line)
    output.write_json(json_path, {"schema": "pykmm.scenario/1", "file": file, **{
        key: findings.lasting(value) for key, value in last.items() if key != "type"}}, out)
    return output.GOOD if last["ok"] else output.FOUND


def _report_death(died: Died, file: str, json_path: str | None, out: output.Output) -> int:
    if not died.running:
        raise HarnessError(f"the engine {died.how} on {file}, and no half was running")
    half = died.running[0][0]
    streams.complain(f"half {half} {died.how} in {file}")
    output.write_json(json_path, {"schema": "pykmm.scenario/1", "file": file,
                                  "failed": {"half": half, "how": died.how}}, out)
    return output.LACKING if half in BUILT_IN else output.FOUND
