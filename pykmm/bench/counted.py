# SPDX-License-Identifier: GPL-2.0-only
"""What runs under callgrind: python -m pykmm.bench.counted PLAN ANSWER.

PLAN is what callgrind.py wrote: worlds, halves, and which half does the steps of
which world.  ANSWER is (why nothing was counted or "", how each take ended).  Both
are in marshal's format, which needs no module here: everything is fifty times
slower than outside.
"""

import marshal
import sys

from ..engine import core, halves
from ..errors import PykmmError
from .moving import Moved, core_library

TAKES = 2       # of each count, which must be equal


def mark() -> None:
    """End a count: nothing else in this process calls kmm_decode."""
    core.decode(bytes(core.CASE_BYTES))


def _half(name: str, path: str) -> core.Half:
    if name in halves.BUILT_IN:
        return halves.c_half() if name == "C" else halves.p_half()
    return core.Half.load(path, name)


def perform(runner: core.Runner, half: core.Half, image: bytes, steps: list) -> tuple[str, int]:
    """The steps from an image on: outcome and return of the last one, or of the one that ended it.

    steps : [(name, actor or None, arguments)]   None: a call, and arguments are a dict
    """
    outcome, value = "returned", 0
    runner.restore(image)
    for name, actor, arguments in steps:
        if actor is None:
            outcome, value, _ = runner.run_on(half, runner.image(), name, **arguments)
        else:
            outcome, value, _ = runner.operate(half, name, actor, *arguments)
        if outcome != "returned":
            break
    return outcome, value


class Worlds:
    """Blocks to put worlds into, one of each size."""

    def __init__(self) -> None:
        self._runners: dict[tuple, core.Runner] = {}
        self._library = core_library().start

    def put(self, moved: Moved, steps: list) -> tuple[core.Runner, bytes, list]:
        """A block, and image and steps as they are in it."""
        key = tuple(moved.size.values())
        if key not in self._runners:
            self._runners[key] = core.Runner(**moved.size)
        runner = self._runners[key]
        image = moved.at(runner.base, self._library)
        return runner, image, [
            (name, actor, arguments if actor is not None else
             {word: moved.word_at(value, runner.base) for word, value in arguments.items()})
            for name, actor, arguments in steps]


def count(plan: dict) -> list[tuple[str, int]]:
    """How each take ended."""
    loaded = {name: _half(name, path) for name, path in plan["halves"].items()}
    worlds, answers = Worlds(), []
    for fields, steps, names in plan["worlds"]:
        runner, image, own_steps = worlds.put(Moved(*fields), steps)
        for name in names:
            for _ in range(TAKES):
                answers.append(perform(runner, loaded[name], image, own_steps))
                mark()
    return answers


def main(plan_file: str, answer_file: str) -> None:
    with open(plan_file, "rb") as file:
        plan = marshal.load(file)
    try:
        answer = "", count(plan)
    except PykmmError as error:
        answer = str(error), []
    with open(answer_file, "wb") as file:
        marshal.dump(answer, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
