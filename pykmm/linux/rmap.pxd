# SPDX-License-Identifier: GPL-2.0-only
"""Twin of cref/include/linux/rmap.h.  Edit E26."""

# How many ptes of the page's mappings were cleaned and, where tracked, protected.
from pykmm.mm.rmap cimport page_mkclean
