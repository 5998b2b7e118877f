# SPDX-License-Identifier: GPL-2.0-only
"""Rows of do_writepages: C, Cython, and C before the patch."""

import by_rows

test_rows = by_rows.of("do_writepages")
