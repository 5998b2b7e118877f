# SPDX-License-Identifier: GPL-2.0-only
"""Rows of mprotect_fixup: C, Cython, and C before the patch."""

import by_rows

test_rows = by_rows.of("mprotect_fixup")
