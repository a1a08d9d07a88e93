"""The daily catalog: an import is ordered a day after the last one, each installation at another minute."""

import hashlib

from jobs.ids import new_id
from jobs.reconcilers import DAY, HOUR
from ledger import IdempotencyKey
from pipelines.catalog_import import NAME
from wiring.catalog import order_import
from workers.reconcile.findings import Findings, Sides

OWNER = "local"  # whose job it is; with authentication, those who run the platform
_SPREAD = 2 * HOUR  # publishers of catalogs see their users come one after the other
_KEPT_HOURS = 1.0  # that two who order at once are told apart from two who order one after the other


def catalog(sides: Sides) -> Findings:
    """Order an import where a source is set, none runs, and the last one was submitted over a day ago."""
    found = Findings()
    if not sides.catalog_source.strip():
        return found
    found.checked = 1
    latest = sides.ledger.latest_job(NAME)
    if latest is not None and (not latest.status.ended or latest.age < DAY + _jitter(latest.job_id)):
        return found
    known = f"{latest.job_id if latest else ''} {sides.catalog_source}"
    submitted = order_import(
        sides.ledger,
        sides.store,
        source=sides.catalog_source,
        owner=OWNER,
        correlation_id=new_id(),
        # Two workers that look at the same moment order one import.
        idempotency=IdempotencyKey(
            route="clock catalog", key=hashlib.sha256(known.encode()).hexdigest(), hours=_KEPT_HOURS
        ),
    )
    sides.wake(submitted.dispatches)
    if submitted.created:
        found.repair(f"job {submitted.job.id} fetches a catalog from {sides.catalog_source}")
    return found


def _jitter(job_id: str) -> float:
    """Seconds beyond a day: the same whoever looks, different from day to day and from place to place."""
    share = int.from_bytes(hashlib.sha256(job_id.encode()).digest()[:4], "big") / 2**32
    return share * _SPREAD
