# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm review`: what each line of the patch is for, on the terminal, as a page, or as JSON."""

import os
import signal
from pathlib import Path

import click

from ..engine.fuzz import BOTH
from ..engine.guarded import Died
from ..errors import BadInput, HarnessError
from ..patch.edits import judge
from ..patch.mail import read_mail
from ..report import claims as claims_report
from ..review import claims as claims_table
from ..review import evidence, facts, terminal
from . import options, output
from .answer import answer
from .fuzz import Session
from .review_against import review_against
from .review_claims import review_claims
from .review_units import review_units
from .review_wrong import review_wrong

SECONDS, SEED = 5.0, 2006


@click.command()
@click.argument("what", required=False)
@click.option("--html", "html_path", metavar="PATH",
              help="Write all of it as one HTML file that needs nothing else.")
@click.option("--seconds", type=options.Seconds(), default=None,
              help="Count for so long how often lines run (5, 1m). Default: 5, or no limit with "
                   "--cases.")
@click.option("--cases", type=options.Count(), default=None,
              help="Count so many cases (20k, 10M): the same counts on every machine.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=SEED, show_default=True,
              help="What the counted cases are drawn from.")
@click.option("--jobs", type=click.IntRange(1, 256), default=None,
              help="Threads that count. Default: one a core.")
@click.option("--claims", is_flag=True,
              help="Only what the mail says of the patch, and whether it is so.")
@click.option("--units", "ablation", is_flag=True,
              help="Only what goes wrong without each unit and each two: explored again.")
@click.option("--wrong", is_flag=True,
              help="Only what v8 breaks and the kernel before it keeps, and the reverse: both "
                   "explored, for some 10 minutes on two cores.")
@click.option("--against", metavar="MAIL",
              help="Only what another version of the patch changes, and the shortest run in which "
                   "both behave differently.")
@options.patch_option
@options.json_option
def review(what, html_path, seconds, cases, seed, jobs, claims, ablation, wrong, against,
           patch, json_path) -> int:
    """Show the patch edit by edit beside its C and its Cython, with counts and witnesses.

    WHAT is an edit (E14), a unit (U3), a function, a step (MK3), a claim (C05) or a finding (F2);
    without it there is a table of all edits. A witness is a run that goes wrong without a unit, a
    finding one that goes wrong with the patch: each is run here, with and without.

    --claims: each sentence of the mail that says how the kernel behaves, the scenarios that test
    it, and the verdict, which is found again by running them.

    --against: the mail of --patch is half X, the other one half Y, and both run on every operation
    of some scopes, then on drawn cases (--seconds in all, 30 unless given) until they part.

    --units: kernels without a unit, and without two, beside v8 in small scopes, until something goes
    wrong, and whole alphabets, in which nothing shorter may: within one operation, or for --seconds
    again and as deep as there is time. How far the record of these went is said.

    --wrong: every property is asked of v8 and of the kernel before it in some scopes, small ones
    first (--seconds: for each scope and kernel at most). What only one of them breaks is told by
    cause, with the shortest run.

    Exit code 1: a witness does not hold, a claim is not as in the table, or the halves differ; with
    --claims also if the mail says other things than v8's; with --against, both behave differently;
    with --wrong, a cause is not written up.
    """
    output.check_json_path(json_path)
    output.check_path("--html", html_path)
    alone = [claims, ablation, wrong, against is not None]
    if sum(alone) > 1 or (any(alone) and (what or html_path)):
        raise click.UsageError("--claims, --units, --wrong and --against each show that alone: "
                               "leave out the rest")
    if seconds is not None and cases is not None:
        raise click.UsageError("--seconds and --cases both say when to stop: give one of them")
    if against is not None:
        if cases is not None:
            raise click.UsageError("--against compares two mails, for some --seconds: leave out "
                                   "--cases")
        return review_against(options.check_patch(patch), against, seconds=seconds, seed=seed,
                              jobs=jobs, json_path=json_path)
    if claims:
        return review_claims(options.check_patch(patch), json_path)
    if ablation:
        return review_units(options.check_patch(patch), cases, seed, seconds, json_path)
    if wrong:
        if cases is not None:
            raise click.UsageError("--wrong explores, for --seconds each: leave out --cases")
        return review_wrong(seconds, jobs, json_path)
    meant = _meant(what)
    source = _mail(options.check_patch(patch))
    out = output.Output()
    quiet = json_path == "-"
    if source.verdict and source.verdict.kind != "v8" and not quiet:
        out.line(f"the mail: {source.verdict}")
    code = output.GOOD
    if meant or html_path or json_path:
        code = _count(source, {
            "kind": BOTH, "seed": seed, "jobs": jobs or os.cpu_count() or 1,
            "seconds": SECONDS if seconds is None else seconds, "cases": cases,
            "functions": None, "units": None, "wild": False, "keep_going": True}, json_path)
        if source.counts is None:
            return code
    if _run_all(source, out, claims=bool(meant or html_path or json_path)):
        code = output.FOUND
    if html_path or json_path:
        source.shortest = _answer({"do": "shortest"}, out)["shortest"]
    found = facts.facts(source)
    if html_path:
        _write_page(html_path, found)
    if not quiet:
        shown = terminal.in_full(found, *meant) if meant else terminal.table(found)
        for one in shown if meant or not html_path else ():
            out.print(one)
        for line in _closing(found, html_path):
            out.line(line)
    output.write_json(json_path, found, out)
    return code


