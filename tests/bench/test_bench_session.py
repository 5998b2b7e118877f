# SPDX-License-Identifier: GPL-2.0-only
"""Rows in child processes: layouts, rows that end theirs, stopping, the build without events."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli.cli_halves import Workshop

from pykmm import paths
from pykmm.bench import rows
from pykmm.bench.session import LAYOUTS, Session
from pykmm.engine.guarded import Child
from pykmm.engine.halves import NamedHalf
from pykmm.errors import BadInput

CLEANED, NONE = "page_mkclean_one/tracked, dirty, writable", "page_mkclean/not mapped"
SHARED = "is_shared_writable/yes"
LEFT_BY_ROWS = Path(__file__).with_name("left_by_rows.py")
CRASH = "extern void abort(void); abort();"
STAND = "for (;;) { __asm__ volatile(\"\"); }"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc to build a half with")
    return Workshop(tmp_path_factory.mktemp("halves"))


def timed(*names: str, half: str | None = None, **how):
    given = [NamedHalf.parse(half)] if half else []
    return Session(names, 0.0, given, **how).run()


def test_each_row_is_timed_in_every_layout():
    result = timed(CLEANED, SHARED)
    assert [row["name"] for row in result.rows] == [CLEANED, SHARED]
    assert [row["layouts"] for row in result.rows] == [LAYOUTS] * 2
    assert (result.refused, result.interrupted) == ({}, False)
    assert result.processor is not None


def blocks(first: int) -> list[int]:
    """Where the worlds of a row lay in each layout."""
    session = Session([SHARED], 0.0, first=first)
    if not session.run().fixed_addresses:
        pytest.skip("this system does not let a process choose its addresses")
    return [samples.block for samples in session.samples[SHARED]]


def test_a_layout_is_the_same_in_every_run():
    once = blocks(0)
    assert once == blocks(0) and len(set(once)) == LAYOUTS
    assert not set(once) & set(blocks(LAYOUTS))


def test_a_half_that_crashes_costs_its_row_and_no_other(workshop):
    half = workshop.with_lines("crash", CRASH)
    result = timed(NONE, CLEANED, half=half, events=True)
    assert result.refused == {NONE: "half crash ended the engine by SIGABRT"}
    assert [row["name"] for row in result.rows] == [CLEANED]


def test_a_half_that_stands_still_is_told(workshop, monkeypatch):
    monkeypatch.setenv("PYKMM_SILENT_SECONDS", "1")
    result = timed(NONE, half=workshop.with_lines("stand", STAND), events=True)
    assert result.refused == {NONE: "half stand does not come back"}


def test_after_many_deaths_the_rest_is_not_tried(workshop):
    # every call of page_mkclean ends the process
    names = [row.name for row in rows.ROWS if row.function == "page_mkclean"][:5]
    half = workshop.with_lines("crash", CRASH)
    result = timed(*names, CLEANED, half=half, events=True)
    assert result.rows == []
    assert list(result.refused.values()) == (
        ["half crash ended the engine by SIGABRT"] * 3
        + ["not tried, after 3 rows that ended their process"] * 3)


def test_stopped_at_once_keeps_what_is_done():
    session = Session([CLEANED, SHARED], 600.0)
    seen = []

    def tell(layout: int, name: str) -> None:
        seen.append(name)
        session.stop()

    result = session.run(tell)
    assert result.interrupted and result.refused == {}
    assert set(seen) <= {CLEANED, SHARED} and len(result.rows) < 2


def test_stopped_while_a_process_starts_it_times_nothing(monkeypatch):
    session = Session([CLEANED], 600.0)

    class Stopping(Child):
        def __init__(self, task: dict):
            session.stop()
            super().__init__(task)

    monkeypatch.setattr("pykmm.bench.session.Child", Stopping)
    result = session.run()
    assert result.interrupted and result.rows == []


def test_a_half_that_cannot_be_loaded_is_refused(tmp_path):
    library = tmp_path / "no.so"
    library.write_text("no library")
    with pytest.raises(BadInput, match="cannot load"):
        timed(CLEANED, half=f"no={library}")


def test_a_half_with_events_is_refused_beside_those_without(workshop):
    half = workshop.half("loud", (paths.cref() / "mm/rmap.c").read_text())
    with pytest.raises(BadInput, match="loud records events, and the others do not: build it with "
                                       "-DKMM_QUIET, or time all of them with --events"):
        timed(CLEANED, half=half)
    row = timed(CLEANED, half=half, events=True).rows[0]
    assert row["refused"] == {} and row["ratios"]["loud"] is not None


def left(build: str) -> dict:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, str(LEFT_BY_ROWS), build], capture_output=True,
                          text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_build_without_events_does_the_same():
    """Both kernels and halves: results and changed words, but for the end of the trace."""
    quiet, events = left("quiet"), left("events")
    assert len(quiet) == len(events) > 100
    for name, (result, changed, number) in quiet.items():
        other_result, other_changed, other_number = events[name]
        ends = {at for at, word in other_changed.items()
                if at not in changed and word >= 1 << 40} if other_number else set()
        assert number == 0 and result == other_result, name
        assert len(ends) == bool(other_number), name
        assert changed == {at: word for at, word in other_changed.items() if at not in ends}, name
    assert sum(number for _, _, number in events.values()) > 10_000


def test_a_process_is_all_with_events_or_all_without():
    code = ("from pykmm.engine import core; from pykmm import quiet\n"
            "try: quiet.use()\nexcept Exception as e: print(e)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "comes before anything imports pykmm.engine.core" in done.stdout
