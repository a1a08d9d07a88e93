"""The probe that every twin shares: a tiny object has to survive the round trip."""

from jobs.ids import new_id
from storage.port import ObjectStore, StoreError, StoreUnavailable

_TOKEN = b"heavylift probe\n"


def round_trip(store: ObjectStore) -> None:
    """Write, read back and delete a tiny object; `StoreUnavailable` says what failed."""
    key = new_id()
    try:
        with store.writer(key, size_hint=len(_TOKEN)) as writer:
            writer.write(_TOKEN)
            writer.commit()
        with store.open(key) as stored:
            found = stored.read()
        store.delete(key)
    except StoreUnavailable:
        raise
    except StoreError as error:
        raise StoreUnavailable(f"the store's probe failed: {error}") from error
    if found != _TOKEN:
        raise StoreUnavailable("the store's probe read other bytes than it had written")
