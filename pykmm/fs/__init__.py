# SPDX-License-Identifier: GPL-2.0-only
"""The Cython half of the kernel's fs/."""
