# SPDX-License-Identifier: GPL-2.0-only
"""Which halves there are, and how each is found and loaded."""

import os
from dataclasses import dataclass
from pathlib import Path

from .. import paths
from ..errors import BadInput, HarnessError
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
            raise BadInput(f"--half {text}: no such file: {path}")
        return NamedHalf(name, str(Path(path).resolve()))


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
