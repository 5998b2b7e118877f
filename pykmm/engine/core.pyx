# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3, cdivision=True
"""The C engine (cref/engine) as Python sees it.

Everything that takes long runs without the GIL.  Facts about the build (events,
fields, choices, functions) are read from the core library once, at import.
"""

import os

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int8_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from pykmm.errors import BadInput, HarnessError, Lacking

cdef extern from "<dlfcn.h>" nogil:
    void *dlopen(const char *path, int flags)
    void *dlsym(void *library, const char *name)
    const char *dlerror()
    enum:
        RTLD_NOW
        RTLD_LOCAL

cdef extern from "machine/layout.h" nogil:
    enum:
        KMM_NR_ARRAYS
        KMM_PLACE_LINE_BITS
    ctypedef struct struct_world "struct world":
        uint64_t used
        uint64_t *trace
        uint64_t *trace_at
        uint64_t place_distance
    ctypedef struct kmm_field "struct kmm_field":
        const char *structure
        const char *name
        const char *form
        uint32_t offset
        uint32_t bytes
    const kmm_field kmm_fields[]
    const uint32_t kmm_nr_fields
    ctypedef struct kmm_array "struct kmm_array":
        const char *name
        const char *structure
        uint64_t offset
        uint32_t stride
        uint32_t count
    void kmm_arrays(const struct_world *world, kmm_array *arrays)

cdef extern from "half.h" nogil:
    enum:
        KMM_HALF_ABI
    ctypedef struct kmm_half "struct kmm_half":
        uint32_t abi
        uint32_t size
        const char *name
        void (*enter)(struct_world *world)

cdef extern from *:
    """
    #include "machine/event.h"
    static const struct { const char *name, *args, *result; uint32_t words; } kmm_event_facts[] = {
        { "", "", "", 0 },
    #define EVENT(name, args, result, words) { #name, args, result, words },
    #include "machine/events.def"
    #undef EVENT
    };
    static const char *kmm_event_name(int i) { return kmm_event_facts[i].name; }
    static const char *kmm_event_args(int i) { return kmm_event_facts[i].args; }
    static const char *kmm_event_result(int i) { return kmm_event_facts[i].result; }
    static int kmm_event_words(int i) { return kmm_event_facts[i].words; }
    """
    enum:
        NR_KMM_EVENTS
        NR_KMM_OUTCOMES
        NR_KMM_FILES
    const char *kmm_event_name(int i)
    const char *kmm_event_args(int i)
    const char *kmm_event_result(int i)
    int kmm_event_words(int i)

cdef extern from "machine/running.h" nogil:
    void kmm_run_half(const kmm_half *half, struct_world *world)

