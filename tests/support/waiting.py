"""Waiting on conditions with deadlines; the drill's, see drill/waiting.py."""

from drill.waiting import holds_for, wait_until

__all__ = ["holds_for", "wait_until"]
