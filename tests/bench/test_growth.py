# SPDX-License-Identifier: GPL-2.0-only
"""How functions grow: what fits find in planted numbers, what sweeps are, and what they show."""

import builtins
import importlib.util
import json
import math
import random
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pykmm.bench import check, growth, plots, shapes
from pykmm.bench.row import Call
from pykmm.bench.sweeps import SIZES, SWEEPS
from pykmm.engine import core, halves, properties
from pykmm.errors import BadInput, HarnessError, Lacking

TOOL = Path(__file__).resolve().parents[2] / "bench/growth.py"
HALVES = [halves.c_half(), halves.p_half()]
HITS, OTHERS, PTES, VMAS = SWEEPS
COST = {
    "1": lambda n: 500, "log n": lambda n: 551 + 14.8 * math.log2(n), "n": lambda n: 204 + 350 * n,
    "n log n": lambda n: 300 + 9 * n * math.log2(n), "n^2": lambda n: 200 + n * n / 5,
    "slight n": lambda n: 600 + n / 20,
    "2^n": lambda n: 200 + 2**min(n, 900),
}


def points(shape, noise=0.0, seed=0, sizes=SIZES):
    draw = random.Random(seed)
    return [(n, COST[shape](n) * draw.uniform(1 - noise, 1 + noise)) for n in sizes]


def found(shape, **how) -> shapes.Fit:
    return shapes.simplest(shapes.fits(points(shape, **how)))


# -- fits


@pytest.mark.parametrize("shape, base, slope", [
    ("1", 500, 0), ("log n", 551, 14.8), ("n", 204, 350), ("n log n", 300, 9),
    ("n^2", 200, 0.2),
])
def test_a_fit_finds_what_was_planted(shape, base, slope):
    fit = found(shape)
    assert fit.shape == shape
    assert (fit.base, fit.slope) == (pytest.approx(base), pytest.approx(slope))
    assert fit.residual == pytest.approx(0, abs=1e-9)
    assert fit.at(64) == pytest.approx(COST[shape](64))


@pytest.mark.parametrize("shape", ["1", "n", "n log n", "n^2"])
def test_a_fit_finds_what_was_planted_under_noise(shape):
    assert {found(shape, noise=0.05, seed=seed).shape for seed in range(200)} == {shape}


def test_a_fit_finds_a_logarithm_under_the_noise_of_a_trees_paths():
    assert {found("log n", noise=0.015, seed=seed).shape for seed in range(200)} == {"log n"}


def test_a_line_that_is_small_beside_its_base_is_found_under_noise():
    assert {found("slight n", noise=0.03, seed=seed).shape for seed in range(200)} == {"n"}


def test_what_is_worse_than_any_shape_has_none():
    assert found("2^n").is_poor
    assert not found("n^2").is_poor


def test_a_change_too_small_to_matter_is_none():
    assert shapes.simplest(shapes.fits([(n, 10_000 + n / 100) for n in SIZES])).shape == "1"


def test_a_cost_that_falls_is_constant_and_not_negative():
    for fit in shapes.fits([(n, 1000 - n / 8) for n in SIZES]).values():
        assert fit.base > 0 and fit.slope == 0


def test_a_base_below_nothing_is_none():
    fit = shapes.fit([(n, 60 * n - 50) for n in SIZES], "n")
    assert fit.base == 0 and fit.slope > 0


def test_errors_are_relative():
    # a tenth too much at one size: as bad at 1 as at 4096
    low, high = (shapes.fit([(n, COST["1"](n) * (1.1 if n == at else 1)) for n in SIZES], "1")
                 for at in (1, 4096))
    assert low.residual == pytest.approx(high.residual) and low.residual > 0.01
    assert low.base == pytest.approx(high.base)


@pytest.mark.parametrize("bad, said", [
    ([(1, 5.0), (2, 5.0), (4, 5.0)], "4 sizes"), ([(n % 3 + 1, 5.0) for n in range(9)], "4 sizes"),
    ([(1, 5.0), (2, 5.0), (4, 0.0), (8, 5.0)], "above 0"),
    ([(0, 5.0), (2, 5.0), (4, 5.0), (8, 5.0)], "1 or more"),
])
def test_what_cannot_be_fitted_is_refused(bad, said):
    with pytest.raises(HarnessError, match=said):
        shapes.fits(bad)


