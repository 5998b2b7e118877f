# SPDX-License-Identifier: GPL-2.0-only
"""is_shared_writable: step SW1."""

import pytest
from worlds import PFNMAP, SHARED, WRITE


@pytest.mark.parametrize("shared", [0, SHARED])
@pytest.mark.parametrize("write", [0, WRITE])
@pytest.mark.parametrize("pfnmap", [0, PFNMAP])
@pytest.mark.parametrize("others", [0, 0xFFFFFFFF & ~(SHARED | WRITE | PFNMAP)])
def test_is_shared_writable_truth_table(pair, shared, write, pfnmap, others):
    out = pair.run("is_shared_writable", flags=shared | write | pfnmap | others)

    expected = 1 if shared and write and not pfnmap else 0
    assert (out.ended, out.ret) == ("returned", expected)
    assert out.events == []


@pytest.mark.parametrize("bit", range(32))
def test_is_shared_writable_each_other_bit_plays_no_part(pair, bit):
    flag = 1 << bit
    expected = {WRITE: 0, SHARED: 0, PFNMAP: 0}.get(flag, 1)

    out = pair.run("is_shared_writable", flags=(SHARED | WRITE) ^ flag)

    assert out.ret == expected
