# SPDX-License-Identifier: GPL-2.0-only
"""Pages and their buffers as pictures: one word a block, one letter a bit of b_state.

    cache(kernel, 0, "UM DUM", index=1)     page[0], with two blocks, is page 1 of file 0
    blocks(kernel, 0) == "UM DUM"
"""

BITS = {"U": 0, "D": 1, "L": 2, "Q": 3, "M": 5, "N": 6, "A": 8, "Y": 9, "E": 11, "F": 14}
# U Uptodate, D Dirty, L Lock, Q Req, M Mapped, N New, A Async_Write, Y Delay, E Write_EIO, F Freed
SECTORS = 4
END_ASYNC_WRITE, END_WRITE = 1, 2
IO_BIO = 0x10


def state(letters):
    return sum(1 << BITS[letter] for letter in letters if letter != "-")


def letters(word):
    text = "".join(letter for letter in "ALDUMQNYEF" if word >> BITS[letter] & 1)
    assert state(text) == word, f"a bit without a letter in {word:#x}"
    return text or "-"


def cache(kernel, page, picture="", *, inode=0, index=0, first=0, flags="", contents=None):
    """Put a page into the cache of a file, with these buffers (bh[first] on) and flags."""
    kernel.cached(page, inode, index)
    for flag in flags.split():
        kernel.set(f"page[{page}].flags.{flag}", 1)
    for i, version in enumerate(contents or ()):
        kernel.set(f"page[{page}].contents[{i}]", version)
    words = picture.split()
    if words:
        kernel.call("attach_buffers", f"page[{page}]", kernel.buffer(first), len(words))
    for i, word in enumerate(words):
        kernel.set(f"buffer[{first + i}].b_state", state(word))
        if "M" in word:
            kernel.set(f"buffer[{first + i}].b_blocknr", index * len(words) + i)


def ring(kernel, page):
    """Numbers of the buffers of a page, in their order."""
    found, name = [], kernel.name(f"page[{page}].private")
    while name and name not in found:
        found.append(name)
        name = kernel.get_buffer(int(name[3:-1]), "b_this_page")
    return [int(name[3:-1]) for name in found]


def blocks(kernel, page):
    if not kernel.get(f"page[{page}].flags.private"):
        return "none"
    return " ".join(letters(kernel.get(f"buffer[{i}].b_state")) for i in ring(kernel, page))


def contents(kernel, page):
    return [kernel.get(f"page[{page}].contents[{i}]") & 0xFFFF for i in range(SECTORS)]


def disk(kernel, inode=0, index=0):
    return [kernel.get(f"inode[{inode}].disk[{index * SECTORS + i}]") for i in range(SECTORS)]


def flags(kernel, page):
    """The flags that are set, of those that these tests are about."""
    names = "locked error uptodate dirty private writeback"
    return " ".join(n for n in names.split() if kernel.get(f"page[{page}].flags.{n}"))


def names(kernel):
    """Events of the last primitive by name only, locks and counters left out."""
    dull = ("spin_", "write_lock", "write_unlock", "down_", "up_", "inc_page", "dec_page",
            "page_index", "page_mapping", "radix", "mapping_cap")
    return [event[0] for event in kernel.events() if not event[0].startswith(dull)]
