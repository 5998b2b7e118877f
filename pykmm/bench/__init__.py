# SPDX-License-Identifier: GPL-2.0-only
"""What a hot path costs: in nanoseconds, in instructions, and as it grows."""
