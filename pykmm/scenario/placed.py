# SPDX-License-Identifier: GPL-2.0-only
"""What cannot be meant is told with its place."""

from collections.abc import Callable

from .model import Line, Scenario
from .parse import complain
from .words import Unmeant


def at_line(scenario: Scenario, line: Line, look: Callable) -> None:
    """Look at a statement; raises BadInput with the place if it cannot be meant."""
    try:
        look(line.statement)
    except Unmeant as error:
        column = error.column or getattr(line.statement, "column", 1)
        complain(scenario.name, line.number, column or 1, str(error))
