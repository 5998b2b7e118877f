# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm run` shows the world that a sequence leaves."""

import json
import subprocess
import sys

import pytest

from pykmm.engine import casefile, core, finding, halves
from pykmm.report import findings
from pykmm.report import world as rendering
from pykmm.report.paths import Map


def drawn(sequence: bool, index: int) -> bytes:
    job = core.Job([halves.c_half()], seed=2006, units=0x7F)
    return job.case(0, index, sequence)


@pytest.mark.parametrize("index", range(20))
def test_sequence_leaves_a_world_that_can_be_told(index):
    case = drawn(True, index)
    both = [halves.c_half(), halves.p_half()]
    found = finding.examine(case, both)
    runner = core.Runner.of(case)
    runner.run(both[0])

    lines = rendering.text(Map(runner), runner.image())
    assert found["halves"][0]["world"] == found["halves"][1]["world"] == lines
    assert lines[0] == "units  all"
    assert max(map(len, lines)) <= 100
    assert findings.world(found) == ["the world that C left:", *(f"    {line}" for line in lines)]
    json.dumps(found)


@pytest.mark.parametrize("index", range(20))
def test_direct_case_can_be_told_and_is_not(index):
    case = drawn(False, index)
    runner = core.Runner.of(case)
    found = finding.examine(case, [halves.c_half()])

    assert rendering.text(Map(runner), runner.image())
    assert "world" not in found["halves"][0]
    assert findings.world(found) == []


def test_run_prints_it_after_the_changes(tmp_path):
    path = casefile.save(tmp_path, "one", drawn(True, 3))
    json_path = tmp_path / "out.json"

    done = subprocess.run([sys.executable, "-m", "pykmm", "run", str(path), "--json",
                           str(json_path)], capture_output=True, text=True, check=False)
    out = done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    left = out.index("the world that C left:\n    units  all")
    assert out.index("changed by C, P") < left < out.index("no difference")
    said = json.loads(json_path.read_text())["halves"][0]["world"]
    assert f"    {said[-1]}\n" in out
