"""Wiring: from settings to the rooms that every process shares. Read by api/, workers/ and cli/ alone."""

from broker import BrokerOptions, Publisher, make_app
from config.settings import Settings
from jobs.policy import RetryPolicy
from ledger import Ledger
from storage import open_store
from storage.port import ObjectStore

_STOCK = 32  # blob keys reserved ahead by a process
_UNSENT_DELAY = 1.0  # seconds until a dispatcher may send what the publisher could not


def open_ledger(settings: Settings, *, pool_size: int | None = None) -> Ledger:
    """The ledger, with the retry policy of the settings; it connects on first use, so a process starts without it."""
    return Ledger(
        settings.ledger_url,
        db_schema=settings.ledger.db_schema,
        pool_size=pool_size or settings.ledger.pool_size,
        policy=RetryPolicy(base=settings.worker.backoff_base),
        stock=_STOCK,
    )


def open_objects(settings: Settings) -> ObjectStore:
    """The object store."""
    store = settings.store
    return open_store(
        kind=store.kind,
        path=settings.store_path,
        bucket=store.bucket,
        prefix=store.prefix,
        endpoint_url=store.endpoint_url,
        region=store.region,
        access_key=store.access_key.get_secret_value() if store.access_key else None,
        secret_key=store.secret_key.get_secret_value() if store.secret_key else None,
        checksums=store.checksums,
        create_bucket=store.create_bucket,
    )


def broker_options(settings: Settings) -> BrokerOptions:
    """Where the lines are."""
    broker = settings.broker
    return BrokerOptions(
        url=settings.broker_url,
        prefix=broker.prefix,
        confirm_timeout=broker.confirm_timeout,
        visibility_timeout=broker.visibility_timeout,
        delivery_limit=broker.delivery_limit,
    )


def open_publisher(settings: Settings, ledger: Ledger) -> Publisher:
    """The publisher that sends messages after the commit that made them due."""
    options = broker_options(settings)
    return Publisher(
        make_app(options),
        options,
        on_sent=ledger.sent,
        on_failed=lambda ids: ledger.unsent(ids, delay=_UNSENT_DELAY),
    )