def _meant(what: str | None) -> tuple[str, str] | None:
    """(kind, id) of the argument; raises BadInput if there is no such thing."""
    if what is None:
        return None
    known = facts.facts(_mail(None))
    meant = terminal.find(known, what)
    if meant is None:
        ids = terminal.names(known)
        raise BadInput(
            f"review {what}: there is nothing of that name; there are the edits "
            f"{ids['edits'][0]} to {ids['edits'][-1]}, the units {ids['units'][0]} to "
            f"{ids['units'][-1]}, the functions {', '.join(ids['functions'])}, their steps, "
            f"{ids['steps'][0]} to {ids['steps'][-1]}, the claims {ids['claims'][0]} to "
            f"{ids['claims'][-1]}, and the findings {ids['findings'][0]} to {ids['findings'][-1]}")
    return meant


def _mail(patch: str | None) -> facts.Source:
    """What is known before anything runs; raises BadInput if the mail is not this patch."""
    if patch is None:
        return facts.Source(claims=claims_report.facts(claims_table.load(), None, None))
    said = claims_report.facts(claims_table.load(), claims_table.read(patch), None)
    return facts.Source(judge(read_mail(patch)), os.path.basename(patch), claims=said)


def _count(source: facts.Source, plan: dict, json_path: str | None) -> int:
    """Put in how often lines run; the exit code. No counts: the run was ended at once."""
    counting = _Counting({"do": "fuzz", "plan": plan, "patch": None, "halves": []},
                         Path("findings"), json_path)
    code = counting.run()
    signal.signal(signal.SIGINT, signal.default_int_handler)    # the session has switched it off
    if counting.result is not None:
        source.counts = facts.Counts.of(counting.result, plan["seed"])
        source.counts.interrupted = counting.interrupted
    return code


def _run_all(source: facts.Source, out: output.Output, *, claims: bool) -> bool:
    """Put in what came of the witnesses, and of the claims' scenarios; is one not as it should?"""
    source.runs = _answer({"do": "witnesses"}, out)["runs"]
    wrong = not all(run["ok"] for run in source.runs.values())
    if claims and evidence.folder() is not None:
        wrong |= facts.judge_claims(source, _answer({"do": "claims"}, out)["judged"])
    return wrong


def _answer(task: dict, out: output.Output) -> dict:
    """What C and P give for a task, in a child process."""
    last = answer({**task, "patch": None, "halves": []}, None, out)
    if isinstance(last, Died):
        raise HarnessError(f"the engine {last.how} on {task['do']}")
    return last


class _Counting(Session):
    """A fuzzing run for its counts alone."""

    names_x = False
    result: dict | None = None

    def _introduce(self) -> None:
        pass

    def _progress(self, message: dict) -> str:
        return f"counting: {message['cases']:,} cases"

    def _report(self, result: dict) -> int:
        self.result = result
        return output.FOUND if result["divergences"] else output.GOOD


def _write_page(path: str, found: dict) -> None:
    from ..review.page import page

    try:
        Path(path).write_text(page(found), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--html {path}: {error.strerror}") from error


def _closing(found: dict, html_path: str | None) -> list[str]:
    """What was run for this, what does not hold, and where the page is."""
    lines = []
    counts = found["counts"]
    if counts:
        lines.append(f"counts are of {counts['cases']:,} cases, seed {counts['seed']}; of them a "
                     "sample was counted, and what did something new")
    runs = {name: unit["witness"] for name, unit in found["units"].items() if unit["witness"]}
    lines += [f"the run of {name} does not hold: pykmm run {run['file']}"
              for name, run in {**runs, **found["findings"]}.items() if run.get("ok") is False]
    if found["mail"] is None:
        lines.append("no lines of the patch: there is no mail (give one with --patch or "
                     "PYKMM_PATCH)")
    if html_path:
        lines.append(f"page in {html_path}")
    return lines
