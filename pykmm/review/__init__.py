# SPDX-License-Identifier: GPL-2.0-only
"""What each line of the patch is for: edits beside both halves, and a run that needs each unit."""