cdef extern from "engine/shard.h" nogil:
    enum:
        NR_KMM_FUNCTIONS
        KMM_MAX_HALVES
        KMM_UNITS_MIXED
        KMM_UNITS_FIXED
    ctypedef struct kmm_case "struct kmm_case":
        uint8_t function
        uint8_t units
    ctypedef struct kmm_choice "struct kmm_choice":
        const char *name
        uint32_t offset
        uint32_t count
        uint32_t limit
    const kmm_choice kmm_choices[]
    const uint32_t kmm_nr_choices
    void kmm_decode(kmm_case *c, const uint8_t *bytes)
    void kmm_encode(uint8_t *bytes, const kmm_case *c)
    const char *kmm_function_name(int function)

    ctypedef struct kmm_call "struct kmm_call":
        int function
        uint32_t flags
        int protect, write_access
        unsigned long address, len, end, prot, map_flags, pgoff, newflags
        void *page
        void *vma
        void *mapping
        void *mm
        void *file
        void *wbc
        void *pmd
        void *page_table
        void *ptl
        uint32_t orig_pte
    ctypedef struct kmm_result "struct kmm_result":
        uint32_t outcome
        int64_t ret
        uint64_t fault
    int kmm_half_has(const kmm_half *half, int function)
    void kmm_guarded_call(const kmm_half *half, const kmm_call *call, kmm_result *result)
    void kmm_guard_process()
    void kmm_unguard_process()
    int kmm_guard_thread()
    void kmm_unguard_thread()

    ctypedef struct kmm_runner "struct kmm_runner":
        struct_world *world
        uint64_t state_bytes
        uint8_t *common
        kmm_call call
    ctypedef struct world_size "struct world_size":
        uint32_t pages, vmas, mms, pmds, table_shift, mappings, slots, files, anon_vmas, buffers
        uint32_t trace_words, swap_slots
    kmm_runner *kmm_runner_new()
    kmm_runner *kmm_runner_sized(const world_size *size)
    void kmm_runner_free(kmm_runner *runner)
    void kmm_runner_world(kmm_runner *runner, const kmm_case *c)
    void kmm_runner_start(kmm_runner *runner, const kmm_case *c)
    void kmm_runner_run(kmm_runner *runner, const kmm_case *c, const kmm_half *half,
                        kmm_result *result)
    uint32_t kmm_replay(kmm_runner *runner, const kmm_case *c, const kmm_half **halves,
                        uint32_t nr_halves, kmm_result *first, uint32_t *running)

    ctypedef struct kmm_job "struct kmm_job":
        const kmm_half *halves[8]
        const kmm_half *counted[8]
        uint32_t nr_halves
        uint32_t nr_counted
        uint64_t seed
        uint32_t functions[14]
        uint32_t nr_functions
        uint32_t units_mode
        uint32_t units
        uint32_t wild
        uint32_t keep_going
    ctypedef struct kmm_shard "struct kmm_shard":
        uint64_t shard
        uint64_t cases
        uint64_t *counters
        uint64_t counter_words
        uint64_t done
        uint64_t divergences
        uint64_t first_divergence
        uint32_t first_half
        uint32_t stopped
        uint64_t calls[14]
        uint64_t divergences_of[14]
        uint64_t outcomes[16]
    ctypedef struct kmm_watch "struct kmm_watch":
        uint64_t beats
        uint32_t running_half
        kmm_case running
    void kmm_draw_case(const kmm_job *job, uint64_t shard, uint64_t index, kmm_case *c)
    void kmm_run_shard(kmm_runner *runner, const kmm_job *job, kmm_shard *shard,
                       const int *stop, kmm_watch *watch)

cdef extern from "engine/primitive.h" nogil:
    ctypedef struct kmm_primitive "struct kmm_primitive":
        const char *name
        uint32_t arguments
        uint32_t gives
    const kmm_primitive kmm_primitives[]
    const uint32_t kmm_nr_primitives
    void kmm_guarded_primitive(struct_world *world, const kmm_half *half,
                               const kmm_primitive *primitive,
                               const uint64_t *arguments, kmm_result *result)


def _text(value):
    return value.decode("ascii")


ABI = KMM_HALF_ABI
MAX_HALVES = KMM_MAX_HALVES
CASE_BYTES = sizeof(kmm_case)
WATCH_BYTES = sizeof(kmm_watch)
PLACE_LINE_BITS = KMM_PLACE_LINE_BITS

FUNCTIONS = [_text(kmm_function_name(i)) for i in range(NR_KMM_FUNCTIONS)]
OUTCOMES = ["returned", "BUG", "oops", "lock taken twice", "lock not held", "too many locks",
            "count below zero", "hang", "stray access"]
if len(OUTCOMES) != NR_KMM_OUTCOMES:
    raise HarnessError("pykmm.engine.core.OUTCOMES does not list enum kmm_outcome: rebuild")

# id -> (name, names of arguments, name of the result or "", words)
EVENTS = [(_text(kmm_event_name(i)), _text(kmm_event_args(i)).split(),
           _text(kmm_event_result(i)), kmm_event_words(i)) for i in range(NR_KMM_EVENTS)]

# what a place's file number stands for: a mirrored file below cref/, or a word
FILES = dict(enumerate(["", "machine", "mm/rmap.c", "mm/page-writeback.c", "mm/memory.c",
                        "mm/mmap.c", "mm/mprotect.c", "fs/buffer.c", "mail"]))
if len(FILES) != NR_KMM_FILES:
    raise HarnessError("pykmm.engine.core.FILES does not list enum kmm_file: rebuild")

