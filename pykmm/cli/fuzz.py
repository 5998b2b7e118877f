# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm fuzz`: halves against each other until time is up or two of them differ."""

import contextlib
import os
import secrets
import shlex
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import click
from rich.table import Table

from .. import paths
from ..engine import casefile, core, finding
from ..engine import halves as lending
from ..engine.fuzz import BOTH, DIRECT, KINDS, SEQUENCES, Outcome
from ..engine.guarded import Child, Died
from ..engine.halves import BUILT_IN
from ..errors import BadInput, HarnessError
from ..report import bits, findings
from ..source import counting, reached
from . import interrupt, mails, options, output, streams

PLAIN_PROGRESS_SECONDS = 5.0


@click.command(epilog="PYKMM_SILENT_SECONDS in the environment says how long a half may take for "
               "one case, or to be loaded, before it counts as one that does not come back (15).")
@click.option("--seconds", type=options.Seconds(), default=None,
              help="Stop after so long (30, 10m, 2h). Default: 30, or no limit with --cases.")
@click.option("--cases", type=options.Count(), default=None,
              help="Stop after so many cases (5000, 20k, 10M).")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=None,
              help="What the cases are drawn from. Default: a new one, which is printed.")
@click.option("--jobs", type=click.IntRange(1, 256), default=None,
              help="Threads. Default: one a core.")
@click.option("--functions", metavar="LIST", help="Only these functions, with commas between.")
@click.option("--units", metavar="UNITS",
              help="Units of the patch that are on: all, none, U3,U7 or -U7. Default: mixed.")
@click.option("--kind", type=click.Choice(KINDS), default=None,
              help="What cases are: direct calls, sequences of operations, or both. Default: both, "
                   "or direct with --functions or --wild.")
@click.option("--wild", is_flag=True,
              help="Worlds that no kernel can reach, but that are well-typed.")
@click.option("--keep-going", is_flag=True, help="Go on after a divergence.")
@click.option("--findings", "folder", metavar="DIR", default="findings", show_default=True,
              help="Where diverging cases are saved.")
@options.patch_option
@options.half_option
@options.json_option
def fuzz(seconds, cases, seed, jobs, functions, units, kind, wild, keep_going, folder, patch,
         named, json_path) -> int:
    """Run halves against each other on random cases and compare every bit."""
    output.check_json_path(json_path)
    output.check_folder("--findings", folder)
    interrupt.begins(json_path, schema="pykmm.fuzz/1")
    if seconds is not None and cases is not None:
        raise click.UsageError("--seconds and --cases both say when to stop: give one of them")
    if kind not in (None, DIRECT) and (wild or functions is not None):
        raise click.UsageError("--functions and --wild are for direct calls: leave them out, or "
                               "say --kind direct")
    direct_only = wild or functions is not None
    plan = {
        "kind": kind or (DIRECT if direct_only else BOTH),
        "seed": secrets.randbits(32) if seed is None else seed,
        "jobs": jobs or os.cpu_count() or 1,
        "seconds": 30.0 if seconds is None else seconds,
        "cases": cases,
        "functions": options.parse_functions(functions),
        "units": options.parse_units(units),
        "wild": wild,
        "keep_going": keep_going,
    }
    patch = options.check_patch(patch)
    task = {"do": "fuzz", "plan": plan, "patch": patch,
            "halves": [vars(half) for half in options.parse_halves(named, patch)]}
    return Session(task, Path(folder), json_path).run()


