# SPDX-License-Identifier: GPL-2.0-only
"""How many cases a second are replayed and compared; run by `pytest bench/bench_replay.py`.

A case is drawn, its world built, each half run on it and what they left compared.
Nothing is asserted about time: only that every case ran and that no half differed.
"""

import array
import os
import threading

import pytest

from pykmm import half, paths
from pykmm.engine import core

# Short rounds and many: on a busy machine some of them still have the processors to themselves.
CASES = 40_000      # a shard: some 15 ms
ROUNDS = 40
SEED = 1

C = core.Half.load(paths.lib() / "c.so", "C")
P = core.Half.at(half.ADDRESS, "P")

WHAT = {
    "C alone": ([C], 1),            # drawing, building and one run: nothing to compare
    "C and C": ([C, C], 1),
    "C and P": ([C, P], 1),
    "C and P, two threads": ([C, P], 2),
}


class Thread:
    """What one thread needs to run a shard of its own."""

    def __init__(self, job: core.Job, shard: int):
        self.job, self.shard = job, shard
        self.runner = core.Runner()
        # far from the other thread's: both are written for every case
        self.watch = bytearray(4096)
        self.counters = array.array("Q", [0])
        self.ran: dict = {}

    def run(self) -> None:
        self.ran = self.job.run_shard(self.runner, self.shard, CASES, core.Stop(), self.watch,
                                      self.counters)

    def run_and_leave(self) -> None:
        self.run()
        core.unguard_thread()


def in_threads(threads: list[Thread]) -> None:
    """All at once; a single one runs in this thread."""
    others = [threading.Thread(target=one.run_and_leave) for one in threads[1:]]
    for other in others:
        other.start()
    threads[0].run()
    for other in others:
        other.join()


@pytest.fixture(autouse=True)
def guarded():
    core.guard_process()
    yield
    core.unguard_thread()
    core.unguard_process()


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("kind", ["legal", "wild"])
def test_replay(benchmark, kind: str, what: str) -> None:
    halves, count = WHAT[what]
    if count > len(os.sched_getaffinity(0)):
        pytest.skip(f"{count} threads need {count} processors")
    job = core.Job(halves, seed=SEED, keep_going=True, wild=kind == "wild")
    threads = [Thread(job, shard) for shard in range(count)]
    benchmark.group = kind
    benchmark.extra_info.update(kind=kind, what=what, cases=CASES * count)

    benchmark.pedantic(in_threads, args=(threads,), rounds=ROUNDS, warmup_rounds=1)

    for thread in threads:
        assert (thread.ran["done"], thread.ran["divergences"]) == (CASES, 0)
