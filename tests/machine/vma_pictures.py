# SPDX-License-Identifier: GPL-2.0-only
"""The vmas of a process as a picture: a page a character, a letter a vma.

    vmas = Vmas(kernel)
    vmas.draw("aa..bb", flags=RW, a=RO)     vma[0] maps two pages, vma[1] the last two
    vmas.merge("..**..", RW)                vma_merge of what lies under the stars
    assert vmas.look() == "aabbbb"

The first page is at 0x40000000.  look() proves on its way that list, tree, file and
counts agree with each other.
"""

BASE = 0x40000000
MAY, MAYSHARE = 0x70, 0x80
RO, RW, RX = 0x1 | MAY, 0x3 | MAY, 0x5 | MAY
SHARED_RW, SHARED_RO = 0xB | MAY | MAYSHARE, 0x9 | MAY | MAYSHARE
DENYWRITE, LOCKED, ACCOUNT, NONLINEAR = 0x800, 0x2000, 0x100000, 0x800000
EXECUTABLE, GROWSDOWN = 0x1000, 0x100


def address(page: int) -> int:
    return BASE + (page << 12)


def runs(picture: str, letter: str) -> tuple[int, int]:
    """First page and number of pages of a letter."""
    first = picture.index(letter)
    assert letter * picture.count(letter) == picture[first:first + picture.count(letter)]
    return first, picture.count(letter)


