# SPDX-License-Identifier: GPL-2.0-only
"""pytest collects scenarios, one test for each set of units, and shows the line that failed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pykmm import paths

CONFTEST = "from pykmm.scenario.plugin import pytest_collect_file\n"
STORY = """\
# A story.
units all, -U1
file f ext2 pages=1
p0: a = mmap f
p0: load a
p0: store a = 5
  expect if U1: steps WP3
  expect unless U1: steps WP4
"""


@pytest.fixture
def run_pytest(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)

    def run(text: str, *options: str, **environment: str) -> tuple[int, str]:
        (tmp_path / "story.kmm").write_text(text)
        environment = {**os.environ, "PYTHONPATH": str(paths.package().parent), **environment}
        done = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v",
                               *options, "."], cwd=tmp_path, env=environment, text=True,
                              capture_output=True, timeout=60, check=False)
        return done.returncode, done.stdout

    return run


def test_each_set_of_units_is_a_test(run_pytest):
    code, out = run_pytest(STORY)

    assert code == 0, out
    assert "::all PASSED" in out and "::-U1 PASSED" in out
    assert "2 passed" in out


def test_failure_shows_line_and_what_was_found(run_pytest):
    code, out = run_pytest(STORY.replace("unless U1: steps WP4", "unless U1: steps WP3"))

    assert code == 1
    assert "::all PASSED" in out and "::-U1 FAILED" in out
    assert ("story.kmm:8: expect unless U1: steps WP3\n"
            "    found     steps WP1 WP2 WP4") in out
    assert "    expected  steps WP3\nall of it: pykmm run story.kmm\n" in out
    assert "Traceback" not in out and ".py:" not in out


def test_text_without_a_meaning_is_an_error_of_collection(run_pytest):
    code, out = run_pytest(STORY.replace("p0: load a", "p0: load b"))

    assert code == 2
    assert "story.kmm:5:10: found 'b', expected a page of the process" in out
    assert ".py:" not in out


def test_line_that_does_not_fit_its_world_fails_with_its_place(run_pytest):
    code, out = run_pytest(STORY + "p0: x = load a\np0: load x\n")

    assert code == 1
    assert "story.kmm:10:10: x is 0x5, which is no page of a process here" in out


def test_mail_is_one_half_more(run_pytest, tmp_path):
    if not os.environ.get("PYKMM_PATCH"):
        pytest.skip("PYKMM_PATCH does not name the patch mail")
    code, out = run_pytest(STORY)
    assert code == 0, out

    # the mail's own lines are what runs: a changed line is found
    mail = Path(os.environ["PYKMM_PATCH"]).read_text(encoding="utf-8", errors="surrogateescape")
    reuse = "reuse = 1;"
    assert mail.count(reuse) == 1
    changed = tmp_path / "changed.txt"
    changed.write_text(mail.replace(reuse, "reuse = 0;"), encoding="utf-8",
                       errors="surrogateescape")
    code, out = run_pytest(STORY, PYKMM_PATCH=str(changed), XDG_CACHE_HOME=str(tmp_path))
    assert code == 1
    assert "C and X differ" in out
