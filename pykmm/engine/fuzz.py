# SPDX-License-Identifier: GPL-2.0-only
"""Fuzzing: shards of cases on several threads, with counts that do not depend on how many.

A shard is a fixed number of cases of (seed, shard): direct calls in even shards and
sequences of operations in odd ones, unless only one of the two is wanted.  When a run ends at its
first divergence, that is the one of the lowest shard: shards above it do not
count, and shards below it are finished first.
"""

import array
import threading
import time
from collections.abc import Callable, MutableSequence
from dataclasses import dataclass, field

from .. import paths
from ..source import counting, reached
from . import behaviours, core

SHARD_CASES = 1 << 16
SHARD_SEQUENCES = 1 << 12
DIRECT, SEQUENCES, BOTH = KINDS = ("direct", "sequences", "both")
FINDINGS_KEPT = 10
PROGRESS_SECONDS = 0.2


@dataclass
class Plan:
    """What to fuzz.

    seconds : float      stop after so long, unless cases is set
    cases : int | None   stop after so many
    units : int | None   mask; None: a mixture
    kind : str           of KINDS: what cases are
    """

    halves: list[core.Half]
    counted: list[core.Half]
    seed: int
    jobs: int
    seconds: float = 30.0
    cases: int | None = None
    functions: list[int] | None = None
    units: int | None = None
    kind: str = BOTH
    wild: bool = False
    keep_going: bool = False


@dataclass
class Divergence:
    """Where two halves differed: enough to make the case again."""

    shard: int
    index: int
    half: str
    case: bytes
    sequence: bool


@dataclass
class Outcome:
    """What a fuzzing run gave.

    counters : list    rows of C and P as counting.Counters numbers them: of the sample, and of the
                       first case that showed each behaviour
    """

    cases: int = 0
    sequences: int = 0
    operations: int = 0
    interfered: int = 0
    disordered: int = 0
    divergences: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    calls: list[int] = field(default_factory=lambda: [0] * len(core.FUNCTIONS))
    divergences_of: list[int] = field(default_factory=lambda: [0] * len(core.FUNCTIONS))
    outcomes: dict[str, int] = field(default_factory=dict)
    found: list[Divergence] = field(default_factory=list)
    counters: list[list[int]] = field(default_factory=list)


