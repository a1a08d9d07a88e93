"""Tells whether the kernel's out-of-memory killer was at work: the one witness when a child simply vanishes."""

import threading
from pathlib import Path


class OomKills:
    """Watches the kernel's count of processes that it killed for lack of memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = _count()

    def happened(self) -> bool:
        """Whether the count has grown since the last look."""
        with self._lock:
            now = _count()
            grown = now > self._seen
            self._seen = now
            return grown


def _count() -> int:
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
