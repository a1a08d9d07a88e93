"""Catalog imports, as API, clock and workers share them: which sources are allowed, and the job that fetches one."""

import hashlib

from catalog.allowed import Allowed
from config.settings import Settings
from jobs.errors import ConfigurationError, InputError
from jobs.model import FileFacts
from ledger import IdempotencyKey, Ledger, NewJob, Submitted
from pipelines.catalog_import import ORDER_KIND, PIPELINE, order_bytes
from storage.port import ObjectStore

PRIORITY = 4


def allowed_sources(settings: Settings) -> Allowed:
    """The folders that imports may be from; `ConfigurationError` where a setting names something else."""
    try:
        return Allowed(settings.catalog.folders)
    except InputError as error:
        raise ConfigurationError(f"HEAVYLIFT_CATALOG_URL or HEAVYLIFT_CATALOG_SOURCES: {error}") from error


def order_import(
    ledger: Ledger,
    store: ObjectStore,
    *,
    source: str,
    force: bool = False,
    owner: str,
    correlation_id: str,
    idempotency: IdempotencyKey | None = None,
) -> Submitted:
    """Submit a job that fetches `source`, which the caller has found to be allowed; the worker looks again.

    Raises what ledger and store raise; the caller sends the dispatches.
    """
    content = order_bytes(source)
    key = ledger.reserve_blob()
    with store.writer(key, size_hint=len(content)) as writer:
        writer.write(content)
        writer.commit()
    facts = FileFacts(
        name="catalog-order.json",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        media_type="application/json",
        kind=ORDER_KIND,
        key=key,
    )
    submitted = ledger.submit(
        NewJob(
            owner=owner,
            pipeline=PIPELINE,
            file=facts,
            options=PIPELINE.validated_options({"source": source, "force": force}),
            metadata={},
            tags=(),
            priority=PRIORITY,
            correlation_id=correlation_id,
            idempotency=idempotency,
        )
    )
    if not submitted.created:  # an earlier request has its own bytes
        store.delete(key)
        ledger.drop_blob(key)
    return submitted
