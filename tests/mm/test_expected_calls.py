# SPDX-License-Identifier: GPL-2.0-only
"""What each function calls, in which order and with which arguments: all of it, situation by situation.

What only an event tells, no bit and no result shows: comparing halves does not see it where both are
wrong alike.  tools/both_halves.py plants such changes and looks which cases see them.
"""

from pathlib import Path

import pytest
from situations import ON_PAIR, ON_PROCESS, UNITS

from pykmm.engine import core

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10 has no TOML reader of its own
    import tomli as tomllib

EXPECTED = {f"{path.stem}/{row['name']}": row
            for path in sorted(Path(__file__).with_name("expected_calls").glob("*.toml"))
            for row in tomllib.loads(path.read_text(encoding="utf-8"))["situation"]}


def test_every_situation_is_expected_something_and_every_function_has_some():
    assert sorted(EXPECTED) == sorted([*ON_PROCESS, *ON_PAIR])
    # the last calls nothing, and three are called by others of them
    assert {name.partition("/")[0] for name in EXPECTED} == set(core.FUNCTIONS) - {
        "is_shared_writable", "page_mkclean_one", "page_mkclean_file"}


def expect(out, name: str, units: str) -> None:
    row = EXPECTED[name]
    ret = row.get(f"ret_{units}", row["ret"])
    assert out.ended == "returned"
    # where a page lies is told by its name
    assert (out.map.name_of(out.ret) if isinstance(ret, str) else out.ret) == ret
    # by the kernel before as by v8, where nothing else is said
    assert out.calls == row.get(units, row["v8"])


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("name", ON_PROCESS)
def test_calls_in_a_process(process, name, units):
    process.units(UNITS[units])
    expect(ON_PROCESS[name](process), name, units)


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("name", ON_PAIR)
def test_calls_on_a_page(pair, name, units):
    pair.units(UNITS[units])
    expect(ON_PAIR[name](pair), name, units)
