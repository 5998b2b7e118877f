# SPDX-License-Identifier: GPL-2.0-only
"""Options that several commands take, and what their values mean."""

import os
import re

import click

from ..errors import BadInput
from ..report import bits
from . import mails

ALL_UNITS = 0x7F


def parse_units(text: str | None) -> int | None:
    """The mask of --units: all, none, U3,U7 (these), -U7 (all but these); None: a mixture.

    raises BadInput   anything else
    """
    if text is None or text == "mixed":
        return None
    if text == "all":
        return ALL_UNITS
    if text == "none":
        return 0
    mask = 0
    names = text.split(",")
    without = [name.startswith("-") for name in names]
    for name in names:
        if name.removeprefix("-") not in bits.UNITS:
            raise BadInput(f"--units {text}: {name!r} is no unit: say all, none, mixed, "
                           "U3,U7 (only these) or -U7 (all but these), of U1 to U7")
        mask |= 1 << bits.UNITS.index(name.removeprefix("-"))
    if any(without) and not all(without):
        raise BadInput(f"--units {text}: either units that are on, or units that are off, not both")
    return ALL_UNITS & ~mask if without[0] else mask


def parse_functions(text: str | None) -> list[int] | None:
    """Numbers of the functions of --functions, a list with commas; None: all.

    raises BadInput   a function that is not mirrored
    """
    from ..engine import core

    if text is None:
        return None
    numbers = []
    for name in text.split(","):
        if name not in core.FUNCTIONS:
            raise BadInput(f"--functions {text}: {name!r} is not mirrored; there are "
                           + ", ".join(core.FUNCTIONS))
        if core.FUNCTIONS.index(name) not in numbers:
            numbers.append(core.FUNCTIONS.index(name))
    return numbers


_TIMES = {"": 1, "s": 1, "m": 60, "h": 3600}
_SCALES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}


class Seconds(click.ParamType):
    """A length of time: 30, 0.5, 90s, 10m, 2h."""

    name = "seconds"

    def convert(self, value, param, ctx):
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value))
        if not found or float(found[1]) <= 0:
            self.fail(f"{value!r} is not a time above 0: say 30, 0.5, 10m or 2h", param, ctx)
        return float(found[1]) * _TIMES[found[2]]


class Count(click.ParamType):
    """A number of things: 5000, 20k, 10M."""

    name = "number"

    def convert(self, value, param, ctx):
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d{1,18})([kMG]?)", str(value))
        if not found or int(found[1]) < 1:
            self.fail(f"{value!r} is not a number above 0 of at most 18 digits: say 5000, 20k or "
                      "10M", param, ctx)
        return int(found[1]) * _SCALES[found[2]]


def patch_option(command):
    return click.option(
        "--patch", metavar="MAIL", default=lambda: os.environ.get("PYKMM_PATCH") or None,
        help="The patch mail, - for standard input: adds half X, made of its lines. "
             "Default: $PYKMM_PATCH.",
    )(command)


def half_option(command):
    return click.option(
        "--half", "named", metavar="NAME=FILE", multiple=True,
        help="One more half: a shared library that exports the table of cref/half.h.",
    )(command)


def json_option(command):
    return click.option("--json", "json_path", metavar="PATH",
                        help="Write the result as JSON to PATH, or to standard output for -.",
                        )(command)


def check_patch(path: str | None) -> str | None:
    """The mail's path made whole; raises BadInput if there is no such file.

    path : str | None   a file, a pipe, or - for standard input
    """
    if path is None:
        return None
    said = "$PYKMM_PATCH" if os.environ.get("PYKMM_PATCH") == path else "--patch"
    return mails.there(path, said)


def parse_halves(named: tuple[str, ...], patch: str | None) -> list:
    """The halves of --half, beside C, P and, with a patch, X.

    raises BadInput   one cannot be used, two have the same name, or they are too many
    """
    from ..engine import core
    from ..engine.halves import BUILT_IN, NamedHalf

    halves = [NamedHalf.parse(text) for text in named]
    names = [half.name for half in halves]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"--half: two halves have the name {name}")
    room = core.MAX_HALVES - len(BUILT_IN) - (patch is not None)
    if len(halves) > room:
        raise BadInput(f"--half: {len(halves)} halves, and there is room for {room} beside those "
                       "that pykmm has itself")
    return halves
