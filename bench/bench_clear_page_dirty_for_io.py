# SPDX-License-Identifier: GPL-2.0-only
"""Rows of clear_page_dirty_for_io: C, Cython, and C before the patch."""

import by_rows

test_rows = by_rows.of("clear_page_dirty_for_io")
