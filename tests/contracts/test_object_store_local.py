"""What is particular to the folder and to the twin in memory: full and lost disks, planted links, faults on demand."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.children import ROOT
from support.disks import filled
from support.stores import MiB, every_verb, get, listed, put

from jobs.ids import new_id
from storage.local import LocalStore
from storage.memory import MemoryStore
from storage.port import ObjectMissing, StoreFull, StoreUnavailable

WRITES_UNTIL_FULL = """
import resource, sys
from pathlib import Path
from jobs.ids import new_id
from storage.local import LocalStore
from storage.port import StoreFull
store = LocalStore(Path(sys.argv[1]))
store.probe()
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
try:
    with store.writer(new_id()) as writer:
        for _ in range(10):
            writer.write(bytes(1_000_000))
        writer.commit()
except StoreFull as full:
    print("full:", full)
print("left:", list(store.keys()), store.sweep_partial(older_than=0))
"""


def test_local__full_disk_is_store_full(tiny_disk: Path, tmp_path: Path):
    """A disk without room is `StoreFull` for stream and file; nothing half stays, and it works again with room."""
    store = LocalStore(tiny_disk / "store")
    kept = put(store, bytes(MiB))
    source = tmp_path / "source"
    source.write_bytes(bytes(16 * MiB))
    with pytest.raises(StoreFull):
        put(store, bytes(16 * MiB))
    with pytest.raises(StoreFull):
        store.put_file(new_id(), source, move=True)
    assert source.exists()
    assert listed(store) == {kept}
    assert store.sweep_partial(older_than=0) == 0
    assert (store.free_bytes() or 0) > 6 * MiB
    store.probe()


def test_local__fetch_to_a_full_disk_is_store_full(tiny_disk: Path, tmp_path: Path):
    """A scratch disk without room is `StoreFull`, and no half file stays there."""
    store = LocalStore(tmp_path / "store")
    key = put(store, bytes(16 * MiB))
    with pytest.raises(StoreFull):
        store.fetch(key, tiny_disk / "fetched")
    assert list(tiny_disk.iterdir()) == []
    with filled(tiny_disk), pytest.raises(StoreFull):  # not even a name for the file
        store.fetch(key, tiny_disk / "fetched")
    assert list(tiny_disk.iterdir()) == []


def test_local__file_size_limit_is_store_full(tmp_path: Path):
    """A file larger than the system allows is `StoreFull` and leaves nothing."""
    argv = [sys.executable, "-c", WRITES_UNTIL_FULL, str(tmp_path)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.startswith("full:")
    assert done.stdout.endswith("left: [] 0\n")


def test_local__lost_disk_is_no_lost_object(tmp_path: Path):
    """When the folder vanishes under a running store, nothing is called missing and no listing is called empty."""
    store = LocalStore(tmp_path / "store")
    key = put(store, b"bytes")
    (tmp_path / "store").rename(tmp_path / "away")
    for name, verb in every_verb(store, key, folder=tmp_path).items():
        with pytest.raises(StoreUnavailable):
            pytest.fail(f"{name} gave {verb()!r}")
    with pytest.raises(StoreUnavailable):
        store.free_bytes()
    (tmp_path / "away").rename(tmp_path / "store")
    assert get(store, key) == b"bytes"


def test_local__file_moved_into_a_lost_disk_is_given_back(tmp_path: Path):
    """A disk that goes away, or whose folder is a file now, is `StoreUnavailable` to a move; the file stays where it was."""
    store = LocalStore(tmp_path / "store")
    store.probe()
    given = tmp_path / "given"
    given.write_bytes(b"kept")
    (tmp_path / "store").rename(tmp_path / "away")
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            store.put_file(new_id(), given, move=True)
        assert given.read_bytes() == b"kept"
        (tmp_path / "store").touch()


def test_local__files_are_private(tmp_path: Path):
    """Folders are 0700 and objects 0600, whatever the umask and the source file say."""
    before = os.umask(0)
    try:
        store = LocalStore(tmp_path / "store")
        put(store, b"bytes")
        for move in (False, True):
            (tmp_path / "wide open").write_bytes(b"x")
            (tmp_path / "wide open").chmod(0o777)
            store.put_file(new_id(), tmp_path / "wide open", move=move)
    finally:
        os.umask(before)
    modes = {(path.is_dir(), path.stat().st_mode & 0o7777) for path in (tmp_path / "store").rglob("*")}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_local__link_in_an_objects_place_is_no_object(tmp_path: Path):
    """Whoever plants a link in the folder does not get it read, measured or listed."""
    store = LocalStore(tmp_path / "store")
    key = put(store, b"bytes")
    (path,) = (tmp_path / "store").rglob(key)
    path.unlink()
    path.symlink_to("/etc/passwd")
    for look in (store.open, store.size):
        with pytest.raises(ObjectMissing):
            look(key)
    assert listed(store) == set()


def test_local__listing_ignores_what_is_not_ours(tmp_path: Path):
    """Other files in the store's folders are neither listed nor swept."""
    store = LocalStore(tmp_path / "store")
    key = put(store, b"bytes")
    (path,) = (tmp_path / "store").rglob(key)
    for name in ("README", f"{key}.bak", ".hidden"):
        (path.parent / name).write_bytes(b"x")
    (path.parent / new_id()).mkdir()
    assert listed(store) == {key}


