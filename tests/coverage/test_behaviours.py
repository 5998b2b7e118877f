# SPDX-License-Identifier: GPL-2.0-only
"""Cases with a new behaviour are counted when they come, and at the end the lowest of each."""

import array

import pytest

from pykmm import paths
from pykmm.engine import behaviours, core, fuzz, halves
from pykmm.source import counting, reached

COUNTERS = counting.counters_of(paths.cref())
CASES = {False: 6000, True: 8000}
SAMPLE = {False: 512, True: 256}
kinds = pytest.mark.parametrize("sequences", [False, True], ids=["direct", "sequences"])


def rows() -> array.array:
    return array.array("Q", [0]) * (2 * COUNTERS.total)


class Shard:
    """A shard that runs under one table of behaviours, as often as one likes."""

    def __init__(self, sequences: bool):
        self.sequences = sequences
        self.job = core.Job([halves.c_half(), halves.p_half()], seed=2006,
                            counted=[halves.c_half(counted=True), halves.p_half(counted=True)])
        self.runner = core.Runner(sequences=sequences)
        self.noted = bytearray(behaviours.BYTES)

    def run(self, cases: int | None = None) -> tuple[array.array, array.array]:
        """(the sample's counters, those of cases that were new)."""
        sample, live = rows(), rows()
        core.guard_process()
        try:
            self.job.run_shard(self.runner, 3, cases or CASES[self.sequences], core.Stop(),
                               bytearray(core.WATCH_BYTES), sample, self.noted, live)
        finally:
            core.unguard_process()
        return sample, live

    def counted(self, cases: list[tuple[int, int]]) -> array.array:
        counters = rows()
        core.guard_process()
        try:
            for shard, index in cases:
                behaviours.count_case(self.job, self.runner, shard, index, counters)
        finally:
            core.unguard_process()
        return counters


@kinds
def test_what_is_new_is_counted_at_once_and_only_once(sequences):
    shard = Shard(sequences)
    sample, live = shard.run()
    assert sum(live) > sum(sample) > 0
    again, nothing = shard.run()
    assert again == sample and not any(nothing)


@kinds
def test_the_cases_that_were_new_count_the_same_by_themselves(sequences):
    shard = Shard(sequences)
    _, live = shard.run()
    cases = sorted(set(behaviours.first_cases(shard.noted).values()))
    assert {number for number, _ in cases} == {3}
    assert shard.counted(cases) == live


@kinds
def test_a_case_is_the_first_with_its_behaviour(sequences):
    shard = Shard(sequences)
    shard.run()
    first = behaviours.first_cases(shard.noted)
    late = max(first, key=lambda behaviour: first[behaviour])
    index = first[late][1]
    before = Shard(sequences)
    before.run(index)
    assert late not in behaviours.first_cases(before.noted)
    before.run(index + 1)
    assert late in behaviours.first_cases(before.noted)


@kinds
def test_cases_that_are_looked_at_are_none_of_the_sample(sequences):
    # or they would be counted twice
    shard = Shard(sequences)
    shard.run()
    indices = {index for _, index in behaviours.first_cases(shard.noted).values()}
    sampled = 1 if sequences else len(core.FUNCTIONS)
    assert len(indices) > 100
    assert all(index % SAMPLE[sequences] >= sampled for index in indices)
    if not sequences:
        # is_shared_writable records no event
        assert {core.FUNCTIONS[index % len(core.FUNCTIONS)] for index in indices} == set(
            core.FUNCTIONS) - {"is_shared_writable"}


@pytest.mark.parametrize("jobs", [1, 3])
def test_counts_are_the_sample_and_the_lowest_case_of_each_behaviour(jobs):
    plan = fuzz.Plan([halves.c_half(), halves.p_half()],
                     [halves.c_half(counted=True), halves.p_half(counted=True)],
                     seed=9, jobs=jobs, cases=200_000)
    fuzzer = fuzz.Fuzzer(plan)
    assert [hit for hit, _ in fuzzer.reached_so_far().values()] == [0, 0]
    outcome = fuzzer.run()
    alone = fuzz.Fuzzer(fuzz.Plan(**{**vars(plan), "jobs": 1})).run()
    assert outcome.counters == alone.counters
    # progress shows what threads counted as it came: that and no less
    shown = fuzzer.reached_so_far()
    final = reached.totals(reached.tally(COUNTERS, outcome.counters, name)
                           for name in core.FUNCTIONS)
    for what, (hit, total) in final.items():
        assert hit <= shown[what][0] <= total == shown[what][1]
    if jobs == 1:
        assert shown == final


def test_progress_is_of_the_functions_that_are_fuzzed():
    plan = fuzz.Plan([halves.c_half(), halves.p_half()],
                     [halves.c_half(counted=True), halves.p_half(counted=True)],
                     seed=9, jobs=1, cases=3000, functions=[core.FUNCTIONS.index("page_mkclean")],
                     kind=fuzz.DIRECT)
    fuzzer = fuzz.Fuzzer(plan)
    fuzzer.run()
    assert fuzzer.reached_so_far() == {"steps": [4, 4], "branches": [4, 4]}
