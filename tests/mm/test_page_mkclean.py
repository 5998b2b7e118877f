# SPDX-License-Identifier: GPL-2.0-only
"""page_mkclean: steps PM1-PM4."""


def test_page_mkclean_mapped_file_page_is_cleaned(pair):
    pair.file(0)
    pair.page(0, file=0, index=2, flags="locked")
    pair.vma(0, at=0, pages=3, file=0)
    pair.pte(at=2, page=0, bits="rw dirty")

    out = pair.run("page_mkclean", page=0)

    assert (out.ended, out.ret) == ("returned", 1)
    assert out.pte(0, 2) == "page 0 clean,read-only"
    assert out.steps[:3] == ["PM1", "PM2", "PM3"]


def test_page_mkclean_unmapped_page_takes_no_lock(pair):
    pair.file(0)
    pair.page(0, file=0, index=2, flags="locked")

    out = pair.run("page_mkclean", page=0)

    assert (out.ended, out.ret) == ("returned", 0)
    assert out.events == ["PageLocked", "page_mapped"]


def test_page_mkclean_unlocked_page_is_a_bug_even_unmapped(pair):
    pair.file(0)
    pair.page(0, file=0, index=2)

    out = pair.run("page_mkclean", page=0)

    assert out.ended == "BUG"
    assert out.steps == ["PM1"]


def test_page_mkclean_anonymous_page_has_no_mapping(pair):
    pair.page(0, anon=0, index=2, flags="locked")
    pair.set("page[0]._mapcount", 0)

    out = pair.run("page_mkclean", page=0)

    assert (out.ended, out.ret) == ("returned", 0)
    assert out.events == ["PageLocked", "page_mapped", "page_mapping"]


def test_page_mkclean_truncated_page_has_no_mapping(pair):
    pair.page(0, index=2, flags="locked")
    pair.set("page[0]._mapcount", 0)

    out = pair.run("page_mkclean", page=0)

    assert (out.ended, out.ret) == ("returned", 0)


def test_page_mkclean_mapped_page_of_the_swap_cache_is_a_bug(pair):
    # page_mapping gives swapper_space, and page_mkclean_file refuses anonymous pages
    pair.page(0, anon=0, swap=0x8000001, index=2, flags="locked")
    pair.set("page[0]._mapcount", 0)

    out = pair.run("page_mkclean", page=0)

    assert out.ended == "BUG"
    assert out.steps[-1] == "MFI2"
