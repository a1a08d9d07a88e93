"""Holds services back until broker and tables are there, while they already load their code."""

import os
from contextlib import suppress
from typing import Self

VARIABLE = "HEAVYLIFT_START_GATE"  # number of an inherited file descriptor


class Gate:
    """A pipe that nobody writes to: its readers go on when the supervisor closes its end."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    @property
    def held_by_children(self) -> tuple[int]:
        """What children have to inherit."""
        return (self._read,)

    @property
    def environment(self) -> dict[str, str]:
        """What tells them."""
        return {VARIABLE: str(self._read)}

    def open(self) -> None:
        """Let all go on."""
        os.close(self._write)
        self._write = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        os.close(self._read)
        # Where the start failed the gate stays shut, until the children that wait at it have been ended.
        if self._write >= 0 and kind is None:
            self.open()


def wait_at_gate() -> None:
    """Called by a service between loading its code and its work; returns at once where nobody holds it back."""
    number = os.environ.pop(VARIABLE, "")
    if number.isdecimal():
        with suppress(OSError):  # somebody handed the variable on without the descriptor
            os.read(int(number), 1)
            os.close(int(number))
