# SPDX-License-Identifier: GPL-2.0-only
"""Properties by name: which should hold always, which a kernel is judged by, and sets of them.

A set of properties is a mask: bit 1 << place in core.PROPERTIES.
"""

from collections.abc import Iterable

from ..errors import BadInput
from . import core

_BITS = {name: 1 << i for i, name in enumerate(core.PROPERTIES)}

ALL = sum(_BITS.values())
ALWAYS: int = core.PROPERTIES_ALWAYS
JUDGED = ALL & ~ALWAYS

# name -> mask of the units that must be on for it to be expected
UNITS = dict(zip(core.PROPERTIES, core.PROPERTY_UNITS, strict=True))

# What a unit does, said once more: that it breaks without the unit is no evidence for the unit.
SAID_BY_UNITS = _BITS["tracked_protection"]


def mask(names: Iterable[str]) -> int:
    """These properties as a set; raises BadInput for a name that is none."""
    bits = 0
    for name in names:
        if name not in _BITS:
            raise BadInput(f"no property {name}: there are {', '.join(core.PROPERTIES)}")
        bits |= _BITS[name]
    return bits


def names(bits: int) -> list[str]:
    """The names of a set, in the order of their bits."""
    return [name for name, bit in _BITS.items() if bits & bit]


def expected(bits: int, units: int) -> int:
    """Those of a set that a kernel with these units (a mask) is meant for."""
    return mask(name for name in names(bits) if not UNITS[name] & ~units)
