# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3
"""One operation with what some of its calls did undone (cref/engine/undo.h), as Python sees it."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from pykmm.engine.core cimport Half, kmm_half

from pykmm.engine.core import FUNCTIONS
from pykmm.errors import HarnessError

cdef extern from "engine/undo.h" nogil:
    enum:
        KMM_MOST_NOTED
        NR_KMM_UNDO
    ctypedef struct kmm_noted_call "struct kmm_noted_call":
        uint32_t function, page
        uint64_t begin "from"
        uint64_t to
    ctypedef struct kmm_undo "struct kmm_undo":
        uint32_t call, what
        uint64_t address, value
    ctypedef struct kmm_undoing "struct kmm_undoing":
        const kmm_half *half
        kmm_noted_call calls[64]
        uint32_t nr_calls, nr_undo
        const kmm_undo *undo
        uint32_t undone
    const kmm_half *kmm_undoing_half(kmm_undoing *undoing)

# of kmm_undo_what, in its order
WHAT = ["pte", "page"]
if len(WHAT) != NR_KMM_UNDO:
    raise HarnessError("pykmm.engine.undo.WHAT does not list enum kmm_undo_what: rebuild")


cdef class Undoing:
    """A half whose calls are noted for one operation, and undone where that is asked for.

    half : Half      the one that is called; `half` is then the one to run, in this thread
    undo : list      [(number of the call, "pte" or "page", address, word for the pte)]
    """

    cdef kmm_undoing *of
    cdef kmm_undo *undo
    cdef readonly Half half
    cdef Half called

    def __cinit__(self, Half half, undo=()):
        self.of = <kmm_undoing *>calloc(1, sizeof(kmm_undoing))
        self.undo = <kmm_undo *>calloc(max(1, len(undo)), sizeof(kmm_undo))
        if self.of is NULL or self.undo is NULL:
            raise MemoryError
        self.called = half
        self.of.half = half.table
        self.of.nr_undo, self.of.undo = len(undo), self.undo
        for i, (call, what, address, value) in enumerate(undo):
            self.undo[i].call, self.undo[i].what = call, WHAT.index(what)
            self.undo[i].address, self.undo[i].value = address, value
        self.half = Half.__new__(Half)
        self.half.table = kmm_undoing_half(self.of)
        self.half.name, self.half.origin = half.name, half.origin

    def __dealloc__(self):
        free(self.of)
        free(self.undo)

    @property
    def calls(self):
        """(function, number of the page, first word of the trace, one past its last) of each call
        in the order in which they began; the last is 0 of one that never returned."""
        if self.of.nr_calls > KMM_MOST_NOTED:
            raise HarnessError(f"{self.of.nr_calls} calls in one operation: at most "
                               f"{KMM_MOST_NOTED} can be told apart")
        return [(FUNCTIONS[self.of.calls[i].function], self.of.calls[i].page,
                 self.of.calls[i].begin, self.of.calls[i].to) for i in range(self.of.nr_calls)]

    @property
    def undone(self):
        """How many were."""
        return self.of.undone
