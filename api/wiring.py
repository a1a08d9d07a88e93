"""Wiring: from settings to the rooms of one API process."""

from broker import BrokerOptions, Publisher, make_app
from config.settings import Settings
from ledger import Ledger
from storage import open_store
from storage.port import ObjectStore

_UNSENT_DELAY = 1.0  # seconds until a dispatcher may send what the publisher could not


def open_ledger(settings: Settings) -> Ledger:
    """The ledger; connects on first use, so an API starts while its database is away."""
    found = settings.ledger
    return Ledger(settings.ledger_url, db_schema=found.db_schema, pool_size=found.pool_size)


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
    """The publisher that sends a submit's messages after its commit."""
    options = broker_options(settings)
    return Publisher(
        make_app(options),
        options,
        on_sent=ledger.sent,
        on_failed=lambda ids: ledger.unsent(ids, delay=_UNSENT_DELAY),
    )
