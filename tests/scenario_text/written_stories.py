# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios out of a few lines, and what became of each line."""

from pykmm.engine import halves
from pykmm.errors import BadInput
from pykmm.scenario import meaning, parse, run
from pykmm.scenario.model import Scenario

HALVES = run.Halves([halves.c_half(), halves.p_half()])

# a shared mapping of two pages of a file, the first of them stored to
STORED = """\
file f ext2 pages=2 block=1024
p0: a = mmap f pages=2
p0: load a = 1
p0: v = store a
"""
# a page in a file, mapped by a dirty pte, for direct calls
MAPPED = """\
file f ext2 pages=4 block=2048
page 0: f at 2, uptodate dirty
vma 0: p0 0..3 rw-s f at 0
pte p0 at 2: page 0 RW D
"""


def read(text: str) -> Scenario:
    """A scenario that makes sense."""
    scenario = parse.parse(text, "s.kmm")
    meaning.check(scenario)
    return scenario


def entries(text: str, units: int = 0) -> list[dict]:
    """What became of every line, with the first set of units or another one."""
    scenario = read(text)
    return run.run_variant(scenario, scenario.masks()[units], HALVES)["entries"]


def failed(text: str, units: int = 0) -> list[str]:
    """Lines that failed, with what was found."""
    return [f"{entry['line']}: {entry['found']}" for entry in entries(text, units)
            if entry["ok"] is False]


def verdict(world: str, expectation: str, units: int = 0) -> tuple[bool, str]:
    """(does it hold?, what was found) of an expectation after the lines of a world."""
    last = entries(f"{world}expect {expectation}\n", units)[-1]
    assert last["kind"] == "expect", last
    return last["ok"], last["found"]


def refusal(text: str) -> str:
    """The message about a text that makes no sense, or comes to none when it runs."""
    try:
        run.run(read(text), HALVES)
    except BadInput as error:
        return str(error)
    raise AssertionError("it was accepted")