@pytest.mark.parametrize("fit, text", [
    (shapes.Fit("1", 500, 0, 0), "500"), (shapes.Fit("n", 204.2, 350.5, 0), "204.2 + 350.5 n"),
    (shapes.Fit("log n", 551.5, 14.79, 0), "551.5 + 14.79 log2 n"),
    (shapes.Fit("n log n", 3, 9, 0), "3 + 9 n log2 n"),
])
def test_a_fit_as_text(fit, text):
    assert str(fit) == text


# -- verdicts


@pytest.mark.parametrize("sweep, shape, failed", [
    (HITS, "n", False), (HITS, "log n", False), (HITS, "n log n", True), (HITS, "n^2", True),
    (HITS, "2^n", True),
    (OTHERS, "1", False), (OTHERS, "log n", False), (OTHERS, "n", True), (PTES, "n log n", True),
    (VMAS, "n", True),
])
def test_what_grows_faster_than_it_may_fails(sweep, shape, failed):
    judged = growth.judged(sweep, "instructions", points(shape))
    assert judged.failed == failed
    said = judged.lines()[0]
    assert (f"worse than {sweep.at_most}" in said or "as none of 1, log n" in said) == failed
    assert ("as it may" in said) != failed
    assert judged.as_json()["failed"] == failed


def test_costs_are_means_of_the_steps():
    asked = []

    def by(starts):
        asked.extend(starts)
        # each step costs as many as its world has bytes
        return [len(start.image) * len(start.steps) for start in starts]

    sweep = replace(OTHERS, sizes=(1, 2, 16, 32))
    [one] = growth.measure([sweep], "bytes", by)
    assert [len(start.steps) for start in asked] == [1, 2, 8, 8]
    assert one.points == tuple((n, len(start.image)) for n, start in
                               zip(sweep.sizes, asked, strict=True))
    assert one.unit == "bytes"


# -- sweeps


def _vmas_looked_at(words) -> int:
    return sum(name == "vma_address" for name, _ in check.events_of(words))


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda sweep: sweep.name)
@pytest.mark.parametrize("size", [1, 8, 64])
def test_a_sweep_is_of_legal_worlds_on_which_halves_agree(sweep, size):
    start = sweep.make(size)
    start.runner.restore(start.image)
    assert properties.names(start.runner.broken(properties.ALL)) == ["nothing_held"]
    assert check.unequal(start, HALVES) is None
    assert {step.function for step in start.steps} == {sweep.function}


@pytest.mark.parametrize("size", [1, 8, 64, 4096])
def test_sweeps_have_as_many_as_they_say(size):
    done = check.run(HITS.make(size), HALVES[0])
    assert [ret for _, ret, _ in done.results] == [size] and _vmas_looked_at(done.words) == size

    # of all mappings of the file page_mkclean looks at the one that has the page
    start = OTHERS.make(size)
    assert map_count(start) == size
    for step in start.steps:
        done = check.run(replace(start, steps=(step,)), HALVES[0])
        assert done.results == [("returned", 1, 0)] and _vmas_looked_at(done.words) == 1

    events = check.events_of(check.run(PTES.make(size), HALVES[0]).words)
    assert sum(name == "set_pte_at" for name, _ in events) == size

    start = VMAS.make(size)
    assert map_count(start) == size
    events = [name for name, _ in check.events_of(check.run(start, HALVES[0]).words)]
    assert events.count("find_vma_prepare") == events.count("vma_adjust") == len(start.steps)
    assert not {"kmem_cache_zalloc", "kmem_cache_free"} & set(events)


def map_count(start) -> int:
    at = (next(array[2] for array in start.runner.arrays() if array[0] == "mm") +
          next(field[3] for field in core.FIELDS if field[:2] == ("mm_struct", "map_count")))
    return int.from_bytes(start.image[at:at + 4], "little")


def test_sweeps_go_up_to_4096_and_have_names_of_their_own():
    assert {max(sweep.sizes) for sweep in SWEEPS} == {4096}
    assert len({sweep.name for sweep in SWEEPS}) == len(SWEEPS)
    assert all(sweep.at_most in shapes.SHAPES for sweep in SWEEPS)


@pytest.mark.skipif(not shutil.which("valgrind"),
                    reason="valgrind is not installed: no instructions are counted")
def test_page_mkclean_grows_as_the_interval_tree_lets_it():
    few = [replace(sweep, sizes=SIZES[::4]) for sweep in (HITS, OTHERS)]
    hits, others = growth.measure(few)
    assert (hits.fit.shape, others.fit.shape) == ("n", "log n")
    assert not hits.failed and not others.failed
    # to the last instruction but for two tenths of a percent
    assert hits.fit.residual < 0.002
    assert hits.points[-1][1] > 4096 * 100


