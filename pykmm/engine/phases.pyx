# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3
"""Where the time of cases goes (cref/engine/phases.h); of transitions: Explorer.time_phases."""

from libc.stdint cimport uint32_t, uint64_t

from pykmm.engine.core cimport (
    Job, Runner, kmm_guard_process, kmm_guard_thread, kmm_job, kmm_runner, kmm_unguard_process)

cdef extern from "engine/phases.h" nogil:
    enum:
        NR_KMM_PHASES
    uint64_t kmm_time_cases(kmm_runner *runner, const kmm_job *job, uint32_t sequences,
                            uint64_t cases, int up_to)
    uint64_t kmm_time_images(kmm_runner *runner, uint64_t times, int compare)


def time_cases(Job job, Runner runner, uint64_t cases):
    """Nanoseconds for so many cases, up to each phase of kmm_phase in turn."""
    cdef uint64_t spent[NR_KMM_PHASES]
    cdef int i
    kmm_guard_process()
    try:
        with nogil:
            kmm_guard_thread()
            for i in range(NR_KMM_PHASES):
                spent[i] = kmm_time_cases(runner.runner, &job.job, runner.sequences, cases, i)
    finally:
        kmm_unguard_process()
    return [spent[i] for i in range(NR_KMM_PHASES)]


def time_images(Runner runner, uint64_t times):
    """Nanoseconds to copy the runner's image, and to compare it, each so many times in a row."""
    with nogil:
        copied = kmm_time_images(runner.runner, times, 0)
        compared = kmm_time_images(runner.runner, times, 1)
    return copied, compared
