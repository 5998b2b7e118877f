# SPDX-License-Identifier: GPL-2.0-only
"""The Cython half again, built from generated text that counts steps and branches."""
