# SPDX-License-Identifier: GPL-2.0-only
"""What is timed must be the same: a row's steps by several halves, compared bit for bit before."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..engine import core
from ..engine.guarded import Child, Died
from ..engine.halves import NamedHalf
from ..report.paths import Map
from . import rows
from .row import AFTER, BEFORE, Call, Row, Start


@dataclass(frozen=True)
class Run:
    """What a half made of a start.

    results : list    of each step (outcome, what it returned, offset from NULL of an oops)
    words : list      the trace
    state : bytes     of the world
    """

    results: list[tuple[str, int, int]]
    words: list[int]
    state: bytes


def run(start: Start, half: core.Half) -> Run:
    """All steps of a start by one half, in this process; the block is left as they leave it."""
    runner, results = start.runner, []
    runner.restore(start.image)
    for step in start.steps:
        if isinstance(step, Call):
            results.append(runner.run_on(half, runner.image(), step.function, **step.arguments))
        else:
            results.append(runner.operate(half, step.name, step.actor, *step.arguments))
        if results[-1][0] != "returned":
            break
    return Run(results, runner.trace()[0], runner.image())


def unequal(start: Start, halves: Sequence[core.Half]) -> str | None:
    """How the first half that does not do as halves[0] does differs, or None; in this process.

    All must come to an end by returning, so that there is something to time.
    """
    for half in halves:
        lacks = _lacks(start, half)
        if lacks:
            return f"half {half.name} has no {lacks}"
    first = run(start, halves[0])
    if first.results[-1][0] != "returned":
        return f"half {halves[0].name} ends in {first.results[-1][0]}"
    for half in halves[1:]:
        other = run(start, half)
        difference = _difference(start, first, other, halves[0].name)
        if difference:
            return f"half {half.name} {difference}"
    return None


def _lacks(start: Start, half: core.Half) -> str | None:
    """A function that the steps call directly and this half has not: C's would be compared."""
    needed = [step.function for step in start.steps if isinstance(step, Call)]
    return next((name for name in needed if name in half.lent), None)


def _difference(start: Start, first: Run, other: Run, name: str) -> str | None:
    for number, (one, two) in enumerate(zip(first.results, other.results, strict=False)):
        if one != two:
            step = f"step {number + 1}: " if len(start.steps) > 1 else ""
            return f"{step}{_ending(two)}, half {name} {_ending(one)}"
    if first.words != other.words:
        return _first_event(first.words, other.words, name)
    if first.state != other.state:
        at = next(i for i, (a, b) in enumerate(zip(first.state, other.state, strict=True))
                  if a != b)
        return f"leaves another {Map(start.runner).place_at(at).path} than half {name}"
    return None


def _ending(result: tuple[str, int, int]) -> str:
    return f"returns {result[1]}" if result[0] == "returned" else f"ends in {result[0]}"


def events_of(words: list[int]) -> Iterator[tuple[str, list[int]]]:
    """(name, arguments and result) of each event of a trace."""
    at = 0
    while at < len(words):
        end = at + 1 + (words[at] >> 16)
        yield core.EVENTS[words[at] & 0xFFFF][0], words[at + 1:end]
        at = end


def _first_event(first: list[int], other: list[int], name: str) -> str:
    ours, theirs = [*events_of(first), ("its end", [])], [*events_of(other), ("its end", [])]
    number = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b)
    one, two = ours[number][0], theirs[number][0]
    words = " with other words" if one == two else ""
    return f"event {number + 1}: {two}{words}, half {name} {one}"


def of_row(row: Row, halves: Sequence[core.Half]) -> str | None:
    """unequal of both kernels that a row has, in this process."""
    for units in (AFTER, BEFORE) if row.has_before else (AFTER,):
        difference = unequal(row.make(units), halves)
        if difference:
            return difference if units == AFTER else f"before the patch: {difference}"
    return None


def refused(row: Row, others: Iterable[NamedHalf] = ()) -> str | None:
    """Why a row cannot be timed, in a word for people, or None: C and P, and others against C.

    Runs in a child process: a half that crashes or stands still is a reason too.
    raises BadInput   a half that cannot be loaded
    """
    return refusals([row], others).get(row.name)


def refusals(rows_: Sequence[Row], others: Iterable[NamedHalf] = ()) -> dict[str, str]:
    """{name: why} of those of these rows that cannot be timed; one child for all, if it lives."""
    found: dict[str, str] = {}
    left = [row.name for row in rows_]
    while left:
        answer = _ask(left, list(others))
        if not isinstance(answer, Died):
            return found | answer["refused"]
        # what the child had found before is lost with it, and found again without that row
        name = answer.running[0][1].decode() if answer.running else left[0]
        half = answer.running[0][0] if answer.running else "C"
        found[name] = f"half {half} {answer.how}"
        left.remove(name)
    return found


def _ask(names: list[str], others: list[NamedHalf]) -> dict | Died:
    task = {"do": "bench_check", "rows": names, "patch": None,
            "halves": [vars(half) for half in others]}
    with Child(task) as child:
        *_, last = child.messages()
    return last


def answer(names: Iterable[str], halves: Sequence[core.Half], tell) -> dict[str, str]:
    """The child's side.  tell(half, row): a half is about to run a row."""
    found = {}
    for name in names:
        row = rows.find(name)
        for half in halves[1:]:
            tell(half.name, name)
            difference = of_row(row, [halves[0], half])
            if difference and name not in found:
                found[name] = difference
    return found
