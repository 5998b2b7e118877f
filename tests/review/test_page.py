# SPDX-License-Identifier: GPL-2.0-only
"""The page as text: well-formed, all links lead somewhere, and it needs nothing from elsewhere."""

import re
from html.parser import HTMLParser

import pytest

from pykmm.patch.table import UNITS
from pykmm.review import page

EMPTY = {"meta", "input", "br"}
CONTRAST = 4.5      # of text, as accessibility guidelines ask for


class Read(HTMLParser):
    """Ids, links, headings and text of a page; asserts that what is opened is closed."""

    def __init__(self, text: str):
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.pictures: list[str] = []
        self.fetched: list[str] = []
        self.names: list[str] = []
        self.said: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        self.fetched += [given[name] for name in ("src", "srcset", "action") if name in given]
        self.names += [given["aria-labelledby"]] if "aria-labelledby" in given else []
        self.headings += [int(tag[1])] if re.fullmatch(r"h\d", tag) else []
        self.pictures += [given.get("aria-label", "")] if tag == "svg" else []
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self._open and self._open[-1] == tag, f"</{tag}> closes {self._open[-1:]}"
        self._open.pop()

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("style", "script"):
            self.said.append(data)


@pytest.fixture(scope="module")
def text(without_mail: dict) -> str:
    return page.page(without_mail)


@pytest.fixture(scope="module")
def read(text: str) -> Read:
    return Read(text)


def test_every_id_is_there_once(read: Read, without_mail: dict) -> None:
    assert len(read.ids) == len(set(read.ids))
    wanted = {edit["id"] for edit in without_mail["edits"]} | set(UNITS)
    wanted |= set(without_mail["functions"]) | set(without_mail["findings"])
    wanted |= {row["step"] for one in without_mail["functions"].values() for row in one["rows"]}
    assert wanted - {""} <= set(read.ids)


def test_every_link_leads_to_a_place_of_the_page(read: Read) -> None:
    assert len(read.links) > 300
    assert {link for link in read.links if link.removeprefix("#") not in read.ids} == set()
    assert set(read.names) <= set(read.ids)


def test_page_needs_nothing_from_elsewhere(read: Read, text: str) -> None:
    assert read.fetched == []
    assert not re.search(r"https?:|@import|url\(", text)


def test_headings_leave_out_no_level(read: Read) -> None:
    assert read.headings[0] == 1 and read.headings.count(1) == 1
    assert read.headings.count(2) == 4      # units, what goes wrong, edits, functions
    assert all(b <= a + 1 for a, b in zip(read.headings, read.headings[1:], strict=False))


def test_every_picture_is_said_in_words(read: Read, without_mail: dict) -> None:
    runs = [unit["witness"] for unit in without_mail["units"].values()]
    runs += without_mail["findings"].values()
    moments = sum(2 * (len(run["operations"]) + 1) for run in runs)
    assert len(read.pictures) == moments
    assert all("disk of" in said for said in read.pictures)


def test_description_stands_for_the_mail_that_is_not_given(read: Read, without_mail: dict) -> None:
    said = " ".join(" ".join(read.said).split())
    assert "no mail was given" in said
    for edit in without_mail["edits"]:
        assert edit["does"] in said


def test_page_shows_the_counts_of_lines(read: Read, without_mail: dict) -> None:
    said = {one.strip() for one in read.said}
    for row in without_mail["functions"]["page_mkclean_one"]["rows"]:
        for line in row["c"]:
            assert line["count"] is None or f"{line['count']:,}" in said


def test_page_without_counts_or_runs_is_whole() -> None:
    from pykmm.review import facts

    empty = Read(page.page(facts.facts(facts.Source())))
    assert "nothing was counted" in " ".join(empty.said) and empty.pictures == []


def test_page_with_the_mail_has_its_lines(with_mail: dict) -> None:
    read = Read(page.page(with_mail))
    said = "".join("".join(read.said).split())
    for edit in with_mail["edits"]:
        for row in edit["rows"]:
            for line in row["patch"]:
                assert "".join(line["text"].split()) in said
    assert "no mail was given" not in " ".join(read.said)


def test_text_of_a_mail_is_text(with_mail: dict) -> None:
    with_mail = {**with_mail, "edits": [dict(edit) for edit in with_mail["edits"]]}
    edit = with_mail["edits"][10]
    row = {**edit["rows"][0], "patch": [{**edit["rows"][0]["patch"][0],
                                          "text": "<script>alert(1)</script>"}]}
    edit["rows"] = [row]
    assert "<script>alert" not in page.page(with_mail)


def test_altered_mail_is_named_at_the_top_and_at_its_edit(with_mail: dict) -> None:
    altered = {**with_mail, "mail": {**with_mail["mail"], "verdict": "altered", "altered": [
        {"what": "E25", "lines": [414]}]}}
    altered["edits"] = [{**edit, "altered": edit["id"] == "E25"} for edit in with_mail["edits"]]
    text = page.page(altered)
    assert re.search(r"altered</strong>:\s*E25 \(line 414\)", text)
    assert text.count('<span class="badge warn">altered</span>') == 1


# -- colours


def palettes(text: str) -> list[dict[str, str]]:
    """Colours by name, light and dark."""
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
                   for block in re.findall(r":root \{(.*?)\}", text, re.DOTALL)[:2])
    return [light, {**light, **dark}]


def luminance(colour: str) -> float:
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= .03928 else ((c + .055) / 1.055) ** 2.4 for c in parts)
    return .2126 * red + .7152 * green + .0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "backs"), [
    ("text", "back card sunk own added removed accent-back"),
    ("faint", "back card sunk own"), ("accent", "back card sunk own accent-back"),
    ("comment", "card own added removed"), ("word", "card own added removed"),
    ("string", "card own added removed"), ("dirty", "card dirty-back accent-back"),
    ("busy", "busy-back"), ("bad", "card own"), ("good", "card"),
    ("added-text", "added"), ("removed-text", "removed"),
])
def test_colours_can_be_told_apart(text: str, scheme: int, front: str, backs: str) -> None:
    colours = palettes(text)[scheme]
    for back in backs.split():
        low, high = sorted((luminance(colours[front]), luminance(colours[back])))
        assert (high + .05) / (low + .05) >= CONTRAST, f"{front} on {back}"
