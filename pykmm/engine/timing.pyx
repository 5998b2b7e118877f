# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3
"""The native loop of benchmarks (cref/engine/timing.c): no Python between two clocks."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memset

from pykmm.engine.core cimport (
    Half,
    Runner,
    kmm_call,
    kmm_guard_process,
    kmm_guard_thread,
    kmm_half,
    kmm_operation,
    kmm_result,
    kmm_unguard_process,
    struct_world,
)

from pykmm.engine import core
from pykmm.errors import BadInput, HarnessError, Lacking


cdef extern from "engine/timing.h" nogil:
    ctypedef struct kmm_step "struct kmm_step":
        uint32_t is_call
        kmm_call call
        kmm_operation operation
    ctypedef struct kmm_timed "struct kmm_timed":
        struct_world *world
        uint64_t state_bytes
        void *room
        const unsigned char *image
        kmm_step *steps
        int64_t *returns
        uint32_t nr_steps
        uint32_t stack_at
        unsigned char *room_for_lists
        uint64_t nr_changed
    uint64_t kmm_timed_room(uint64_t state_bytes, uint32_t nr_steps)
    void kmm_timed_start(kmm_timed *timed)
    void kmm_timed_run(kmm_timed *timed, const kmm_half *half, kmm_result *result)
    void kmm_timed_learn(kmm_timed *timed)
    uint64_t kmm_time_steps(const kmm_timed *timed, const kmm_half *half, uint64_t rounds)
    uint64_t kmm_time_idle(const kmm_timed *timed, uint64_t rounds)
    uint64_t kmm_time_yardstick(uint64_t rounds)

cdef extern from "<stdlib.h>" nogil:
    void *aligned_alloc(size_t alignment, size_t size)

cdef enum:
    PAGE = 4096

_ARGUMENTS = frozenset("flags protect write_access address len end prot map_flags pgoff newflags "
                       "page vma mapping mm file wbc pmd page_table ptl orig_pte".split())


cdef _fill_call(kmm_call *call, str function, dict given):
    if function not in core.FUNCTIONS:
        raise BadInput(f"no function {function}: there are {', '.join(core.FUNCTIONS)}")
    unknown = sorted(set(given) - _ARGUMENTS)
    if unknown:
        raise BadInput(f"{function}: {unknown[0]} is no argument of a call: there are "
                       + ", ".join(sorted(_ARGUMENTS)))
    cdef dict of = dict.fromkeys(_ARGUMENTS, 0) | given
    call.function = core.FUNCTIONS.index(function)
    call.flags, call.protect, call.write_access = of["flags"], of["protect"], of["write_access"]
    call.address, call.len, call.end, call.pgoff = (of["address"], of["len"], of["end"],
                                                    of["pgoff"])
    call.prot, call.map_flags, call.newflags = of["prot"], of["map_flags"], of["newflags"]
    call.page, call.vma, call.mapping = (<void *><unsigned long>of["page"],
                                         <void *><unsigned long>of["vma"],
                                         <void *><unsigned long>of["mapping"])
    call.mm, call.file, call.wbc = (<void *><unsigned long>of["mm"],
                                    <void *><unsigned long>of["file"],
                                    <void *><unsigned long>of["wbc"])
    call.pmd, call.page_table, call.ptl = (<void *><unsigned long>of["pmd"],
                                           <void *><unsigned long>of["page_table"],
                                           <void *><unsigned long>of["ptl"])
    call.orig_pte = of["orig_pte"]


cdef _fill_operation(kmm_operation *operation, str name, int actor, tuple arguments):
    kinds = [kind for kind, _ in core.OPERATIONS]
    if name not in kinds:
        raise BadInput(f"no operation {name}: there are {', '.join(kinds)}")
    wanted = core.OPERATIONS[kinds.index(name)][1]
    if len(arguments) != len(wanted) or not all(0 <= a <= 255 for a in arguments):
        raise BadInput(f"{name}{arguments}: it takes {len(wanted)} arguments from 0 to 255 "
                       f"({' '.join(wanted)})")
    operation.kind, operation.actor = kinds.index(name), actor
    for i, value in enumerate(arguments):
        operation.a[i] = value


cdef class Timed:
    """Steps from one state of a runner's block, to be timed; only one is in the block at a time.

    changed : int   words of 8 bytes that the steps change, and that each round puts back
    """

    cdef kmm_timed timed
    cdef Runner runner
    cdef bytes image
    cdef list functions     # that are called directly
    cdef bint operates

    def __cinit__(self, start, unsigned int stack_at=0):
        """start : bench.row.Start
        stack_at : int    bytes: place of the stack within a page while steps are timed
        """
        self.runner, self.image = start.runner, start.image
        if len(self.image) != self.runner.runner.state_bytes:
            raise HarnessError("an image belongs to the block that it was taken from")
        self.timed.world = self.runner.runner.world
        self.timed.state_bytes = self.runner.runner.state_bytes
        self.timed.room = self.runner.runner.room
        self.timed.image = <const unsigned char *>PyBytes_AS_STRING(self.image)
        self.timed.stack_at = stack_at
        self.timed.nr_steps = len(start.steps)
        self.timed.returns = <int64_t *>calloc(len(start.steps) or 1, sizeof(int64_t))
        room = kmm_timed_room(self.timed.state_bytes, len(start.steps))
        self.timed.room_for_lists = <unsigned char *>aligned_alloc(PAGE, room)
        if self.timed.returns is NULL or self.timed.room_for_lists is NULL:
            raise Lacking("not enough memory for the steps of a benchmark")
        memset(self.timed.room_for_lists, 0, room)
        self.timed.steps = <kmm_step *>self.timed.room_for_lists
        self.functions = []
        for i, step in enumerate(start.steps):
            self._fill(&self.timed.steps[i], step)

    cdef _fill(self, kmm_step *filled, step):
        if hasattr(step, "function"):
            filled.is_call = 1
            _fill_call(&filled.call, step.function, dict(step.arguments))
            self.functions.append(step.function)
        else:
            _fill_operation(&filled.operation, step.name, step.actor, tuple(step.arguments))
            self.operates = True

    def __dealloc__(self):
        free(self.timed.returns)
        free(self.timed.room_for_lists)

    @property
    def changed(self):
        return self.timed.nr_changed

    def missing(self, Half half):
        """Names of the functions of which these steps time C's instead of a half's own: all that
        they call directly and it does not have; those of operations if it has none of them."""
        lent = half.lent
        direct = [name for name in self.functions if name in lent]
        return direct or ([*core.OF_OPERATIONS] if self.operates and not self.functions
                          and set(core.OF_OPERATIONS) <= set(lent) else [])

    def run(self, Half half):
        """The steps once, guarded: (outcome, what each step returned, fault)."""
        cdef kmm_result result
        kmm_guard_process()
        try:
            kmm_guard_thread()
            kmm_timed_run(&self.timed, half.table, &result)
        finally:
            kmm_unguard_process()
        returns = tuple(self.timed.returns[i] for i in range(self.timed.nr_steps))
        return core.OUTCOMES[result.outcome], returns, result.fault

    def left(self):
        """(state, words of the events) that the run left, as bytes and a list."""
        return self.runner.image(), self.runner.trace()[0]

    def learn(self):
        """After a run: which words a round has to put back."""
        kmm_timed_learn(&self.timed)

    def start(self):
        """Put the state before the steps into the block; comes before rounds."""
        kmm_timed_start(&self.timed)

    def is_back(self):
        """Is the block, after rounds, in the state before the steps, to the last bit?"""
        return not memcmp(self.timed.world, self.timed.image, self.timed.state_bytes)

    def steps(self, Half half, unsigned long long rounds):
        """Nanoseconds for so many rounds of steps by a half, each put back; unguarded."""
        cdef uint64_t spent
        with nogil:
            spent = kmm_time_steps(&self.timed, half.table, rounds)
        return spent

    def idle(self, unsigned long long rounds):
        """Nanoseconds for as many rounds of putting back, and of calls that do nothing."""
        cdef uint64_t spent
        with nogil:
            spent = kmm_time_idle(&self.timed, rounds)
        return spent


def yardstick(unsigned long long rounds):
    """Nanoseconds for rounds of work that is always the same, some 40 ns each."""
    cdef uint64_t spent
    with nogil:
        spent = kmm_time_yardstick(rounds)
    return spent
