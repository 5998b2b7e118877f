# SPDX-License-Identifier: GPL-2.0-only
"""An independent model of the machine and the functions, from the facts alone."""
