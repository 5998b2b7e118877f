# SPDX-License-Identifier: GPL-2.0-only
"""The README's session gives what it says."""

import doctest
import re
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCKS = re.findall(r"^```pycon\n(.*?)^```", README.read_text(encoding="utf-8"),
                    re.MULTILINE | re.DOTALL)


def test_readme_session_is_real():
    """Its blocks are one session."""
    assert BLOCKS, "README.md has no block of pycon"
    test = doctest.DocTestParser().get_doctest("\n".join(BLOCKS), {}, "README.md", "README.md", 0)
    said: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=said.append)

    assert result.failed == 0, "".join(said)
    assert result.attempted > 10
