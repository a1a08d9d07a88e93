"""Waiting on conditions with deadlines; the drill's (see drill/waiting.py), with a busy machine's patience."""

from collections.abc import Callable
from typing import TypeVar

from drill import waiting
from drill.waiting import holds_for

T = TypeVar("T")
# How much longer a test waits than an idle machine needs. Tests run beside each other, on machines whose speed halves
# from one hour to the next; what does not come at all is found as surely, a little later.
PATIENCE = 3.0

__all__ = ["PATIENCE", "holds_for", "wait_until"]


def wait_until(look: Callable[[], T], *, within: float, what: str, every: float = 0.02) -> T:
    """See `drill.waiting.wait_until`; `within` is what an idle machine needs at most."""
    return waiting.wait_until(look, within=within * PATIENCE, what=what, every=every)
