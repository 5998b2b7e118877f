# SPDX-License-Identifier: GPL-2.0-only
"""What a scenario is called when it is shown."""

from pykmm.scenario import parse


def test_title_is_the_first_comment_without_the_licence():
    text = "# SPDX-License-Identifier: GPL-2.0-only\n# A store\n# is seen.\nunits all\n# later\n"
    assert parse.parse(text).title == "A store is seen."


def test_title_of_a_file_without_a_licence():
    assert parse.parse("# A store is seen.\n\n# More.\nunits all\n").title == "A store is seen."


def test_title_of_a_file_without_comments():
    assert parse.parse("units all\n").title == ""
