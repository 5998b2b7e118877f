# SPDX-License-Identifier: GPL-2.0-only
"""Rows of try_to_free_buffers: C, Cython, and C before the patch."""

import by_rows

test_rows = by_rows.of("try_to_free_buffers")
