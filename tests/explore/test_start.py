# SPDX-License-Identifier: GPL-2.0-only
"""Conditions of the start: the explorer's, the scenario's and the world's are the same."""

import pytest

from pykmm import World
from pykmm.engine import core, exploring, halves
from pykmm.engine.scope import Scope
from pykmm.engine.start import CONDITIONS
from pykmm.errors import BadInput
from pykmm.report.paths import Map
from pykmm.scenario import build, explored, layout, meaning, parse
from pykmm.scenario.model import Act, Clock, FileLine, Limit, Line, Scenario

# of words that a pool or an address makes
_OF_PLACES = ("ptr", "lock", "rb_node")
KINDS = ("ext2", "block_device", "hugetlbfs")


def plain(where: Map, image: bytes) -> dict[str, int]:
    return {place.path: where.read(image, place.path) for place in where.places
            if place.form not in _OF_PLACES}


def of_explorer(scope: Scope) -> dict[str, int]:
    plan = exploring.Plan([halves.c_half()], scope, 0)
    image = exploring.Exploration(plan).explorer.image(0)
    return plain(Map(core.Runner(**scope.size())), image)


def of_scenario(scope: Scope) -> dict[str, int]:
    """The lines of a found scenario."""
    lines = [Line(0, None, "Start."), *(Line(0, one) for one in explored.start(scope)),
             Line(0, Act("sync", None, None, (), ()))]
    scenario = parse.parse(layout.text(Scenario("start", tuple(lines))), "start")
    meaning.check(scenario)
    said = [line.statement for line in scenario.lines]
    block = build.start([one for one in said if isinstance(one, FileLine)], 0x7F)
    for one in said:
        if isinstance(one, Limit):
            build.set_limits(block, one.options)
        if isinstance(one, Clock):
            block.write("world.clock_stands", 1)
    _, where = World.block()
    return plain(where, block.image)


def of_world(scope: Scope) -> dict[str, int]:
    _, where = World.block()
    return plain(where, explored.world_of(scope, 0x7F).image)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CONDITIONS)
def test_condition_is_the_same_for_explorer_scenario_and_world(name: str, kind: str) -> None:
    usual, scope = Scope(kinds=(kind,), blocks=1024), Scope(kinds=(kind,), blocks=1024,
                                                            start=(name,))
    wanted = {one.path for one in scope.fields()}
    for make in (of_explorer, of_scenario, of_world):
        before, after = make(usual), make(scope)
        changed = {path: value for path, value in after.items() if before[path] != value}
        own = {path for path in changed if path in wanted}
        assert own == {path for path in wanted if before[path] != after[path]}
        for one in scope.fields():
            value = after[one.path]
            assert value == one.value or (one.more and value & one.value), one.path
        # what else is another: how files are open, contents of other numbers
        beside = {path.rpartition(".")[2].rpartition("[")[0] or path.rpartition(".")[2]
                  for path in changed if path not in wanted}
        assert beside <= {"f_mode", "i_writecount", "version", "disk"} | (
            {"capabilities", "memlock", "personality"}), beside
    assert CONDITIONS[name].says


def test_files_are_open_as_the_start_says() -> None:
    for name, mode in (("read-only", 1), ("write-only", 2)):
        assert of_explorer(Scope(start=(name,)))["file[0].f_mode"] == mode


def test_condition_that_there_is_not_is_refused() -> None:
    with pytest.raises(BadInput, match="no condition 'snow'"):
        Scope(start=("snow",))


def test_conditions_go_together() -> None:
    scope = Scope(start=("append", "swapfile", "many-buffers", "memlock"), file_pages=2)
    flags = of_explorer(scope)["inode[0].i_flags"]
    assert flags == 4 | 32 == of_scenario(scope)["inode[0].i_flags"]


def test_state_of_another_start_is_another_scope(tmp_path) -> None:
    state = str(tmp_path / "state")
    ops = ("mmap", "store")
    exploring.Exploration(exploring.Plan([halves.c_half()], Scope(ops=ops), 0, state=state)).run()
    with pytest.raises(BadInput, match="another scope"):
        exploring.Exploration(exploring.Plan([halves.c_half()], Scope(ops=ops, start=("append",)),
                                             0, state=state))
