# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm fuzz`: halves against each other until time is up or two of them differ."""

import os
import secrets
import time
from pathlib import Path

import click
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .. import paths
from ..engine import casefile, core, finding
from ..engine.guarded import Child, Died
from ..engine.halves import BUILT_IN, NamedHalf
from ..errors import HarnessError
from ..report import bits, findings
from ..source import counting
from . import options, output

PLAIN_PROGRESS_SECONDS = 5.0
WAIT_FOR_RESULT_SECONDS = 10.0


@click.command()
@click.option("--seconds", type=options.Seconds(), default=None,
              help="Stop after so long (30, 10m, 2h). Default: 30, or no limit with --cases.")
@click.option("--cases", type=options.Count(), default=None, help="Stop after so many cases (5000, 20k, 10M).")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=None,
              help="What the cases are drawn from. Default: a new one, which is printed.")
@click.option("--jobs", type=click.IntRange(1, 256), default=None,
              help="Threads. Default: one a core.")
@click.option("--functions", metavar="LIST", help="Only these functions, with commas between.")
@click.option("--units", metavar="UNITS", help="Units of the patch that are on: all, none, U3,U7 or -U7. Default: mixed.")
@click.option("--wild", is_flag=True, help="Worlds that no kernel can reach, but that are well-typed.")
@click.option("--keep-going", is_flag=True, help="Go on after a divergence.")
@click.option("--findings", "folder", metavar="DIR", default="findings", show_default=True,
              help="Where diverging cases are saved.")
@options.patch_option
@options.half_option
@options.json_option
def fuzz(seconds, cases, seed, jobs, functions, units, wild, keep_going, folder, patch, named,
         json_path) -> int:
    """Run halves against each other on random cases and compare every bit."""
    output.check_json_path(json_path)
    if seconds is not None and cases is not None:
        raise click.UsageError("--seconds and --cases both say when to stop: give one of them")
    halves = [NamedHalf.parse(text) for text in named]
    if len({half.name for half in halves}) < len(halves):
        raise click.UsageError("--half: two halves have the same name")
    plan = {
        "seed": secrets.randbits(32) if seed is None else seed,
        "jobs": jobs or os.cpu_count() or 1,
        "seconds": 30.0 if seconds is None else seconds,
        "cases": cases,
        "functions": options.parse_functions(functions),
        "units": options.parse_units(units),
        "wild": wild,
        "keep_going": keep_going,
    }
    task = {"do": "fuzz", "plan": plan, "patch": options.check_patch(patch),
            "halves": [vars(half) for half in halves]}
    return Session(task, Path(folder), json_path).run()


