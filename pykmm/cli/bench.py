# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm bench`: hot paths in C, in Cython, and in C before the patch."""

from dataclasses import asdict
from pathlib import Path

import click

from ..bench import compare, machine, results
from ..bench.row import Row
from ..bench.session import LAYOUTS, Result, Session
from ..engine.halves import BUILT_IN
from ..errors import BadInput, Lacking
from ..report import bench as report
from ..report.findings import counted
from . import interrupt, options, output, streams

SECONDS = 30.0


@click.command()
@click.argument("functions", metavar="[FUNCTION]...", nargs=-1)
@click.option("--list", "only_list", is_flag=True, help="Name the rows, and time nothing.")
@click.option("--seconds", type=options.Seconds(), default=SECONDS, show_default="30",
              help="Time for so long, all rows together (30, 10m).")
@click.option("--events", is_flag=True,
              help="Time the build that records events, as fuzzing does. Default: one without.")
@click.option("--instructions", is_flag=True, help="Count instructions too, by valgrind.")
@click.option("--no-times", is_flag=True, help="With --instructions: count, and time nothing.")
@click.option("--compare", "old_path", metavar="OLD.json",
              help="Say which rows got faster or slower since an earlier --json.")
@click.option("--fail-above", type=click.FloatRange(min=0), default=5.0, show_default=True,
              metavar="PERCENT", help="With --compare: by how much slower is a failure.")
@click.option("--html", "html_path", metavar="PATH", help="Write the result as one HTML page.")
@options.half_option
@options.json_option
def bench(functions, only_list, seconds, events, instructions, no_times, old_path, fail_above,
          html_path, named, json_path) -> int:
    """Time functions of the patch and life cycles of pages: C, Cython, and C before the patch.

    FUNCTION is one of the patch's, or "life cycle"; without any, all rows are timed.

    Columns take turns in rounds of a tenth of a millisecond, in one process on one processor, and
    ratios are those within rounds. A row whose halves differ is refused.

    Exit code 1: a row was refused, or --compare found one slower by more than --fail-above.
    """
    from ..bench import rows

    output.check_json_path(json_path)
    output.check_path("--html", html_path)
    interrupt.begins(json_path, html_path, schema=results.SCHEMA)
    if no_times and not instructions:
        raise click.UsageError("--no-times goes with --instructions")
    chosen = rows.of(list(functions))
    run = Run(chosen, options.parse_halves(named, None), json_path)
    if only_list:
        for row in chosen:
            run.say(row.name)
        output.write_json(json_path, {"schema": results.SCHEMA, "list": [
            {"name": row.name, "function": row.function, "size": row.size} for row in chosen]},
            run.out)
        return output.GOOD
    run.old = None if old_path is None else compare.read(old_path)
    if run.old is not None:
        compare.check_rows(old_path, run.old, [row.name for row in chosen])
    run.old_path, run.fail_above, run.html_path = old_path, fail_above, html_path
    run.seconds, run.events = seconds, events
    run.check_events()
    return run.run(timed=not no_times, counted_too=instructions)


