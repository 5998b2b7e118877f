# SPDX-License-Identifier: GPL-2.0-only
"""What both halves leave on small rows, in the build named on the command line: quiet or events.

JSON: {row, units, half: [[outcome, returns], {word of the world: value}, words of events]},
as if block and core library lay at the same addresses in every process.
"""

import json
import sys

from pykmm import quiet

if sys.argv[1] == "quiet":
    quiet.use()

# only now: they load the engine
from pykmm.bench import moving, rows
from pykmm.bench.row import AFTER, BEFORE
from pykmm.engine import halves, timing

BLOCK, LIBRARY = 1 << 40, 1 << 41


def words_of(moved: moving.Moved) -> list[int]:
    """Tables of the core library lie elsewhere in each build of it."""
    words = memoryview(moved.at(BLOCK, LIBRARY)).cast("Q")
    return [min(word, LIBRARY) if word < 1 << 42 else word for word in words]


def left(start, half) -> tuple:
    before = words_of(moving.movable(start.runner, start.image))
    timed = timing.Timed(start)
    outcome, returns, _ = timed.run(half)
    state, events = timed.left()
    moved = moving.movable(start.runner, state)
    changed = {at: word for at, word in enumerate(words_of(moved)) if word != before[at]}
    returned = [moved.word_at(word % 2**64, BLOCK) for word in returns]
    return [outcome, returned], changed, len(events)


found = {}
for row in rows.ROWS:
    for units in (AFTER, BEFORE) if row.has_before else (AFTER,):
        if row.size <= 64:
            start = row.make(units)
            for half in (halves.c_half(), halves.p_half()):
                found[f"{row.name}, {units}, {half.name}"] = left(start, half)
print(json.dumps(found))
