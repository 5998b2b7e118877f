# SPDX-License-Identifier: GPL-2.0-only
"""Rows of page_mkclean_file: C, Cython, and C before the patch."""

import by_rows

test_rows = by_rows.of("page_mkclean_file")