class Fuzzer:
    """One run: `run` blocks until it is over; `stop` ends it from another thread."""

    def __init__(self, plan: Plan, watches: list[MutableSequence[int]] | None = None):
        """watches : one writable buffer of core.WATCH_BYTES a job, or None"""
        self.plan = plan
        self.job = core.Job(
            plan.halves, counted=plan.counted, seed=plan.seed, functions=plan.functions,
            units=plan.units, wild=plan.wild, keep_going=plan.keep_going,
        )
        self.counters = counting.counters_of(paths.cref())
        self.words = self.counters.total
        self.watches = watches or [bytearray(core.WATCH_BYTES) for _ in range(plan.jobs)]
        self.interrupted = False
        self._stop = core.Stop()
        self._lock = threading.Lock()
        self._next = 0
        self._last = 2**63          # no shard above this one counts
        self._results: dict[int, tuple[dict, array.array]] = {}
        self._errors: list[BaseException] = []
        # of each thread: the behaviours it has seen, and the counts of cases that were new to it
        self._noted = [bytearray(behaviours.BYTES) for _ in range(plan.jobs)]
        self._live = [self._rows() for _ in range(plan.jobs)]
        self._reached: set[int] = set()     # counters of shards that are done
        self._first_counters = self._rows()
        self._so_far: tuple[int, dict[str, list[int]]] = (-1, {})

    def _rows(self) -> array.array:
        """Counters at 0, a row for each counting build."""
        return array.array("Q", [0]) * (self.words * max(1, len(self.plan.counted)))

    def stop(self) -> None:
        """End the run between two cases."""
        self.interrupted = True
        self._stop.set()

    def _is_sequences(self, shard: int) -> bool:
        return shard % 2 == 1 if self.plan.kind == BOTH else self.plan.kind == SEQUENCES

    def _shard_cases(self, shard: int) -> int:
        wanted = SHARD_SEQUENCES if self._is_sequences(shard) else SHARD_CASES
        if self.plan.cases is None:
            return wanted
        if self.plan.kind == BOTH:
            before = shard // 2 * (SHARD_CASES + SHARD_SEQUENCES) + shard % 2 * SHARD_CASES
        else:
            before = shard * wanted
        return max(0, min(wanted, self.plan.cases - before))

    def _take(self) -> tuple[int, int] | None:
        with self._lock:
            shard, cases = self._next, self._shard_cases(self._next)
            if cases == 0 or shard > self._last or self._over or self.interrupted or self._errors:
                return None
            self._next += 1
            return shard, cases

    def _work(self, number: int) -> None:
        try:
            runners = {False: core.Runner(), True: core.Runner(sequences=True)}
            while (taken := self._take()) is not None:
                shard, cases = taken
                counters = self._rows()
                runner = runners[self._is_sequences(shard)]
                result = self.job.run_shard(runner, shard, cases, self._stop,
                                            self.watches[number], counters,
                                            self._noted[number], self._live[number])
                with self._lock:
                    self._reached |= _nonzero(counters)
                    self._results[shard] = result, counters
                    if result["divergences"] and not self.plan.keep_going:
                        self._last = min(self._last, shard)
        except BaseException as error:      # handed on to the thread that waits
            with self._lock:
                self._errors.append(error)
            self._stop.set()
        finally:
            core.unguard_thread()

    def run(self, progress: Callable[[int, int, float], None] | None = None) -> Outcome:
        """progress(cases, divergences, seconds) is called a few times a second."""
        start = time.monotonic()
        self._over = False
        core.guard_process()
        threads = [threading.Thread(target=self._work, args=(n,)) for n in range(self.plan.jobs)]
        try:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                threads[0].join(PROGRESS_SECONDS / 2)
                for thread in threads[1:]:
                    thread.join(PROGRESS_SECONDS / 2 / len(threads))
                seconds = time.monotonic() - start
                if self.plan.cases is None and seconds >= self.plan.seconds:
                    self._over = True
                    self._stop.set()
                if progress:
                    progress(*self.so_far(), seconds)
        finally:
            self._over = True
            self._stop.set()
            for thread in threads:
                thread.join()
            if not self._errors:
                self._count_first()
            core.unguard_process()
        if self._errors:
            raise self._errors[0]
        return self._merge(time.monotonic() - start)

    def so_far(self) -> tuple[int, int]:
        """(cases, divergences) as of now; cases of running shards included."""
        beats = sum(core.watched(bytes(watch))[0] for watch in self.watches)
        with self._lock:
            return beats, sum(result["divergences"] for result, _ in self._results.values())

    def reached_so_far(self) -> dict[str, list[int]]:
        """Steps and branches that both halves have reached as of now, each as [reached, all]."""
        with self._lock:
            seen = set(self._reached)
        seen = seen.union(*map(_nonzero, self._live))
        if self._so_far[0] != len(seen):    # what has been reached stays so, and adding up is slow
            self._so_far = len(seen), self._totals(seen)
        return self._so_far[1]

    def _totals(self, seen: set[int]) -> dict[str, list[int]]:
        rows = [[row * self.words + i in seen for i in range(self.words)]
                for row in range(len(self.plan.counted))]
        wanted = range(len(core.FUNCTIONS)) if self.plan.functions is None else self.plan.functions
        return reached.totals(reached.tally(self.counters, rows, core.FUNCTIONS[number])
                              for number in wanted)

    def _count_first(self) -> None:
        """Count the first case of each behaviour, whichever thread had it.

        What the threads counted themselves depends on who ran which shard; the lowest
        case of all does not.
        """
        first: dict[int, tuple[int, int]] = {}
        for noted in self._noted:
            for behaviour, case in behaviours.first_cases(noted).items():
                first[behaviour] = min(case, first.get(behaviour, case))
        runners = {False: core.Runner(), True: core.Runner(sequences=True)}
        for shard, index in sorted(set(first.values())):
            if shard <= self._last:
                behaviours.count_case(self.job, runners[self._is_sequences(shard)], shard, index,
                                      self._first_counters)
        core.unguard_thread()

    def _merge(self, seconds: float) -> Outcome:
        outcome = Outcome(seconds=seconds, interrupted=self.interrupted)
        totals = self._first_counters
        for shard in sorted(self._results):
            if shard > self._last:
                break
            result, counters = self._results[shard]
            sequences = self._is_sequences(shard)
            outcome.cases += result["done"]
            outcome.sequences += result["done"] if sequences else 0
            outcome.operations += result["operations"] if sequences else result["done"]
            outcome.interfered += result["interfered"]
            outcome.disordered += result["disordered"]
            outcome.divergences += result["divergences"]
            for i in range(len(core.FUNCTIONS)):
                outcome.calls[i] += result["calls"][i]
                outcome.divergences_of[i] += result["divergences_of"][i]
            for name, count in result["outcomes"].items():
                outcome.outcomes[name] = outcome.outcomes.get(name, 0) + count
            for i, count in enumerate(counters):
                totals[i] += count
            if result["divergences"] and len(outcome.found) < FINDINGS_KEPT:
                outcome.found.append(Divergence(
                    shard, result["first_divergence"],
                    self.plan.halves[result["first_half"]].name,
                    self.job.case(shard, result["first_divergence"], sequences), sequences))
        outcome.counters = [list(totals[at:at + self.words])
                            for at in range(0, len(totals), self.words)]
        return outcome


def _nonzero(counters: array.array) -> set[int]:
    return {i for i, count in enumerate(counters) if count}
