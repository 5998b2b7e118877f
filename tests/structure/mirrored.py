# SPDX-License-Identifier: GPL-2.0-only
"""The mirrored sources, and what of them is for people: comments.

What they do is read by tools/twins; everything here is a function over text, so that a test can
also be shown bad text.
"""

import re
from pathlib import Path

from pykmm.source.anchors import FUNCTION_OF, TWINS
from tools.twins import read_c
from tools.twins.form import Function, every
from tools.twins.loops import FOREACH
from tools.twins.read_cython import cython_functions

__all__ = ["FUNCTIONS", "ROOT", "c_functions", "c_labels", "cython_functions", "ladder_faults",
           "pairs", "without_cython_comments"]

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = list(FUNCTION_OF.values())


def pairs() -> list[tuple[str, str, str]]:
    """(path below cref/, text of the C half, text of the Cython half) of every mirrored file."""
    return [(c, (ROOT / "cref" / c).read_text(encoding="utf-8"),
             (ROOT / "pykmm" / p).read_text(encoding="utf-8")) for c, p in TWINS.items()]


def _blank(match: re.Match) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def without_cython_comments(text: str) -> str:
    """Cython without docstrings, texts in quotes and comments; lines keep their numbers."""
    text = re.sub(r'""".*?"""', _blank, text, flags=re.DOTALL)
    return re.sub(r"\"[^\"\n]*\"|'[^'\n]*'|#[^\n]*", _blank, text)


def c_functions(text: str) -> list[Function]:
    """Functions that a C text defines, in its order."""
    return read_c.c_functions(text, FOREACH)


def c_labels(function: Function) -> list[str]:
    return [s.word for s in every(function.body) if s.kind == "label"]


def ladder_faults(text: str) -> list[str]:
    """Gotos and rungs of a Cython text whose comment is not C's `goto x` or `x:`."""
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        code, _, comment = line.partition("#")
        goto = re.fullmatch(r" +at = L_(\w+); continue *", code)
        rung = re.fullmatch(r" +while at == L_(?!top:)(\w+): *", code)
        due = f"goto {goto[1]}" if goto else f"{rung[1]}:" if rung else comment.strip()
        if comment.strip() != due:
            faults.append(f"line {number}: # {due} is said to be {comment.strip() or 'nothing'}")
    return faults
