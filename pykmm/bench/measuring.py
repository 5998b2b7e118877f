# SPDX-License-Identifier: GPL-2.0-only
"""One row timed: its columns in turn, in rounds so short that what disturbs one disturbs all.

A column is a half on the world of the row: C and P as patched, C without the patch (before), and
the user's own. In every round each is timed once, in an order drawn anew, and so are loops that
only put worlds back (what a round costs besides its steps) and a piece of work that never changes.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..engine import timing
from ..engine.core import Half
from . import moving
from .row import AFTER, BEFORE, Call, Row, Start

BATCH_NS = 100_000      # of one column in one round: well below what schedulers give to a process
WARM = 8                # a batch is preceded by such a part of itself, untimed
LEAST_ROUNDS = 24
MOST_ROUNDS = 20_000
YARDSTICK = 500         # rounds of it: some 20 microseconds
TICK_SECONDS = 0.5
FITS = 5
PAGE, LINE = 4096, 64   # bytes
NOT_BACK = "its rounds do not end in the world that they begin in"
_MOST_CALLS = 1 << 20


class Refused(Exception):
    """The row cannot be timed: the message says why."""


@dataclass
class Samples:
    """What the rounds of a row gave, in their order.

    columns : name -> nanoseconds of the steps in each round, what is around them taken off
    around : name -> nanoseconds of what was taken off
    calls : name -> how often the steps were done in each round
    yardstick : list        nanoseconds of a round of the work that never changes
    refused : name -> why   columns of the user that were not timed
    lent : name -> [function]   the same, as it would have been C's functions that are timed
    block : int             address of the worlds
    """

    columns: dict[str, list[float]] = field(default_factory=dict)
    around: dict[str, list[float]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    yardstick: list[float] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    lent: dict[str, list[str]] = field(default_factory=dict)
    block: int = 0


class _Block:
    """Memory that worlds take turns in."""

    def __init__(self) -> None:
        self._holds: timing.Timed | None = None

    def put(self, timed: timing.Timed) -> None:
        """Make this the one that is in it; raises Refused as empty does."""
        if self._holds is not timed:
            self.empty()
            timed.start()
            self._holds = timed

    def empty(self) -> None:
        """Rounds end where they began, or what was timed were different calls: raises Refused."""
        if self._holds is not None and not self._holds.is_back():
            raise Refused(NOT_BACK)
        self._holds = None


@dataclass
class _Loop:
    """What is timed without a pause: a half's steps, or only what is around them (no half)."""

    timed: timing.Timed
    half: Half | None
    block: _Block
    calls: int = 1

    def run(self, calls: int) -> int:
        if self.half is None:
            return self.timed.idle(calls)
        return self.timed.steps(self.half, calls)

    def per_call(self) -> float:
        self.block.put(self.timed)
        self.run(max(1, self.calls // WARM))
        return self.run(self.calls) / self.calls


def measure(row: Row, halves: list[Half], seconds: float, layout: int = 0,
            tick: Callable[[], None] = lambda: None,
            tell: Callable[[str], None] = lambda half: None) -> Samples:
    """Time a row for so long.

    halves : [Half]   C and P, then others, whose names become columns
    layout : int      what orders of columns, and the place of the stack, are drawn from
    tick : ()         called now and then, for whoever waits for a sign of life
    tell : (half)     called before a half does the steps for the first time
    raises Refused    halves differ on it, or it does not end well
    """
    samples = Samples()
    starts = {"after": row.make(AFTER)}
    if row.has_before:
        starts["before"] = _at_one_place(row.make(BEFORE), starts["after"])
    samples.block = starts["after"].runner.base
    block, draw = _Block(), random.Random(layout)
    stack_at = draw.randrange(PAGE // LINE) * LINE
    loops, idle = {}, {}
    for kernel, start in starts.items():
        timed = timing.Timed(start, stack_at)
        agreed = _agreed(timed, halves if kernel == "after" else halves[:1], samples, tell)
        own = [_Loop(timed, half, block) for half in agreed]
        idle[kernel] = _Loop(timed, None, block)
        _fit([*own, idle[kernel]])
        loops |= {loop.half.name: loop for loop in own} if kernel == "after" else {kernel: own[0]}
    samples.calls = {name: loop.calls for name, loop in loops.items()}
    _rounds(loops, idle, samples, seconds, draw, tick)
    block.empty()
    return samples


def _at_one_place(start: Start, other: Start) -> Start:
    """The first start in the other one's block, if they are of one size.

    Which addresses agree in their last bits costs more than some functions do: worlds that are
    compared have to be the same ones in this as well.
    """
    runner, library = other.runner, moving.core_library().start
    moved = moving.movable(start.runner, start.image)
    if runner is start.runner or moved.size != moving.capacities(runner, other.image):
        return start
    steps = tuple(replace(step, arguments={name: moved.word_at(word, runner.base)
                                           for name, word in step.arguments.items()})
                  if isinstance(step, Call) else step for step in start.steps)
    return Start(runner, moved.at(runner.base, library), steps)


def _agreed(timed: timing.Timed, halves: list[Half], samples: Samples,
            tell: Callable[[str], None]) -> list[Half]:
    """Those that do on this row what halves[0] does; P has to, and C has to do it twice."""
    first, agreed = halves[0], []
    missing = timed.missing(first)
    if missing:
        raise Refused(f"{first.name} has no {missing[0]}")
    tell(first.name)
    expected = _Ran.of(timed, first)
    if expected.ended[0] != "returned":
        raise Refused(f"{first.name} ends with {expected.ended[0]}")
    timed.learn()
    for half in halves:
        lent = timed.missing(half)
        if lent:
            samples.lent[half.name] = lent
            continue
        tell(half.name)
        why = _why_not(timed, half, expected)
        if not why:
            agreed.append(half)
        elif half in halves[:2]:
            raise Refused(why)
        else:
            samples.refused[half.name] = why
    # one round, before many of them go on from a world that nobody checked
    timed.start()
    timed.steps(first, 1)
    if not timed.is_back():
        raise Refused(NOT_BACK)
    return agreed


@dataclass(frozen=True)
class _Ran:
    """How a run ended and what it left."""

    ended: tuple
    state: bytes
    events: list[int]

    @staticmethod
    def of(timed: timing.Timed, half: Half) -> "_Ran":
        return _Ran(timed.run(half), *timed.left())


def _why_not(timed: timing.Timed, half: Half, expected: _Ran) -> str:
    """Why a half cannot be timed beside the one that did what was expected, or ""."""
    ran = _Ran.of(timed, half)
    return "" if ran == expected else f"{half.name} and C differ"


def _fit(loops: list[_Loop]) -> None:
    """Give loops that share a world the number of calls that takes the first one BATCH_NS."""
    first, calls = loops[0], 1
    first.block.put(first.timed)
    while calls < _MOST_CALLS:
        # of several: what disturbed one of them would leave batches too short to be timed
        spent = max(1, min(first.run(calls) for _ in range(FITS)))
        if spent >= BATCH_NS / 2:
            break
        calls = min(_MOST_CALLS, calls * min(64, max(2, BATCH_NS // spent)))
    first.block.empty()
    for loop in loops:
        loop.calls = calls


def _rounds(loops: dict[str, _Loop], idle: dict[str, _Loop], samples: Samples, seconds: float,
            draw: random.Random, tick: Callable[[], None]) -> None:
    samples.columns = {name: [] for name in loops}
    samples.around = {name: [] for name in loops}
    order = [*loops, *(f"around {name}" for name in idle), "yardstick"]
    every = loops | {f"around {name}": loop for name, loop in idle.items()}
    end = time.monotonic() + seconds
    next_tick = 0.0
    while len(samples.yardstick) < MOST_ROUNDS:
        at = time.monotonic()
        if at >= end and len(samples.yardstick) >= LEAST_ROUNDS:
            return
        if at >= next_tick:
            tick()
            next_tick = at + TICK_SECONDS
        draw.shuffle(order)
        spent = {name: timing.yardstick(YARDSTICK) / YARDSTICK if name == "yardstick"
                 else every[name].per_call() for name in order}
        samples.yardstick.append(spent["yardstick"])
        for name in loops:
            around = spent["around before" if name == "before" else "around after"]
            samples.around[name].append(around)
            samples.columns[name].append(spent[name] - around)
