# SPDX-License-Identifier: GPL-2.0-only
"""Whole life cycles of pages, from the first store to the disk.

What the patch costs is seen here, as each function alone may gain what another one pays.
"""

import by_rows

test_rows = by_rows.of("life cycle")
