# SPDX-License-Identifier: GPL-2.0-only
"""The model and C agree: every result, ending and field, after every operation of random cases."""

import os

import pytest

from . import compare

SHARDS = 30
CASES = 3_334 if os.environ.get("PYKMM_DEEP") else 100      # of each shard
SEED = int(os.environ.get("PYKMM_SEED", "2006"))


@pytest.fixture(scope="module")
def both():
    return compare.Both()


@pytest.mark.parametrize("shard", range(SHARDS), ids=[f"seed {SEED}, shard {shard}"
                                                      for shard in range(SHARDS)])
def test_model_and_c_agree_on_random_sequences(both, shard):
    agreed, different = compare.run(both, SEED, shard, range(CASES))
    assert different is None, different
    # not a row of operations that are refused because nothing is there
    assert agreed > 10 * CASES


@pytest.mark.parametrize("path, plant", [
    ("result", lambda world, result: result + 1),
    ("page[0].pins", lambda world, result: setattr(world.pages[0], "pins", 9)),
    ("mm[0].total_vm", lambda world, result: setattr(world.mms[0], "total_vm", 99)),
])
def test_model_that_errs_is_told_with_the_operations_before(both, monkeypatch, path, plant):
    right = compare.model.operate

    def wrong(world, name, actor, *arguments):
        result = right(world, name, actor, *arguments)
        return result if name != "store" else plant(world, result) or result

    monkeypatch.setattr(compare.model, "operate", wrong)
    _, different = compare.run(both, SEED, 0, range(CASES))
    assert f"    {path} " in different
    few = different.partition("the same with fewer operations:")[2].splitlines()
    done = [line.split()[2] for line in few if line.startswith("   ") and ": " in line]
    assert done[-1] == "store"
