# SPDX-License-Identifier: GPL-2.0-only
"""Every row that is measured: a module for each file of the kernel, and one for life cycles.

Each module has its ROWS; names begin with the function.
"""

from ...errors import BadInput
from ..row import Row
from . import buffer, life_cycle, memory, mm, mmap, mprotect, page_writeback, rmap

ROWS: list[Row] = [row for module in (mm, memory, mmap, mprotect, page_writeback, rmap, buffer,
                                      life_cycle)
                   for row in module.ROWS]
FUNCTIONS = list(dict.fromkeys(row.function for row in ROWS))


def find(name: str) -> Row:
    """The row of this name; raises BadInput if there is none."""
    for row in ROWS:
        if row.name == name:
            return row
    raise BadInput(f"no row {name!r}: pykmm bench --list names them")


def of(functions: list[str]) -> list[Row]:
    """The rows of these functions, all without any; raises BadInput for one that has none."""
    for function in functions:
        if function not in FUNCTIONS:
            raise BadInput(f"{function} has no row: there are {', '.join(FUNCTIONS)}")
    return [row for row in ROWS if not functions or row.function in functions]
