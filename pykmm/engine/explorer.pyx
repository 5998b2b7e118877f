# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3
"""The explorer (cref/engine/explore) and canonical forms, as Python sees them."""

import os

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from pykmm.engine.core cimport (
    Half, Runner, kmm_guard_process, kmm_guard_thread, kmm_half, kmm_operation,
    kmm_unguard_process, struct_world, world_size)

from pykmm.engine.core import FUNCTIONS, OPERATIONS, OUTCOMES, PROPERTIES
from pykmm.engine.scope import cost
from pykmm.errors import BadInput, HarnessError, Lacking

cdef extern from "engine/explore/canonical.h" nogil:
    enum:
        KMM_CANONICAL_VMA_SLOTS
        KMM_CANONICAL_UNWRITTEN
        KMM_CANONICAL_PAUSES
    ctypedef struct kmm_canonical "struct kmm_canonical":
        pass
    kmm_canonical *kmm_canonical_new(const world_size *size, uint32_t flags)
    void kmm_canonical_free(kmm_canonical *form)
    void kmm_canonical_hash(kmm_canonical *form, const struct_world *world, uint64_t *hash)
    const uint64_t *kmm_canonical_words(kmm_canonical *form, const struct_world *world,
                                        uint32_t *nr)

cdef extern from "machine/world.h" nogil:
    ctypedef struct sized_world "struct world":
        world_size size

cdef extern from "engine/explore/explore.h" nogil:
    enum:
        KMM_SCOPE_FILES
        KMM_SCOPE_WORDS
        KMM_OTHER_ACTORS
        KMM_NO_WORLD
        KMM_MOST_ACTIONS
        KMM_MOST_DEPTH
        KMM_FOUND_PROPERTY
        KMM_FOUND_DIFFERENCE
        KMM_NR_FOUND
        KMM_MAX_HALVES
    ctypedef struct kmm_scope_file "struct kmm_scope_file":
        uint32_t kind, pages, block_shift
    ctypedef struct kmm_scope_word "struct kmm_scope_word":
        uint32_t offset, bytes, more, low, high
    ctypedef struct kmm_scope "struct kmm_scope":
        world_size size
        uint32_t files
        kmm_scope_file file[3]
        uint32_t units, vmas, processes, properties, form, words
        kmm_scope_word word[64]
    ctypedef struct kmm_action "struct kmm_action":
        kmm_operation operation
        kmm_operation other[2]
        uint32_t fail_in
        uint32_t pause_in[2]
    ctypedef struct kmm_seen "struct kmm_seen":
        uint64_t hash[2]
        uint32_t parent
        uint32_t action, flags
    ctypedef struct kmm_found "struct kmm_found":
        uint32_t parent, action
        uint64_t times
    ctypedef struct kmm_explore_job "struct kmm_explore_job":
        kmm_scope scope
        const kmm_half *halves[8]
        uint32_t nr_halves, nr_actions
        const kmm_action *actions
        uint32_t nr_first, depth, jobs, go_on, ends
    ctypedef struct kmm_explored "struct kmm_explored":
        uint64_t transitions, known, outside
        kmm_found *found
        uint32_t worlds, depth, level, level_from, level_to, next
        uint32_t *levels
    ctypedef struct kmm_explorer "struct kmm_explorer":
        pass
    kmm_explorer *kmm_explorer_new(const kmm_explore_job *job)
    void kmm_explorer_free(kmm_explorer *explorer)
    int kmm_explorer_begin(kmm_explorer *explorer)
    void kmm_explorer_work(kmm_explorer *explorer, uint32_t job, const int *stop)
    int kmm_explorer_merge(kmm_explorer *explorer)
    const kmm_explored *kmm_explorer_totals(const kmm_explorer *explorer)
    uint64_t kmm_explorer_bytes(const kmm_explorer *explorer)
    uint64_t kmm_explorer_so_far(const kmm_explorer *explorer)
    const kmm_seen *kmm_explorer_seen(const kmm_explorer *explorer, uint32_t number)
    const uint8_t *kmm_explorer_image(kmm_explorer *explorer, uint32_t number, uint64_t *bytes)
    uint32_t kmm_explorer_path(const kmm_explorer *explorer, uint32_t number, uint32_t *actions)
    int kmm_explorer_save(const kmm_explorer *explorer, const char *path)
    int kmm_explorer_load(kmm_explorer *explorer, const char *path)

