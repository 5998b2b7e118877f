# SPDX-License-Identifier: GPL-2.0-only
"""A call as one would write it: pointers by name, bits by the kernel's names."""

import re

import pytest

from pykmm.engine import core, finding

PAGE, VMA, MM, MAPPING = r"page\[\d+\]", r"vma\[\d\]", r"mm\[\d\]", r"mapping\[\d\]"
HEX = r"(?:0|0x[0-9a-f]+)"
VM = r"(?:VM_\w+\|)*(?:VM_\w+|0x[0-9a-f]+|0)"
TEXTS = {
    "is_shared_writable": HEX,
    "test_clear_page_dirty": PAGE,
    "clear_page_dirty_for_io": PAGE,
    "page_mkclean_one": rf"{PAGE}, {VMA}, protect=[01]",
    "page_mkclean_file": rf"{MAPPING}, {PAGE}",
    "page_mkclean": PAGE,
    "try_to_free_buffers": PAGE,
    "follow_page": rf"{VMA}, {HEX}, (?:0|FOLL_\w+(?:\|FOLL_\w+)*)",
    "do_wp_page": rf"{MM}, {VMA}, {HEX}, {MM}\.pte\[{HEX}\], {MM}\.pmd\[\d\], "
                  rf"{MM}\.pmd\[\d\]\.ptl, {HEX}",
    "do_no_page": rf"{MM}, {VMA}, {HEX}, {MM}\.pte\[{HEX}\], {MM}\.pmd\[\d\], write_access=[01]",
    "do_mmap_pgoff": rf"(?:file\[\d\]|NULL), {HEX}, {HEX}, (?:0x0|0|PROT_\w+(?:\|PROT_\w+)*), "
                     rf"MAP_\w+(?:\|MAP_\w+)*, {HEX}",
    "do_brk": rf"{HEX}, {HEX}",
    "mprotect_fixup": rf"{VMA}, &world\.pprev, {HEX}, {HEX}, {VM}",
    "do_writepages": rf"{MAPPING}, world\.wbc\[0\]",
}


def test_texts_are_those_of_all_functions():
    assert list(TEXTS) == core.FUNCTIONS


@pytest.mark.parametrize("function", TEXTS)
def test_call_text_of_drawn_calls(builder, halves, function):
    job = core.Job(halves[:1], seed=4, functions=[core.FUNCTIONS.index(function)])
    for i in range(50):
        case = job.case(0, i)
        builder.build(case)
        text = finding.call_text(builder.runner, case, builder.map)
        assert re.fullmatch(rf"{function}\({TEXTS[function]}\)", text), text


@pytest.mark.parametrize("value, text", [
    (0, "0"), (1, "PROT_READ"), (3, "PROT_READ|PROT_WRITE"), (0x13, "PROT_READ|PROT_WRITE|0x10"),
    (0x100, "0x100"),
])
def test_bits_without_a_name_are_a_number(value, text):
    assert finding._named(value, "PROT_", finding._PROT) == text
