# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3, cdivision=True
"""The C engine (cref/engine) as Python sees it.

Everything that takes long runs without the GIL.  Facts about the build (events,
fields, choices, functions) are read from the core library once, at import.
"""

import os

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc
from libc.string cimport memcpy, memset

from pykmm import paths
from pykmm.errors import BadInput, HarnessError, Lacking


def _text(value):
    return value.decode("ascii")


ABI = kmm_core_abi
MAX_HALVES = KMM_MAX_HALVES
CASE_BYTES = sizeof(kmm_case)
SEQUENCE_BYTES = sizeof(kmm_sequence)
if CASE_BYTES == SEQUENCE_BYTES:
    raise HarnessError("direct cases and sequences must differ in length: that tells them apart")
WATCH_BYTES = sizeof(kmm_watch)
PLACE_LINE_BITS = KMM_PLACE_LINE_BITS

FUNCTIONS = [_text(kmm_function_name(i)) for i in range(NR_KMM_FUNCTIONS)]
# those that the machine calls by the table of a half while operations are performed
OF_OPERATIONS = [name for i, name in enumerate(FUNCTIONS) if kmm_called_by_operations(i)]
OUTCOMES = [_text(kmm_outcome_words(i)) for i in range(NR_KMM_OUTCOMES)]

# id -> (name, names of arguments, name of the result or "", words)
EVENTS = [(_text(kmm_event_name(i)), _text(kmm_event_args(i)).split(),
           _text(kmm_event_result(i)), kmm_event_words(i)) for i in range(NR_KMM_EVENTS)]

# what a place's file number stands for: a mirrored file below cref/, or a word
FILES = {i: _text(kmm_source_name(i)) for i in range(NR_KMM_FILES)}

# kinds of file by their numbers, and those that have blocks on a disk
FILE_KINDS = [_text(kmm_file_kinds[i].name) for i in range(NR_KMM_FILE_KINDS)]
ON_DISK = [name for i, name in enumerate(FILE_KINDS) if kmm_file_kinds[i].traits & KMM_ON_DISK]

# (structure, field, form, offset in bytes, bytes)
FIELDS = [(_text(kmm_fields[i].structure), _text(kmm_fields[i].name), _text(kmm_fields[i].form),
           kmm_fields[i].offset, kmm_fields[i].bytes) for i in range(kmm_nr_fields)]

# (name, offset in the case, count, limit)
CHOICES = [(_text(kmm_choices[i].name), kmm_choices[i].offset, kmm_choices[i].count,
            kmm_choices[i].limit) for i in range(kmm_nr_choices)]

SEQUENCE_CHOICES = [(_text(kmm_sequence_choices[i].name), kmm_sequence_choices[i].offset,
                     kmm_sequence_choices[i].count, kmm_sequence_choices[i].limit)
                    for i in range(kmm_nr_sequence_choices)]

# (name, names of arguments) of every kind of operation
OPERATIONS = [(_text(kmm_operation_name(i)), _text(kmm_operation_arguments(i)).split())
              for i in range(NR_KMM_OPERATIONS)]
# those whose actor is a process, which has to be there
BY_PROCESS = [name for i, (name, _) in enumerate(OPERATIONS) if kmm_operation_by_process(i)]

# what holds between two operations: name -> statement, in the order of their bits
PROPERTIES = {_text(kmm_property_name(i)): _text(kmm_property_statement(i))
              for i in range(NR_KMM_PROPERTIES)}
PROPERTIES_ALWAYS = KMM_PROPERTIES_ALWAYS       # see pykmm.engine.properties
PROPERTY_UNITS = [kmm_property_units(i) for i in range(NR_KMM_PROPERTIES)]
LEFTOVERS = [_text(kmm_leftover_words(i)) for i in range(NR_KMM_LEFTOVERS)]

# name -> (number, arguments, gives a result)
PRIMITIVES = {_text(kmm_primitives[i].name): (i, kmm_primitives[i].arguments,
                                              bool(kmm_primitives[i].gives))
              for i in range(kmm_nr_primitives)}


def is_sequence(bytes case):
    """Is this case a sequence of operations, and not a direct call?  Its length tells."""
    return len(case) == SEQUENCE_BYTES