cdef extern from "engine/explore/visited.h" nogil:
    enum:
        KMM_SEEN_LAST

cdef extern from "engine/explore/phases.h" nogil:
    enum:
        NR_KMM_EXPLORE_PHASES
    uint64_t kmm_time_transitions(kmm_explorer *explorer, uint32_t first, uint32_t end, int up_to,
                                  uint64_t *transitions)

cdef extern from "engine/explore/pairs.h" nogil:
    enum:
        NR_KMM_PARTED
    ctypedef struct kmm_parted "struct kmm_parted":
        uint32_t parent, action
        int64_t results[2]
    ctypedef struct kmm_paired "struct kmm_paired":
        uint64_t transitions, outside
        kmm_parted parted[6]
        uint32_t pairs, depth
    ctypedef struct kmm_pairs "struct kmm_pairs":
        pass
    kmm_pairs *kmm_pairs_new(const kmm_explore_job *job, uint32_t other_units)
    void kmm_pairs_free(kmm_pairs *pairs)
    int kmm_pairs_level(kmm_pairs *pairs)
    const kmm_paired *kmm_pairs_totals(const kmm_pairs *pairs)
    uint32_t kmm_pairs_path(const kmm_pairs *pairs, uint32_t number, uint32_t *actions)

# of kmm_explore_state, in its order
STATES = ["batch", "found", "closed", "depth", "no memory"]
# of kmm_parted_how, in its order
PARTED = ["outcome", "result", "synced", "rest", "synced first", "rest first"]
VMA_SLOTS = KMM_CANONICAL_VMA_SLOTS
MOST_DEPTH = KMM_MOST_DEPTH
MOST_ACTIONS = KMM_MOST_ACTIONS
SEEN_BYTES = sizeof(kmm_seen)
_SIZES = ("pages", "vmas", "mms", "pmds", "table_shift", "mappings", "slots", "files",
          "anon_vmas", "buffers", "trace_words", "swap_slots")
# these look at what users have stored and the disk does not hold yet, or whether swap has failed
_OF_STORES = sum(1 << i for i, name in enumerate(PROPERTIES)
                 if name in ("promised_writes", "kept_writes", "written_at_rest", "known_contents"))
_KINDS = [kind for kind, _ in OPERATIONS]


def _form(vma_slots, unwritten, pauses=False):
    return ((KMM_CANONICAL_VMA_SLOTS if vma_slots else 0)
            | (KMM_CANONICAL_UNWRITTEN if unwritten else 0)
            | (KMM_CANONICAL_PAUSES if pauses else 0))


cdef class Canonical:
    """Canonical forms of worlds of one runner.

    vma_slots : bool   vmas keep the slots that they lie in
    unwritten : bool   what only properties look at is in the form
    """

    cdef kmm_canonical *form
    cdef Runner of

    def __cinit__(self, Runner runner, *, bint vma_slots=False, bint unwritten=False):
        self.of = runner
        self.form = kmm_canonical_new(&(<sized_world *>runner.runner.world).size,
                                      _form(vma_slots, unwritten))
        if self.form is NULL:
            raise Lacking("not enough memory for a canonical form, or a world too large for one")

    def __dealloc__(self):
        kmm_canonical_free(self.form)

    def words(self, bytes image):
        """The form of an image of this runner, as bytes of its 64-bit words."""
        cdef uint32_t nr
        self.of.restore(image)
        cdef const uint64_t *words = kmm_canonical_words(self.form, self.of.runner.world, &nr)
        return PyBytes_FromStringAndSize(<const char *>words, nr * 8)

    def hash(self, bytes image):
        """Its 128 bits, as two words."""
        cdef uint64_t found[2]
        self.of.restore(image)
        kmm_canonical_hash(self.form, self.of.runner.world, found)
        return found[0], found[1]


cdef int _fill(kmm_operation *operation, act) except -1:
    name, actor, arguments = act
    operation.kind = _KINDS.index(name)
    operation.actor = actor
    for i, value in enumerate(arguments):
        operation.a[i] = value
    return 0


