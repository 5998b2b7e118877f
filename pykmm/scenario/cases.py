# SPDX-License-Identifier: GPL-2.0-only
"""x"""
def sequence_of(scenario):
    raise NotImplementedError
