# SPDX-License-Identifier: GPL-2.0-only
"""Cases, and the worlds that they build as plain numbers by path."""

import array
import random
import struct
from functools import cached_property

import pytest

from pykmm import half, paths
from pykmm.engine import core
from pykmm.report.paths import Map

SHARD = 3
# arguments of a call that lead to something
POINTERS = {"page", "vma", "mapping", "mm", "file", "wbc", "pmd", "page_table", "ptl"}


class State(dict):
    """One image of a world: {path: word}, and what pointers in it lead to."""

    def __init__(self, words, map_):
        super().__init__(words)
        self.map = map_

    def name(self, path):
        """What the pointer at a path leads to, or None."""
        return self.map.name_of(self[path]) if self[path] else None

    def node(self, path):
        """The vma whose place in its process's tree a pointer leads to, or None."""
        name = self.name(path)
        return name.partition(".")[0] if name else None

    def chain(self, head, field):
        """Names of the elements of a list."""
        found, at = [], self.name(head)
        while at is not None:
            assert at not in found, f"{head} is a ring"
            found.append(at)
            at = self.name(f"{at}.{field}")
        return found

    @cached_property
    def vmas(self):
        """Those that are in use."""
        return [f"vma[{i}]" for i in range(9) if self[f"vma[{i}].vm_end"]]

    def covering(self, mm, address):
        """The vma of a process at an address, or None."""
        for vma in self.vmas:
            if self.name(f"{vma}.vm_mm") == mm and \
                    self[f"{vma}.vm_start"] <= address < self[f"{vma}.vm_end"]:
                return vma
        return None

    def mapping_of_vma(self, vma):
        file = self.name(f"{vma}.vm_file")
        return self.name(f"{file}.f_mapping") if file else None

    @cached_property
    def ptes(self):
        """[(mm, address, word, vma)] of all ptes that are not none."""
        found = []
        for path, word in self.items():
            if ".pte[" in path and word:
                mm, _, address = path.rstrip("]").partition(".pte[")
                found.append((mm, int(address, 16), word, self.covering(mm, int(address, 16))))
        return found

    @cached_property
    def present(self):
        return [pte for pte in self.ptes if pte[2] & 0x081]


class Call(dict):
    """The arguments of a call: pointers by the names of what they lead to, or None."""

    def __init__(self, function, arguments, map_):
        super().__init__({name: (map_.name_of(value) if value else None) if name in POINTERS
                          else value for name, value in arguments.items()})
        self.function = function


class Builder:
    """Builds cases in one block and reads what they built."""

    def __init__(self):
        self.runner = core.Runner()
        self.runner.build(bytes(core.CASE_BYTES))
        self.map = Map(self.runner)
        places = sorted(self.map.places, key=lambda place: place.offset)
        self._paths = [place.path for place in places]
        self._form = struct.Struct("<" + "".join({2: "H", 4: "I", 8: "Q"}[p.size] for p in places))
        # every byte belongs to a field, so nothing is skipped
        assert self._form.size == self.runner.state_bytes

    def state(self):
        words = self._form.unpack(self.runner.image())
        return State(zip(self._paths, words, strict=True), self.map)

    def build(self, case):
        """The world of a case at the start of its call."""
        self.runner.build(case)
        self.function = core.FUNCTIONS[case[0]]
        return self.state()

    def call(self):
        """The call of the case that was built last."""
        return Call(self.function, self.runner.call(), self.map)


@pytest.fixture(scope="session")
def builder():
    return Builder()


@pytest.fixture(scope="session")
def halves():
    c = core.Half.load(paths.lib() / "c.so", "C")
    return [c, core.Half.at(half.ADDRESS, "P")]


@pytest.fixture(scope="session")
def job(halves):
    """Legal cases of all functions."""
    return core.Job(halves, seed=1)


@pytest.fixture
def run_shard():
    """Run a shard; returns (result, watch)."""
    core.guard_process()

    def run(job, cases, shard=SHARD):
        watch = bytearray(core.WATCH_BYTES)
        counters = array.array("Q", [0])
        result = job.run_shard(core.Runner(), shard, cases, core.Stop(), watch, counters)
        return result, core.watched(bytes(watch))

    yield run
    core.unguard_process()


def random_case(seed):
    """A case whose choices are drawn evenly, without the engine."""
    rng = random.Random(seed)
    case = bytearray(core.CASE_BYTES)
    for _, offset, count, limit in core.CHOICES:
        for at in range(offset, offset + count):
            case[at] = rng.randrange(limit)
    return bytes(case)


@pytest.fixture(scope="session")
def make_case():
    return random_case
