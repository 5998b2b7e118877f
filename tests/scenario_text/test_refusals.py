# SPDX-License-Identifier: GPL-2.0-only
"""Text that makes no sense is refused with the place, what was found and what was expected."""

import pytest
from written_stories import STORED, refusal

from pykmm.errors import BadInput
from pykmm.scenario import meaning, parse

F = "file f ext2 pages=2\n"
A = F + "p0: a = mmap f pages=2\n"

# (text, line and column, parts of the message)
REFUSED = [
    # words that are none
    ("filee f ext2\n", "1:1", ["'filee'", "'expect'"]),
    ("units all, U8\n", "1:12", ["'U8'", "U1+U2"]),
    ("units\n", "1:6", ["the end of the line", "all or none"]),
    ("p3: fork\n", "1:1", ["'p3'", "p0, p1, p2"]),
    ("p0: stor a\n", "1:5", ["'stor' is no operation", "store"]),
    ("p0:\n", "1:4", ["the end of the line", "an operation"]),
    (A + "p0: store a = = 3\n", "3:15", ["'='", "-EINVAL"]),
    (A + "p0: store a+ = 3\n", "3:14", ["'='", "a number"]),
    (A + "p0: store a 3 4\n", "3:13", ["'3'", "at, sector=0"]),
    (A + "expect page 0 dirty\n", "3:15", ["'dirty'", "':'"]),
    (A + "expect page 0: dirty,\n", "3:22", ["the end of the line"]),
    (A + "expect p0 vmas: a..a+2 rw f at 0\n", "3:24", ["'rw'", "rw-s"]),
    (A + 'expect events "put_page\n', "3:15", ["'\"put_page'"]),
    ("é\n", "1:1", ["'é'"]),
    ("\x00\n", "1:1", ["'\\x00'"]),
    ("p0: fork extra extra2 $\n", "1:23", ["'$'"]),
    # names that stand for nothing
    (F + "p0: mmap g\n", "2:10", ["'g'", "(f)", "anon"]),
    (F + "p0: store a\n", "2:11", ["'a'", "0 to 15, heap"]),
    (A + "p0: store b+1\n", "3:11", ["'b+1'", "(a)"]),
    (A + "complete g[0]\n", "3:10", ["'g'", "a file: f"]),
    (A + "complete f[a]\n", "3:10", ["'f[a]'", "f[0]"]),
    (A + "p0: store a = w\n", "3:15", ["'w'", "(a)", "SIGBUS"]),
    (A + "p0: store a = -EWHAT\n", "3:15", ["EWHAT"]),
    (A + "expect page f[0]: contents [w 1 2 3]\n", "3:19", ["'w'", "a version"]),
    (A + "p0: f = load a\n", "3:5", ["'f' has a meaning already"]),
    # numbers that cannot be
    (A + "p0: store a sector=4\n", "3:20", ["'4'", "from 0 to 3"]),
    (A + "p0: store 24\n", "3:11", ["'24'", "0 to 15"]),
    (A + "p0: mmap f pages=256\n", "3:18", ["'256'", "255"]),
    (A + "p0: mmap f flags=shared|magic\n", "3:18", ["'shared|magic'", "private"]),
    (A + "p0: mmap f prot=q\n", "3:17", ["'q'", "r|w|x"]),
    (A + "p0: mprotect a\n", "3:5", ["needs prot"]),
    (A + "p0: store a page=3\n", "3:13", ["store has no page=", "at, sector=0"]),
    (A + "p0: store a sector=1 sector=1\n", "3:22", ["said twice"]),
    (A + "complete 17\n", "3:10", ["'17'", "0 to 16"]),
    (A + "store a\n", "3:1", ["who does it", "p0: store"]),
    (F + "truncate f\n", "2:1", ["needs sectors"]),
    (A + "fail allocation 0\n", "3:17", ["found 0", "from 1"]),
    (A + "pause 0: p1: exit\n", "3:7", ["found 0", "from 1"]),
    (A + "pause 1: p1: b = mmap f\n", "3:18", ["no result"]),
    (A + "pause 1: complete all\n", "3:10", ["say which page"]),
    (A + "pause 1 often=3: p1: exit\n", "3:9", ["often", "every"]),
    (A + "p0: poke a a\n", "3:10", ["'a'", "p0, p1 or p2"]),
    # files, limits, units
    ("file f ext9\n", "1:8", ["'ext9'", "PFNMAP driver"]),
    ("file f ext2 pages=7\n", "1:19", ["'7'", "6"]),
    ("file f ext2 size=100\n", "1:18", ["'100'", "a multiple of 1024"]),
    ("file f ext2 block=512\n", "1:19", ["'512'", "1024 or 2048 or 4096"]),
    ("file f ext2 holes=99\n", "1:19", ["'99'"]),
    ("file f ext2 pages=1 size=4096\n", "1:6", ["pages= or size="]),
    ("file f block device holes=1\n", "1:6", ["no holes"]),
    ("file f ext2 colour=3\n", "1:13", ["colour", "pages="]),
    ("file heap ext2\n", "1:6", ["'heap'"]),
    (F + F, "2:6", ["'f'"]),
    ("file a ext2\nfile b ext2\nfile c ext2\nfile d ext2\n", "4:6", ["at most 3 files"]),
    (A + "file g ext2\n", "3:1", ["before"]),
    (A + "units all\n", "3:7", ["before everything else"]),
    ("units all, U1, all\n", "1:16", ["twice"]),
    ("limit memory=99\n", "1:14", ["'99'", "16"]),
    ("limit luck=1\n", "1:7", ["luck", "memory="]),
    # things said one by one
    ("page 16: uptodate\n", "1:6", ["found 16"]),
    (F + "page 0: wet\n", "2:9", ["'wet'", "dirty"]),
    (F + "page 0: free\n", "2:9", ["'free'", "expected of a page, and not said"]),
    (F + "vma 0: p0 0..2 rw-s\n", "2:11", ["FILE at N"]),
    (F + "vma 0: p0 0..2 rw-s f at 0 SOFT\n", "2:11", ["'SOFT'", "LOCKED"]),
    (F + "pte p0 at 0: page 0\n", "2:14", ["RW, RO or NONE"]),
    (F + "pte p0 at 0: page 0 RW, D\n", "2:14", ["the whole pte"]),
    (F + "pte p0 at 0: paper\n", "2:14", ["'paper'", "no pte"]),
    (F + "buffers of page 0: Wet\n", "2:20", ["'Wet'", "Uptodate"]),
    (F + "buffers of page 0: -, -, -, -, -\n", "2:32", ["at most 4"]),
    (F + "hold f.nothing\n", "2:6", ["f.nothing"]),
    (F + "set page[0].colour = 3\n", "2:5", ["page[0].colour", "layout.def"]),
    (F + "set page[0].mapping = 3\n", "2:5", ["pointer"]),
    # calls
    ("call do_fork at=0\n", "1:6", ["'do_fork'", "page_mkclean"]),
    ("call page_mkclean\n", "1:6", ["needs page="]),
    ("call page_mkclean page=0 vma=1\n", "1:26", ["no vma=", "page=, locked="]),
    ("call page_mkclean page=0 page=1\n", "1:26", ["twice"]),
    (F + "call do_wp_page at=0\n", "2:6", ["no vma at 0"]),
    # expectations
    (A + "expect page 0: dirtyy\n", "3:16", ["'dirtyy'", "no fact of a page", "uptodate"]),
    (A + "expect p0 at a: page 0 RX\n", "3:17", ["'page 0 RX'", "zero page RO"]),
    (A + "expect steps WP99\n", "3:14", ["'WP99'", "cref/steps"]),
    (A + "expect no steps XX*\n", "3:17", ["'XX*'"]),
    (A + "expect events put_pagee\n", "3:15", ["put_pagee", "events.def"]),
    (A + "expect property pages holds\n", "3:17", ["'pages'", "refcounts"]),
    (A + "expect file g: size 3\n", "3:13", ["'g'"]),
    (A + "expect swap 9: count 1\n", "3:13", ["'9'"]),
    (A + "expect locks: f.size\n", "3:15", ["f.size"]),
    (A + "expect page[99]._count = 1\n", "3:8", ["page[99]._count"]),
    (A + "expect if -U3: nothing changed\n", "3:1", ["if -U3", "unless U5"]),
    (A + "p0: store a = 3, 4 if U5\n", "3:15", ["nothing after it"]),
    # what is said twice: one of the two would be forgotten
    ("units all\nunits U1\n" + A, "2:7", ["units", "line 1"]),
    (A + "fail allocation 3\nfail allocation 5\n", "4:17", ["fails", "line 3"]),
    (A + "pause 3: sync\npause 5: drain\npause 7: p0: load a\n", "5:7",
     ["at most 2 others", "lines 3 and 4"]),
    (A + "pause 3: sync\npause 3: drain\n", "4:7", ["line 3", "pause 3"]),
    ("limit memory=3\nlimit memory=4\n" + A, "2:7", ["limit memory", "line 1"]),
    ("limit memory=3 memory=4\n" + A, "1:16", ["limit memory", "line 1"]),
    (F + "page 0: dirty\npage 0: uptodate, not dirty\n", "3:19", ["dirty of page 0", "line 2"]),
    (F + "page 0: count 1, count 2\n", "2:18", ["count of page 0", "line 2"]),
    (F + "page 0: f at 0, tag D, not tag D\n", "2:24", ["tag D of page 0"]),
    (F + "buffers of page 0: Mapped\nbuffers of page 0: -\n", "3:17",
     ["buffers of page 0", "line 2"]),
    (F + "set f.nrpages = 3\nset mapping[0].nrpages = 4\n", "3:5",
     ["mapping[0].nrpages", "line 2"]),
    (A + "p0: a = mmap f\n", "3:5", ["the name a", "line 2"]),
    (A + "p0: store a = 3 if U5, 4 if U1+U5\n", "3:24", ["4 if U1+U5 is never meant"]),
    ("case sequence\ncase direct\n", "2:6", ["kind of case", "line 1"]),
    ("case sequence\nspare 1\nspare 2\n", "3:7", ["spare", "line 2"]),
    # a whole that is none
    ("", "", ["nothing is done"]),
    ("# only a comment\n", "", ["nothing is done"]),
    (F + "case direct\n", "2:1", ["comes first"]),
    ("choice pte = 3\n", "1:8", ["case direct"]),
    ("spare 3\n", "1:7", ["case sequence"]),
]