# (structure, field, form, offset in bytes, bytes)
FIELDS = [(_text(kmm_fields[i].structure), _text(kmm_fields[i].name), _text(kmm_fields[i].form),
           kmm_fields[i].offset, kmm_fields[i].bytes) for i in range(kmm_nr_fields)]

# (name, offset in the case, count, limit)
CHOICES = [(_text(kmm_choices[i].name), kmm_choices[i].offset, kmm_choices[i].count,
            kmm_choices[i].limit) for i in range(kmm_nr_choices)]

# name -> (number, arguments, gives a result)
PRIMITIVES = {_text(kmm_primitives[i].name): (i, kmm_primitives[i].arguments,
                                              bool(kmm_primitives[i].gives))
              for i in range(kmm_nr_primitives)}


def decode(bytes data):
    """The case that these CASE_BYTES bytes stand for, as bytes of choices."""
    cdef kmm_case c
    if len(data) != sizeof(kmm_case):
        raise BadInput(f"a case has {sizeof(kmm_case)} bytes, not {len(data)}")
    kmm_decode(&c, data)
    return PyBytes_FromStringAndSize(<char *>&c, sizeof(c))


def encode(bytes case):
    """Bytes that decode to this case; raises BadInput if a choice is past its limit."""
    cdef uint8_t out[1024]
    if len(case) != sizeof(kmm_case):
        raise BadInput(f"a case has {sizeof(kmm_case)} choices, not {len(case)}")
    for name, offset, count, limit in CHOICES:
        for at in range(offset, offset + count):
            if case[at] >= limit:
                raise BadInput(f"choice {name} is {case[at]}: it must be below {limit}")
    kmm_encode(out, <const kmm_case *><const char *>case)
    return PyBytes_FromStringAndSize(<char *>out, sizeof(kmm_case))


cdef class Half:
    """One half: a table of functions.  Tables live as long as the process.

    name : str       C, P, X, or what the user called it
    address : int    where the table lies
    """

    cdef const kmm_half *table
    cdef readonly str name
    cdef readonly str origin

    @staticmethod
    def at(unsigned long address, str name, str origin=""):
        """The half whose table lies at an address, as Cython modules give it."""
        cdef Half half = Half.__new__(Half)
        half.table = <const kmm_half *>address
        half.name = name
        half.origin = origin
        if half.table.abi != KMM_HALF_ABI:
            raise BadInput(f"half {name} was built for version {half.table.abi} of half.h, and "
                           f"this pykmm has {KMM_HALF_ABI}: build it again")
        if half.table.size != sizeof(kmm_half):
            raise BadInput(f"half {name} has a table of {half.table.size} bytes, and half.h one of "
                           f"{sizeof(kmm_half)}: build it again")
        return half

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
        """Does it have the function of this number?"""
        return bool(kmm_half_has(self.table, function))

    def __repr__(self):
        return f"<half {self.name}>"


