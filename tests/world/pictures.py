# SPDX-License-Identifier: GPL-2.0-only
"""Worlds put together word by word."""

from pykmm.engine import core
from pykmm.report import world as rendering
from pykmm.report.paths import Map


class Picture:
    """A world of sequences that words are written into; nobody has any file open."""

    def __init__(self):
        self.runner = core.Runner(sequences=True)
        self.where = Map(self.runner)
        self.image = self.runner.empty()
        for i in range(4):
            self.set(f"task[0].fd[{i}]", 0)
        for i in range(3):
            self.set(f"inode[{i}].i_count", 0)

    def set(self, path: str, value: int | str):
        """A str is the address of what it names."""
        word = self.where.address(value) if isinstance(value, str) else value
        self.image = self.where.write(self.image, path, word)

    def set_all(self, what: str, **fields: int | str):
        for name, value in fields.items():
            self.set(f"{what}.{name}", value)

    @property
    def text(self) -> str:
        return "\n".join(rendering.text(self.where, self.image)) + "\n"

    def line(self, start: str) -> str:
        """The only line whose first word or words are these."""
        found = [line.strip() for line in self.text.splitlines()
                 if line.strip().startswith(start + " ")]
        assert len(found) == 1, self.text
        return found[0]
