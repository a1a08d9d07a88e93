"""A GltfChecker without a process: says what it was given, and remembers who asked."""

from pathlib import Path

from models.conformance import Conformance


class FixedChecker:
    """For tests of what is made of an answer."""

    def __init__(self, answer: Conformance) -> None:
        self._answer = answer
        self.asked: list[str] = []  # kinds

    def check(self, _upload: Path, kind: str) -> Conformance:
        self.asked.append(kind)
        return self._answer