@pytest.mark.parametrize(("text", "place", "parts"), REFUSED,
                         ids=[f"{i}-{case[0].splitlines()[-1][:30] if case[0] else 'nothing'}"
                              for i, case in enumerate(REFUSED)])
def test_text_without_a_meaning_is_refused(text, place, parts):
    message = refusal(text)

    assert message.startswith(f"s.kmm:{place}: " if place else "s.kmm: "), message
    assert "\n" not in message
    for part in parts:
        assert part in message, message


@pytest.mark.parametrize(("line", "place", "part"), [
    ("p0: load a\np0: exit\np0: mmap f\n", None, ""),
    ("p0: x = load a\np0: load x\n", "6:10", "is no page of a process"),
    # what an operation in between was said for is forgotten by nobody
    ("fail allocation 1\np0: mmap anon\nfail allocation 1\np0: mmap anon\n", None, ""),
    ("pause 1: drain\npause 2: sync\np0: load a\npause 1: drain\npause 2: sync\np0: load a+1\n",
     None, ""),
    ("set page[0]._count = 3\np0: load a\nset page[0]._count = 2\n", None, ""),
    # but what has not come to pass yet is still to come
    ("fail allocation 90\np0: load a\nfail allocation 1\n", "7:17", "allocation 90 from here"),
    ("pause 90: drain\npause 91: sync\ndrain\npause 1: sync\n", "8:7",
     "two others have not acted yet, at pauses 89 and 90"),
    ("pause 90: drain\ndrain\npause 89: sync\n", "7:7", "at pause 89 from here already"),
    ("page 5: f at 1\nbuffers of page f[1]: -\nbuffers of page 5: -\n", "7:17",
     "has buffers already"),
    ("p0: load heap+9\n", "5:10", "outside of what"),
    ("page 9: tag D\n", "5:6", "is in no file"),
    ("p0: close f\npause 3: p0: fsync f\n", "6:7", "cannot at a pause"),
    ("vma 0: p0 4..5 rw-p anon\n", "5:5", "a vma 0 already"),
    ("vma 3: p0 5..4 rw-p anon\n", "5:5", "after its start"),
    ("vma 3: p0 1..3 rw-p anon\n", "5:5", "vma 0 of p0 lies there"),
    ("pte p0 at a: page 1 RW\n", "5:1", "a pte already"),
    ("page 0: f at 3\n", "5:6", "an owner already"),
    ("page 0: swap at 3\n", "5:6", "an owner already"),
    ("call mprotect_fixup at=a pages=3 prot=r\n", "5:6", "not a part of vma[0]"),
    ("hold f.tree_lock\nhold f.tree_lock\n", "6:6", "ends as lock taken twice"),
    ("set f.page_tree.nr = 99\nset f.i_kind = 99\np0: munmap a pages=2\n"
     "vma 0: p0 0..1 rw-s f at 0\n", "8:1", "cannot be looked at"),
    ("call do_mmap_pgoff fd=3\n", "5:6", "nothing open as 3"),
    ("call do_wp_page at=9\n", "5:6", "no vma at 9"),
    ("page 5: f at 9\nbuffers of page 5: -, -, -, -\npage 6: f at 10\n"
     "buffers of page 6: -, -, -, -\npage 7: f at 11\nbuffers of page 7: -, -, -, -\n"
     "page 8: f at 12\nbuffers of page 8: -, -, -, -\npage 9: f at 13\nbuffers of page 9: -\n",
     "14:17", "no room"),
])
def test_line_that_does_not_fit_its_world_is_refused(line, place, part):
    text = STORED + line
    if place is None:
        meaning.check(parse.parse(text, "s.kmm"))
        return
    message = refusal(text)

    assert message.startswith(f"s.kmm:{place}: "), message
    assert part in message


def test_whole_file_is_read_before_anything_is_refused_by_its_meaning():
    assert refusal("p0: store a\nexpect page\n").startswith("s.kmm:2:12: ")


def test_file_that_cannot_be_read_is_refused(tmp_path):
    for name, data in (("long.kmm", b"#" * (parse.MOST_BYTES + 1)), ("bytes.kmm", b"a\n\xff\n")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BadInput, match=name):
            parse.read(tmp_path / name)
    with pytest.raises(BadInput, match="No such file"):
        parse.read(tmp_path / "missing.kmm")
