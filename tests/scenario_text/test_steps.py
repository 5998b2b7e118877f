# SPDX-License-Identifier: GPL-2.0-only
"""Which steps make events is read from the source, and is what drawn cases show."""

import pytest
from written_stories import HALVES, failed

from pykmm import paths
from pykmm.engine import core
from pykmm.scenario import steps
from pykmm.source import anchors

CASES = 8000


def steps_with_events() -> set[str]:
    """Steps of half C that make an event in some drawn case."""
    job, runner, half = core.Job(HALVES.halves, seed=5), core.Runner(), HALVES.halves[0]
    seen = set()
    for index in range(CASES):
        runner.build(job.case(index % 20, index))
        runner.run(half)
        words, places = runner.trace()
        at = 0
        while at < len(words):
            seen.add(places[at])
            at += 1 + (words[at] >> 16)
    lines = ((core.FILES.get(place >> core.PLACE_LINE_BITS, ""),
              place & ((1 << core.PLACE_LINE_BITS) - 1)) for place in seen)
    return {anchors.step_at(paths.cref() / file, line) for file, line in lines
            if file in anchors.TWINS} - {""}


def test_silent_steps_are_those_that_no_drawn_case_shows():
    assert set(steps.known_steps()) - steps.silent_steps() == steps_with_events()


@pytest.mark.parametrize(("units", "ran", "not_ran"), [
    ("all", "WP2 WP3 WP13 WP14", "WP4 WP6 WP8 WP10 WP10i"),
    ("-U1", "WP2 WP4 WP6 WP8 WP10 WP10i WP11 WP12 WP13", "WP3 WP14"),
])
def test_branch_that_was_not_taken_is_no_step_that_ran(units, ran, not_ran):
    text = f"""\
units {units}
file f ext2 pages=1
p0: a = mmap f
p0: load a
p0: store a
"""
    assert failed(f"{text}expect steps {ran}\nexpect no steps {not_ran}\n") == []
    for step in not_ran.split():
        assert failed(f"{text}expect steps {step}\n") != [], step
    for step in ran.split():
        assert failed(f"{text}expect no steps {step}\n") != [], step
