# SPDX-License-Identifier: GPL-2.0-only
"""Say what a file is that holds no patch as it stands: packed, encoded, quoted, or marked up.

Such a text is not undone here.  Its lines would get numbers that are not those on disk, or a
reader's remarks would stand among them; the message says what to do instead.
"""

import base64
import binascii
import itertools
import re
from collections.abc import Sequence
from typing import NoReturn, Protocol

from pykmm.errors import BadInput

_PACKED = (
    (b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"), (b"7z\xbc\xaf", "7-Zip"),
)  # fmt: skip
_OTHER = ((b"%PDF", "a PDF file"), (b"{\\rtf", "a file in RTF"), (b"\x7fELF", "a program"))
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")

_HEADER = r"@@ ?-\d+(?:,\d+)? \+\d+"
_QUOTED = re.compile(rf"\s*(?:\w{{0,3}}[>|:}}] ?)+\s*{_HEADER}")
_INDENTED = re.compile(rf"\s+{_HEADER}")
_COLOURED = re.compile(rf"\S{{0,4}}\[[0-9;]*m(?:\S{{0,4}}\[[0-9;]*m)*{_HEADER}")
_MARKED_UP = re.compile(rf"<[^<>]*>\s*{_HEADER}")
_COMBINED = re.compile(r"@@@+ -\d")
_CONTEXT_DIFF = re.compile(r"\*{15}")
_SHORTEST = 16  # characters of a line that may be base64
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_TAG = re.compile(
    r"<(?:br|wbr|p|div|span|td|tr|tt|font|pre|code|ins|del|li)(?:\s[^<>]*)?/?>"
    r"|</(?:a|b|i|p|div|span|td|tr|tt|font|pre|code|ins|del|li)>", re.IGNORECASE,
)  # fmt: skip


class _Numbered(Protocol):
    """A line of a text and its number on disk."""

    @property
    def number(self) -> int: ...
    @property
    def text(self) -> str: ...


def check_bytes(name: str, data: bytes) -> None:
    """Refuse what is no text; a text of two bytes a character says so at its beginning."""
    for start, what in _PACKED:
        if data.startswith(start):
            raise BadInput(f"{name}: the file is packed by {what}; unpack it and give the text")
    for start, what in _OTHER:
        if data.startswith(start):
            raise BadInput(f"{name}: this is {what} and no text; save the mail as plain text")
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    found = None if wide else _CONTROL.search(data)
    if found and b"@@ -" not in data:
        raise BadInput(f"{name}: no patch in it: it is no text, with a byte of value "
                       f"{data[found.start()]} at {found.start()}; give the file that holds the "
                       "mail")


def check_markup(name: str, lines: Sequence[_Numbered], first: int, last: int) -> None:
    """Refuse tags of HTML from line `first` to `last`, before entities are made characters."""
    for line in lines[first : last + 1]:
        tag = _TAG.search(line.text)
        if tag:
            raise BadInput(
                f"{name}:{line.number}: a page in HTML: {tag[0][:20]} stands among the lines of "
                "the patch; save the page as text, or get the raw mail"
            )


def refuse_unfound(name: str, lines: Sequence[_Numbered]) -> NoReturn:
    """Refuse a text in which no hunk was found, and say why, if it can be told."""
    # Of noise there can be half a million lines.
    marked = [line for line in lines if "@@" in line.text or line.text.startswith("***")]
    for pattern, what in (
        (_QUOTED, "the patch stands in a reply that quotes it, where lines may have been cut out "
                  "or broken; give the mail that the reply answers"),
        (_INDENTED, "every line of the patch is indented; take the blanks before it away"),
        (_COLOURED, "the patch has codes of colours; make it without (--color=never)"),
        (_MARKED_UP, "a page in HTML: tags stand before the lines of the patch; save the page as "
                     "text, or get the raw mail"),
        (_COMBINED, "a combined diff, which has two kernels before the patch; give a diff of one"),
        (_CONTEXT_DIFF, "a context diff; make a unified one (diff -u)"),
    ):  # fmt: skip
        line = next((line for line in marked if pattern.match(line.text) or (
            pattern is _MARKED_UP and pattern.search(line.text))), None)
        if line:
            raise BadInput(f"{name}:{line.number}: {what}")
    line = _encoded(lines)
    if line:
        raise BadInput(
            f"{name}:{line.number}: the patch is in base64 from here on, as mails carry it; get "
            "the mail as plain text, or decode this part (base64 -d) and give what comes out"
        )
    raise BadInput(
        f"{name}:1: no patch in it: no line '--- PATH' followed by '+++ PATH' and "
        "'@@ -a,b +c,d @@'; give the file that holds the mail"
    )


def _encoded(lines: Sequence[_Numbered]) -> _Numbered | None:
    """The first line of a part in base64 that holds a patch."""
    for is_code, group in itertools.groupby(lines, lambda line: (
            len(line.text) >= _SHORTEST and bool(_BASE64.fullmatch(line.text.strip())))):
        rows = list(group)
        if not is_code:
            continue
        # The last line may be short, and is then in a group of none; whole quartets are enough.
        text = "".join(row.text.strip() for row in rows)
        try:
            data = base64.b64decode(text[: len(text) // 4 * 4])
        except binascii.Error:
            continue
        if b"@@ -" in data or "@@ -".encode("utf-16-le") in data:
            return rows[0]
    return None
