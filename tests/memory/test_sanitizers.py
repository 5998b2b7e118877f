# SPDX-License-Identifier: GPL-2.0-only
"""Everything compiled, under gcc's address and undefined-behaviour sanitizers.

tools/sanitize.py builds and runs; what it can see and what it cannot is said there.
"""

import os
import re
from pathlib import Path

import pytest
import sanitize


@pytest.fixture(autouse=True)
def tools() -> None:
    try:
        sanitize.check_tools()
    except sanitize.Missing as missing:
        pytest.skip(str(missing))


def test_a_million_cases_and_sequences_are_silent() -> None:
    silent, text = sanitize.sanitize(1_000_000, seed=1, sequences=20_000)
    assert silent, text
    assert text.count(": 500000 cases, 0 differing") == 2, text
    assert "sequences: 20000 cases, 0 differing; 20000 returned" in text, text
    # the wild half went through the caught faults
    assert re.search(r"wild: .* [1-9]\d* oops", text), text


# In the engine, in the machine (beyond the trace, not written, not where it may lie, too large), in
# the Cython half.  Each is a build of its own, so most of them are for deep runs.
PLANTED = ["heap", "trace", "slot", "misaligned", "overflow", "cython-shift"]


@pytest.mark.parametrize("name", PLANTED if os.environ.get("PYKMM_DEEP") == "1" else
                         ["misaligned", "cython-shift"])
def test_a_planted_fault_is_reported(name: str) -> None:
    plant = sanitize.PLANTS[name]
    silent, text = sanitize.sanitize(10_000, seed=1, plant=plant)
    assert not silent
    assert re.search(plant.report, text), text


@pytest.mark.parametrize("name", sanitize.PLANTS)
def test_every_planted_fault_finds_its_place(name: str) -> None:
    plant = sanitize.PLANTS[name]
    assert plant.after in sanitize.text_for_copy(Path(plant.path), plant)


def test_a_run_that_ends_as_none_may_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sanitize.ENDINGS, "legal", {"returned"})
    silent, text = sanitize.sanitize(10_000, seed=1)
    assert not silent
    assert re.search(r"legal: \d+ ended as BUG", text), text


def test_a_missing_runtime_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanitize, "COMPILER", "no-such-compiler")
    with pytest.raises(sanitize.Missing, match="no-such-compiler was not found: install it"):
        sanitize.check_tools()
