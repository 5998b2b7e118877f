# SPDX-License-Identifier: GPL-2.0-only
"""The mail, damaged copies of it, and a toy patch for tests that must run without the mail."""

import os
from pathlib import Path

import pytest
from patch_toy import Toy


@pytest.fixture(scope="session")
def mail_path() -> Path:
    """The mail of v8, which is never part of the project."""
    path = os.environ.get("PYKMM_PATCH")
    if not path:
        pytest.skip("PYKMM_PATCH does not name the patch mail")
    return Path(path)


@pytest.fixture(scope="session")
def mail_lines(mail_path: Path) -> list[str]:
    """Its lines; line N of the file is mail_lines[N - 1]."""
    return mail_path.read_text(encoding="utf-8").split("\n")[:-1]


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """A small patch, its table, and a small half with regions for it."""
    return Toy(tmp_path / "toy")
