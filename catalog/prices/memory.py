"""In-memory twins of what the ledger keeps for prices: the cache of quotes and the count of calls."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence

from catalog.prices.remote import Kept


class MemoryShelf:
    """See `Shelf`."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Kept] = {}
        self._lock = threading.Lock()

    def kept(self, provider: str, keys: Sequence[str]) -> Mapping[str, Kept]:
        with self._lock:
            return {key: self._rows[provider, key] for key in keys if (provider, key) in self._rows}

    def keep(self, provider: str, rows: Mapping[str, Kept]) -> None:
        with self._lock:
            self._rows.update({(provider, key): row for key, row in rows.items()})


class MemoryDays:
    """See `Days`."""

    def __init__(self) -> None:
        self.counted: Counter[tuple[str, str]] = Counter()  # by provider and day
        self._lock = threading.Lock()

    def take_call(self, provider: str, *, day: str, most: int) -> bool:
        with self._lock:
            if self.counted[provider, day] >= most:
                return False
            self.counted[provider, day] += 1
            return True
