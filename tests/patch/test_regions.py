# SPDX-License-Identifier: GPL-2.0-only
"""The half X as text: every form of region, and every way to get a marker wrong."""

import re
import subprocess
from pathlib import Path

import pytest
from patch_toy import Toy

from pykmm import paths
from pykmm.errors import HarnessError
from pykmm.patch.cfile import read_c_file
from pykmm.patch.edits import judge
from pykmm.patch.mail import read_mail
from pykmm.patch.regions import carried, render


def rendered(toy: Toy) -> dict[str, str]:
    mail, verdict = toy.read()
    return render(mail, verdict, toy.cref)


def function(text: str, name: str) -> str:
    """The definition of one function, from its name to its } in the first column."""
    found = re.search(rf"\b{name}\([^;{{]*?\)\n\{{.*?^\}}", text, re.DOTALL | re.MULTILINE)
    assert found, name
    return found[0]


def own_lines(text: str) -> list[str]:
    """The lines without directives and indent."""
    return [s.strip() for s in text.split("\n") if s.strip() and not s.startswith("#")]


def fault(toy: Toy) -> str:
    with pytest.raises(HarnessError) as caught:
        rendered(toy)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{toy.cref}/")


# -- every form


def test_render_gives_every_file_that_has_regions(toy: Toy) -> None:
    toy.put("cref/mm/plain.c", "int plain;\n")
    assert list(rendered(toy)) == ["include/linux/toy.h", "mm/toy.c"]


def test_region_at_file_level_is_after(toy: Toy) -> None:
    header = rendered(toy)["include/linux/toy.h"]
    first = toy.line("+static inline int is_toy")
    assert header.split("\n") == [
        f'#line 1 "{toy.cref}/include/linux/toy.h"',
        "#ifndef LINUX_TOY_H",
        "#define LINUX_TOY_H",
        "#define TOY 1",
        f'#line {first} "{toy.path}"',
        "static inline int is_toy(int a)",
        "{",
        "\treturn a == TOY;",
        "}",
        f'#line 10 "{toy.cref}/include/linux/toy.h"',
        "#endif",
        "",
    ]


def test_function_with_two_regions_has_both_replaced_in_both_copies(toy: Toy) -> None:
    source = rendered(toy)["mm/toy.c"]
    assert own_lines(function(source, "toy_fault__before"))[3:] == [
        "int ret = 0;", "NOTE(1);", "if (a > 1) {", "int reuse = b;", "if (reuse) {", "NOTE(2);",
        "ret = 2;", "}", "}", "NOTE(4);", "return ret;", "}",
    ]  # fmt: skip
    assert own_lines(function(source, "toy_fault__after"))[3:] == [
        "int reuse = 0, ret = 0;", "int dirty = 0;", "NOTE(1);", "if (is_toy(a)) {",
        "reuse = dirty = 1;", "} else if (a > 1) {", "reuse = b;", "NOTE(2);", "}",
        "if (reuse) {", "ret = NOTE(3) + 3;", "}", "NOTE(4);", "if (dirty)", "NOTE(5);",
        "return ret;", "}",
    ]  # fmt: skip
    assert own_lines(function(source, "toy_fault"))[3:] == [
        "return unit(KMM_U1) ? toy_fault__after(a, b)", ": toy_fault__before(a, b);", "}",
    ]  # fmt: skip


def test_copies_keep_signature_and_storage_class(toy: Toy) -> None:
    source = rendered(toy)["mm/toy.c"]
    for name in ("toy_fault__before", "toy_fault__after", "toy_fault"):
        comment = "/* a comment, with a ) in it */"
        assert f"SHOWN int {name}(int a,\t{comment}\n\t\tint b)\n{{" in source
    for name in ("toy_quiet__before", "toy_quiet__after", "toy_quiet"):
        assert f"static int\n{name}(int a)\n{{" in source


def test_function_of_no_unit_follows_the_bit_of_x(toy: Toy) -> None:
    text = function(rendered(toy)["mm/toy.c"], "toy_quiet")
    assert own_lines(text)[-3:-1] == [
        "return unit(KMM_UX) ? toy_quiet__after(a)",
        ": toy_quiet__before(a);",
    ]


def test_function_without_region_stays_as_it_is(toy: Toy) -> None:
    source = rendered(toy)["mm/toy.c"]
    assert source.count("toy_call(") == 1
    assert "static int toy_clean_one(int a)\n{\n\tNOTE(7);" in source
    assert "toy_clean_one__" not in source


