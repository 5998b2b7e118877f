# SPDX-License-Identifier: GPL-2.0-only
"""Facts of a review as they are with and without a mail, and what they are made of."""

import os
from pathlib import Path

import pytest

from pykmm.engine import halves
from pykmm.engine.fuzz import Fuzzer, Plan
from pykmm.patch.edits import judge
from pykmm.patch.mail import read_mail
from pykmm.review import evidence, facts, witnesses
from pykmm.scenario.run import Halves

CASES, SEED = 200_000, 2006


@pytest.fixture(scope="session")
def mail_path() -> Path:
    """The mail of v8, which is never part of the project."""
    path = os.environ.get("PYKMM_PATCH")
    if not path:
        pytest.skip("PYKMM_PATCH does not name the patch mail")
    return Path(path)


@pytest.fixture(scope="session")
def both() -> Halves:
    return Halves([halves.c_half(), halves.p_half()])


@pytest.fixture(scope="session")
def half_c() -> Halves:
    return Halves([halves.c_half()])


@pytest.fixture(scope="session")
def counts() -> facts.Counts:
    """Of a short run, whose first cases reach almost everything."""
    fuzzer = Fuzzer(Plan([halves.c_half(), halves.p_half()],
                         [halves.c_half(counted=True), halves.p_half(counted=True)],
                         SEED, jobs=1, cases=CASES))
    outcome = fuzzer.run()
    return facts.Counts.of(vars(outcome), SEED)


@pytest.fixture(scope="session")
def runs(both: Halves) -> dict[str, dict]:
    """Every witness and every finding by C and P."""
    folder = evidence.folder()
    assert folder is not None
    return {**{unit: witnesses.found(one, both) for unit, one in witnesses.witnesses().items()},
            **{name: witnesses.shown(one, folder, both)
               for name, one in witnesses.findings().items()}}


@pytest.fixture(scope="session")
def without_mail(counts: facts.Counts, runs: dict[str, dict]) -> dict:
    return facts.facts(facts.Source(counts=counts, runs=runs))


@pytest.fixture(scope="session")
def with_mail(mail_path: Path, counts: facts.Counts, runs: dict[str, dict]) -> dict:
    return facts.facts(facts.Source(judge(read_mail(mail_path)), mail_path.name, counts, runs))
