# SPDX-License-Identifier: GPL-2.0-only
"""The plain-Python model as an enumerator reaches the same worlds, by the same paths."""

import os
from bisect import bisect_left

import pytest
from enumerator import Enumerated, canonical, start
from model.image import Image
from model.neutral import FIELDS

from pykmm import World, pauses
from pykmm.engine import core, halves
from pykmm.engine.scope import DEFAULT, Scope

DEEP = bool(os.environ.get("PYKMM_DEEP"))
FEW = ("mmap", "munmap", "mprotect", "load", "store", "writeback", "complete", "reclaim", "drain")
# (scope, depth): as deep as some seconds allow
SCOPES = {
    "default": (Scope(), 4),
    "few": (Scope(ops=FEW), 6),
    "two processes": (Scope(processes=2, ops=("mmap", "munmap", "load", "store", "fork", "exit",
                                              "msync", "writeback")), 4),
    "two processes and reclaim": (Scope(processes=2, ops=("mmap", "store", "load", "fork",
                                                          "drain", "reclaim")), 4),
    "two pages": (Scope(file_pages=2, pages=3, vmas=3, ops=("mmap", "munmap", "mprotect", "store",
                                                            "writeback", "remap_file_pages")), 2),
    "journal": (Scope(kinds=("ext3",), blocks=2048,
                      ops=("mmap", "store", "write", "writeback", "flush_buffers", "commit",
                           "complete", "truncate", "release_page", "fsync")), 3),
    "memory of no file": (Scope(ops=("mmap", "store", "load", "fork", "anon", "reclaim", "drain",
                                     "complete", "munmap"), processes=2), 3),
    "heap": (Scope(ops=("brk", "store", "load", "reclaim", "drain", "pin", "unpin")), 4),
    "failing allocations": (Scope(ops=("mmap", "mprotect", "store", "write", "writeback", "fail"),
                                  file_pages=2, pages=3, vmas=3), 2),
    "another actor at a pause": (Scope(ops=("mmap", "load", "store", "truncate", "writeback",
                                            "complete", "pause")), 4),
    "two others at two pauses": (Scope(ops=("mmap", "store", "truncate", "pauses")), 4),
    "two others at two pauses, journal": (Scope(kinds=("ext3",), blocks=2048, ops=(
        "mmap", "store", "write", "commit", "munmap", "pauses")), 3),
    "two files": (Scope(kinds=("tmpfs", "block_device"), ops=("mmap", "store", "writeback", "sync",
                                                              "open", "close", "poke")), 3),
}


@pytest.fixture(scope="module", params=SCOPES)
def both(request, explored):
    scope, depth = SCOPES[request.param]
    depth += DEEP
    return Enumerated(scope, depth), explored(scope, depth)


def test_model_reaches_the_same_worlds_by_the_same_paths(both):
    by_model, by_engine = both
    explorer = by_engine.explorer
    worlds = []
    for number in range(by_engine.totals["worlds"]):
        path = explorer.path(number)
        worlds.append((explorer.seen(number)[1], path[-1] if path else 0))
    assert worlds == by_model.worlds
    assert len(worlds) > 50


def test_model_counts_the_same_transitions(both):
    by_model, by_engine = both
    assert by_engine.totals["transitions"] == by_model.transitions
    assert by_engine.totals["outside"] == by_model.outside
    assert [found for found in by_engine.totals["found"] if found[0] != "outcome"] == []
    assert sum(found[4] for found in by_engine.totals["found"]) == len(by_model.ended)


def test_worlds_of_the_engine_have_the_forms_of_the_model(both):
    """C's paths, done once more in a world of another size, lead where the model says."""
    by_model, by_engine = both
    scope = by_model.scope
    first, _ = start(scope)
    runner, _ = World.block()
    image, c = Image(runner), halves.c_half()
    operations = by_model.operations
    for number in range(0, len(by_model.worlds), 1 + len(by_model.worlds) // 150):
        runner.restore(first.image)
        for i in by_engine.explorer.path(number):
            _arm(runner, image.where, scope.actions()[i])
            runner.operate(c, operations[i][0], operations[i][1], *operations[i][2])
            runner.forget_trace()
        assert canonical(image.rows(runner.image()), scope) == by_model.forms[number]


def _arm(runner, where, action):
    _, fail, others = action
    words = {"world.fail_in": fail}
    for which, (pause, (name, actor, values)) in enumerate(others):
        kind = [name for name, _ in core.OPERATIONS].index(name)
        words |= pauses.words(pause, (kind, actor, values), other=which)
    image = runner.image()
    for path, value in words.items():
        image = where.write(image, path, value)
    runner.restore(image)


def test_lengths_count_what_every_actor_does(both):
    by_model, by_engine = both
    explorer, levels = by_engine.explorer, by_engine.totals["levels"]
    assert [explorer.length(number) for number in range(len(by_model.worlds))] == by_model.lengths
    assert levels == [bisect_left(by_model.lengths, length) for length in range(len(levels))]


def _pages(rows):
    return [dict(zip(FIELDS["page"], row, strict=True))
            for (what, _), row in rows.items() if what == "page"]


PLANTED = {
    "no page is dirty that nobody maps": (3, lambda rows: not any(
        "dirty" in page["flags"] and page["mapcount"] < 0 for page in _pages(rows))),
    "no page is anonymous": (2, lambda rows: not any(
        page["mapping"] and page["mapping"][0] == "anon_vma" for page in _pages(rows))),
    "no page is being written": (3, lambda rows: not any(page["io"] for page in _pages(rows))),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_planted_property_breaks_first_at_the_same_world(explored, planted):
    scope, depth = Scope(ops=(*DEFAULT[:6], "writeback")), 3
    by_model, by_engine = Enumerated(scope, depth), explored(scope, depth)
    first, _ = start(scope)
    runner, _ = World.block()
    image, c = Image(runner), halves.c_half()

    def rows_of(number):
        runner.restore(first.image)
        for i in by_engine.explorer.path(number):
            runner.operate(c, by_model.operations[i][0], 0, *by_model.operations[i][2])
            runner.forget_trace()
        return image.rows(runner.image())

    length, holds = PLANTED[planted]
    model_first = next(i for i, rows in enumerate(by_model.rows) if not holds(rows))
    engine_first = next(i for i in range(by_engine.totals["worlds"]) if not holds(rows_of(i)))
    assert engine_first == model_first
    assert len(by_engine.explorer.path(engine_first)) == length