class Vmas:
    """file: they map file[0] of inode[0] from its page 0 on; else they are anonymous."""

    def __init__(self, kernel, file: bool = False):
        self.kernel = kernel
        self.file = file
        if file:
            kernel.inode(0)
            kernel.file(0, 0)

    def draw(self, picture: str, flags: int = RW, anon: dict | None = None, **own: int):
        """own: flags of single letters; anon: letter -> number of its anon_vma."""
        kernel = self.kernel
        for letter in sorted(set(picture) - {"."}):
            i = ord(letter) - ord("a")
            first, pages = runs(picture, letter)
            kernel.vma(i, start=address(first), pages=pages, pgoff=self.pgoff(first),
                       flags=own.get(letter, flags))
            kernel.set(f"vma[{i}].vm_page_prot", 0x25)
            if letter in (anon or {}):
                kernel.set(f"vma[{i}].anon_vma", f"anon_vma[{anon[letter]}]")
            if self.file:
                kernel.set(f"vma[{i}].vm_file", "file[0]")
                kernel.set("file[0].f_count", kernel.get("file[0].f_count") + 1)
            kernel.call("vma_link", "mm[0]", f"vma[{i}]")

    def pgoff(self, page: int) -> int:
        return page if self.file else address(page) >> 12

    def of(self, letter: str) -> str:
        return f"vma[{ord(letter) - ord('a')}]"

    def letter(self, pointer: int) -> str | None:
        name = self.kernel._name(pointer) if pointer else None
        return name and chr(ord("a") + int(name[4:-1]))

    def before(self, page: int) -> str | int:
        """The last vma that starts below a page, as callers of vma_merge give it for prev."""
        found = 0
        for letter in self.listed():
            if self.kernel.get(f"{self.of(letter)}.vm_start") < address(page):
                found = self.of(letter)
        return found

    def merge(self, stars: str, flags: int, *, anon: int | str = 0, file: str | None = None,
              pgoff: int | None = None) -> str | None:
        """The letter of what vma_merge gives, or None."""
        first, pages = runs(stars, "*")
        if file is None:
            file = "file[0]" if self.file else 0
        return self.letter(self.kernel.call(
            "vma_merge", "mm[0]", self.before(first), address(first), address(first + pages), flags,
            anon, file, self.pgoff(first) if pgoff is None else pgoff))

    def listed(self, mm: str = "mm[0]") -> list[str]:
        letters, at = [], self.kernel.get(f"{mm}.mmap")
        while at:
            letters.append(self.letter(at))
            at = self.kernel.get(f"{self.of(letters[-1])}.vm_next")
        return letters

    def look(self) -> str:
        kernel, picture = self.kernel, ["."] * 16
        letters = self.listed()
        for letter in letters:
            name = self.of(letter)
            start, end = kernel.get(f"{name}.vm_start"), kernel.get(f"{name}.vm_end")
            for page in range((start - BASE) >> 12, (end - BASE) >> 12):
                assert picture[page] == ".", "vmas overlap"
                picture[page] = letter
            assert kernel.get(f"{name}.vm_pgoff") == self.pgoff((start - BASE) >> 12)
            assert kernel.name(f"{name}.vm_mm") == "mm[0]"
        assert letters == sorted(letters, key="".join(picture).index)
        assert self._tree(kernel.get("mm[0].mm_rb"), None) == letters
        assert kernel.get("mm[0].map_count") == len(letters)
        for i in range(12):
            in_use = kernel.get(f"vma[{i}].vm_end") != 0
            assert in_use == (chr(ord("a") + i) in letters)
        if self.file:
            self._check_file(letters)
        assert kernel.held() == []
        for fault in ("order_fault", "sleep_fault"):
            assert kernel.get(f"world.{fault}") == 0
        return "".join(picture).rstrip(".")

    def _tree(self, node: int, parent: str | None) -> list[str]:
        """Letters in order; each node knows its parent, and stands below a higher priority."""
        if not node:
            return []
        kernel = self.kernel
        letter = self.letter(node - (kernel.at("vma[0].vm_rb.parent") - kernel.at("vma[0]")))
        rb = f"{self.of(letter)}.vm_rb"
        above = kernel.get(f"{rb}.parent")
        assert above == (kernel.at(f"{self.of(parent)}.vm_rb.parent") if parent else 0)
        if parent:
            assert self._priority(letter) < self._priority(parent)
        return [*self._tree(kernel.get(f"{rb}.left"), letter), letter,
                *self._tree(kernel.get(f"{rb}.right"), letter)]

    @staticmethod
    def _priority(letter: str) -> int:
        word = (ord(letter) - ord("a")) * 2654435761 & 0xFFFFFFFF
        return word ^ word >> 15

    def _check_file(self, letters: list[str]):
        kernel = self.kernel
        flags = {letter: kernel.get(f"{self.of(letter)}.vm_flags") for letter in letters}
        found = [letter for letter in letters if not flags[letter] & NONLINEAR]
        assert self.in_file(0, 15) == sorted(found)
        shared = sum(1 for letter in letters if flags[letter] & 8)
        assert kernel.get("mapping[0].i_mmap_writable") == shared
        deny = sum(1 for letter in letters if flags[letter] & DENYWRITE)
        assert kernel.get("inode[0].i_writecount") == -deny
        assert kernel.get("file[0].f_count") == 1 + len(letters)

    def in_file(self, first: int, last: int) -> list[str]:
        """Whom a walk of the file's interval tree meets."""
        trace = self.kernel.runner.image()
        self.kernel.call("vma_prio_tree_foreach", "mapping[0]", first, last)
        names = [event[-1] for event in self.kernel.events()]
        self.kernel.runner.restore(trace)
        return sorted(chr(ord("a") + int(name[4:-1])) for name in names if name)

    def anon_list(self, number: int) -> str:
        """Letters of the vmas of an anon_vma, in the order of its list."""
        letters, at = "", self.kernel.get(f"anon_vma[{number}].head")
        while at:
            letters += self.letter(at)
            at = self.kernel.get(f"{self.of(letters[-1])}.anon_vma_next")
        return letters


def locks(kernel) -> list[str]:
    """What the last primitive took and dropped: "+mapping[0].i_mmap_lock", "-...". """
    sign = {"spin_lock": "+", "spin_unlock": "-"}
    return [sign[event[0]] + event[1] for event in kernel.events() if event[0] in sign]


def calls(kernel, *names: str) -> list[tuple]:
    return [event for event in kernel.events() if event[0] in names]