def _capacities(size):
    """A struct world_size as Cython takes it, checked: every capacity and no other."""
    if set(size) != set(_SIZES):
        raise HarnessError(f"capacities of a world are {', '.join(_SIZES)}")
    return size


cdef class Explorer:
    """One exploration.

    halves : [Half]       all are compared with the first, which also makes worlds again
    size : dict           capacities of a world, as Runner takes them
    files : [(kind, pages, log2 of the bytes of a block)]   kind: its number
    first : [action]      what makes the start, once
    actions : [action]    what is tried from every world: ((name, actor, arguments), number of the
                          allocation that fails or 0, ((pause, (name, actor, arguments)), ...))
    vmas, processes : int   a world with more is outside
    properties : int      mask of those that are looked at
    ends : bool           a run that does not return is something that is found
    words : [(offset, bytes, more, value)]   of the start that are not as usual; more: set bits
    """

    cdef kmm_explore_job job
    cdef kmm_explorer *explorer
    cdef kmm_action *actions
    cdef readonly list halves
    cdef readonly int nr_first
    cdef readonly list costs
    cdef int flag

    def __cinit__(self, halves, *, dict size, files, first, actions, int units, int vmas,
                  int processes, unsigned int properties, bint vma_slots, int depth, int jobs=1,
                  bint go_on=False, bint ends=True, words=()):
        cdef kmm_explore_job *job = &self.job
        memset(job, 0, sizeof(self.job))
        self.halves = list(halves)
        self.nr_first = len(first)
        if not 1 <= len(self.halves) <= KMM_MAX_HALVES or len(files) > KMM_SCOPE_FILES:
            raise HarnessError("too many halves or files to explore")
        for half in self.halves:
            for number, function in enumerate(FUNCTIONS):
                if not half.has(number):
                    raise BadInput(f"half {half.name} has no {function}, and operations need every "
                                   "function")
        if len(first) + len(actions) > KMM_MOST_ACTIONS:
            raise BadInput(f"{len(actions)} operations to try: at most {KMM_MOST_ACTIONS}; choose "
                           "fewer with --ops")
        job.scope.size = _capacities(size)
        self._scope(files, units, vmas, processes, properties, vma_slots, actions)
        self._words(list(words))
        self._actions([*first, *actions])
        self.costs = [cost(action) for action in (*first, *actions)]
        for i, half in enumerate(self.halves):
            job.halves[i] = (<Half>half).table
        job.nr_halves, job.nr_first, job.depth = len(self.halves), len(first), depth
        job.jobs, job.go_on, job.ends = jobs, go_on, ends
        kmm_guard_thread()
        self.explorer = kmm_explorer_new(job)
        if self.explorer is NULL:
            raise Lacking("not enough memory to explore with so many --jobs")

    cdef _scope(self, files, units, vmas, processes, properties, vma_slots, actions):
        cdef kmm_scope *scope = &self.job.scope
        scope.files = len(files)
        for i, (kind, pages, shift) in enumerate(files):
            scope.file[i].kind, scope.file[i].pages, scope.file[i].block_shift = kind, pages, shift
        scope.units, scope.vmas, scope.processes = units, vmas, processes
        scope.properties = properties
        scope.form = _form(vma_slots, properties & _OF_STORES,
                           any(pauses for _, _, pauses in actions))

    cdef _words(self, words):
        cdef kmm_scope *scope = &self.job.scope
        if len(words) > KMM_SCOPE_WORDS:
            raise HarnessError("too many words of a start")
        scope.words = len(words)
        for i, (offset, size, more, value) in enumerate(words):
            scope.word[i].offset, scope.word[i].bytes, scope.word[i].more = offset, size, more
            scope.word[i].low, scope.word[i].high = value & 0xFFFFFFFF, value >> 32

    cdef _actions(self, actions):
        self.actions = <kmm_action *>calloc(max(1, len(actions)), sizeof(kmm_action))
        if self.actions is NULL:
            raise MemoryError
        for i, (operation, fail, pauses) in enumerate(actions):
            _fill(&self.actions[i].operation, operation)
            self.actions[i].fail_in = fail
            if len(pauses) > KMM_OTHER_ACTORS or len({number for number, _ in pauses}) < len(pauses):
                raise HarnessError("two others act at two pauses of an operation, and no more")
            for j, (number, other) in enumerate(pauses):
                self.actions[i].pause_in[j] = number
                _fill(&self.actions[i].other[j], other)
        self.job.actions = self.actions
        self.job.nr_actions = len(actions)

    def __dealloc__(self):
        kmm_explorer_free(self.explorer)
        free(self.actions)

    def begin(self):
        """Make the next batch ready: one of STATES."""
        self.flag = 0
        return STATES[kmm_explorer_begin(self.explorer)]

    def work(self, int job):
        """Work on the batch, without the GIL; every job does, in a thread of its own."""
        with nogil:
            kmm_guard_thread()
            kmm_explorer_work(self.explorer, job, &self.flag)

    def stop(self):
        """End what works between two worlds: the batch is not merged."""
        self.flag = 1

    def merge(self):
        """Add what the batch found; False: it was stopped and nothing was added.

        raises Lacking   there is no more memory
        """
        cdef int error
        with nogil:
            error = kmm_explorer_merge(self.explorer)
        if error == -12:
            raise Lacking("not enough memory for so many worlds: choose a smaller scope, or a "
                          "--depth")
        return error == 0

    def totals(self):
        """worlds, transitions, known, outside, bytes; depth: operations, and every world that no
        more lead to is there; levels: the first world of each, and of the one that is being made;
        level: (from, next, to) of the worlds from which it is made; and what was found: [(what,
        name, parent, action, times)], the earliest first
        """
        cdef const kmm_explored *totals = kmm_explorer_totals(self.explorer)
        found = []
        for i in range(KMM_NR_FOUND):
            if totals.found[i].times:
                found.append((*self._what(i), totals.found[i].parent,
                              totals.found[i].action, totals.found[i].times))
        return {
            "worlds": totals.worlds, "transitions": totals.transitions, "known": totals.known,
            "outside": totals.outside, "depth": totals.depth,
            "level": (totals.level_from, totals.next, totals.level_to),
            "levels": [totals.levels[i] for i in range(totals.level + 1)],
            "bytes": kmm_explorer_bytes(self.explorer),
            "found": sorted(found, key=self._when),
        }

    def _when(self, found):
        """What was found first comes first: after the fewest operations, and of those by the
        cheapest actions, which are tried first."""
        _, _, parent, action, _ = found
        cost = self.costs[action]
        return self.length(parent) + cost, cost, parent, action

    def _what(self, int i):
        if i >= KMM_FOUND_DIFFERENCE:
            return "difference", self.halves[i - KMM_FOUND_DIFFERENCE].name
        if i >= KMM_FOUND_PROPERTY:
            return "property", list(PROPERTIES)[i - KMM_FOUND_PROPERTY]
        return "outcome", OUTCOMES[i]

    def so_far(self):
        """Transitions of the batch that is being worked on."""
        return kmm_explorer_so_far(self.explorer)

    def path(self, uint32_t world):
        """Numbers of the actions from the start to a world: of `actions`, from 0."""
        cdef uint32_t actions[256]
        if kmm_explorer_seen(self.explorer, world) is NULL:
            raise HarnessError(f"there is no world {world}")
        nr = kmm_explorer_path(self.explorer, world, actions)
        return [actions[i] - self.nr_first for i in range(nr)]

    def length(self, uint32_t world):
        """Operations from the start to a world, those of all actors: its level."""
        return sum(self.costs[action + self.nr_first] for action in self.path(world))

    def seen(self, uint32_t world):
        """(hash, parent or None, nothing is tried from it) of a world."""
        cdef const kmm_seen *seen = kmm_explorer_seen(self.explorer, world)
        if seen is NULL:
            raise HarnessError(f"there is no world {world}")
        parent = None if seen.parent == KMM_NO_WORLD else seen.parent
        return (seen.hash[0], seen.hash[1]), parent, bool(seen.flags)

    def broken(self, uint32_t most):
        """Numbers of the first `most` worlds that break a property, the nearest first, and how many
        there are in all.  (Nothing is tried from them.)"""
        cdef uint32_t number, nr = 0, worlds = kmm_explorer_totals(self.explorer).worlds
        found = []
        for number in range(worlds):
            if kmm_explorer_seen(self.explorer, number).flags & KMM_SEEN_LAST:
                if nr < most:
                    found.append(number)
                nr += 1
        return found, nr

    def image(self, uint32_t world):
        """The state of a world, as it was first reached; addresses mean nothing outside of it."""
        cdef uint64_t bytes
        if kmm_explorer_seen(self.explorer, world) is NULL:
            raise HarnessError(f"there is no world {world}")
        cdef const uint8_t *image = kmm_explorer_image(self.explorer, world, &bytes)
        if image is NULL:
            raise MemoryError
        return PyBytes_FromStringAndSize(<const char *>image, bytes)

    def time_phases(self, uint32_t first, uint32_t end):
        """All actions once more on worlds `first` to `end` - 1, which have been tried already.

        Returns nanoseconds up to each phase of kmm_explore_phase in turn, and the transitions.
        """
        cdef uint64_t spent[NR_KMM_EXPLORE_PHASES]
        cdef uint64_t transitions[NR_KMM_EXPLORE_PHASES]
        cdef int i
        if not first < end <= kmm_explorer_totals(self.explorer).next:
            raise HarnessError(f"worlds {first} to {end - 1} have not all been tried")
        kmm_guard_process()
        try:
            with nogil:
                kmm_guard_thread()
                for i in range(NR_KMM_EXPLORE_PHASES):
                    spent[i] = kmm_time_transitions(self.explorer, first, end, i, &transitions[i])
        finally:
            kmm_unguard_process()
        return [spent[i] for i in range(NR_KMM_EXPLORE_PHASES)], max(
            transitions[i] for i in range(NR_KMM_EXPLORE_PHASES))

    def save(self, path):
        """Write what is needed to go on; OSError."""
        cdef bytes name = os.fsencode(path)
        cdef const char *where = name
        cdef int error
        with nogil:
            error = kmm_explorer_save(self.explorer, where)
        if error:
            raise OSError(-error, os.strerror(-error), path)

    def load(self, path):
        """Go on from a file; 0, or the number of an error: EPROTO no such file or another
        version, EINVAL another scope, EILSEQ damaged, or why it cannot be read."""
        cdef bytes name = os.fsencode(path)
        cdef const char *where = name
        cdef int error
        with nogil:
            error = kmm_explorer_load(self.explorer, where)
        return -error