class Session:
    """One fuzzing run as the user sees it."""

    def __init__(self, task: dict, folder: Path, json_path: str | None):
        self.task = task
        self.plan = task["plan"]
        self.folder = folder
        self.json_path = json_path
        self.out = output.Output()
        if json_path == "-":
            self.out.closed = False
        self.halves = list(BUILT_IN)
        self.interrupted = False

    @property
    def quiet(self) -> bool:
        """Standard output belongs to JSON."""
        return self.json_path == "-"

    def say(self, text: str = "") -> None:
        if not self.quiet:
            self.out.line(text)

    def run(self) -> int:
        with Child(self.task) as child:
            last = self._follow(child)
        if isinstance(last, Died):
            return self._report_death(last)
        return self._report(last)

    def _follow(self, child: Child) -> dict | Died:
        """Show messages as they come; Ctrl-C asks for the end, a second one insists."""
        messages = child.messages()
        live = None
        said = time.monotonic()
        while True:
            try:
                message = next(messages)
                if isinstance(message, Died) or message["type"] == "result":
                    return message
                if message["type"] == "built":
                    self._introduce_x(message)
                elif message["type"] == "ready":
                    self.halves = message["halves"]
                    self._introduce()
                    if self.out.is_terminal and not self.quiet:
                        live = Live(Text(""), console=self.out.console, transient=True)
                        live.start()
                elif message["type"] == "progress":
                    line = self._progress(message)
                    if live:
                        live.update(Text(line))
                    elif time.monotonic() - said >= PLAIN_PROGRESS_SECONDS:
                        said = time.monotonic()
                        self.say(line)
                if self.out.closed and not self.interrupted:
                    # nobody reads what we print: end as with Ctrl-C
                    self.interrupted = True
                    child.stop()
            except KeyboardInterrupt:
                if self.interrupted:
                    return Died("was stopped", None, None)
                self.interrupted = True
                child.stop()
                messages = child.messages()
            finally:
                if live and (self.interrupted or self.out.closed):
                    live.stop()
                    live = None

    def _introduce_x(self, built: dict) -> None:
        if built["verdict"] != "v8":
            self.say(f"the mail: {built['text']}")
        if built["note"]:
            self.say(built["note"])

    def _introduce(self) -> None:
        plan = self.plan
        units = "mixed units" if plan["units"] is None else f"units {bits.units_text(plan['units'])}"
        jobs = f"{plan['jobs']} threads" if plan["jobs"] > 1 else "1 thread"
        self.say(f"halves {', '.join(self.halves)}; seed {plan['seed']}; {units}; {jobs}"
                 + ("; wild worlds" if plan["wild"] else ""))
        if not self.task["patch"]:
            self.say("no half X: there is no patch mail (give one with --patch or PYKMM_PATCH)")

    def _progress(self, message: dict) -> str:
        seconds = max(message["seconds"], 1e-9)
        return (f"{seconds:5.1f} s  {message['cases']:,} cases  "
                f"{message['cases'] / seconds:,.0f} cases/s  {message['divergences']} divergences")

    def _report(self, result: dict) -> int:
        counts = self._functions(result)
        saved = [self._save(found) for found in result["found"]]
        if not self.quiet:
            self.out.print(self._table(counts))
            rate = result["cases"] / max(result["seconds"], 1e-9)
            self.say(f"{result['cases']:,} cases in {result['seconds']:.1f} s "
                     f"({rate:,.0f} cases/s), {result['divergences']} divergences"
                     + (", stopped early" if self._was_interrupted(result) else ""))
            for found, path in zip(result["found"], saved, strict=True):
                self.say()
                self.say(findings.heading(found))
                for line in findings.difference(found):
                    self.say(line)
                self.say(f"  saved; again with: pykmm run {path}" + self._half_options())
        output.write_json(self.json_path, self._json(result, counts, saved), self.out)
        return output.FOUND if result["divergences"] else output.GOOD

    def _was_interrupted(self, result: dict) -> bool:
        return self.interrupted or result["interrupted"]

    def _half_options(self) -> str:
        mail = f" --patch {self.task['patch']}" if self.task["patch"] else ""
        return mail + "".join(f" --half {h['name']}={h['path']}" for h in self.task["halves"])

    def _save(self, found: dict) -> Path:
        name = finding.reproducer_name(found["function"], self.plan["seed"], found["shard"],
                                       found["index"])
        return casefile.save(self.folder, name, bytes.fromhex(found["case"]))

    def _functions(self, result: dict) -> dict[str, dict]:
        """Per function: calls, and the least that any half hit of its steps and branches."""
        counters = counting.counters_of(paths.cref())
        wanted = self.plan["functions"]
        rows = {}
        for number, name in enumerate(core.FUNCTIONS):
            if wanted is not None and number not in wanted:
                continue
            steps, branches = counters.steps_of(name), counters.branches_of(name)
            sides = [counters.branches[b] + side for b in branches for side in (0, 1)]
            rows[name] = {
                "calls": result["calls"][number],
                "steps_hit": min(sum(row[counters.steps[s]] > 0 for s in steps)
                                 for row in result["counters"]),
                "steps_total": len(steps),
                "branches_hit": min(sum(row[s] > 0 for s in sides) for row in result["counters"]),
                "branches_total": len(sides),
                "divergences": result["divergences_of"][number],
                "steps": {s: [row[counters.steps[s]] for row in result["counters"]] for s in steps},
            }
        return rows

    def _table(self, rows: dict[str, dict]) -> Table:
        table = Table(box=None, pad_edge=False)
        table.add_column("function")
        for column in ("calls", "steps", "branches", "divergences"):
            table.add_column(column, justify="right")
        for name, row in rows.items():
            table.add_row(name, f"{row['calls']:,}", f"{row['steps_hit']}/{row['steps_total']}",
                          f"{row['branches_hit']}/{row['branches_total']}",
                          str(row["divergences"]))
        return table

    def _json(self, result: dict, rows: dict, saved: list[Path]) -> dict:
        seconds = result["seconds"]
        return {
            "schema": "pykmm.fuzz/1",
            "seed": self.plan["seed"],
            "units": "mixed" if self.plan["units"] is None else bits.units_text(self.plan["units"]),
            "wild": self.plan["wild"],
            "jobs": self.plan["jobs"],
            "halves": self.halves,
            "cases": result["cases"],
            "operations": result["cases"],
            "seconds": seconds,
            "cases_per_second": result["cases"] / max(seconds, 1e-9),
            "interrupted": self._was_interrupted(result),
            "outcomes": result["outcomes"],
            "functions": rows,
            "divergences": [
                {"function": f["function"], "call": f["call"], "units": f["units"],
                 "shard": f["shard"], "index": f["index"], "half": f["half"],
                 "difference": f["difference"], "case": f["case"], "saved": str(path)}
                for f, path in zip(result["found"], saved, strict=True)
            ],
        }

    def _report_death(self, died: Died) -> int:
        """The child did not end by itself: say which half did it, if one did, and keep its case."""
        if died.half is None:
            if self.interrupted:
                output.complain("stopped before there was a result")
                return output.GOOD
            raise HarnessError(f"the engine {died.how}, and no half was running")
        function = core.FUNCTIONS[died.case[0]]
        name = f"{function}-seed{self.plan['seed']}-{died.half}-fails"
        path = casefile.save(self.folder, name, died.case)
        message = f"half {died.half} {died.how} in {function}; the case is saved as {path}"
        self.say(message) if not self.quiet else None
        output.complain(message)
        output.write_json(self.json_path, {
            "schema": "pykmm.fuzz/1", "seed": self.plan["seed"], "halves": self.halves,
            "interrupted": True, "failed": {"half": died.half, "how": died.how,
                                            "function": function, "saved": str(path)},
        }, self.out)
        return output.LACKING if died.half in BUILT_IN else output.FOUND
