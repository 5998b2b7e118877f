# SPDX-License-Identifier: GPL-2.0-only
"""What a half is made of, by content: for files that are gone on with by a later run.

A name is not enough: the mail, a port and pykmm itself may have been built anew since.
"""

import hashlib
import importlib
import json
from pathlib import Path

from .. import paths
from ..errors import BadInput
from ..source import anchors
from . import core

# the core library is below all halves: another one is another machine
MACHINE = "the machine"
_DIGITS = 16


def made_by(halves: list[core.Half]) -> str:
    """The machine and these halves as one text: a name and a digest of what is behind it, each.

    raises BadInput   a library can no longer be read
    """
    found = {MACHINE: _digest([paths.lib() / "libkmm.so"])}
    found |= {half.name: _digest(_files(half)) for half in halves}
    return json.dumps(found)


def difference(before: str, now: str) -> str | None:
    """What tells two of those texts apart, for people; None: nothing.

    before, now : str   as made_by gives it; text that is none differs from all
    """
    if before == now:
        return None
    then, here = _read(before), json.loads(now)
    if list(then) != list(here):
        return (f"it was made by {', '.join(_names(then)) or 'no halves'}, and this run has "
                f"{', '.join(_names(here))}")
    others = [name for name in here if then[name] != here[name]]
    each = "; ".join(f"{name if name == MACHINE else f'half {name}'} was {then[name]} and is "
                     f"{here[name]}" for name in others)
    return f"what it was made by was built anew since: {each}"


def _read(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _names(of: dict[str, str]) -> list[str]:
    return [name for name in of if name != MACHINE]


def _files(half: core.Half) -> list[Path]:
    if half.origin:
        return [Path(half.origin)]
    # the Cython half, which is several modules
    modules = ["half", *(p.removesuffix(".pyx").replace("/", ".")
                         for p in anchors.TWINS.values() if p.endswith(".pyx"))]
    return [Path(importlib.import_module(f"pykmm.{name}").__file__) for name in modules]


def _digest(files: list[Path]) -> str:
    whole = hashlib.sha256()
    for file in files:
        try:
            whole.update(hashlib.sha256(file.read_bytes()).digest())
        except OSError as error:
            raise BadInput(f"{file}: it was loaded, and cannot be read any more: "
                           f"{error.strerror}") from error
    return whole.hexdigest()[:_DIGITS]