class Run:
    """One run as the user sees it.

    rows : [Row]        to measure
    halves : [NamedHalf]   the user's
    old : dict | None   the result to compare with
    """

    old: dict | None = None
    old_path: str | None = None
    html_path: str | None = None
    fail_above = 5.0
    seconds = SECONDS
    events = False

    def __init__(self, rows: list[Row], halves: list, json_path: str | None):
        self.rows, self.halves, self.json_path = rows, halves, json_path
        self.out = output.Output()

    def say(self, text: str = "") -> None:
        if self.json_path != "-":
            self.out.line(text)

    def _names_of_halves(self) -> list[str]:
        return [*BUILT_IN, *(half.name for half in self.halves)]

    def check_events(self) -> None:
        """Refuse to compare times with events to times without."""
        if self.old is not None and self.old["events"] != self.events:
            with_events = "with" if self.old["events"] else "without"
            raise BadInput(f"--compare {self.old_path}: it was timed {with_events} events: do so "
                           "now, or give another")

    def run(self, timed: bool, counted_too: bool) -> int:
        refused = self._differing()
        if refused:
            interrupt.found()
        agreed = [row for row in self.rows if row.name not in refused]
        result = self._time(agreed) if timed else Result([results.untimed(r) for r in agreed])
        result.refused = refused | result.refused
        if counted_too and not result.interrupted:
            self._count(result, needed=not timed)
        return self._report(result)

    def _differing(self) -> dict[str, str]:
        """Rows that halves do not do alike, to the last event, before anything is timed."""
        from ..bench import check

        self.out.status("comparing the halves")
        try:
            return check.refusals(self.rows)
        finally:
            self.out.status("")

    def _time(self, rows: list[Row]) -> Result:
        names = [row.name for row in rows]
        session = Session(names, self.seconds, self.halves, events=self.events)

        def tell(layout: int, name: str) -> None:
            self.out.notice()
            if self.out.closed:
                session.stop()
            if self.json_path != "-":
                done = layout * len(names) + names.index(name)
                self.out.status(f"{done * 100 // (LAYOUTS * len(names)):3d} %  {name}")

        # a second one does not wait for the row that runs
        with interrupt.instead(session.stop):
            self.say(f"halves {', '.join(self._names_of_halves())}; {counted(len(names), 'row')} "
                     f"in {LAYOUTS} layouts; {self.seconds:g} s")
            try:
                return session.run(tell)
            finally:
                self.out.status("")

    def _count(self, result: Result, needed: bool) -> None:
        """Put instructions into the rows; without valgrind say so, unless they are all there is.

        raises Lacking   there is no valgrind, and times were not asked for
        """
        from ..bench import instructions

        names = {row["name"] for row in result.rows}
        refused = {name for row in result.rows for name in row["refused"]}
        self.out.status("counting instructions")
        try:
            counts = instructions.count([row for row in self.rows if row.name in names],
                                        [h for h in self.halves if h.name not in refused])
        except Lacking as error:
            if needed:
                raise
            self.say(f"no instructions: {error}")
            return
        finally:
            self.out.status("")
        for row in result.rows:
            row["instructions"] |= counts[row["name"]]

    def _report(self, result: Result) -> int:
        document = self._document(result)
        found = compare.changes(self.old, document) if self.old else []
        failed = [change for change in found if change.slower_than(self.fail_above)]
        document["compared"] = self._compared(found, failed)
        if self.json_path != "-":
            self._print(document, found, failed)
        output.write_json(self.json_path, document, self.out)
        if self.html_path is not None:
            self._write_html(document, found)
        refused = result.refused or any(row["refused"] for row in result.rows)
        if self.old is not None and not found and not refused and not result.interrupted:
            streams.complain(f"--compare {self.old_path}: nothing was compared: none of its rows "
                             "has a number that was measured now too")
            return output.WRONG_USE
        return output.code_of(found=failed or refused, interrupted=result.interrupted)

    def _document(self, result: Result) -> dict:
        return {
            "schema": results.SCHEMA,
            "events": self.events,
            "seconds": self.seconds,
            "interrupted": result.interrupted,
            "halves": self._names_of_halves(),
            "machine": machine.describe(result.processor, result.fixed_addresses),
            "rows": result.rows,
            "refused": result.refused,
        }

    def _compared(self, found: list, failed: list) -> dict | None:
        if self.old is None:
            return None
        return {"with": self.old_path, "fail_above": self.fail_above,
                "failed": sorted({change.row for change in failed}),
                "verdicts": compare.verdicts(found),
                "changes": [asdict(change) | {"verdict": change.verdict} for change in found]}

    def _builds(self, rows: list[dict]) -> str:
        """Which build was timed, and that the usual one is counted."""
        said = f", timed with{'' if self.events else 'out'} events"
        said = said if any(row["rounds"] for row in rows) else ""
        if any(row["instructions"]["C"] for row in rows):
            said += ", counted with events"
        return said

    def _print(self, document: dict, found: list, failed: list) -> None:
        if document["rows"]:
            self.out.print(report.table(document["rows"]))
        self.say(machine.line(document["machine"]) + self._builds(document["rows"]))
        if document["machine"]["fixed_addresses"] is False:
            self.say("addresses are random here: times of two runs differ by more than these "
                     "intervals")
        for line in _lent(document["rows"]):
            self.say(line)
        for name, why in document["refused"].items():
            self.say(f"{name}: refused: {why}")
        if self.old is not None:
            self._print_comparison(document, found, failed)
        if document["interrupted"]:
            self.say(f"stopped early: {counted(len(document['rows']), 'row')} of {len(self.rows)}")

    def _print_comparison(self, document: dict, found: list, failed: list) -> None:
        told = compare.verdicts(found)
        numbers = ", ".join(f"{sum(v == verdict for v in told.values())} {verdict}"
                            for verdict in (compare.SLOWER, compare.FASTER, compare.SAME))
        self.say(f"since {self.old_path}: {numbers}")
        if self.old["machine"].get("processor") != document["machine"]["processor"]:
            self.say("it was measured on another processor: times tell little")
        for line in report.changes(found):
            self.say(f"  {line}")
        for name in dict.fromkeys(change.row for change in failed):
            self.say(f"{name}: slower by more than {self.fail_above:g} %")

    def _write_html(self, document: dict, found: list) -> None:
        from ..report.bench_html import page

        try:
            Path(self.html_path).write_text(page(document, found), encoding="utf-8")
        except OSError as error:
            raise BadInput(f"--html {self.html_path}: {error.strerror}") from error
        interrupt.told(self.html_path)


def _lent(rows: list[dict]) -> list[str]:
    """A line for each half that has not all that the rows call: C's would have been timed there."""
    of: dict[str, list[str]] = {}
    for row in rows:
        for half, functions in row["lent"].items():
            of.setdefault(half, []).extend(functions)
    return [f"half {half} has no {', '.join(dict.fromkeys(functions))}: rows of them are not timed "
            "for it" for half, functions in of.items()]