def test_local__moved_file_with_a_second_name_is_copied(tmp_path: Path):
    """A file that has another name could be written to through it; `move` then copies, so that the object is ours."""
    store = LocalStore(tmp_path / "store")
    (tmp_path / "given").write_bytes(b"as it was given")
    (tmp_path / "second name").hardlink_to(tmp_path / "given")
    key = new_id()
    store.put_file(key, tmp_path / "given", move=True)
    (tmp_path / "second name").write_bytes(b"SPOILED SPOILED")
    assert get(store, key) == b"as it was given"
    assert not (tmp_path / "given").exists()


def test_local__file_moved_in_vain_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where the disk refuses at the last moment, the file is where it was, and the store holds nothing."""
    store = LocalStore(tmp_path / "store")
    store.probe()
    given = tmp_path / "given"
    given.write_bytes(b"x")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(StoreFull):
        store.put_file(new_id(), given, move=True)
    assert given.read_bytes() == b"x"
    assert listed(store) == set()
    assert store.sweep_partial(older_than=0) == 0


def test_local__age_of_a_moved_file_is_ours_to_tell(tmp_path: Path):
    """A file that claims to be from 1970 is a new object, which no collector may take for an old orphan."""
    store = LocalStore(tmp_path / "store")
    (tmp_path / "given").write_bytes(b"x")
    os.utime(tmp_path / "given", (0, 0))
    store.put_file(new_id(), tmp_path / "given", move=True)
    (found,) = store.keys()
    assert time.time() - found.modified.timestamp() < 60


def test_memory__fails_when_told(tmp_path: Path):
    """The twin raises the fault that a test asks for, at the verb asked for, as often as asked for."""
    store = MemoryStore()
    for verb in ("open", "size", "fetch", "delete", "keys", "put_file", "write", "commit", "writer", "sweep_partial"):
        store.fail_next(StoreUnavailable(f"at {verb}"), verb=verb)
    key = new_id()
    for stage in ("writer", "write", "commit"):
        with pytest.raises(StoreUnavailable, match=f"at {stage}$"):
            put(store, b"x", key=key)
    put(store, b"x", key=key)
    verbs = every_verb(store, key, folder=tmp_path)
    for name in ("put_file", "open", "fetch", "size", "delete", "keys", "sweep"):
        with pytest.raises(StoreUnavailable, match=f"at {name}"):
            verbs[name]()
    assert listed(store) == {key}
    store.fail_next(StoreFull("any"), times=2)
    for _ in range(2):
        with pytest.raises(StoreFull):
            store.size(key)
    assert store.size(key) == 1


def test_memory__has_an_end_where_told():
    """A capacity counts visible and unfinished bytes; what does not fit is `StoreFull`, and aborting makes room."""
    store = MemoryStore(capacity=10)
    put(store, b"12345")
    with store.writer(new_id()) as writer:
        writer.write(b"123")
        assert store.free_bytes() == 2
        with pytest.raises(StoreFull):
            writer.write(b"123")
    assert store.free_bytes() == 5


def test_open__makes_the_folders_that_a_copy_lacks(tmp_path):
    """A store that was copied without its empty folders takes new objects, whichever folders came along."""
    folder = tmp_path / "store"
    (folder / "objects" / "ff").mkdir(parents=True)
    store = LocalStore(folder)
    for content in (b"%d" % number for number in range(40)):
        assert get(store, put(store, content)) == content
