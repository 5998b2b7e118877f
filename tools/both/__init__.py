# SPDX-License-Identifier: GPL-2.0-only
"""Changes that both halves have alike: which named cases see them."""
