# SPDX-License-Identifier: GPL-2.0-only
"""The command in a folder of its own, the mail if there is one, and halves made to order."""

import os
import shutil
from pathlib import Path

import pytest
from cli_command import Pykmm
from cli_halves import Workshop


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's cache folder: half X of the mail is built once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def pykmm(tmp_path: Path, cache: Path) -> Pykmm:
    return Pykmm(tmp_path, cache)


@pytest.fixture(scope="session")
def mail() -> Path:
    """The mail of v8, which is never part of the project."""
    path = os.environ.get("PYKMM_PATCH")
    if not path:
        pytest.skip("PYKMM_PATCH does not name the patch mail")
    return Path(path).resolve()


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc to build a half with")
    return Workshop(tmp_path_factory.mktemp("halves"))


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory, cache: Path, workshop: Workshop) -> Path:
    """A case of page_mkclean on which the half `wrong` differs from C."""
    folder = tmp_path_factory.mktemp("case")
    Pykmm(folder, cache)("fuzz", "--cases", "20k", "--seed", "1", "--half", workshop.wrong(),
                         "--findings", "saved", "--functions", "page_mkclean").was_silent(1)
    return next((folder / "saved").iterdir())


@pytest.fixture(scope="session")
def sequence(tmp_path_factory: pytest.TempPathFactory, cache: Path, workshop: Workshop) -> Path:
    """A sequence on which the half `late` differs from C."""
    folder = tmp_path_factory.mktemp("sequence")
    Pykmm(folder, cache)("fuzz", "--cases", "2k", "--seed", "1", "--half", workshop.late(),
                         "--findings", "saved", "--kind", "sequences").was_silent(1)
    return next((folder / "saved").iterdir())


@pytest.fixture
def saved_sequence(pykmm: Pykmm, sequence: Path) -> Path:
    """The same as a file of the test's own."""
    (pykmm.cwd / "sequences").mkdir()
    return Path(shutil.copy(sequence, pykmm.cwd / "sequences"))


@pytest.fixture
def saved_case(pykmm: Pykmm, case: Path) -> Path:
    """The same as a file of the test's own, where the command itself would have put it."""
    (pykmm.cwd / "saved").mkdir()
    return Path(shutil.copy(case, pykmm.cwd / "saved"))
