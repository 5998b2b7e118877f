# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3
"""Behaviours that fuzzing has seen (cref/engine/behaviour.h), and counting their cases."""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

from pykmm.engine.core cimport (
    Job, Runner, kmm_behaviours, kmm_count_case, kmm_guard_thread, kmm_shard)

BYTES = sizeof(kmm_behaviours)


def first_cases(noted):
    """{behaviour: (shard, index) of the first case that had it}, of a buffer of BYTES bytes."""
    cdef uint8_t[::1] buffer = noted
    cdef kmm_behaviours *seen = <kmm_behaviours *>&buffer[0]
    return {seen.first[i].behaviour: (seen.first[i].shard, seen.first[i].index)
            for i in range(seen.nr_first)}


def count_case(Job job, Runner runner, unsigned long long shard, unsigned long long index,
               counters):
    """Run one case of a shard of the runner's kind by the counting builds.

    counters : writable buffer of u64    as in Job.run_shard
    """
    cdef kmm_shard one
    cdef uint64_t[::1] counted = counters
    memset(&one, 0, sizeof(one))
    one.shard = shard
    one.sequences = runner.sequences
    one.counters = &counted[0]
    one.counter_words = len(counters) // max(1, len(job.counted))
    with nogil:
        kmm_guard_thread()
        kmm_count_case(runner.runner, &job.job, &one, index)
