# SPDX-License-Identifier: GPL-2.0-only
"""Names of the bits of words, as the kernel calls them."""

PAGE_FLAGS = (
    "locked error referenced uptodate dirty lru active slab checked arch_1 reserved private "
    "writeback nosave compound swapcache mappedtodisk reclaim nosave_free buddy uncached"
).split()

VM_FLAGS = (
    "READ WRITE EXEC SHARED MAYREAD MAYWRITE MAYEXEC MAYSHARE GROWSDOWN GROWSUP PFNMAP DENYWRITE "
    "EXECUTABLE LOCKED IO SEQ_READ RAND_READ DONTCOPY DONTEXPAND RESERVED ACCOUNT - HUGETLB "
    "NONLINEAR MAPPED_COPY INSERTPAGE"
).split()

PTE_BITS = ["present", "rw", "user", "pwt", "pcd", "accessed", "dirty", "pse", "global"]

I_STATE = ["dirty_sync", "dirty_datasync", "dirty_pages", "lock", "freeing", "clear", "new",
           "will_free"]

B_STATE = ("Uptodate Dirty Lock Req Uptodate_Lock Mapped New Async_Read Async_Write Delay "
           "Boundary Write_EIO Ordered Eopnotsupp Freed").split()

UNITS = ["U1", "U2", "U3", "U4", "U5", "U6", "U7"]

# by the form that machine/layout.def gives a field
OF_FORM = {
    "page_flags": PAGE_FLAGS,
    "vm_flags": VM_FLAGS,
    "pte": PTE_BITS,
    "i_state": I_STATE,
    "b_state": B_STATE,
    "units": UNITS,
}


def names(value: int, of: list[str]) -> list[str]:
    """Names of the bits set in `value`; a bit without a name is its number."""
    return [of[i] if i < len(of) and of[i] != "-" else f"bit{i}"
            for i in range(value.bit_length()) if value >> i & 1]


def pte_text(word: int, first_frame: int = 0x100) -> str:
    """A pte word for people: the page it maps and its bits.

    word : int          32-bit pte
    first_frame : int   frame number of page 0 of the world
    returns "-" for none, "page 3 rw,dirty" for a present one, else what the word holds
    """
    if not word:
        return "-"
    if word & 0x81:
        kind = "" if word & 1 else "PROT_NONE "
        bits = [n for n in names(word & 0xFFF, PTE_BITS) if n not in ("present", "user", "pse")]
        frame = (word >> 12) - first_frame
        return f"{kind}page {frame} {','.join(bits) or 'clean,read-only'}"
    if word & 0x40:
        return f"file offset {(word >> 1 & 0x1F) | (word >> 8) << 5:#x}"
    return f"swap type {word >> 1 & 0x1F} offset {word >> 8:#x}"


def units_text(mask: int) -> str:
    """The units of a mask as --units takes them."""
    mask &= 0x7F        # the bit above belongs to half X alone
    if mask == 0x7F:
        return "all"
    return ",".join(names(mask, UNITS)) or "none"
