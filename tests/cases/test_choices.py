# SPDX-License-Identifier: GPL-2.0-only
"""Bytes to choices and back: decode is total and even, encode is its right inverse."""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pykmm.engine import core
from pykmm.errors import BadInput

# the limit of every byte of a case, in order
LIMITS = [limit for _, _, count, limit in core.CHOICES for _ in range(count)]
IDS = [name for name, *_ in core.CHOICES]

# not shrunk, which takes minutes: the tests of single choices below name the culprit
quick = settings(max_examples=200, derandomize=True, database=None, deadline=None,
                 phases=[Phase.explicit, Phase.generate])
any_bytes = st.binary(min_size=core.CASE_BYTES, max_size=core.CASE_BYTES)
any_case = st.tuples(*(st.integers(0, limit - 1) for limit in LIMITS)).map(bytes)


def test_choices_lie_side_by_side_and_fill_the_case():
    at = 0
    for _, offset, count, limit in core.CHOICES:
        assert offset == at and count >= 1 and 2 <= limit <= 256
        at += count
    assert at == core.CASE_BYTES == len(LIMITS)


@given(any_bytes)
@quick
def test_decode_of_any_bytes_is_byte_times_limit_over_256(data):
    expected = bytes(b * limit // 256 for b, limit in zip(data, LIMITS, strict=True))
    assert core.decode(data) == expected


@given(any_bytes)
@quick
def test_decode_of_any_bytes_builds(builder, data):
    # whatever the bytes, what they stand for can be built and encoded again
    case = core.decode(data)
    builder.runner.build(case)
    assert core.decode(core.encode(case)) == case


@given(any_case)
@quick
def test_encode_is_a_right_inverse_of_decode(case):
    assert core.decode(core.encode(case)) == case


@pytest.mark.parametrize("byte", [0x00, 0x01, 0x7F, 0x80, 0xFF])
def test_decode_of_one_byte_everywhere(byte):
    assert core.decode(bytes([byte]) * core.CASE_BYTES) \
        == bytes(byte * limit // 256 for limit in LIMITS)


@pytest.mark.parametrize("name, offset, count, limit", core.CHOICES, ids=IDS)
def test_encode_of_a_single_choice_at_both_ends(name, offset, count, limit):
    for at in range(offset, offset + count):
        for value in (0, limit - 1):
            case = bytearray(core.CASE_BYTES)
            case[at] = value
            assert core.decode(core.encode(bytes(case))) == case


@pytest.mark.parametrize("name, offset, count, limit", core.CHOICES, ids=IDS)
def test_decode_reaches_every_value_about_equally_often(name, offset, count, limit):
    for at in range(offset, offset + count):
        times = [0] * limit
        for byte in range(256):
            data = bytearray(core.CASE_BYTES)
            data[at] = byte
            case = core.decode(bytes(data))
            times[case[at]] += 1
            # and no other choice hears of it
            assert sum(case) == case[at]
        assert sum(times) == 256
        assert set(times) <= {256 // limit, -(-256 // limit)}


@pytest.mark.parametrize("name, offset, count, limit",
                         [c for c in core.CHOICES if c[3] < 256],
                         ids=[c[0] for c in core.CHOICES if c[3] < 256])
def test_encode_refuses_a_choice_past_its_limit(name, offset, count, limit):
    for at in (offset, offset + count - 1):
        case = bytearray(core.CASE_BYTES)
        case[at] = limit
        with pytest.raises(BadInput, match=rf"choice {name} is {limit}: .* below {limit}"):
            core.encode(bytes(case))


@pytest.mark.parametrize("function", [core.decode, core.encode])
@pytest.mark.parametrize("size", [0, core.CASE_BYTES - 1, core.CASE_BYTES + 1])
def test_case_of_another_size_is_refused(function, size):
    with pytest.raises(BadInput, match=str(core.CASE_BYTES)):
        function(bytes(size))
