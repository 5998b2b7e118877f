# SPDX-License-Identifier: GPL-2.0-only
"""Kinds of file, in the order of their numbers."""

KINDS = ["ext2", "ext3", "block device", "tmpfs", "ramfs", "PFNMAP driver", "prot driver",
         "hugetlbfs", "no mmap", "failing driver"]