def test_events_of_mail_lines_know_their_file(toy: Toy) -> None:
    source = rendered(toy)["mm/toy.c"]
    to_mail = "#undef KMM_FILE\n#define KMM_FILE KMM_FILE_MAIL\n#line "
    back = "#undef KMM_FILE\n#define KMM_FILE KMM_FILE_TOY\n#line "
    # All runs of mail lines but the include, which stands above the constant.
    assert source.count(to_mail) == source.count(back) == 7
    assert "KMM_FILE KMM_FILE_MAIL" not in source[: source.index("toy_fault__before")]


def test_every_line_of_the_text_is_where_its_directive_says(toy: Toy) -> None:
    files = {str(toy.path): toy.path.read_text().split("\n")}
    for path, text in rendered(toy).items():
        files[str(toy.cref / path)] = (toy.cref / path).read_text().split("\n")
        seen = 0
        name, number = "", 0
        for line in text.split("\n")[:-1]:
            if match := re.fullmatch(r'#line (\d+) "(.*)"', line):
                name, number = match[2], int(match[1])
                continue
            if re.match(r"#(undef|define) KMM_FILE", line) and "KMM_FILE_TOY" not in line:
                continue
            given = files[name][number - 1] if number <= len(files[name]) else ""
            given = given[1:] if name == str(toy.path) else given
            # The body of the function that chooses has no line of its own anywhere.
            if "__" not in line and not line.startswith(("{", "}")) and "KMM_FILE" not in line:
                assert line == given, (name, number)
                seen += 1
            number += 1
        assert seen > 5


def test_carried_tells_edits_with_and_without_a_region(toy: Toy) -> None:
    _, verdict = toy.read()
    assert carried(verdict, toy.cref) == ([f"E{n:02}" for n in range(1, 10)], [])
    source = (toy.cref / "mm/toy.c").read_text()
    toy.put("cref/mm/toy.c", source.replace("/* E06 { */", "").replace("/* } E06 */", ""))
    has, has_not = carried(verdict, toy.cref)
    assert has_not == ["E06"]
    assert "E06" not in has


def test_mail_named_with_quotes_is_quoted(toy: Toy) -> None:
    strange = toy.folder / 'a "mail" \\ here'
    toy.path.rename(strange)
    mail = read_mail(strange, toy.table)
    text = render(mail, judge(mail, toy.table), toy.cref)["include/linux/toy.h"]
    assert 'a \\"mail\\" \\\\ here"\n' in text
    source = toy.put("x.c", text)
    done = subprocess.run(["cc", "-E", str(source)], check=True, capture_output=True, text=True)
    assert 'a \\"mail\\" \\\\ here"' in done.stdout


# -- functions


@pytest.mark.parametrize(
    ("signature", "name", "parameters"),
    [
        ("int f(void)", "f", ()),
        ("int f()", "f", ()),
        ("struct page *f(struct vm_area_struct *vma, unsigned long a[4])", "f", ("vma", "a")),
        ("static void\nf(int (*done)(int, int), const char *const name)", "f", ("done", "name")),
        ("__attribute__((used)) static int f(pte_t pte)", "f", ("pte",)),
        ("static inline unsigned long f(struct file *file,\n\t\tunsigned long addr)", "f",
         ("file", "addr")),
        ("int f(int a /* first, of two */, int b)", "f", ("a", "b")),
    ],
)  # fmt: skip
def test_function_gives_name_and_parameters(
    toy: Toy, signature: str, name: str, parameters: tuple[str, ...]
) -> None:
    body = "{\n\t/* E06 { */\n\treturn;\n\t/* } E06 */\n}\n"
    toy.put("cref/mm/f.c", f"#include <a.h>\n/* words\n * f(x)\n */\n{signature}\n{body}")
    (found,) = read_c_file(toy.cref, "mm/f.c").functions
    assert (found.name, found.parameters) == (name, parameters)
    assert "\n".join(found.signature) == signature
    assert "\n".join(found.signature_as("g")) == signature.replace("f(", "g(", 1).replace(
        "ig(", "if("
    )


