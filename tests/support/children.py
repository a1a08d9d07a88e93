"""Child: a real process that a test starts, signals, restarts and surely ends; see drill/children.py.

A test's child has more time to do what it is told than a drill's; each `within` is what an idle machine needs at most.
"""

from support.waiting import PATIENCE

from drill import children
from drill.children import ROOT

__all__ = ["ROOT", "Child"]


class Child(children.Child):
    """One process of a test."""

    def wait_ready(self, *, within: float = 60.0) -> "Child":
        """See `drill.children.Child`."""
        super().wait_ready(within=within * PATIENCE)
        return self

    def wait_log(self, text: str, *, within: float = 30.0) -> None:
        """See `drill.children.Child`."""
        super().wait_log(text, within=within * PATIENCE)

    def wait_exit(self, *, within: float = 30.0) -> int:
        """See `drill.children.Child`."""
        return super().wait_exit(within=within * PATIENCE)
