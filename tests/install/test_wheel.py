# SPDX-License-Identifier: GPL-2.0-only
"""An installed wheel works outside the checkout, half X included."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("setup.py", "pyproject.toml", "README.md", "MANIFEST.in", "cref", "pykmm")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder that a wheel of this checkout is installed in, by whichever worker comes first."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    target, done = shared / "installed", shared / "installed.done"
    with open(shared / "installed.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            install(tmp_path_factory, target)
            done.touch()
    return target


def install(tmp_path_factory, target):
    copy = tmp_path_factory.mktemp("source")
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name,
                            ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        else:
            shutil.copy2(source, copy / name)
    wheels = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir",
                    str(wheels), str(copy)], check=True, capture_output=True)
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(wheel)],
                   check=True, capture_output=True)
    shutil.rmtree(copy)


def pykmm(installed, tmp_path, *arguments, mail=None):
    environment = {k: v for k, v in os.environ.items() if k not in ("PYKMM_PATCH", "PYTHONPATH")}
    environment.update(PYTHONPATH=str(installed), XDG_CACHE_HOME=str(tmp_path / "cache"))
    if mail:
        environment["PYKMM_PATCH"] = mail
    return subprocess.run([sys.executable, "-m", "pykmm", *arguments], cwd=tmp_path,
                          env=environment, capture_output=True, text=True, timeout=200, check=False)


def test_wheel_is_what_runs(installed, tmp_path):
    code = "import pykmm, pykmm.half, pykmm.paths as p; print(pykmm.__file__, p.cref(), p.lib())"
    shown = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, text=True,
                           capture_output=True,
                           env={**os.environ, "PYTHONPATH": str(installed)}).stdout.split()

    assert all(path.startswith(str(installed)) for path in shown)


def test_wheel_holds_sources_but_no_generated_c(installed):
    held = {str(p.relative_to(installed)) for p in installed.rglob("*")}

    assert "pykmm/cref/mm/rmap.c" in held
    for of in ("machine/events.def", "engine/sequence.def", "engine/primitives.def"):
        assert f"pykmm/cref/{of}" in held
    primitives = {f"pykmm/cref/engine/primitives/{p.name}"
                  for p in (ROOT / "cref/engine/primitives").glob("*.def")}
    assert primitives and primitives <= held
    assert {"pykmm/mm/rmap.pyx", "pykmm/report/coverage.html.j2"} <= held
    assert not [path for path in held if path.endswith(".c") and "/cref/" not in path]


def test_wheel_fuzzes_two_halves(installed, tmp_path):
    done = pykmm(installed, tmp_path, "fuzz", "--cases", "5M", "--seed", "1", "--json",
                 "result.json")

    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["halves"] == ["C", "P"]
    assert result["sequences"] > 0
    assert all(f["steps_hit"] == f["steps_total"] for f in result["functions"].values())


def test_wheel_lists_its_sources(installed, tmp_path):
    done = pykmm(installed, tmp_path, "coverage", "--cases", "100k", "--html", "listing.html",
                 "--json", "result.json")

    assert done.stderr == ""
    assert json.loads((tmp_path / "result.json").read_text())["disproved"] == []
    page = (tmp_path / "listing.html").read_text(encoding="utf-8")
    assert "cref/mm/memory.c" in page and "pykmm/mm/memory.pyx" in page


def test_wheel_times_rows_without_events(installed, tmp_path):
    done = pykmm(installed, tmp_path, "bench", "do_brk", "--seconds", "0.1", "--json", "bench.json",
                 "--html", "bench.html")

    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "bench.json").read_text())
    assert result["events"] is False and len(result["rows"]) == 2


def test_wheel_saves_and_runs_a_sequence(installed, tmp_path):
    code = ("from pathlib import Path; from pykmm.engine import casefile, core, halves; "
            "job = core.Job([halves.c_half()], seed=1); "
            "casefile.save(Path(), 'one', job.case(0, 0, True))")
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True,
                   env={**os.environ, "PYTHONPATH": str(installed)})

    done = pykmm(installed, tmp_path, "run", "one.case")

    assert done.returncode == 0, done.stderr
    assert "the world that C left:" in done.stdout


def test_wheel_writes_the_review_page(installed, tmp_path):
    done = pykmm(installed, tmp_path, "review", "--cases", "70k", "--html", "review.html",
                 "--json", "review.json")

    assert done.stderr == "" and done.returncode == 0
    units = json.loads((tmp_path / "review.json").read_text())["units"]
    assert all(unit["witness"]["ok"] for unit in units.values())
    page = (tmp_path / "review.html").read_text(encoding="utf-8")
    assert "cref/mm/rmap.c" in page and "pykmm/mm/rmap.pyx" in page


def test_wheel_has_the_claims_and_no_scenarios(installed, tmp_path):
    done = pykmm(installed, tmp_path, "review", "--claims")

    assert done.returncode == 3, done.stderr
    assert "not installed here" in done.stderr
    assert "HOLDS (by the table, not run here): " in done.stdout
    assert done.stdout.endswith("; the scenarios are not installed here, and were not run\n")


@pytest.mark.skipif(not os.environ.get("PYKMM_PATCH"),
                    reason="half X needs the patch mail: set PYKMM_PATCH")
def test_wheel_builds_half_x(installed, tmp_path):
    done = pykmm(installed, tmp_path, "fuzz", "--cases", "50k", "--json", "-",
                 mail=os.environ["PYKMM_PATCH"])

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["halves"] == ["C", "P", "X"]
