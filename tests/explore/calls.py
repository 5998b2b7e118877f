# SPDX-License-Identifier: GPL-2.0-only
"""What can call what in the machine and the C half, from their text alone: too much, never too little.

Every name in the body of a function or of a macro counts as a call of it, and every member of a table
of operations as a call of all functions that any such table has there.
"""

from __future__ import annotations

import re
from pathlib import Path

from pykmm import paths

_WORD = re.compile(r"\w+")
_HEAD = re.compile(r"\b(?!__attribute__)(\w+)\s*\(")


def _plain(text: str) -> str:
    """Without comments and what is in quotes."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r'"(\\.|[^"\\])*"', '""', re.sub(r"//.*", "", text))


class Calls:
    """names: function or macro -> words of its body; tables: member -> functions that have it."""

    def __init__(self) -> None:
        self.names: dict[str, set[str]] = {}
        self.tables: dict[str, set[str]] = {}
        root = paths.cref()
        for path in (*root.glob("machine/*.[ch]"), *root.glob("mm/*.c"), *root.glob("fs/*.c"),
                     *root.glob("include/**/*.h")):
            self._read(path)

    def _read(self, path: Path) -> None:
        text = _plain(path.read_text(encoding="utf-8"))
        for macro in re.finditer(r"^#define[ \t]+(\w+)(?:\([^)]*\))?((?:.*\\\n)*.*)$", text, re.M):
            self.names.setdefault(macro[1], set()).update(_WORD.findall(macro[2]))
        text = re.sub(r"^#(?:.*\\\n)*.*$", "", text, flags=re.M)
        for member, function in re.findall(r"\.(\w+)\s*=\s*(\w+)", text):
            self.tables.setdefault(member, set()).add(function)
        depth = head = start = 0
        for at, letter in enumerate(text):
            if letter == "{":
                if not depth:
                    start = at
                depth += 1
            elif letter == "}":
                depth -= 1
                if not depth:
                    self._body(text[head:start], text[start:at])
                    head = at + 1
            elif letter == ";" and not depth:
                head = at + 1

    def _body(self, head: str, body: str) -> None:
        name = _HEAD.search(head)
        if name and "=" not in head.partition("(")[0]:
            self.names.setdefault(name[1], set()).update(_WORD.findall(body))

    def reached(self, start: str, but: set[tuple[str, str]]) -> set[str]:
        """All that can be called from a function, but for these calls."""
        assert start in self.names, start
        seen: set[str] = set()
        left = [start]
        while left:
            one = left.pop()
            if one in seen:
                continue
            seen.add(one)
            for word in self.names.get(one, set()):
                if (one, word) not in but:
                    left += [name for name in {word, *self.tables.get(word, set())}
                             if name in self.names and name not in seen]
        return seen
