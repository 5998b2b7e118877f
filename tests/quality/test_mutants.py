# SPDX-License-Identifier: GPL-2.0-only
"""Would fuzzing find a fault?  Each change of mutants/*.toml must end in a divergence.

A change that survives is a finding about the project: either it changes
nothing (then it does not belong into the list), or the cases are too weak.
Outside of deep runs (PYKMM_DEEP=1) only a sample is tried.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from pykmm.source import anchors

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10 has no TOML reader of its own
    import tomli as tomllib

LISTS = Path(__file__).with_name("mutants")
PYKMM = Path(__file__).resolve().parents[2] / "pykmm"
DEEP = os.environ.get("PYKMM_DEEP") == "1"


@dataclass(frozen=True)
class Mutant:
    """One small change of the Cython half, which fuzzing must find.

    file     below pykmm/
    step     whose lines the change is in: up to where the next step begins
    old      stands once in those lines
    new      comes in its place
    breaks   what goes wrong then
    sample   also tried outside of deep runs
    wild     no world that a kernel can reach shows it, only wild ones
    """

    file: str
    step: str
    old: str
    new: str
    breaks: str
    sample: bool = False
    wild: bool = False

    @property
    def name(self) -> str:
        return f"{self.step}: {' '.join(self.old.split())} -> {' '.join(self.new.split())}"

    @property
    def function(self) -> str:
        return anchors.Anchor(self.step, (), 0).function

    def applied_to(self, text: str) -> str:
        """The changed text; raises ValueError if the step is not there, or `old` not once in it."""
        lines = text.splitlines(keepends=True)
        starts = [(a.step, a.line - 1) for a in anchors.anchors_of(text, cython=True)]
        at = next((i for i, (step, _) in enumerate(starts) if step == self.step), None)
        if at is None:
            raise ValueError(f"{self.file}: no step {self.step}")
        first = starts[at][1]
        last = starts[at + 1][1] if at + 1 < len(starts) else len(lines)
        part = "".join(lines[first:last])
        if part.count(self.old) != 1:
            raise ValueError(f"{self.file}: {self.old!r} stands {part.count(self.old)} times "
                             f"in {self.step}")
        return "".join(lines[:first]) + part.replace(self.old, self.new) + "".join(lines[last:])


ALL = [Mutant(**row) for path in sorted(LISTS.glob("*.toml"))
       for row in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]]
TRIED = [m for m in ALL if DEEP or m.sample]


@pytest.mark.parametrize("mutant", ALL, ids=lambda m: m.name)
def test_mutant_fits_the_source_as_it_stands(mutant):
    text = (PYKMM / mutant.file).read_text(encoding="utf-8")

    assert mutant.applied_to(text) != text


def test_mutants_are_in_the_list_of_their_function():
    rows = {path.stem: tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
            for path in LISTS.glob("*.toml")}

    assert set(rows) == set(anchors.FUNCTION_OF.values())
    assert all(Mutant(**row).function == name for name, listed in rows.items() for row in listed)


def test_mutants_reach_every_step():
    missing = {anchor.step for anchor in anchors.all_steps()} - {m.step for m in ALL}

    assert not missing, f"no mutant in {', '.join(sorted(missing))}"


def test_mutants_sample_is_spread_over_the_functions():
    sample = [m for m in ALL if m.sample]

    assert len({m.function for m in sample}) == len(sample) >= 5


@pytest.mark.parametrize(("old", "why"), [("absent", "0 times"), ("x", "2 times")])
def test_mutant_that_does_not_fit_is_refused(old, why):
    text = "a = x  # MK1\nb = x + x  # MK2\nc = absent  # MK3\n"

    with pytest.raises(ValueError, match=why):
        Mutant("toy", "MK2", old, "y", "").applied_to(text)


def test_mutant_changes_its_own_step_alone():
    text = "a = x  # MK1\nb = x  # MK2\nc = x  # MK3\n"

    assert Mutant("toy", "MK2", "x", "y", "").applied_to(text) == text.replace("b = x", "b = y")


def test_copy_without_a_change_has_no_divergence(copy, tmp_path):
    where = copy.run(["-c", "import pykmm.engine.core as core; print(core.__file__)"], tmp_path)
    fuzzed = copy.fuzz("--cases", "200k", cwd=tmp_path)

    assert str(copy.folder) in where.stdout, "another pykmm than the copy's would be fuzzed"
    assert fuzzed.code == 0, fuzzed.said
    assert (fuzzed.result["cases"], fuzzed.result["divergences"]) == (200_000, [])


@pytest.mark.parametrize("mutant", TRIED, ids=lambda m: m.name)
def test_mutant_is_found(mutant, copy, tmp_path):
    text = (PYKMM / mutant.file).read_text(encoding="utf-8")
    with copy.changed(f"pykmm/{mutant.file}", mutant.applied_to(text)):
        fuzzed = copy.fuzz("--cases", "20M", *["--wild"] * mutant.wild, cwd=tmp_path)

    assert fuzzed.code == 1, f"survived: {mutant.breaks}\n{fuzzed.said}"
    assert {found["half"] for found in fuzzed.result["divergences"]} == {"P"}
    assert "C and P differ" in fuzzed.said
    # shown by pytest -rP
    print(f"{mutant.name}: found after {fuzzed.result['cases']:,} cases of seed 1")
