# SPDX-License-Identifier: GPL-2.0-only
"""docs/properties.md has every property as it is stated in the source."""

import re
from pathlib import Path

from pykmm.engine import core, properties

PAGE = Path(__file__).parents[2] / "docs" / "properties.md"


def test_every_property_is_in_the_page_with_its_statement_and_units():
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|(?: ([^|]*) \|)?$", PAGE.read_text(), re.M)
    assert [(name, statement) for name, statement, _ in rows] == [
        (name, core.PROPERTIES[name])
        for group in (properties.ALWAYS, properties.JUDGED) for name in properties.names(group)]
    assert {name: units for name, _, units in rows if units} == {
        name: " to ".join(sorted({f"U{bits.bit_length()}",
                                  f"U{(bits & -bits).bit_length()}"}))
        for name, bits in properties.UNITS.items() if bits}
