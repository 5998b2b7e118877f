# SPDX-License-Identifier: GPL-2.0-only
"""Conditions of C and of Cython, split into the operands of their && and ||.

Both languages are read by one scanner that knows brackets and the words for
"and", "or" and "not"; everything else is copied as it stands.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """How a language spells the three."""

    either: str
    both: str
    negate: str


C_WORDS = Words("||", "&&", "!")
CYTHON_WORDS = Words(" or ", " and ", "not ")


def matching_bracket(text: str, at: int) -> int:
    """Index of the ) that closes the ( at `at`; raises ValueError if there is none."""
    depth = 0
    for i in range(at, len(text)):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            depth -= 1
            if not depth:
                return i
    raise ValueError(f"bracket without an end in {text[at:at + 40]!r}")


def _split(text: str, word: str) -> list[str]:
    """`text` cut at the `word`s that stand in no bracket."""
    parts, depth, start, i = [], 0, 0, 0
    while i < len(text):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            depth -= 1
        elif not depth and text.startswith(word, i):
            parts.append(text[start:i])
            i = start = i + len(word)
            continue
        i += 1
    return [*parts, text[start:]]


def wrap_operands(condition: str, words: Words, wrap: Callable[[str], str]) -> str:
    """`condition` with every operand replaced by wrap(operand); negations stay outside."""
    for word in (words.either, words.both):
        parts = _split(condition, word)
        if len(parts) > 1:
            return word.join(wrap_operands(part, words, wrap) for part in parts)
    bare = condition.strip()
    before = condition[: len(condition) - len(condition.lstrip())]
    after = condition[len(condition.rstrip()):]
    if bare.startswith(words.negate) and not bare.startswith(words.negate + "="):
        inner = wrap_operands(bare[len(words.negate):], words, wrap)
        return f"{before}{words.negate}{inner}{after}"
    if bare.startswith("(") and matching_bracket(bare, 0) == len(bare) - 1:
        return f"{before}({wrap_operands(bare[1:-1], words, wrap)}){after}"
    return f"{before}{wrap(bare)}{after}"
