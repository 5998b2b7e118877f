# SPDX-License-Identifier: GPL-2.0-only
"""The three ways in which pykmm itself can refuse to go on.

A kernel errno, a BUG or an oops is a *result* and never an exception; a
disagreement of two halves is a *finding* and never an exception either.
"""

import os
import re


class PykmmError(Exception):
    """Base of all errors that a command prints as one line, without a traceback.

    exit_code : int   what the command exits with (2 bad input, 3 something is missing)
    """

    exit_code = 2


class BadInput(PykmmError):
    """What the user gave cannot be used: the message names what, where and what to do."""

    exit_code = 2


class Lacking(PykmmError):
    """The environment lacks something; the message names it and how to get it."""

    exit_code = 3


class HarnessError(PykmmError):
    """An invariant of pykmm is broken: a fault of ours, never the user's.

    The message names the invariant and the command that shows it again.
    """

    exit_code = 3


def no_file(path: str) -> str:
    """Why this is not a file to be read again and again, in a few words."""
    if os.path.isdir(path):
        return "it is a folder; name a file"
    if os.path.exists(path):
        return "it is a device or a pipe, and is read more than once; save it to a file"
    return "no such file"


ENDS = 50


def shortened(text: str, most: int) -> str:
    """The text with words of more than so many characters (>= 2 * ENDS) told by their ends."""
    def ends(word: re.Match) -> str:
        whole = word.group()
        return f"{whole[:ENDS]}...({len(whole) - 2 * ENDS:,} more characters)...{whole[-ENDS:]}"

    return re.sub(rf"\S{{{most + 1},}}", ends, text)
