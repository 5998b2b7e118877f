# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm coverage`: fuzz from an empty start, and list the sources with counts beside them."""

import secrets
from pathlib import Path
from textwrap import wrap

import click

from .. import paths
from ..engine import core
from ..engine.fuzz import BOTH
from ..errors import BadInput
from ..report import coverage as report
from ..report import findings
from ..source import counting, listing, reached, unreachable
from . import interrupt, options, output
from .fuzz import Session

WIDEST = 100        # columns of prose; more is hard to read


@click.command()
@click.option("--seconds", type=options.Seconds(), default=None,
              help="Fuzz for so long (30, 10m, 2h). Default: 60, or no limit with --cases.")
@click.option("--cases", type=options.Count(), default=None,
              help="Stop after so many cases (5000, 20k, 10M).")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=None,
              help="What the cases are drawn from. Default: a new one, which is printed.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Threads.")
@click.option("--functions", metavar="LIST",
              help="List only these functions, with commas between; all are fuzzed.")
@click.option("--html", "html_path", metavar="PATH",
              help="Write the listing as one HTML file, C and Cython side by side.")
@options.json_option
def coverage(seconds, cases, seed, jobs, functions, html_path, json_path) -> int:
    """Fuzz C and Cython on legal cases; list both with counts beside steps and operands.

    Each step, and each side of each operand of a condition, is to be reached by both halves,
    or to stand in cref/unreachable.toml with a proof that nothing reaches it. Exit code 1: one
    of the listed functions is neither, or one is both, or the halves differ.
    """
    output.check_json_path(json_path)
    output.check_path("--html", html_path)
    interrupt.begins(json_path, html_path, schema="pykmm.coverage/1")
    if seconds is not None and cases is not None:
        raise click.UsageError("--seconds and --cases both say when to stop: give one of them")
    listed = options.parse_functions(functions)
    plan = {
        "kind": BOTH,
        "seed": secrets.randbits(32) if seed is None else seed,
        "jobs": jobs,
        "seconds": 60.0 if seconds is None else seconds,
        "cases": cases,
        "functions": None,
        "units": None,
        "wild": False,
        "keep_going": True,
    }
    task = {"do": "fuzz", "plan": plan, "patch": None, "halves": []}
    run = Counted(task, Path("findings"), json_path)
    run.html_path = html_path
    run.listed = core.FUNCTIONS if listed is None else [core.FUNCTIONS[n] for n in listed]
    return run.run()


class Counted(Session):
    """A fuzzing run that is about what it reaches.

    html_path : str | None   where the listing goes, if not to standard output
    listed : list            names of the functions to list
    """

    names_x = False
    html_path: str | None = None
    listed: list[str]

    def _coverage(self, result: dict) -> report.Coverage:
        counters = counting.counters_of(paths.cref())
        tallies = {name: reached.tally(counters, result["counters"], name) for name in self.listed}
        # what was not asked for is no reason to fail
        steps = {step for tally in tallies.values() for step in tally.steps}
        return report.Coverage(tallies, {side: why for side, why in
                                         unreachable.proofs(counters).items()
                                         if side.split("/")[0] in steps})

    def _report(self, result: dict) -> int:
        counted = self._coverage(result)
        if self.html_path is not None:
            self._write_html(counted, result)
        if not self.quiet:
            if self.html_path is None:
                self._list(counted)
            self.out.print(report.table(counted))
            for line in self._verdict(counted, result):
                self.say(line)
        output.write_json(self.json_path, self._json(result, {}, []), self.out)
        return output.code_of(found=self._found(counted, result),
                              interrupted=self._was_interrupted(result))

    def _found(self, counted: report.Coverage, result: dict) -> bool:
        # what was stopped early had no time to reach everything
        missing = counted.missing and not self._was_interrupted(result)
        return bool(missing or counted.disproved or result["divergences"])

    def _listings(self) -> list[listing.Function]:
        counters = counting.counters_of(paths.cref())
        return [one for one in listing.functions(counters) if one.name in self.listed]

    def _list(self, counted: report.Coverage) -> None:
        for function in self._listings():
            for half in range(len(report.HALVES)):
                for line in report.listing(counted, function, half):
                    self.out.print(line)
                self.say()

    def _verdict(self, counted: report.Coverage, result: dict) -> list[str]:
        lines = self._summary(result)
        for side, why in counted.proofs.items():
            if side in counted.disproved:
                lines.append(f"{side}: reached, although cref/{unreachable.FILE} has a proof that "
                             "nothing does")
            else:
                lines += wrap(f"{side}: unreachable. {why}", WIDEST, subsequent_indent="  ",
                              break_long_words=False, break_on_hyphens=False)
        lines += [f"{name}: never reached" for name in counted.missing]
        if not counted.missing and not counted.disproved:
            of = "" if len(self.listed) == len(core.FUNCTIONS) else f" of {', '.join(self.listed)}"
            lines.append(f"every step, and every other side of every operand{of}, is reached by "
                         "both halves")
        if result["divergences"]:
            lines.append(f"the halves differ: pykmm fuzz --seed {self.plan['seed']} shows where")
        if self.html_path is not None:
            lines.append(f"listing in {self.html_path}")
        return lines

    def _write_html(self, counted: report.Coverage, result: dict) -> None:
        from ..report.coverage_html import page

        about = (f"{findings.counted(result['cases'], 'case')} in {result['seconds']:.1f} s, "
                 f"seed {self.plan['seed']}"
                 + ("; interrupted" if self._was_interrupted(result) else ""))
        try:
            Path(self.html_path).write_text(page(counted, self._listings(), about),
                                            encoding="utf-8")
        except OSError as error:
            raise BadInput(f"--html {self.html_path}: {error.strerror}") from error
        interrupt.told(self.html_path)

    def _json(self, result: dict, rows: dict, saved: list[Path]) -> dict:
        counted = self._coverage(result)
        return {
            "schema": "pykmm.coverage/1",
            "seed": self.plan["seed"],
            "jobs": self.plan["jobs"],
            "halves": self.halves,
            "cases": result["cases"],
            "seconds": result["seconds"],
            "interrupted": self._was_interrupted(result),
            "divergences": result["divergences"],
            "functions": {name: {
                "steps_hit": tally.steps_hit,
                "steps_total": len(tally.steps),
                "branches_hit": tally.branches_hit,
                "branches_total": tally.branches_total,
                "steps": tally.steps,
                "sides": {reached.side_name(operand, side): sides[side]
                          for operand, sides in tally.sides.items() for side in (0, 1)},
            } for name, tally in counted.tallies.items()},
            "missing": counted.missing,
            "unreachable": counted.proofs,
            "disproved": counted.disproved,
        }