def _check_length(data, what):
    if len(data) not in (CASE_BYTES, SEQUENCE_BYTES):
        raise BadInput(f"a case has {CASE_BYTES} {what}, or {SEQUENCE_BYTES} if it is a sequence, "
                       f"not {len(data)}")


def decode(bytes data):
    """The case that these CASE_BYTES or SEQUENCE_BYTES bytes stand for, as bytes of choices."""
    cdef kmm_case c
    cdef kmm_sequence s
    _check_length(data, "bytes")
    if is_sequence(data):
        kmm_sequence_decode(&s, data)
        return PyBytes_FromStringAndSize(<char *>&s, sizeof(s))
    kmm_decode(&c, data)
    return PyBytes_FromStringAndSize(<char *>&c, sizeof(c))


def encode(bytes case):
    """Bytes that decode to this case; raises BadInput if a choice is past its limit."""
    cdef uint8_t out[1024]
    _check_length(case, "choices")
    for name, offset, count, limit in SEQUENCE_CHOICES if is_sequence(case) else CHOICES:
        for at in range(offset, offset + count):
            if case[at] >= limit:
                raise BadInput(f"choice {name} is {case[at]}: it must be below {limit}")
    if is_sequence(case):
        kmm_sequence_encode(out, <const kmm_sequence *><const char *>case)
    else:
        kmm_encode(out, <const kmm_case *><const char *>case)
    return PyBytes_FromStringAndSize(<char *>out, len(case))


def operations_of(bytes case):
    """[(name, number of the process, (arguments))] of a sequence."""
    cdef kmm_operation operation
    cdef const kmm_sequence *s = <const kmm_sequence *><const char *>case
    if not is_sequence(case):
        raise BadInput("a direct case has no operations")
    found = []
    for i in range(s.operations + 1):
        kmm_sequence_operation(s, i, &operation)
        name, arguments = OPERATIONS[operation.kind]
        found.append((name, operation.actor, tuple(operation.a[j] for j in range(len(arguments)))))
    return found


def first_operations(bytes case, int number):
    """The sequence that ends after so many of its operations."""
    cdef kmm_sequence s
    if not is_sequence(case) or not 1 <= number <= len(operations_of(case)):
        raise BadInput(f"{number} operations: the sequence does not have them")
    memcpy(&s, <const char *>case, sizeof(s))
    s.operations = number - 1
    return PyBytes_FromStringAndSize(<char *>&s, sizeof(s))


cdef class Half:
    """One half: a table of functions.  Tables live as long as the process.

    name : str       C, P, X, or what the user called it
    origin : str     its library; "": it is of modules that were imported
    lent : [str]     functions that it does not have: C's are called for them
    """

    @staticmethod
    def at(unsigned long address, str name, str origin=""):
        """The half whose table lies at an address, as Cython modules give it."""
        cdef Half half = Half.__new__(Half)
        half.table = half.own = <const kmm_half *>address
        half.name = name
        half.origin = origin
        half._check_form()
        if half.lent:
            half._complete()
        return half

    def _check_form(self):
        """Refuse what was built against other worlds, events or functions; raises BadInput."""
        cdef uint32_t abi = self.own.abi
        if abi ^ kmm_core_abi == kmm_abi_quiet:
            raise BadInput(
                f"half {self.name} was built without events (-DKMM_QUIET), so nothing that it does "
                "would be seen: build it without that" if abi & kmm_abi_quiet else
                f"half {self.name} records events, and the others do not: build it with "
                "-DKMM_QUIET, or time all of them with --events")
        if abi != kmm_core_abi:
            raise BadInput(f"half {self.name} was built against another cref (form {abi:#x}, and "
                           f"here it is {kmm_core_abi:#x}): its worlds, events or functions are "
                           f"not these; build it again with the headers in {paths.cref()}")
        if self.own.size != sizeof(kmm_half):
            raise BadInput(f"half {self.name} has a table of {self.own.size} bytes, and half.h one "
                           f"of {sizeof(kmm_half)}: build it again")

    def _complete(self):
        """C's functions in the place of those that are missing; raises BadInput: all of them."""
        if len(self.lent) == NR_KMM_FUNCTIONS:
            raise BadInput(f"half {self.name} has no function at all: nothing of it would run")
        cdef Half lender = Half.load(paths.lib() / "c.so", "C")
        cdef kmm_whole_half *whole = <kmm_whole_half *>calloc(1, sizeof(kmm_whole_half))
        if whole is NULL:
            raise Lacking("not enough memory for the table of a half")
        kmm_make_whole(whole, self.own, lender.own)
        self.table = &whole.table       # for as long as the process lives, as others

    @staticmethod
    def load(path, str name):
        """The half in a shared library.

        raises BadInput   no such file, not a library, or no `kmm_half` in it
        """
        cdef bytes file = os.fsencode(path)
        cdef const char *where = file
        cdef void *library
        cdef void *table
        with nogil:
            library = dlopen(where, RTLD_NOW | RTLD_LOCAL)
        if library is NULL:
            why = dlerror().decode("utf-8", "replace")
            raise BadInput(f"half {name}: cannot load {path}: {why}")
        table = dlsym(library, "kmm_half")
        if table is NULL:
            raise BadInput(f"half {name}: {path} has no symbol kmm_half: a half is a shared "
                           f"library that exports the table of cref/half.h")
        return Half.at(<unsigned long>table, name, os.fspath(path))

    def has(self, int function):
        """Does it have the function of this number itself?"""
        return bool(kmm_half_has(self.own, function))

    @property
    def lent(self):
        return [name for i, name in enumerate(FUNCTIONS) if not self.has(i)]

    def __repr__(self):
        return f"<half {self.name}>"


