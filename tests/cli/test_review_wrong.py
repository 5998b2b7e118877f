# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm review --wrong`, as a user's shell starts it."""

import json
import os
import signal
import subprocess

import pytest
from cli_command import Pykmm


def test_stopped_it_tells_what_it_has(pykmm: Pykmm) -> None:
    with pykmm.started("review", "--wrong", "--json", "part.json", stdout=subprocess.PIPE,
                       text=True) as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait() == 130
    assert first.split()[:3] == ["journal", "v8", "closed"]
    assert "\n  F2  A journal writes a page's buffers and leaves the page dirty." in rest
    last = " ".join(rest.split())
    assert "interrupted: not explored, or not as far as they go: " in last
    assert last.endswith("a silent device, at rest; a silent device, journal, at rest")
    part = json.loads((pykmm.cwd / "part.json").read_text())["wrong"]
    assert part["interrupted"] is True and "two processes" in part["left"]
    explored = part["explored"][0]
    # exact: the same on every machine
    assert (explored["worlds"], explored["transitions"]) == (2807, 47719)


def test_seconds_are_a_limit_for_all_of_it(pykmm: Pykmm) -> None:
    done = pykmm("review", "--wrong", "--seconds", "0.1", "--json", "part.json")
    assert done.code == 0
    part = json.loads((pykmm.cwd / "part.json").read_text())["wrong"]
    assert not part["interrupted"] and part["out_of_time"]
    # the first scope was begun, and the last ones were not
    assert part["explored"][0]["scope"] == "journal"
    assert {"journal, two processes", "a silent device, at rest"} <= set(part["left"])
    assert "--seconds are over: not explored, or not as far as they go: " in " ".join(
        done.out.split())
    assert "no half X: there is no patch mail (give one with --patch or PYKMM_PATCH)" in done.out


def test_mail_that_is_not_there_is_refused(pykmm: Pykmm) -> None:
    done = pykmm("review", "--wrong", "--patch", "/nonexistent")
    assert (done.code, done.out) == (2, "")
    assert "/nonexistent: no such file" in done.err


@pytest.mark.skipif(not os.environ.get("PYKMM_PATCH"),
                    reason="PYKMM_PATCH does not name the patch mail")
def test_mail_adds_half_x(pykmm: Pykmm) -> None:
    done = pykmm("review", "--wrong", "--seconds", "0.1", "--patch", os.environ["PYKMM_PATCH"])
    assert done.code == 0
    assert "halves C and X did the same on every transition" in done.out


def test_what_does_not_go_with_it_is_refused(pykmm: Pykmm) -> None:
    for more in (("E14",), ("--units",), ("--cases", "5"), ("--html", "page.html")):
        done = pykmm("review", "--wrong", *more)
        assert done.code == 2 and "leave out" in done.err and not done.out
