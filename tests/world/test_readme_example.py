# SPDX-License-Identifier: GPL-2.0-only
"""The sessions in the README and in docs/ give what they say."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", *sorted(p.relative_to(ROOT).as_posix() for p in ROOT.glob("docs/**/*.md"))]
BLOCK = re.compile(r"^```pycon\n(.*?)^```", re.MULTILINE | re.DOTALL)


def session(page: str) -> str:
    """The blocks of a page, which are one session."""
    return "\n".join(BLOCK.findall((ROOT / page).read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", [page for page in PAGES if session(page)])
def test_session_is_real(page):
    test = doctest.DocTestParser().get_doctest(session(page), {}, page, page, 0)
    said: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=said.append)

    assert result.failed == 0, "".join(said)
    assert result.attempted > 5


def test_the_readme_has_a_session():
    assert session("README.md")
