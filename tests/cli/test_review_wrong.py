# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm review --wrong`, as a user's shell starts it."""

import json
import signal
import subprocess

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
    assert rest.endswith("\nstopped early: not every scope was explored\n")
    part = json.loads((pykmm.cwd / "part.json").read_text())["wrong"]
    assert part["interrupted"] is True
    explored = part["explored"][0]
    # exact: the same on every machine
    assert (explored["worlds"], explored["transitions"]) == (1282, 19230)


def test_what_does_not_go_with_it_is_refused(pykmm: Pykmm) -> None:
    for more in (("E14",), ("--units",), ("--cases", "5"), ("--html", "page.html")):
        done = pykmm("review", "--wrong", *more)
        assert done.code == 2 and "leave out" in done.err and not done.out
