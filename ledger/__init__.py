"""The ledger: the tables of truth and the verbs that change them."""

from collections.abc import Callable

from jobs.policy import RetryPolicy
from ledger.apply import Dispatch
from ledger.blob_checks import BlobChecks
from ledger.blobs import RESERVED, Blobs, BlobStock
from ledger.catalogs import Catalogs, CatalogVersion, LatestJob
from ledger.claims import Claim, Claims, Held, Progress
from ledger.corrections import ColumnMapping, Correction, Corrections
from ledger.database import Database
from ledger.findable import CardFilter, Findables, Indexed, JobCard, Lag
from ledger.fingerprints import Fingerprints, Lookalike
from ledger.glance import Glances
from ledger.letters import Letter, LetterFilter, Letters
from ledger.lines import Line, Lines
from ledger.prices import DatedPrice, KeptQuote, Price, Prices
from ledger.pulse import Pulses
from ledger.queries import Counts, JobFilter, Queries
from ledger.reconciliations import Reconciliations, Run
from ledger.rows import Attempt
from ledger.submit import IdempotencyKey, NewJob, Submits, Submitted
from ledger.sweeps import Sweeps, WorkerFacts
from ledger.verbs import Verbs
from ledger.watch import Watch

__all__ = [
    "Attempt",
    "CardFilter",
    "CatalogVersion",
    "Claim",
    "ColumnMapping",
    "Correction",
    "Counts",
    "DatedPrice",
    "Dispatch",
    "Held",
    "IdempotencyKey",
    "Indexed",
    "JobCard",
    "JobFilter",
    "KeptQuote",
    "Lag",
    "LatestJob",
    "Ledger",
    "Letter",
    "LetterFilter",
    "Line",
    "Lookalike",
    "NewJob",
    "Price",
    "Progress",
    "Run",
    "Submitted",
    "Watch",
    "WorkerFacts",
]


class Ledger(
    Submits,
    Claims,
    Verbs,
    Letters,
    Lines,
    Queries,
    Blobs,
    BlobChecks,
    Sweeps,
    Pulses,
    Reconciliations,
    Prices,
    Catalogs,
    Corrections,
    Fingerprints,
    Findables,
):
    """All verbs over one database. Thread-safe; each verb is one transaction.

    Every verb raises `LedgerUnavailable` where the database does not answer. Verbs that change a job lock its row
    first, then its steps, then the outbox.
    """

    def __init__(
        self,
        url: str,
        *,
        db_schema: str | None = None,
        pool_size: int = 10,
        policy: RetryPolicy | None = None,
        stock: int = 0,  # blob keys to reserve ahead at a time
    ) -> None:
        super().__init__()
        self.database = Database(url, db_schema=db_schema, pool_size=pool_size)
        self.glances = Glances(self.database)
        self.policy = policy or RetryPolicy()
        self.stock = BlobStock(lambda n: self._reserve(n, lease=2 * RESERVED), size=stock) if stock else None

    def migrate(self) -> None:
        """Bring the tables to this release; raises `NewerSchema` where they belong to a newer one."""
        from ledger.migrate import migrate  # Alembic, which only this needs

        migrate(self.database)

    def ping(self) -> None:
        """Raise `LedgerUnavailable` unless the database answers."""
        self.database.ping()

    def watch(self, on_change: Callable[[str | None], None]) -> Watch:
        """Call `on_change` soon after any commit of any process; see `Watch`."""
        return Watch(self.database, on_change)

    def close(self) -> None:
        """Give all connections back."""
        self.glances.close()
        self.database.close()
