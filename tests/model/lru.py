# SPDX-License-Identifier: GPL-2.0-only
"""The LRU: pages wait in pagevecs, then are active or inactive (facts 20.4).

The order of the lists is not kept, only how many pages are on each.
"""

from __future__ import annotations

from . import alloc
from .constants import PAGEVEC_SIZE
from .state import Bug, Page, World


def lru_cache_add(world: World, page: Page) -> None:
    """A page is to go to the inactive list: one more reference, into the pagevec.

    A pagevec that is full goes to the list at once.
    """
    alloc.get_page(world, page)
    world.lru_add.append(page)
    if len(world.lru_add) == PAGEVEC_SIZE:
        pagevec_lru_add(world)


def lru_cache_add_active(world: World, page: Page) -> None:
    """As lru_cache_add, for the active list."""
    alloc.get_page(world, page)
    world.lru_add_active.append(page)
    if len(world.lru_add_active) == PAGEVEC_SIZE:
        pagevec_lru_add_active(world)


def pagevec_lru_add(world: World) -> None:
    """Put the waiting pages on the inactive list, then drop the pagevec's references."""
    pages, world.lru_add = world.lru_add, []
    for page in pages:
        if "lru" in page.flags:
            raise Bug("a page of the LRU in a pagevec")
        page.flags.add("lru")
        world.nr_inactive += 1
    for page in pages:
        alloc.put_page(world, page)


def pagevec_lru_add_active(world: World) -> None:
    """Put the waiting pages on the active list, then drop the pagevec's references."""
    pages, world.lru_add_active = world.lru_add_active, []
    for page in pages:
        if page.flags & {"lru", "active"}:
            raise Bug("a page of the LRU, or an active one, in a pagevec")
        page.flags |= {"lru", "active"}
        world.nr_active += 1
    for page in pages:
        alloc.put_page(world, page)


def lru_add_drain(world: World) -> None:
    """Empty both pagevecs, whatever is in them."""
    pagevec_lru_add(world)
    pagevec_lru_add_active(world)


def activate_page(world: World, page: Page) -> None:
    """Move a page of the inactive list to the active one; no other page."""
    if "lru" in page.flags and "active" not in page.flags:
        page.flags.add("active")
        world.nr_inactive -= 1
        world.nr_active += 1


def mark_page_accessed(world: World, page: Page) -> None:
    """A page was used.

    1. Inactive, referenced before, and on the LRU: it becomes active, and is no longer referenced.
    2. Else it becomes referenced.
    """
    if "active" not in page.flags and page.flags >= {"referenced", "lru"}:
        activate_page(world, page)
        page.flags.discard("referenced")
    else:
        page.flags.add("referenced")