cdef class Pairs:
    """Two kernels beside each other, one with the units of an explorer and one with others: every
    pair of worlds that the same operations lead to (cref/engine/explore/pairs.h).

    explorer : Explorer   its scope, its operations and its halves are used: the second is the other
                          kernel's, if there is one
    units : int           mask of the other kernel's
    """

    cdef Explorer of
    cdef kmm_pairs *pairs

    def __cinit__(self, Explorer explorer, int units):
        self.of = explorer
        kmm_guard_thread()
        self.pairs = kmm_pairs_new(&explorer.job, units)
        if self.pairs is NULL:
            raise Lacking("not enough memory to explore pairs of worlds")

    def __dealloc__(self):
        kmm_pairs_free(self.pairs)

    def level(self):
        """Go one operation further: one of STATES.

        raises Lacking   there is no more memory
        """
        cdef int state
        with nogil:
            kmm_guard_thread()
            state = kmm_pairs_level(self.pairs)
        if STATES[state] == "no memory":
            raise Lacking("not enough memory for so many pairs of worlds")
        return STATES[state]

    def totals(self):
        """pairs, transitions, outside, depth; parted: {how: (numbers of the actions, results)} of
        each way in which they parted, with results of both"""
        cdef const kmm_paired *totals = kmm_pairs_totals(self.pairs)
        cdef uint32_t actions[256]
        parted = {}
        for i in range(NR_KMM_PARTED):
            if totals.parted[i].parent == KMM_NO_WORLD:
                continue
            nr = kmm_pairs_path(self.pairs, totals.parted[i].parent, actions)
            path = [*[actions[j] for j in range(nr)], totals.parted[i].action]
            parted[PARTED[i]] = ([one - self.of.nr_first for one in path],
                                 (totals.parted[i].results[0], totals.parted[i].results[1]))
        return {"pairs": totals.pairs, "transitions": totals.transitions,
                "outside": totals.outside, "depth": totals.depth, "parted": parted}