def test_nanoseconds_are_measured_of_every_start():
    starts = [sweep.make(4) for sweep in SWEEPS]
    assert len(growth.nanoseconds(starts)) == len(starts)
    # and the worlds are as they were
    for start in starts:
        assert check.unequal(start, HALVES) is None


# -- plots


@pytest.fixture
def planted():
    shape_of = {HITS: "n", OTHERS: "log n", PTES: "n", VMAS: "n"}
    return [growth.judged(sweep, "instructions", points(shape_of[sweep])) for sweep in SWEEPS]


def test_plots_are_drawn_in_black_and_grey(planted, tmp_path):
    pytest.importorskip("matplotlib")
    files = plots.draw(planted, tmp_path / "new/report")
    assert [file.name for file in files] == ["growth.png", "growth.svg"]
    assert files[0].read_bytes().startswith(b"\x89PNG")
    svg = files[1].read_text()
    colours = set(re.findall(r"#([0-9a-f]{6})\b", svg))
    assert colours and all(c[:2] == c[2:4] == c[4:] for c in colours)
    # told apart by dashes, and by markers
    assert svg.count("stroke-dasharray") >= len(SWEEPS)
    for one in planted:
        assert f">{one.fit}<" in svg
        assert one.sweep.name in svg
    assert svg.count("worse than log n") == 1


def test_plots_of_the_same_numbers_are_the_same_files(planted, tmp_path):
    pytest.importorskip("matplotlib")
    first, second = (plots.draw(planted[:1], tmp_path / name) for name in "ab")
    assert [a.read_bytes() for a in first] == [b.read_bytes() for b in second]


def test_plots_without_matplotlib_are_lacking(planted, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Lacking, match=r"pip install 'pykmm\[plots\]'"):
        plots.draw(planted, tmp_path)


def test_plots_that_cannot_be_written_are_bad_input(planted, tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="file: plots cannot be written there"):
        plots.draw(planted, tmp_path / "file")


# -- the command


@pytest.fixture
def command(monkeypatch):
    """bench/growth.py with measurements that were planted: what it prints and exits with."""
    spec = importlib.util.spec_from_file_location("bench_growth", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    def run(*words, shape="log n"):
        monkeypatch.setattr(tool.growth, "measure", lambda unit: [
            growth.judged(OTHERS, unit, points(shape))])
        monkeypatch.setattr("sys.argv", ["growth.py", *map(str, words)])
        return tool.main()

    return run


@pytest.mark.parametrize("shape, status", [("log n", 0), ("n", 1)])
def test_the_command_fails_if_one_grows_faster_than_it_may(command, capsys, shape, status):
    assert command(shape=shape) == status
    assert f"grows as {shape}" in capsys.readouterr().out


def test_the_command_writes_json(command, tmp_path):
    assert command("--json", tmp_path / "growth.json", "--unit", "ns") == 0
    document = json.loads((tmp_path / "growth.json").read_text())
    assert document["schema"] == "pykmm.growth/1"
    [sweep] = document["sweeps"]
    assert (sweep["name"], sweep["unit"], sweep["shape"]) == (OTHERS.name, "ns", "log n")
    assert [size for size, _ in sweep["points"]] == list(SIZES)


def test_the_command_names_what_cannot_be_written(command, capsys, tmp_path):
    assert command("--json", tmp_path / "none/growth.json") == 2
    assert "none/growth.json: No such file" in capsys.readouterr().err


def test_the_command_without_matplotlib_tells_the_numbers(command, capsys, monkeypatch, tmp_path):
    def lacking(found, folder):
        raise Lacking("plots are drawn by matplotlib")

    monkeypatch.setattr(plots, "draw", lacking)
    assert command("--plots", tmp_path) == 0
    told = capsys.readouterr().out
    assert "no plots: plots are drawn by matplotlib" in told and "grows as log n" in told


def test_the_command_without_valgrind(monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("bench_growth", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.argv", ["growth.py"])
    assert tool.main() == 3
    assert "valgrind, which was not found" in capsys.readouterr().err


def test_steps_of_sweeps_are_calls():
    assert all(isinstance(step, Call) for sweep in SWEEPS for step in sweep.make(2).steps)
