# SPDX-License-Identifier: GPL-2.0-only
"""Sequences of operations, drawn or written by hand, and halves to run them."""

import pytest

from pykmm import half as cython_half
from pykmm import paths
from pykmm.engine import core, finding
from pykmm.report import bits
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


class Kernels(Kernel):
    """Both halves on the same world: they leave the same bytes, or an operation fails.

    steps : list      those of the patch that the last operation took, repetitions in a row dropped
    broken : str      the property that did not hold after it, or None: `do` insists on None
    """

    def __init__(self, halves, **choices):
        super().__init__(halves, **choices)
        self.halves = halves
        self.steps, self.broken = [], None

    def run(self, name, *arguments, by=0):
        """(how it ended, result) of an operation, the same by both halves."""
        self.runner.forget_trace()
        before = self.runner.image()
        seen = []
        for half in reversed(self.halves):
            self.runner.restore(before)
            ended = self.runner.operate(half, name, by, *arguments)
            words, places = self.runner.trace()
            happened = finding.events_of(words, places, half, self.map)
            seen.append((ended, words, self.runner.image(), [e["step"] for e in happened]))
        p, c = seen
        assert c[0] == p[0], f"{name}{arguments}: C {c[0]}, P {p[0]}"
        assert c[1] == p[1], f"{name}{arguments}: C and P leave different events"
        assert c[2] == p[2], f"{name}{arguments}: C and P leave different worlds"
        assert c[3] == p[3], f"{name}{arguments}: C and P put events into different steps"
        taken = [step for step in c[3] if step]
        self.steps = [s for i, s in enumerate(taken) if i == 0 or taken[i - 1] != s]
        self.happened = [event["text"] for event in happened]
        self.broken = self.runner.broken_property() if c[0][0] == "returned" else None
        return c[0][:2]

    def do(self, name, *arguments, by=0):
        ended, ret = self.run(name, *arguments, by=by)
        assert ended == "returned", f"{name}{arguments} ended as {ended}"
        assert self.broken is None, f"{name}{arguments}: {self.broken} does not hold after it"
        return ret

    def at_pause(self, number, name, *arguments, by=0, other=""):
        """Let this operation happen at the how-manieth pause from here; other: "[1]" of the second
        of two."""
        kinds = [kind for kind, _ in core.OPERATIONS]
        words = bytes([kinds.index(name), by, *arguments]).ljust(8, b"\0")
        self.set(f"world.interference{other}", int.from_bytes(words, "little"))
        self.set(f"world.pauses_left{other}", number)

    def during(self, event, other, name, *arguments, by=0, nth=1, consistent=True):
        """An operation with `other` (name, *arguments[, {"by": actor}]) happening in it, at the
        pause right after its nth event of this name: the result."""
        before = self.runner.image()
        options = other[-1] if isinstance(other[-1], dict) else {}
        words = [word for word in other if not isinstance(word, dict)]
        for pause in range(1, 400):
            self.runner.restore(before)
            self.at_pause(pause, *words, **options)
            ended, ret = self.run(name, *arguments, by=by)
            names = self.events()
            if "interference" not in names:
                break
            at = names.index("interference")
            if names[at - 1] == event and names[:at].count(event) == nth:
                assert ended == "returned", f"{name}{arguments} ended as {ended}"
                assert not (consistent and self.broken), f"{self.broken} does not hold after it"
                return ret
        raise AssertionError(f"{name}{arguments}: no pause right after {event} number {nth}")

    def after_interference(self):
        """Names of the events after the other actor was done, and of those before it began."""
        names = self.events()
        at = names.index("interference")
        return names[at:], names[:at]

    def pte(self, at, mm=0):
        """`page 3 rw,dirty` and so on: the pte of a page from 0x40000000."""
        word = self.get(f"mm[{mm}].pte[{0x40000000 + (at << 12):#x}]")
        return bits.pte_text(word)

    def page_of(self, at, mm=0):
        """Number of the page that a page of a process is mapped to."""
        return (self.get(f"mm[{mm}].pte[{0x40000000 + (at << 12):#x}]") >> 12) - 0x100


@pytest.fixture
def kernel(halves):
    return Kernel(halves)


@pytest.fixture
def kernels(halves):
    return Kernels(halves)


@pytest.fixture
def make_kernels(halves):
    return lambda **choices: Kernels(halves, **choices)


@pytest.fixture
def make_kernel(halves):
    return lambda **choices: Kernel(halves, **choices)


@pytest.fixture
def start(make_kernels):
    """start(operation, ..., choice=...): both halves, after operations that do not fail."""
    def start(*operations, **choices):
        kernels = make_kernels(**choices)
        for name, *words in operations:
            by = words.pop() if words and isinstance(words[-1], dict) else {}
            assert kernels.do(name, *words, **by) >= 0, (name, *words)
        return kernels
    return start
