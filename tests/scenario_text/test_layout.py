# SPDX-License-Identifier: GPL-2.0-only
"""The canonical layout: nothing is lost, and what is in it stays as it is."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pykmm.errors import BadInput
from pykmm.scenario import layout, parse

EXAMPLES = sorted((Path(__file__).parents[1] / "scenarios").rglob("*.kmm"))

STATEMENTS = [
    "units all, none, -U5, U1+U2, -U1-U2",
    "file f ext2 pages=2 block=1024 holes=0,2",
    "file d PFNMAP driver size=4096 mapped=0x3 flags=append|swapfile mode=r congested=1",
    "limit memory=3 overcommit=never",
    "fail allocation 3",
    "pause 2 every=4 more=3: p1: truncate f sectors=0",
    "p0: a = mmap f pages=2 prot=rw flags=shared|locked at=heap+1",
    "p0: store a+1 sector=2 = 9 if U5, -EINVAL unless U1+U2, ?",
    "p0: exit = lock taken twice",
    "complete f[0] ok=0",
    "reclaim p0[a+1]",
    "page 0: f at 2, locked dirty uptodate, tag D, not error, contents [1 2 3 4]",
    "page 1: anon 0 at 0x40003",
    "vma 0: p0 0..a+3 rw-s f at 0 prot RO LOCKED no MAYWRITE",
    "pte p0 at 2: zero page RO",
    "buffers of page 0: Uptodate Dirty, -",
    "hold write mm[0].mmap_sem",
    "hold f.tree_lock",
    "set page[0].flags.dirty = -1",
    "call page_mkclean_one page=0 vma=0 protect=1 = 1",
    "call follow_page at=a+1 flags=WRITE|TOUCH = page 0",
    "expect p0 at a+1: page 0 RO D, not A",
    "expect if U5: page f[0]: dirty, not writeback, count 3, contents [* 2 x -]",
    "expect unless all: p0 vmas: a..a+2 rw-s f at 0 prot RO, 4..5 rw-p anon",
    "expect p1 vmas: none",
    "expect p0 vma at a: absent",
    "expect p0: file_rss 1, fd 0 closed",
    "expect buffer 1 of page f[0]: Dirty",
    "expect buffer 1: not Dirty",
    "expect file f: disk [1 2 3 4] [- - - -], EIO",
    "expect swap 1: count 2",
    "expect nr_dirty 1, committed -2",
    "expect locks: mm[0].mmap_sem, f.tree_lock",
    "expect locks: none",
    "expect no steps WP4 MK*",
    "expect only steps WP4",
    'expect events put_page, "get_page(*)"',
    "expect no events put_page",
    "expect 2 events put_page",
    "expect property page_state broken",
    "expect properties hold",
    "expect result -EINVAL",
    "expect faults 2",
    "expect nothing changed",
    "expect interference refused",
    "expect page[0]._mapcount = -1",
    "case direct",
    "case sequence",
    "choice function = page_mkclean",
    "choice pte = 0 3 4",
    "spare 0x12ab",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_statement_prints_as_it_is_written(statement):
    said = parse.parse(statement).lines[0].statement

    assert str(said) == statement
    assert parse.parse(str(said)).lines[0].statement == said


@pytest.mark.parametrize(("written", "canonical"), [
    ("p0:store   a+1   sector=2=9", "p0: store a+1 sector=2 = 9"),
    ("\tp0 :  a=mmap f  pages=2\t# why", "p0: a = mmap f pages=2  # why"),
    ("expect page f[0] :dirty ,not   locked", "  expect page f[0]: dirty, not locked"),
    ("expect page 0: contents [ 1  2 3 4 ]", "  expect page 0: contents [1 2 3 4]"),
    ("#!", "# !"),
    ("   #", "#"),
    ("expect events \"put_page(*)\" # a # b", '  expect events "put_page(*)"  # a # b'),
    ("sync\r", "sync"),
])
def test_line_is_put_into_its_layout(written, canonical):
    assert layout.text(parse.parse(written)) == f"{canonical}\n"


def test_empty_lines_and_comments_keep_their_places():
    written = "\n\n# first\nsync\n\n\n\n# of the expectation\nexpect faults 0\n# of sync\nsync\n\n"

    assert layout.text(parse.parse(written)) == (
        "# first\nsync\n\n  # of the expectation\n  expect faults 0\n# of sync\nsync\n")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_scenario_is_in_its_layout(path):
    text = path.read_text(encoding="utf-8")

    assert layout.text(parse.parse(text, path.name)) == text


SPACES = st.text(" \t", max_size=3)
COMMENTS = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=12)
LINES = st.one_of(
    st.tuples(SPACES, st.sampled_from(STATEMENTS), SPACES).map("".join),
    st.tuples(SPACES, st.sampled_from(STATEMENTS), SPACES, COMMENTS).map(
        lambda parts: f"{parts[0]}{parts[1]}{parts[2]}#{parts[3]}"),
    st.tuples(SPACES, COMMENTS).map("#".join),
    SPACES,
)


@settings(deadline=None, max_examples=150)
@given(st.lists(LINES, max_size=8))
def test_layout_changes_nothing_but_the_layout(lines):
    scenario = parse.parse("\n".join(lines))
    text = layout.text(scenario)
    again = parse.parse(text)

    assert layout.text(again) == text
    assert [line.statement for line in again.said] == [line.statement for line in scenario.said]
    comments = [[line.comment for line in one.lines if line.comment is not None]
                for one in (again, scenario)]
    assert comments[0] == comments[1]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(st.sampled_from(" ".join(STATEMENTS).split()),
                          st.text(max_size=6)), max_size=10))
def test_any_words_parse_or_are_refused_in_one_line(words):
    text = " ".join(words)
    try:
        scenario = parse.parse(text, "s.kmm")
    except BadInput as error:
        assert str(error).startswith("s.kmm:")
    else:
        assert layout.text(parse.parse(layout.text(scenario))) == layout.text(scenario)
