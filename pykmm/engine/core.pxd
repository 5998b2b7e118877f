# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3
"""cref/engine, and what it takes of cref/machine, as core.pyx and behaviours.pyx see them, and the
classes of core.pyx: declarations only."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

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
    const char *kmm_source_name(int file)

cdef extern from "machine/outcome.h" nogil:
    const char *kmm_outcome_words(int outcome)

cdef extern from "machine/file.h" nogil:
    enum:
        NR_KMM_FILE_KINDS
        KMM_ON_DISK
    ctypedef struct kmm_file_kind_facts "struct kmm_file_kind_facts":
        const char *name
        uint32_t traits
    const kmm_file_kind_facts kmm_file_kinds[]

cdef extern from "half_table.h" nogil:
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

cdef extern from "engine/lend.h" nogil:
    const uint32_t kmm_core_abi
    const uint32_t kmm_abi_quiet
    ctypedef struct kmm_whole_half "struct kmm_whole_half":
        kmm_half table
    void kmm_make_whole(kmm_whole_half *whole, const kmm_half *own, const kmm_half *lender)
    int kmm_half_has(const kmm_half *half, int function)
    int kmm_called_by_operations(int function)

cdef extern from "machine/world.h" nogil:
    void kmm_core_enter(struct_world *world)

cdef extern from "machine/running.h" nogil:
    void kmm_run_half(const kmm_half *half, struct_world *world)

cdef extern from "machine/interfere.h" nogil:
    void kmm_interfere_room(void *room, uint64_t bytes)

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
    ctypedef struct kmm_sequence "struct kmm_sequence":
        uint8_t units
        uint8_t operations
    ctypedef struct kmm_operation "struct kmm_operation":
        uint8_t kind
        uint8_t actor
        uint8_t a[6]
    enum:
        NR_KMM_OPERATIONS
    const kmm_choice kmm_sequence_choices[]
    const uint32_t kmm_nr_sequence_choices
    void kmm_sequence_decode(kmm_sequence *s, const uint8_t *bytes)
    void kmm_sequence_encode(uint8_t *bytes, const kmm_sequence *s)
    void kmm_sequence_operation(const kmm_sequence *s, uint32_t i, kmm_operation *operation)
    const char *kmm_operation_name(uint32_t kind)
    const char *kmm_operation_arguments(uint32_t kind)
    int kmm_operation_by_process(uint32_t kind)
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
    void kmm_guarded_call(const kmm_half *half, const kmm_call *call, kmm_result *result)
    void kmm_guard_process()
    void kmm_unguard_process()
    int kmm_guard_thread()
    void kmm_unguard_thread()

    ctypedef struct kmm_runner "struct kmm_runner":
        struct_world *world
        uint64_t state_bytes
        uint8_t *room
        uint8_t *common
        kmm_call call
    ctypedef struct world_size "struct world_size":
        uint32_t pages, vmas, mms, pmds, table_shift, mappings, slots, files, anon_vmas, buffers
        uint32_t trace_words, swap_slots
    kmm_runner *kmm_runner_new()
    kmm_runner *kmm_runner_sized(const world_size *size)
    kmm_runner *kmm_sequence_runner_new()
    void kmm_sequence_start(kmm_runner *runner, const kmm_sequence *s)
    void kmm_sequence_run(kmm_runner *runner, const kmm_half *half, kmm_result *result)
    void kmm_guarded_operation(kmm_runner *runner, const kmm_half *half,
                               const kmm_operation *operation, kmm_result *result)
    uint32_t kmm_sequence_replay(kmm_runner *runner, const kmm_half **halves,
                                 uint32_t nr_halves, kmm_result *first, uint32_t *running)
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
    ctypedef struct kmm_first "struct kmm_first":
        uint64_t behaviour
        uint64_t shard
        uint64_t index
    ctypedef struct kmm_behaviours "struct kmm_behaviours":
        kmm_first *first
        uint64_t nr_first
    ctypedef struct kmm_shard "struct kmm_shard":
        uint64_t shard
        uint64_t cases
        uint32_t sequences
        uint64_t *counters
        uint64_t counter_words
        kmm_behaviours *behaviours
        uint64_t *live
        uint64_t done
        uint64_t divergences
        uint64_t first_divergence
        uint32_t first_half
        uint32_t stopped
        uint64_t operations
        uint64_t interfered
        uint64_t disordered
        uint64_t calls[14]
        uint64_t divergences_of[14]
        uint64_t outcomes[16]
    ctypedef union kmm_running "union kmm_running":
        kmm_case direct
        kmm_sequence sequence
    ctypedef struct kmm_watch "struct kmm_watch":
        uint64_t beats
        uint32_t running_half
        uint32_t sequence
        kmm_running running
    void kmm_draw_case(const kmm_job *job, uint64_t shard, uint64_t index, kmm_case *c)
    void kmm_draw_sequence(const kmm_job *job, uint64_t shard, uint64_t index, kmm_sequence *s)
    void kmm_run_shard(kmm_runner *runner, const kmm_job *job, kmm_shard *shard,
                       const int *stop, kmm_watch *watch)
    void kmm_count_case(kmm_runner *runner, const kmm_job *job, const kmm_shard *shard,
                        uint64_t index)

cdef extern from "machine/property.h" nogil:
    enum:
        NR_KMM_PROPERTIES
        KMM_PROPERTIES_ALWAYS
        KMM_PROPERTIES_ALL
        KMM_PROPERTIES_OF_STORES
    uint32_t broken_of "kmm_broken"(struct_world *world, uint32_t mask)
    uint32_t kmm_property_units(uint32_t property)
    const char *kmm_property_name(uint32_t property)
    const char *kmm_property_statement(uint32_t property)

cdef extern from "engine/rest.h" nogil:
    enum:
        NR_KMM_LEFTOVERS
    const char *kmm_leftover_words(int leftover)
    ctypedef struct kmm_broken "struct kmm_broken":
        uint32_t property
        uint32_t at
        uint32_t left
        uint32_t quirks
        uint32_t races
        uint32_t judged
        uint8_t judged_at[32]
    void kmm_sequence_checked(kmm_runner *runner, const kmm_sequence *s, const kmm_half *half,
                              kmm_result *result, kmm_broken *broken)

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


cdef class Runner:
    cdef kmm_runner *runner
    cdef kmm_case case
    cdef kmm_sequence sequence
    cdef readonly bint sequences
    cdef readonly dict judged
    cdef Half half


cdef class Half:
    cdef const kmm_half *table      # what is run
    cdef const kmm_half *own        # what the half itself exports
    cdef readonly str name
    cdef readonly str origin


cdef class Job:
    cdef kmm_job job
    cdef readonly list halves
    cdef readonly list counted
