"""The reconcilers: one row each. workers/reconcile has their code, beat_schedule.py the clock."""

from dataclasses import dataclass

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Something that compares two sides and mends what differs; safe to run twice, and at once."""

    name: str
    purpose: str  # one sentence, shown by the CLI and the API
    every: float  # seconds between two runs by the clock
    pool: str = "housekeeping"  # whose worker runs it


_ROWS = (
    Reconciler(name="outbox", purpose="sends messages that no publisher sent", every=30.0),
    Reconciler(name="leases", purpose="takes step runs away from workers that went silent", every=30.0),
    Reconciler(name="deadlines", purpose="ends jobs whose deadline has passed", every=30.0),
    Reconciler(name="dead-messages", purpose="sends again, or keeps, what the broker gave up on", every=30.0),
    Reconciler(name="lost-messages", purpose="sends messages again that the broker has lost", every=MINUTE),
    Reconciler(name="blobs", purpose="deletes stored bytes that nothing refers to", every=MINUTE),
    Reconciler(name="retention", purpose="deletes jobs whose time is over", every=10 * MINUTE),
    Reconciler(name="forget", purpose="drops rows past their time: keys, events, runs, workers", every=HOUR),
    Reconciler(name="scratch-folders", purpose="removes what killed workers left on this host", every=HOUR),
    Reconciler(name="index", purpose="compares the ledger with the search index", every=6 * HOUR, pool="indexing"),
    Reconciler(name="catalog", purpose="has a catalog fetched once a day, where a source is set", every=HOUR),
    Reconciler(name="store", purpose="compares the ledger with the object store: missing, orphaned, size", every=DAY),
    Reconciler(name="full", purpose="compares everything, every stored byte's hash included", every=7 * DAY),
)
REBUILD = "search-rebuild"  # a run like these, of the indexing pool, that somebody has to ask for
RECONCILERS: dict[str, Reconciler] = {row.name: row for row in _ROWS}


def task_of(name: str) -> str:
    """The Celery task that runs a reconciler: `housekeeping.lost_messages`."""
    return f"housekeeping.{name.replace('-', '_')}"