cdef class Runner:
    """One block of memory in which worlds are built and halves run.

    Belongs to the thread that made it.  Images and traces are bytes; an address
    in them means something only relative to `base`.
    """

    def __cinit__(self, *, bint sequences=False, **size):
        """sequences : bool   for sequences of operations, not for direct cases
        size : int         or: capacities of an empty world
        """
        cdef world_size capacities
        self.sequences = sequences
        if sequences:
            self.runner = kmm_sequence_runner_new()
        elif size:
            memset(&capacities, 0, sizeof(capacities))
            capacities = size
            self.runner = kmm_runner_sized(&capacities)
        else:
            self.runner = kmm_runner_new()
        if self.runner is NULL:
            raise Lacking("not enough memory for a world (64 KiB)")

    def __dealloc__(self):
        kmm_runner_free(self.runner)

    @property
    def base(self):
        """Address of the block."""
        return <unsigned long>self.runner.world

    @property
    def state_bytes(self):
        return self.runner.state_bytes

    def arrays(self):
        """[(name, structure or None, offset, stride, count)] of the world in the block."""
        cdef kmm_array arrays[KMM_NR_ARRAYS]
        kmm_arrays(self.runner.world, arrays)
        return [(_text(arrays[i].name),
                 _text(arrays[i].structure) if arrays[i].structure is not NULL else None,
                 arrays[i].offset, arrays[i].stride, arrays[i].count)
                for i in range(KMM_NR_ARRAYS)]

    def build(self, bytes case):
        """Build the world and the call of a case (its choices, as decode gives them)."""
        _check_length(case, "choices")
        if is_sequence(case) != self.sequences:
            raise BadInput("direct cases and sequences have runners of their own: Runner.of(case)")
        kmm_guard_thread()
        if self.sequences:
            memcpy(&self.sequence, <const char *>case, sizeof(kmm_sequence))
            kmm_sequence_start(self.runner, &self.sequence)
            return
        memcpy(&self.case, <const char *>case, sizeof(kmm_case))
        kmm_runner_world(self.runner, &self.case)
        kmm_runner_start(self.runner, &self.case)

    @staticmethod
    def of(bytes case):
        """A runner on which the case is built."""
        runner = Runner(sequences=is_sequence(case))
        runner.build(case)
        return runner

    def image(self):
        """The state as it is now."""
        return PyBytes_FromStringAndSize(<char *>self.runner.world, self.runner.state_bytes)

    def empty(self):
        """The state of a world that holds files and page tables, and nothing in them."""
        return PyBytes_FromStringAndSize(<char *>self.runner.common, self.runner.state_bytes)

    def restore(self, bytes image):
        """Put a state back; it must be an image of this very block."""
        if len(image) != self.runner.state_bytes:
            raise HarnessError("an image belongs to the block that it was taken from")
        memcpy(self.runner.world, <const char *>image, len(image))

    def trace(self):
        """([words], [places]) of the events since the world was built."""
        cdef struct_world *world = self.runner.world
        cdef uint64_t n = world.trace_at - world.trace
        cdef uint64_t *places = <uint64_t *>(<char *>world.trace + world.place_distance)
        return [world.trace[i] for i in range(n)], [places[i] for i in range(n)]

    def call(self):
        """The call of the case: {argument of struct kmm_call: number}; pointers are addresses."""
        cdef kmm_call *call = &self.runner.call
        return {
            "flags": call.flags, "protect": call.protect, "write_access": call.write_access,
            "address": call.address, "len": call.len, "end": call.end, "prot": call.prot,
            "map_flags": call.map_flags, "pgoff": call.pgoff, "newflags": call.newflags,
            "page": <unsigned long>call.page, "vma": <unsigned long>call.vma,
            "mapping": <unsigned long>call.mapping, "mm": <unsigned long>call.mm,
            "file": <unsigned long>call.file, "wbc": <unsigned long>call.wbc,
            "pmd": <unsigned long>call.pmd, "page_table": <unsigned long>call.page_table,
            "ptl": <unsigned long>call.ptl, "orig_pte": call.orig_pte,
        }

    def run(self, Half half):
        """Run one half on the case that was built last: (outcome, return, fault)."""
        cdef kmm_result result
        kmm_guard_process()
        try:
            if self.sequences:
                kmm_sequence_run(self.runner, half.table, &result)
            else:
                kmm_runner_run(self.runner, &self.case, half.table, &result)
        finally:
            kmm_unguard_process()
        return OUTCOMES[result.outcome], result.ret, result.fault

    def run_on(self, Half half, bytes image, str function, *, unsigned long page=0,
               unsigned long vma=0, unsigned long mapping=0, int protect=0,
               unsigned int flags=0, unsigned long address=0, int write_access=0,
               unsigned long len=0, unsigned long end=0, unsigned long prot=0,
               unsigned long map_flags=0, unsigned long pgoff=0, unsigned long newflags=0,
               unsigned long mm=0, unsigned long file=0, unsigned long wbc=0,
               unsigned long pmd=0, unsigned long page_table=0, unsigned long ptl=0,
               unsigned int orig_pte=0):
        """Run a function of a half on a state of this block: (outcome, return, fault).

        Arguments are those of struct kmm_call: pointers are addresses in the block, or 0.
        """
        cdef kmm_call call
        cdef kmm_result result
        memset(&call, 0, sizeof(call))
        call.function = FUNCTIONS.index(function)
        call.page, call.vma, call.mapping = <void *>page, <void *>vma, <void *>mapping
        call.mm, call.file, call.wbc = <void *>mm, <void *>file, <void *>wbc
        call.pmd, call.page_table, call.ptl = <void *>pmd, <void *>page_table, <void *>ptl
        call.protect, call.flags, call.write_access = protect, flags, write_access
        call.address, call.len, call.end, call.pgoff = address, len, end, pgoff
        call.prot, call.map_flags, call.newflags = prot, map_flags, newflags
        call.orig_pte = orig_pte
        self.restore(image)
        kmm_guard_thread()
        kmm_guard_process()
        try:
            kmm_interfere_room(self.runner.room, self.runner.state_bytes)
            kmm_run_half(half.table, self.runner.world)
            kmm_guarded_call(half.table, &call, &result)
        finally:
            kmm_unguard_process()
        return OUTCOMES[result.outcome], result.ret, result.fault

    def run_checked(self, Half half):
        """Run the sequence that was built last, look after each operation, bring it to rest.

        returns (outcome, number of the operation, name of the property that broke after it or
        None, what was left at rest or "", how often known defects were set right: (mmaps that
        failed, truncations met by a fault)); docs/findings.  `judged`: name -> operation, of
        those a kernel is judged by that broke at any time
        """
        cdef kmm_result result
        cdef kmm_broken broken
        kmm_guard_process()
        try:
            kmm_sequence_checked(self.runner, &self.sequence, half.table, &result, &broken)
        finally:
            kmm_unguard_process()
        self.judged = {name: broken.judged_at[i] for i, name in enumerate(PROPERTIES)
                       if broken.judged >> i & 1}
        name = None if broken.property == NR_KMM_PROPERTIES else list(PROPERTIES)[broken.property]
        return (OUTCOMES[result.outcome], broken.at, name, LEFTOVERS[broken.left],
                (broken.quirks, broken.races))

    def operate(self, Half half, str name, int actor, *arguments):
        """One operation of a process on the world as it is: (outcome, return, fault).

        Arguments are those of OPERATIONS, in their order.  The trace goes on: `forget_trace`
        empties it.
        """
        cdef kmm_operation operation
        cdef kmm_result result
        memset(&operation, 0, sizeof(operation))
        kinds = [kind for kind, _ in OPERATIONS]
        if name not in kinds:
            raise BadInput(f"no operation {name}: there are {', '.join(kinds)}")
        wanted = OPERATIONS[kinds.index(name)][1]
        if len(arguments) != len(wanted):
            raise BadInput(f"{name} takes {len(wanted)} arguments ({' '.join(wanted)}), not "
                           f"{len(arguments)}")
        operation.kind, operation.actor = kinds.index(name), actor
        for i, (what, value) in enumerate(zip(wanted, arguments)):
            if not 0 <= value <= 255:
                raise BadInput(f"{name}: {what} is {value}: it must be from 0 to 255")
            operation.a[i] = value
        kmm_guard_thread()
        kmm_guard_process()
        try:
            kmm_guarded_operation(self.runner, half.table, &operation, &result)
        finally:
            kmm_unguard_process()
        return OUTCOMES[result.outcome], result.ret, result.fault

    def forget_trace(self):
        """Empty the trace; the state is left as it is."""
        self.runner.world.trace_at = self.runner.world.trace

    def broken_property(self):
        """Name of the first property that should always hold and does not, or None."""
        broken = self.broken(KMM_PROPERTIES_ALWAYS)
        return list(PROPERTIES)[(broken & -broken).bit_length() - 1] if broken else None

    def broken(self, uint32_t mask):
        """Those of `mask` (pykmm.engine.properties) that do not hold of the world as it is."""
        kmm_core_enter(self.runner.world)
        return broken_of(self.runner.world, mask)

    def first_differing(self, halves):
        """Number of the first half whose run differs from that of halves[0], or 0."""
        if len(halves) > MAX_HALVES:
            raise BadInput(f"{len(halves)} halves: at most {MAX_HALVES} can be compared")
        cdef const kmm_half *tables[KMM_MAX_HALVES]
        cdef kmm_result first
        cdef uint32_t running
        for i, half in enumerate(halves):
                tables[i] = (<Half>half).table
        kmm_guard_process()
        try:
            if self.sequences:
                return kmm_sequence_replay(self.runner, tables, len(halves),
                                           &first, &running)
            return kmm_replay(self.runner, &self.case, tables, len(halves), &first, &running)
        finally:
            kmm_unguard_process()

    def use(self, Half half):
        """The half that actors of the machine call, from here on, when a primitive needs one."""
        self.half = half

    def primitive(self, str name, *arguments):
        """Run a primitive of the machine on the world as it is: (outcome, result, fault)."""
        cdef uint64_t words[16]
        cdef const kmm_half *table = NULL
        cdef kmm_result result
        if name not in PRIMITIVES:
            raise BadInput(f"no primitive {name}")
        number, wanted, _ = PRIMITIVES[name]
        if len(arguments) != wanted:
            raise BadInput(f"{name} takes {wanted} arguments, not {len(arguments)}")
        for i, argument in enumerate(arguments):
            words[i] = argument & 0xFFFFFFFFFFFFFFFF
        kmm_guard_process()
        try:
            if self.half is not None:
                table = self.half.table
            kmm_interfere_room(self.runner.room, self.runner.state_bytes)
            kmm_guarded_primitive(self.runner.world, table, &kmm_primitives[number], words,
                                  &result)
        finally:
            kmm_unguard_process()
        return OUTCOMES[result.outcome], result.ret, result.fault


