# SPDX-License-Identifier: GPL-2.0-only
"""A sequence from operations written by hand: the choices that stand for them.

    case = case_of([("mmap", 0, 0, 0, 2, 3, 1, 0), ("store", 0, 0, 0)], inode_kind=[0, 5])

An operation is (name, number of the process, arguments).  What no choice stands for is an error.
"""

from functools import cache

from pykmm.engine import core

CHOICES = {name: (offset, count, limit) for name, offset, count, limit in core.SEQUENCE_CHOICES}
# no limit, no failure, no other actor; `fail` and `congested` 0 would be rare events
USUAL = {"units": 0x7F, "fail": 1, "many_buffers": 1, "congested": 15}


def put(case, name, values):
    offset, count, _ = CHOICES[name]
    values = [values] if isinstance(values, int) else list(values)
    assert len(values) <= count
    case[offset:offset + len(values)] = bytes(values)


def _room():
    """How many operations a case has room for."""
    return CHOICES["kind"][1]


def _third(**choices):
    """(name, actor, arguments) of the third operation: the first one of any kind."""
    case = bytearray(core.SEQUENCE_BYTES)
    put(case, "operations", 2)
    for name, value in choices.items():
        offset, count, _ = CHOICES[name]
        width = count // _room()
        case[offset + 2 * width:offset + 3 * width] = bytes([value] * width)
    return core.operations_of(bytes(case))[2]


@cache
def kinds():
    """{name: choice of kind} of every operation that can be drawn."""
    return {_third(kind=choice)[0]: choice for choice in range(CHOICES["kind"][2])}


@cache
def actors():
    return {_third(actor=choice)[1]: choice for choice in range(CHOICES["actor"][2])}


@cache
def values(kind):
    """[{value: choice}] of each argument of a kind of operation."""
    drawn = [_third(kind=kinds()[kind], argument=choice)[2]
             for choice in range(CHOICES["argument"][2])]
    return [{value: choice for choice, value in enumerate(column)}
            for column in zip(*drawn, strict=True)]


def case_of(operations, **choices):
    case = bytearray(core.SEQUENCE_BYTES)
    for name, value in {**USUAL, **choices}.items():
        put(case, name, value)
    put(case, "operations", len(operations) - 1)
    put(case, "kind", [kinds()[name] for name, *_ in operations])
    put(case, "actor", [actors()[actor] for _, actor, *_ in operations])
    arguments = []
    for name, _, *words in operations:
        known = values(name)
        chosen = [known[i][word] for i, word in enumerate(words)]
        arguments += chosen + [0] * (6 - len(chosen))
    put(case, "argument", arguments)
    return bytes(case)