class Session:
    """One fuzzing run as the user sees it.

    names_x : bool   say that half X is not there, if it is not
    """

    names_x = True

    def __init__(self, task: dict, folder: Path, json_path: str | None):
        self.task = task
        self.plan = task["plan"]
        self.folder = folder
        self.json_path = json_path
        self.out = output.Output()
        self.halves = list(BUILT_IN)
        self.lent: dict[str, list[str]] = {}    # functions that a half has not
        self.interrupted = False
        self.seen = 0       # divergences so far

    @property
    def quiet(self) -> bool:
        """Standard output belongs to JSON."""
        return self.json_path == "-"

    def say(self, text: str = "") -> None:
        if not self.quiet:
            self.out.line(text)

    def run(self) -> int:
        with Child(self.task) as child, self._interrupts(child):
            last = self._follow(child)
            return self._report_death(last) if isinstance(last, Died) else self._report(last)

    @contextlib.contextmanager
    def _interrupts(self, child: Child) -> Iterator[None]:
        """Ctrl-C asks the child for its result; a second one does without.

        Afterwards it is ignored: how this ends is known. interrupt.again() ends that.
        """
        def interrupted(*_: object) -> None:
            if self.interrupted:
                child.kill()
            else:
                self._stop(child)

        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:   # as background jobs have it
            signal.signal(signal.SIGINT, interrupted)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _stop(self, child: Child) -> None:
        self.interrupted = True
        child.stop()

    def _follow(self, child: Child) -> dict | Died:
        """Show messages as they come; the last one, which is a result unless the child died."""
        said = time.monotonic()
        try:
            for message in child.messages():
                if isinstance(message, Died) or message["type"] == "result":
                    return message
                if message["type"] == "built":
                    self._introduce_x(message)
                elif message["type"] == "ready":
                    self.halves, self.lent = message["halves"], message["lent"]
                    self._introduce()
                    for line in lending.said(self.lent):
                        self.say(line)
                elif message["type"] == "progress":
                    self._note(message)
                    self.out.notice()
                    if self.out.is_terminal and not self.quiet:
                        self.out.status(self._progress(message))
                    elif time.monotonic() - said >= PLAIN_PROGRESS_SECONDS:
                        said = time.monotonic()
                        self.say(self._progress(message))
                if self.out.closed and not self.interrupted:
                    self._stop(child)       # nobody reads what we print: end as with Ctrl-C
        finally:
            self.out.status("")
        raise HarnessError("the messages of a child process end with a result")

    def _note(self, message: dict) -> None:
        """What is kept of a message about progress."""
        self.seen = message["divergences"]

    def _introduce_x(self, built: dict) -> None:
        if built["verdict"] != "v8":
            self.say(f"the mail: {built['text']}")
        if built["note"]:
            self.say(built["note"])

    def _introduce(self) -> None:
        plan = self.plan
        fixed = plan["units"]
        units = "mixed units" if fixed is None else f"units {bits.units_text(fixed)}"
        jobs = findings.counted(plan["jobs"], "thread")
        self.say(f"halves {', '.join(self.halves)}; seed {plan['seed']}; {units}; {jobs}"
                 + ("; wild worlds" if plan["wild"] else "")
                 + ("; sequences only" if plan["kind"] == SEQUENCES else ""))
        if self.names_x and not self.task["patch"]:
            self.say("no half X: there is no patch mail (give one with --patch or PYKMM_PATCH)")

    def _progress(self, message: dict) -> str:
        seconds = max(message["seconds"], 1e-9)
        of = {what: "/".join(map(str, message[what])) for what in ("steps", "branches")}
        return (f"{seconds:5.1f} s  {message['cases']:,} cases  "
                f"{message['cases'] / seconds:,.0f} cases/s  "
                f"steps {of['steps']}  branches {of['branches']}  "
                + findings.counted(message["divergences"], "divergence"))

    def _report(self, result: dict) -> int:
        counts = self._functions(result)
        saved = [self._save(finding.reproducer_name(found["function"], self.plan["seed"],
                                                    found["shard"], found["index"]),
                            bytes.fromhex(found["case"]))
                 for found in result["found"]]
        if not self.quiet:
            self.out.print(self._table(counts))
            for line in self._summary(result):
                self.say(line)
            for found, path in zip(result["found"], saved, strict=True):
                self.say()
                self.say(findings.heading(found))
                for line in findings.operations(found, whole=False):
                    self.say(line)
                for line in findings.difference(found):
                    self.say(line)
                self.say(f"  saved; again with: {self._run_again(path)}" if path else
                         f"  not saved; the same command with --seed {self.plan['seed']} finds it "
                         "again")
        output.write_json(self.json_path, self._json(result, counts, saved), self.out)
        return output.code_of(found=result["divergences"],
                              interrupted=self._was_interrupted(result))

    def _summary(self, result: dict) -> list[str]:
        """What was run, all in all."""
        rate = result["cases"] / max(result["seconds"], 1e-9)
        lines = [f"{findings.counted(result['cases'], 'case')} in {result['seconds']:.1f} s "
                 f"({rate:,.0f} cases/s), {findings.counted(result['divergences'], 'divergence')}"
                 + (", stopped early" if self._was_interrupted(result) else "")]
        sequences = result["sequences"]
        if sequences:
            direct = result["cases"] - sequences
            lines.append(
                (f"{findings.counted(direct, 'direct call')}; " if direct else "")
                + f"{findings.counted(sequences, 'sequence')} of "
                + findings.counted(result["operations"] - direct, "operation")
                + f" ({result['interfered']:,} with another actor in between)")
        if result["disordered"]:
            lines.append(f"{findings.counted(result['disordered'], 'sequence')} took locks in a "
                         "wrong order or slept with one held, by all halves alike")
        return lines

    def _was_interrupted(self, result: dict) -> bool:
        return self.interrupted or result["interrupted"]

    def _run_again(self, path: Path) -> str:
        """The command that runs a saved case by the same halves."""
        words = ["pykmm", "run", str(path)]
        if self.task["patch"]:
            words += ["--patch", mails.to_repeat(self.task["patch"])]
        for half in self.task["halves"]:
            words += ["--half", f"{half['name']}={half['path']}"]
        return shlex.join(words)

    def _save(self, name: str, case: bytes) -> Path | None:
        """Where the case is now; None, and a complaint, if it cannot be saved."""
        try:
            return casefile.save(self.folder, name, case)
        except BadInput as error:
            streams.complain(str(error))
            return None

    def _functions(self, result: dict) -> dict[str, dict]:
        """Per function: calls, and the least that any half hit of its steps and branches."""
        counters = counting.counters_of(paths.cref())
        wanted = self.plan["functions"]
        rows = {}
        for number, name in enumerate(core.FUNCTIONS):
            if wanted is not None and number not in wanted:
                continue
            tally = reached.tally(counters, result["counters"], name)
            rows[name] = {
                "calls": result["calls"][number],
                "steps_hit": tally.steps_hit,
                "steps_total": len(tally.steps),
                "branches_hit": tally.branches_hit,
                "branches_total": tally.branches_total,
                "divergences": result["divergences_of"][number],
                "steps": tally.steps,
            }
        return rows

    def _table(self, rows: dict[str, dict]) -> Table:
        """One row a function.  Sequences are of no function: they count in the steps alone."""
        table = Table(box=None, pad_edge=False)
        direct = self.plan["kind"] != SEQUENCES
        table.add_column("function")
        for column in ("direct calls", "steps", "branches", "divergences") if direct else (
                "steps", "branches"):
            table.add_column(column, justify="right")
        for name, row in rows.items():
            reached = (f"{row['steps_hit']}/{row['steps_total']}",
                       f"{row['branches_hit']}/{row['branches_total']}")
            table.add_row(name, *((f"{row['calls']:,}", *reached, f"{row['divergences']:,}")
                                  if direct else reached))
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
            "lent": self.lent,
            "cases": result["cases"],
            "sequences": result["sequences"],
            "operations": result["operations"],
            "interfered": result["interfered"],
            "disordered": result["disordered"],
            "kind": self.plan["kind"],
            "seconds": seconds,
            "cases_per_second": result["cases"] / max(seconds, 1e-9),
            "interrupted": self._was_interrupted(result),
            "outcomes": result["outcomes"],
            "functions": rows,
            "divergences": [
                {"function": f["function"], "call": f["call"], "operations": f["operations"],
                 "units": f["units"],
                 "shard": f["shard"], "index": f["index"], "half": f["half"],
                 "difference": findings.lasting(f["difference"]), "case": f["case"],
                 "saved": path and str(path)}
                for f, path in zip(result["found"], saved, strict=True)
            ],
        }

    def _report_death(self, died: Died) -> int:
        """The child did not end by itself: say which half did it, if one did, and keep its case."""
        if died.running:
            return self._report_failure(died.how, *self._culprit(died))
        if not self.interrupted:
            raise HarnessError(f"the engine {died.how}, and no half was running")
        if self.seen:
            streams.complain(f"stopped before {findings.counted(self.seen, 'divergence')} could be "
                             "told")
        self._report(self._nothing())
        return output.code_of(found=self.seen, interrupted=True)

    def _culprit(self, died: Died) -> tuple[str, bytes]:
        """The half and case that end a child again, by themselves; threads run many at once."""
        for _, case in died.running if len(died.running) > 1 else ():
            task = {**self.task, "do": "run", "case": case.hex()}
            del task["plan"]
            with Child(task) as child:
                *_, last = child.messages()
            if isinstance(last, Died) and last.running:
                return last.running[0]
        return died.running[0]

    def _report_failure(self, how: str, half: str, case: bytes) -> int:
        function = finding.function_of(case)
        path = self._save(f"{function}-seed{self.plan['seed']}-{half}-fails", case)
        kept = f"the case is saved as {path}" if path else f"its case is {case.hex()}"
        message = f"half {half} {how} in {finding.place_of(case)}; {kept}"
        self.say(message)
        if path:
            self.say(f"  again with: {self._run_again(path)}")
        streams.complain(message)
        result = self._nothing()
        output.write_json(self.json_path, {
            **self._json(result, self._functions(result), []),
            "failed": {"half": half, "how": how, "function": function, "case": case.hex(),
                       "saved": path and str(path)},
        }, self.out)
        return output.LACKING if half in BUILT_IN else output.FOUND

    def _nothing(self) -> dict:
        """The result of a run that had none."""
        words = counting.counters_of(paths.cref()).total
        return vars(Outcome(interrupted=True, counters=[[0] * words] * len(BUILT_IN)))
