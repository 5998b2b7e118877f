# SPDX-License-Identifier: GPL-2.0-only
"""Which halves there are, and how each is found and loaded."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .. import paths
from ..errors import BadInput, HarnessError, no_file
from . import core

BUILT_IN = ("C", "P")


@dataclass(frozen=True)
class NamedHalf:
    """A half that the user names: `--half NAME=path.so`.

    raises BadInput   the text has no =, the name is taken or not a word, no such file
    """

    name: str
    path: str

    @staticmethod
    def parse(text: str) -> "NamedHalf":
        name, equals, path = text.partition("=")
        if not equals or not path:
            raise BadInput(f"--half {text}: say NAME=FILE, as in --half mine=./mine.so")
        if not name.isidentifier():
            raise BadInput(f"--half {text}: {name!r} is not a name of letters, digits and _")
        if name in (*BUILT_IN, "X"):
            raise BadInput(f"--half {text}: {name} is the name of a half that pykmm has itself")
        if os.path.isdir(path):
            raise BadInput(f"--half {text}: this is a folder; name the shared library in it")
        if not os.path.isfile(path):
            raise BadInput(f"--half {text}: {no_file(path)}: {path}")
        return NamedHalf(name, str(Path(path).resolve()))


def lent(loaded: Iterable[core.Half]) -> dict[str, list[str]]:
    """Halves that do not have every function: name -> those that are C's in their place."""
    return {half.name: half.lent for half in loaded if half.lent}


def need_their_own(loaded: Iterable[core.Half], called: Iterable[str]) -> None:
    """Refuse a half of which nothing would run, as C's functions are all that would be compared.

    called : names    of the functions that the machine, or a case, is going to call
    raises BadInput   a half has none of them
    """
    called = list(dict.fromkeys(called))
    for half in loaded:
        if called and set(called) <= set(half.lent):
            raise BadInput(f"half {half.name} has no {_or(called)}, and nothing else is called "
                           "here: C's would run in its place, and nothing of it")


def said(of: dict[str, list[str]]) -> list[str]:
    """A line for each half that does not have every function; of: as lent gives it."""
    return [f"half {name} has no {_or(missing)}: C's own "
            f"{'is' if len(missing) == 1 else 'are'} called in "
            f"{'its' if len(missing) == 1 else 'their'} place, so nothing is said of "
            f"{'it' if len(missing) == 1 else 'them'}" for name, missing in of.items()]


def _or(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def c_half(*, counted: bool = False) -> core.Half:
    """The C half, or the build of it that counts."""
    file = paths.lib() / ("c-counted.so" if counted else "c.so")
    if not file.is_file():
        raise HarnessError(f"{file} is missing: build pykmm again (make build)")
    return core.Half.load(file, "C")


def p_half(*, counted: bool = False) -> core.Half:
    """The Cython half, or the build of it that counts."""
    if counted:
        from ..counted import half
    else:
        from .. import half
    return core.Half.at(half.ADDRESS, "P")
