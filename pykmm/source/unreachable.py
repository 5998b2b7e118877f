# SPDX-License-Identifier: GPL-2.0-only
"""The list of sides that no legal case reaches, cref/unreachable.toml."""

import sys

from .. import paths
from ..errors import HarnessError
from .counting import Counters
from .reached import SIDES, side_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[no-redef]

FILE = "unreachable.toml"


def proofs(counters: Counters, text: str | None = None) -> dict[str, str]:
    """{side, as side_name writes it: why nothing reaches it}.

    text : str            of the list, if not that of the file
    raises HarnessError   a row names no operand, or not its side, or gives no proof; or two are one
    """
    if text is None:
        text = (paths.cref() / FILE).read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for row in tomllib.loads(text).get("side", []):
        operand, side = row.get("operand"), row.get("side")
        why = " ".join(row.get("why", "").split())
        if operand not in counters.branches or side not in SIDES or not why:
            raise HarnessError(f"cref/{FILE}: {operand} {side}: a row has an operand of C, its "
                               "side (true, false) and why nothing reaches it")
        name = side_name(operand, SIDES.index(side))
        if name in found:
            raise HarnessError(f"cref/{FILE}: {name} stands there twice")
        found[name] = why
    return found
