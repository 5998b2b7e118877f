# SPDX-License-Identifier: GPL-2.0-only
"""Sequences of operations, drawn or written by hand, and halves to run them."""

import pytest

from pykmm import half as cython_half
from pykmm import paths
from pykmm.engine import core
from pykmm.report.paths import Map

ALL = 0x7F


@pytest.fixture(scope="session")
def halves():
    return [core.Half.load(paths.lib() / "c.so", "C"), core.Half.at(cython_half.ADDRESS, "P")]


class Kernel:
    """The world that sequences start from, and operations on it one at a time by half C.

    Files: inode 0 ext2, 16 sectors in blocks of a page, open as fd 0 (read, write) and fd 2 (read);
    inode 1 open as fd 1, inode 2 as fd 3.  Process 0 alone is there.
    """

    def __init__(self, halves, **choices):
        case = bytearray(core.SEQUENCE_BYTES)
        named = {"units": ALL, "fail": 1, "many_buffers": 1, "congested": 15, **choices}
        for name, offset, count, _ in core.SEQUENCE_CHOICES:
            value = named.pop(name, 0)
            values = value if isinstance(value, (list, tuple)) else [value] * min(count, 8)
            case[offset:offset + len(values)] = bytes(values)
        assert not named, f"no such choices: {named}"
        self.half = halves[0]
        self.runner = core.Runner(sequences=True)
        self.runner.build(bytes(case))
        self.map = Map(self.runner)

    def do(self, name, *arguments, by=0):
        """The operation's result; it must come back."""
        self.runner.forget_trace()
        ended, ret, _ = self.runner.operate(self.half, name, by, *arguments)
        assert ended == "returned", f"{name}{arguments} ended as {ended}"
        return ret

    def get(self, path):
        value = self.map.read(self.runner.image(), path)
        place, bit = self.map._place_and_bit(path)
        if bit is None and place.form == "int" and value >> (8 * place.size - 1):
            value -= 1 << 8 * place.size
        return value

    def set(self, path, value):
        self.runner.restore(self.map.write(self.runner.image(), path, value))

    def events(self):
        """Names of the events of the last operation."""
        words, _ = self.runner.trace()
        names, at = [], 0
        while at < len(words):
            names.append(core.EVENTS[words[at] & 0xFFFF][0])
            at += 1 + (words[at] >> 16)
        return names


@pytest.fixture
def kernel(halves):
    return Kernel(halves)


@pytest.fixture
def make_kernel(halves):
    return lambda **choices: Kernel(halves, **choices)
