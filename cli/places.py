"""Where things are, told to a person: without user names, passwords and options."""

from urllib.parse import urlsplit

from config.settings import Settings


def place(url: str) -> str:
    """A URL's scheme, host, port and path."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def ledger_place(settings: Settings) -> str:
    """Which ledger the settings name."""
    schema = f", schema {settings.ledger.db_schema}" if settings.ledger.db_schema else ""
    return place(settings.ledger_url) + schema


def store_place(settings: Settings) -> str:
    """Which object store the settings name."""
    store = settings.store
    prefix = f", prefix {store.prefix}" if store.prefix else ""
    if store.kind == "local":
        return f"folder {settings.store_path}{prefix}"
    server = place(store.endpoint_url) if store.endpoint_url else store.region
    return f"S3 bucket {store.bucket} at {server}{prefix}"
