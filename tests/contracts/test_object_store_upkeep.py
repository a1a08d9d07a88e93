"""What reconciliation stands on, in every kind of store: listing, deleting, sweeping, probing; the same suite goes on."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.children import Child
from support.stores import KINDS, MiB, Place, get, is_missing, listed, put

from jobs.ids import new_id
from storage.port import ObjectMissing, ObjectStore, StoreError
from storage.s3 import S3Store

WRITER_THAT_HANGS = """
import json, sys
from storage import open_store
from pathlib import Path
place = json.loads(sys.argv[1])
place["path"] = place["path"] and Path(place["path"])
writer = open_store(**place).writer(sys.argv[2])
for _ in range(20):
    writer.write(bytes(1024 * 1024))
print("written", flush=True)
sys.stdin.readline()
while True:
    pass
"""


def test_delete__may_be_repeated(store: ObjectStore):
    """Deleting twice, and what never was, is well; the object is gone and its neighbor stays."""
    key, neighbor = put(store, b"goes"), put(store, b"stays")
    store.delete(key)
    store.delete(key)
    store.delete(new_id())
    with pytest.raises(ObjectMissing):
        store.size(key)
    assert listed(store) == {neighbor}


def test_keys__tell_size_and_time(store: ObjectStore):
    """The listing carries each object's key, bytes and the time it became visible."""
    key = put(store, b"12345")
    (found,) = store.keys()
    assert (found.key, found.size) == (key, 5)
    assert abs(found.modified - datetime.now(UTC)) < timedelta(seconds=60)


def test_keys__go_beyond_one_page(s3_place: Place):
    """A listing of more objects than fit on a page is complete."""
    settings = {name: value for name, value in s3_place.settings.items() if name != "kind"}
    keys = {put(s3_place.store, b"%d" % number) for number in range(8)}
    assert listed(S3Store(**settings, page=3)) == keys


def test_keys__are_only_those_below_the_prefix(lasting_place: Place):
    """Stores that share a bucket or folder under different prefixes neither list nor read each other's objects."""
    prefix = lasting_place.settings["prefix"]
    names = [prefix, f"{prefix}/inner", f"{prefix}x", f"{prefix}/ab"]
    stores = {name: lasting_place.open(prefix=name) for name in names}
    keys = {name: put(store, name.encode()) for name, store in stores.items()}
    try:
        for name, store in stores.items():
            assert listed(store) == {keys[name]}
            assert all(is_missing(store, key) for other, key in keys.items() if other != name)
    finally:
        for name, store in stores.items():
            store.delete(keys[name])


def test_sweep__leaves_other_prefixes_alone(lasting_place: Place):
    """Sweeping one store's abandoned writing takes nothing from a store beside it."""
    prefix = lasting_place.settings["prefix"]
    ours, theirs = lasting_place.open(), lasting_place.open(prefix=f"{prefix}x")
    with theirs.writer(key := new_id()) as writer:
        for _ in range(17):
            writer.write(bytes(MiB))
        assert ours.sweep_partial(older_than=0) == 0
        writer.commit()
    assert theirs.size(key) == 17 * MiB
    theirs.delete(key)


def test_sweep__fails_the_writer_it_sweeps(store: ObjectStore):
    """A writer whose bytes were swept cannot commit a part of them."""
    key = new_id()
    with store.writer(key) as writer:
        for _ in range(16):
            writer.write(bytes(MiB))
        assert store.sweep_partial(older_than=0) == 1
        with pytest.raises(StoreError):
            writer.commit()
    assert is_missing(store, key)
    assert store.sweep_partial(older_than=0) == 0


# moto tells one and the same day in 2010 as the start of every upload.
@pytest.mark.parametrize("place", [kind for kind in KINDS if kind != "moto"], indirect=True)
def test_sweep__spares_the_young(place: Place):
    """Writing that is younger than asked for goes on undisturbed."""
    store = place.store
    with store.writer(key := new_id()) as writer:
        for _ in range(17):
            writer.write(bytes(MiB))
        assert store.sweep_partial(older_than=600) == 0
        writer.commit()
    assert store.size(key) == 17 * MiB


def test_probe__leaves_nothing(store: ObjectStore):
    """A well store passes its probe and is as empty as before."""
    store.probe()
    assert listed(store) == set()
    assert store.sweep_partial(older_than=0) == 0


def test_free_bytes__is_told_where_there_is_an_end(place: Place):
    """A folder knows the room on its disk; the others have no known end."""
    free = place.store.free_bytes()
    assert (free is not None and free > 0) if place.kind == "local" else free is None


def test_kill__of_a_writer_leaves_nothing_visible(lasting_place: Place, tmp_path: Path):
    """A process killed in the middle of writing leaves no object; the sweep removes the rest."""
    key = new_id()
    place = {**lasting_place.settings, "path": str(lasting_place.settings.get("path") or "") or None}
    argv = [sys.executable, "-c", WRITER_THAT_HANGS, json.dumps(place), key]
    child = Child("writer", argv, log=tmp_path / "writer.log").start()
    try:
        child.wait_log("written", within=30)
    finally:
        child.kill_group()
    store = lasting_place.store
    assert is_missing(store, key)
    assert listed(store) == set()
    assert store.sweep_partial(older_than=0) == 1
    assert store.sweep_partial(older_than=0) == 0
    put(store, b"as if nothing had been", key=key)
    assert get(store, key) == b"as if nothing had been"
