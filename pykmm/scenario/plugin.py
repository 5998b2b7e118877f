# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios as tests: pytest collects every .kmm below a conftest.py that imports the hook.

    from pykmm.scenario.plugin import pytest_collect_file  # noqa: F401

Each set of units is a test of its own, named by it.  They run on C, on P, and
on X if PYKMM_PATCH names the mail.
"""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from ..engine import core, finding, halves
from ..errors import BadInput
from . import meaning, parse
from .model import Scenario, units_text
from .run import Halves, run_variant


@cache
def _halves() -> Halves:
    patch = os.environ.get("PYKMM_PATCH")
    found = [halves.c_half(), halves.p_half()]
    if not patch:
        return Halves(found)
    from ..patch.half_x import build_x

    built = build_x(Path(patch))
    edits = {line.number: one.edit.id for one in built.verdict.edits for line in one.lines}
    return Halves([*found, core.Half.load(built.path, "X")], finding.MailLines("mail", edits))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix == ".kmm":
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


class ScenarioFile(pytest.File):
    """One file; what is wrong with its text is an error of collection."""

    def collect(self) -> Iterator[pytest.Item]:
        name = os.path.relpath(self.path, self.config.rootpath)
        try:
            scenario = parse.parse(parse.read(self.path), name)
            meaning.check(scenario)
        except BadInput as error:
            raise self.CollectError(str(error)) from error
        for mask in scenario.masks():
            yield ScenarioTest.from_parent(self, name=units_text(mask), scenario=scenario,
                                           mask=mask)


class Failed(Exception):
    """What a scenario expects is not so; its text is the whole report."""


class ScenarioTest(pytest.Item):
    """A scenario with one set of units."""

    def __init__(self, *, scenario: Scenario, mask: int, **how: object):
        super().__init__(**how)
        self.scenario, self.mask = scenario, mask

    def runtest(self) -> None:
        variant = run_variant(self.scenario, self.mask, _halves())
        wrong = [_told(self.scenario.name, entry) for entry in variant["entries"]
                 if entry["ok"] is False]
        if wrong:
            raise Failed("\n".join(wrong))

    def repr_failure(self, excinfo: pytest.ExceptionInfo, style: object = None) -> str:
        if isinstance(excinfo.value, Failed | BadInput):
            return (f"{excinfo.value}\nall of it: pykmm run {self.scenario.name}")
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.scenario.name}::{self.name}"


def _told(name: str, entry: dict) -> str:
    lines = [f"{name}:{entry['line']}: {entry['text']}"]
    if entry["found"] or entry["expected"]:
        lines += [f"    found     {entry['found']}", f"    expected  {entry['expected']}"]
    if entry.get("disagreement"):
        lines.append(f"    {entry['disagreement']}")
    return "\n".join(lines)
