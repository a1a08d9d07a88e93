"""Child: a real process that a test starts, signals, restarts and surely ends; the drill's, see drill/children.py."""

from drill.children import ROOT, Child

__all__ = ["ROOT", "Child"]
