# SPDX-License-Identifier: GPL-2.0-only
"""Sentences of a mail, found by a hash: the repository holds none of its text.

Archives break lines elsewhere, eat bullets, quote and escape.  Letters and
digits survive all of that, so a sentence is known by how many it has and by a
hash of them, and is looked for wherever a word begins.
"""

import hashlib
import os
import re
from dataclasses import dataclass

from ..patch import transport

_WORD = re.compile(r"[A-Za-z0-9]+")
# marks of a quotation, of an added line, of a comment, of a list
_MARGIN = re.compile(r"[>+\s]*(?:/?\*+/?(?:\s+|$))?(?:-\s+)?")
_QUOTED = re.compile(r"^(?:\s*>)*\s*")
_HEADER = re.compile(r"(?:From|Date|Subject|To|Cc|(?:In-)?Reply-To|Message-I[Dd]|References): ?\S")
_BEHIND = re.compile(r"Signed-off-by:|---\s*$|--- \S|Index: |diff |={20,}")
_BULLET = re.compile(r"[-*o] \S")
# who spotted a thing stands in brackets behind it, and belongs to it
_LAST_OF_SENTENCE = re.compile(r"[^\w\s]*[.?!][^\w\s]*(?=$|\s+[^\s(])|[^\w\s]*:$")


@dataclass(frozen=True)
class Place:
    """Where a sentence stands, and what it is known by.

    lines    first and last line of v8's mail, from 1; a guide for people only
    letters  how many letters and digits it has
    hash     ten hex digits of the sha256 of these, in lower case
    """

    lines: tuple[int, int]
    letters: int
    hash: str


@dataclass(frozen=True)
class Found:
    """A sentence of a mail: its first and last line on disk, and its text on one line."""

    lines: tuple[int, int]
    text: str

    @property
    def place(self) -> Place:
        """What it is known by."""
        letters = letters_of(self.text)
        return Place(self.lines, len(letters), sentence_hash(self.text))


@dataclass(frozen=True)
class _Word:
    line: int       # index into the lines
    start: int
    end: int
    offset: int     # letters before it in the whole mail


def letters_of(text: str) -> str:
    """The letters and digits of ASCII in a text, in lower case, and nothing else."""
    return "".join(_WORD.findall(text)).lower()


def sentence_hash(text: str) -> str:
    """Ten hex digits that stand for a sentence however it is spaced and punctuated."""
    return hashlib.sha256(letters_of(text).encode("ascii")).hexdigest()[:10]


class Prose:
    """The words of one mail, and which of them have been found in some sentence."""

    def __init__(self, lines: list[transport.RawLine]):
        self._lines = lines
        self._words: list[_Word] = []
        letters: list[str] = []
        offset = 0
        for index, line in enumerate(lines):
            for match in _WORD.finditer(line.text):
                self._words.append(_Word(index, match.start(), match.end(), offset))
                letters.append(match[0].lower())
                offset += len(match[0])
        self._letters = "".join(letters)
        # offset behind a word -> its index
        self._ends = {word.offset + word.end - word.start: i for i, word in enumerate(self._words)}
        self._known: set[int] = set()

    def find(self, place: Place) -> Found | None:
        """The first run of whole words that is this sentence; None if there is none."""
        for first, word in enumerate(self._words):
            end = word.offset + place.letters
            last = self._ends.get(end)
            if last is not None and sentence_hash(self._letters[word.offset:end]) == place.hash:
                self._known.update(range(first, last + 1))
                return self._found(first, last)
        return None

    def unknown(self) -> list[Found]:
        """What the description says that no sentence looked for by now covers, in order."""
        begin, end = self._description()
        runs: list[list[int]] = []
        for i in (i for i, word in enumerate(self._words)
                  if begin <= word.line < end and i not in self._known):
            if runs and runs[-1][-1] == i - 1 and not self._parted(i - 1, i):
                runs[-1].append(i)
            else:
                runs.append([i])
        return [self._found(run[0], run[-1]) for run in runs]

    def _description(self) -> tuple[int, int]:
        """From behind the headers to before the patch, as indices of lines."""
        texts = [_QUOTED.sub("", line.text, count=1) for line in self._lines]
        patch = next((i for i, text in enumerate(texts) if text.startswith(("@@ ", "+++ "))),
                     len(texts))
        headers = [i for i in range(patch) if _HEADER.match(texts[i])]
        begin = headers[-1] + 1 if headers else 0
        end = next((i for i in range(begin, patch) if _BEHIND.match(texts[i])), patch)
        return begin, end

    def _parted(self, one: int, other: int) -> bool:
        """Whether a sentence ends between two words that follow each other."""
        a, b = self._words[one], self._words[other]
        rest = self._lines[a.line].text[a.end:].rstrip()
        if a.line == b.line:
            return _LAST_OF_SENTENCE.match(rest) is not None
        begins = _QUOTED.sub("", self._lines[b.line].text, count=1)
        if b.line > a.line + 1 or _BULLET.match(begins):
            return True
        return not begins.startswith("(") and _LAST_OF_SENTENCE.match(rest) is not None

    def _found(self, first: int, last: int) -> Found:
        a, b = self._words[first], self._words[last]
        parts = []
        for index in range(a.line, b.line + 1):
            text = self._lines[index].text
            start = a.start if index == a.line else _MARGIN.match(text).end()
            if index == b.line:
                closing = re.match(r"[^\w\s]*", text[b.end:])
                text = text[:b.end + closing.end()]
            parts.append(text[start:])
        lines = (self._lines[a.line].number, self._lines[b.line].number)
        return Found(lines, " ".join(" ".join(parts).split()))


def read_prose(path: str | os.PathLike[str]) -> Prose:
    """The prose of a mail on disk.

    raises BadInput  the file is missing, unreadable, empty or too large
    """
    return Prose(transport.undo(transport.read_bytes(path)))