cdef class Stop:
    """A flag that running shards look at between two cases."""

    cdef int flag

    def set(self):
        self.flag = 1


cdef class Job:
    """What all shards of one fuzzing run have in common."""

    def __init__(self, halves, *, counted=(), unsigned long long seed=0, functions=None,
                 units=None, bint wild=False, bint keep_going=False):
        """halves : [Half]       two or more; all are compared with the first
        counted : [Half]      counting builds, run on a sample
        seed : int            0 <= seed < 2**64
        functions : [int]     numbers of the functions to call, in turn; None: all
        units : int           mask of units; None: a mixture
        """
        memset(&self.job, 0, sizeof(self.job))
        self.halves, self.counted = list(halves), list(counted)
        if not 1 <= len(self.halves) <= KMM_MAX_HALVES:
            raise BadInput(f"{len(self.halves)} halves: at most {KMM_MAX_HALVES} can be compared")
        numbers = list(range(NR_KMM_FUNCTIONS) if functions is None else functions)
        for i, half in enumerate(self.halves):
            self.job.halves[i] = (<Half>half).table
        for i, half in enumerate(self.counted):
            self.job.counted[i] = (<Half>half).table
        for i, number in enumerate(numbers):
            self.job.functions[i] = number
        self.job.nr_functions = len(numbers)
        self.job.nr_halves = len(self.halves)
        self.job.nr_counted = len(self.counted)
        self.job.seed = seed
        self.job.units_mode = KMM_UNITS_MIXED if units is None else KMM_UNITS_FIXED
        self.job.units = 0 if units is None else units
        self.job.wild = wild
        self.job.keep_going = keep_going

    def case(self, unsigned long long shard, unsigned long long index, bint sequence=False):
        """The choices of one case: of a shard of direct cases, or of one of sequences."""
        cdef kmm_case c
        cdef kmm_sequence s
        if sequence:
            kmm_draw_sequence(&self.job, shard, index, &s)
            return PyBytes_FromStringAndSize(<char *>&s, sizeof(s))
        kmm_draw_case(&self.job, shard, index, &c)
        return PyBytes_FromStringAndSize(<char *>&c, sizeof(c))

    def run_shard(self, Runner runner, unsigned long long shard, unsigned long long cases,
                  Stop stop, watch, counters, noted=None, live=None):
        """Run cases 0 to `cases` - 1 of a shard of the runner's kind, without the GIL.

        watch : writable buffer of WATCH_BYTES    shows what is running
        counters : writable buffer of u64         steps and branches of the sample are added
                                                  here, in one row for each counting build
        noted : the same of behaviours.BYTES      this thread's; None: behaviours do not matter
        live : as counters                        those of cases with a new behaviour, with noted
        returns dict with done, divergences, first_divergence, first_half, stopped, operations,
        interfered, disordered, and per function calls and divergences_of; outcomes by name
        """
        cdef kmm_shard s
        cdef uint8_t[::1] watched = watch
        cdef uint64_t[::1] counted = counters, counted_live = live
        cdef uint8_t[::1] behaviours = noted
        cdef kmm_watch *w = <kmm_watch *>&watched[0]
        cdef const int *flag = &stop.flag
        memset(&s, 0, sizeof(s))
        s.shard = shard
        s.cases = cases
        s.sequences = runner.sequences
        s.counters = &counted[0]
        s.counter_words = len(counters) // max(1, len(self.counted))
        if noted is not None:
            s.behaviours = <kmm_behaviours *>&behaviours[0]
            s.live = &counted_live[0]
        with nogil:
            kmm_guard_thread()
            kmm_run_shard(runner.runner, &self.job, &s, flag, w)
        return {
            "done": s.done, "divergences": s.divergences,
            "first_divergence": s.first_divergence, "first_half": s.first_half,
            "stopped": bool(s.stopped), "operations": s.operations,
            "interfered": s.interfered, "disordered": s.disordered,
            "calls": [s.calls[i] for i in range(NR_KMM_FUNCTIONS)],
            "divergences_of": [s.divergences_of[i] for i in range(NR_KMM_FUNCTIONS)],
            "outcomes": {OUTCOMES[i]: s.outcomes[i] for i in range(NR_KMM_OUTCOMES)},
        }


def watched(bytes data):
    """(cases done, number of the running half or None, the case's choices) from a watch's bytes."""
    cdef kmm_watch w
    memcpy(&w, <const char *>data, sizeof(w))
    half = w.running_half - 1 if w.running_half else None
    return w.beats, half, PyBytes_FromStringAndSize(
        <char *>&w.running, sizeof(kmm_sequence) if w.sequence else sizeof(kmm_case))


def guard_process():
    """Catch faults of halves in this process, until unguard_process."""
    kmm_guard_process()


def unguard_process():
    kmm_unguard_process()


def guard_thread():
    kmm_guard_thread()


def unguard_thread():
    """Give this thread's signal stack back, before the thread ends."""
    kmm_unguard_thread()
