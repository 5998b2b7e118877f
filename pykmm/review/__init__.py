# SPDX-License-Identifier: GPL-2.0-only
"""The patch as a reviewer reads it.

sentences    the prose of a mail, found again whatever an archive did to it
claims       what the mail says of the patch, and whether it is so
"""
