"""What a step needs and is not to blame for: ledger, store and search index away, full, or held by others."""

from jobs.errors import Actor, Fault
from ledger.errors import LedgerUnavailable
from search.port import EngineError, IndexLocked
from storage.port import StoreFull, StoreUnavailable

AWAY = (StoreUnavailable, StoreFull, LedgerUnavailable, EngineError)


def away(error: Exception) -> Fault:
    """What a step waits for that is not to blame."""
    if isinstance(error, EngineError):
        return _index_away(error)
    what = "ledger" if isinstance(error, LedgerUnavailable) else "store"
    full = isinstance(error, StoreFull)
    return Fault(
        code=f"{what}.{'full' if full else 'unavailable'}",
        message=f"The {what} {'has no room' if full else 'does not answer'}; the step is tried again every few seconds.",
        actor=Actor.PLATFORM if full else Actor.NOBODY,
        hint="Give the store more room." if full else None,
    )


def _index_away(error: EngineError) -> Fault:
    locked = isinstance(error, IndexLocked)
    return Fault(
        code="search.locked" if locked else "search.unavailable",
        message=f"The search index {'is written by another worker' if locked else 'cannot be written'}; "
        "the step is tried again every few seconds.",
        actor=Actor.PLATFORM if locked else Actor.NOBODY,
        hint="Run one indexing worker, or keep the index in PostgreSQL." if locked else None,
    )
