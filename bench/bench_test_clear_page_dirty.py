# SPDX-License-Identifier: GPL-2.0-only
"""Rows of test_clear_page_dirty: C, Cython, and C before the patch."""

import by_rows

test_rows = by_rows.of("test_clear_page_dirty")
