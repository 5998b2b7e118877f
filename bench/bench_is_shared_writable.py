# SPDX-License-Identifier: GPL-2.0-only
"""Rows of is_shared_writable: C, Cython, and C before the patch."""

import by_rows

test_rows = by_rows.of("is_shared_writable")