# -- markers that are wrong


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("\t/* } E06 */\n", "", 29, "the region of E06 is not closed"),
        ("/* } E08 */\n", "", 45, "the region of E08 is not closed"),
        ("\t/* E06 { */\n", "", 31, "it closes a region of E06 that is not open"),
        ("/* } E06 */", "/* } E07 */", 32, "it closes a region of E07 that is not open"),
        ("\t/* E06 { */\n", "\t/* E06 { */ NOTE(1);\n", 29, "must stand alone"),
        ("\t/* E06 { */\n", "\t/*E06 { */\n", 29, "must stand alone"),
        ("E03-E05 {", "E03-E04 {", 26, "it closes a region of E03"),
    ],
)
def test_marker_that_is_malformed_is_our_fault(
    toy: Toy, old: str, new: str, line: int, what: str
) -> None:
    toy.change("cref/mm/toy.c", old, new)
    message = fault(toy)
    assert message.startswith(f"mm/toy.c:{line}: "), message
    assert what in message


def test_region_of_an_unknown_edit_is_our_fault(toy: Toy) -> None:
    text = (toy.cref / "mm/toy.c").read_text()
    toy.put("cref/mm/toy.c", text.replace("E09", "E77"))
    assert fault(toy) == "mm/toy.c:57: the patch has no edit E77"


def test_region_of_another_files_edit_is_our_fault(toy: Toy) -> None:
    text = (toy.cref / "mm/toy.c").read_text()
    toy.put("cref/mm/toy.c", text.replace("E09", "E01"))
    assert fault(toy) == "mm/toy.c:57: E01 is an edit of include/linux/toy.h"


def test_region_of_a_part_of_a_hunk_is_our_fault(toy: Toy) -> None:
    text = (toy.cref / "mm/toy.c").read_text()
    toy.put("cref/mm/toy.c", text.replace("E03-E05", "E03-E04"))
    assert "a region stands for a whole hunk, which here is E03-E04-E05" in fault(toy)


def test_two_regions_of_one_hunk_are_our_fault(toy: Toy) -> None:
    text = (toy.cref / "mm/toy.c").read_text()
    toy.put("cref/mm/toy.c", text.replace("E09", "E07"))
    assert fault(toy) == f"mm/toy.c:57: the region of E07 is already {toy.cref}/mm/toy.c:40"


def test_function_with_edits_of_two_units_is_our_fault(toy: Toy) -> None:
    text = (toy.cref / "mm/toy.c").read_text()
    text = text.replace("E06", "E99").replace("E09", "E06").replace("E99", "E09")
    toy.put("cref/mm/toy.c", text)
    assert "mm/toy.c:10: the regions of toy_fault belong to U1 and U2" in fault(toy)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # closes behind the function
        ("\t/* } E06 */\n\treturn ret;\n}\n", "\treturn ret;\n}\n/* } E06 */\n"),
        # opens above the body
        ("static int\ntoy_quiet(int a)\n{\n\tNOTE(8);\n\t/* E07 { */\n",
         "static int\n/* E07 { */\ntoy_quiet(int a)\n{\n\tNOTE(8);\n"),
    ],
)  # fmt: skip
def test_region_that_cuts_a_function_is_our_fault(toy: Toy, old: str, new: str) -> None:
    toy.change("cref/mm/toy.c", old, new)
    message = fault(toy)
    assert "the region cuts through toy_" in message


def test_function_without_end_is_our_fault(toy: Toy) -> None:
    toy.change("cref/mm/toy.c", "b ? toy_quiet(a) : toy_clean(a);\n}", "0;\n\t}")
    assert "no } in the first column ends this function" in fault(toy)


def test_two_constants_in_one_file_are_our_fault(toy: Toy) -> None:
    toy.change("cref/mm/toy.c", "/* E08 { */", "#define KMM_FILE KMM_FILE_MAIL\n/* E08 { */")
    assert "KMM_FILE is given two meanings" in fault(toy)


# -- the real thing


def test_render_of_the_mail_names_every_carried_edit(mail_path: Path) -> None:
    mail = read_mail(mail_path)
    verdict = judge(mail)
    texts = render(mail, verdict, paths.cref())
    has, has_not = carried(verdict, paths.cref())
    assert sorted(has + has_not) == [f"E{n:02}" for n in range(1, 29)]
    together = "\n".join(texts.values())
    for found in verdict.edits:
        if found.edit.id in has:
            assert found.edit.file in texts
            # A function of a unit is there before and after, so each changed line is there.
            for line in found.lines:
                assert f"\n{line.text}\n" in together, (found.edit.id, line.number)
