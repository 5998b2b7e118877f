# SPDX-License-Identifier: GPL-2.0-only
"""Reading our own sources: anchors, and the pass that makes the counting build."""