cdef class Runner:
    """One block of memory in which worlds are built and halves run.

    Belongs to the thread that made it.  Images and traces are bytes; an address
    in them means something only relative to `base`.
    """

    cdef kmm_runner *runner
    cdef kmm_case case
    cdef Half half

    def __cinit__(self, **size):
        """size : int   capacities of an empty world; none: a world of direct cases"""
        cdef world_size capacities
        if size:
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
        if len(case) != sizeof(kmm_case):
            raise BadInput(f"a case has {sizeof(kmm_case)} choices, not {len(case)}")
        memcpy(&self.case, <const char *>case, sizeof(kmm_case))
        kmm_guard_thread()
        kmm_runner_world(self.runner, &self.case)
        kmm_runner_start(self.runner, &self.case)

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
        self._check(half)
        kmm_guard_process()
        try:
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
        if not kmm_half_has(half.table, call.function):
            raise BadInput(f"half {half.name} has no {function}")
        self.restore(image)
        kmm_guard_thread()
        kmm_guard_process()
        try:
            kmm_run_half(half.table, self.runner.world)
            kmm_guarded_call(half.table, &call, &result)
        finally:
            kmm_unguard_process()
        return OUTCOMES[result.outcome], result.ret, result.fault

    def first_differing(self, halves):
        """Number of the first half whose run differs from that of halves[0], or 0."""
        if len(halves) > MAX_HALVES:
            raise BadInput(f"{len(halves)} halves: at most {MAX_HALVES} can be compared")
        cdef const kmm_half *tables[8]
        cdef kmm_result first
        cdef uint32_t running
        for i, half in enumerate(halves):
            self._check(half)
            tables[i] = (<Half>half).table
        kmm_guard_process()
        try:
            return kmm_replay(self.runner, &self.case, tables, len(halves), &first,
                              &running)
        finally:
            kmm_unguard_process()

    def _check(self, Half half):
        if not kmm_half_has(half.table, self.case.function):
            raise BadInput(f"half {half.name} has no {FUNCTIONS[self.case.function]}")

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

    cdef kmm_job job
    cdef readonly list halves
    cdef readonly list counted

    def __init__(self, halves, *, counted=(), unsigned long long seed=0, functions=None,
                 units=None, bint wild=False, bint keep_going=False):
        """halves : [Half]       two or more; all are compared with the first
        counted : [Half]      counting builds, run on a sample
        seed : int            0 <= seed < 2**64
        functions : [int]     numbers of the functions to call, in turn; None: all
        units : int           mask of units; None: a mixture
        raises BadInput       a half lacks one of the functions
        """
        memset(&self.job, 0, sizeof(self.job))
        self.halves, self.counted = list(halves), list(counted)
        if not 1 <= len(self.halves) <= KMM_MAX_HALVES:
            raise BadInput(f"{len(self.halves)} halves: at most {KMM_MAX_HALVES} can be compared")
        numbers = ([n for n in range(NR_KMM_FUNCTIONS) if self.halves[0].has(n)]
                   if functions is None else list(functions))
        for i, half in enumerate(self.halves):
            self.job.halves[i] = (<Half>half).table
        for i, half in enumerate(self.counted):
            self.job.counted[i] = (<Half>half).table
        for half in self.halves + self.counted:
            for number in numbers:
                if not half.has(number):
                    raise BadInput(f"half {half.name} has no {FUNCTIONS[number]}: choose other "
                                   f"functions with --functions")
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

    def case(self, unsigned long long shard, unsigned long long index):
        """The choices of one case."""
        cdef kmm_case c
        kmm_draw_case(&self.job, shard, index, &c)
        return PyBytes_FromStringAndSize(<char *>&c, sizeof(c))

    def run_shard(self, Runner runner, unsigned long long shard, unsigned long long cases,
                  Stop stop, watch, counters):
        """Run cases 0 to `cases` - 1 of a shard, without the GIL.

        watch : writable buffer of WATCH_BYTES    shows what is running
        counters : writable buffer of u64         steps and branches are added here, in
                                                  one row for each counting build
        returns dict with done, divergences, first_divergence, first_half, stopped, and per
        function calls and divergences_of; outcomes by name
        """
        cdef kmm_shard s
        cdef uint8_t[::1] watched = watch
        cdef uint64_t[::1] counted = counters
        cdef kmm_watch *w = <kmm_watch *>&watched[0]
        cdef const int *flag = &stop.flag
        memset(&s, 0, sizeof(s))
        s.shard = shard
        s.cases = cases
        s.counters = &counted[0]
        s.counter_words = len(counters) // max(1, len(self.counted))
        with nogil:
            kmm_guard_thread()
            kmm_run_shard(runner.runner, &self.job, &s, flag, w)
        return {
            "done": s.done, "divergences": s.divergences,
            "first_divergence": s.first_divergence, "first_half": s.first_half,
            "stopped": bool(s.stopped),
            "calls": [s.calls[i] for i in range(NR_KMM_FUNCTIONS)],
            "divergences_of": [s.divergences_of[i] for i in range(NR_KMM_FUNCTIONS)],
            "outcomes": {OUTCOMES[i]: s.outcomes[i] for i in range(NR_KMM_OUTCOMES)},
        }


def watched(bytes data):
    """(cases done, number of the running half or None, the case's choices) from a watch's bytes."""
    cdef kmm_watch w
    memcpy(&w, <const char *>data, sizeof(w))
    half = w.running_half - 1 if w.running_half else None
    return w.beats, half, PyBytes_FromStringAndSize(<char *>&w.running, sizeof(kmm_case))


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
